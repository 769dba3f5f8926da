package local

import (
	"math"

	"github.com/sourcegraph/conc"

	"github.com/onset-eval/onset/backends/local/internal/kernels"
)

// judge uses the logits that are wanted. Those of which a token is drawn are held for a bounded number of rows at a time;
// of others no logits are stored.
func (s *scheduler) judge() {
	next := 0
	for from := 0; from < len(s.keep); {
		first, drawn, scored := next, false, false
		to := from
		for ; to < len(s.keep); to++ {
			last, d, c := s.kinds(next, s.keep[to])
			if to > from && (d != drawn || c != scored) {
				break
			}
			next, drawn, scored = last, d, c
		}
		if scored {
			s.score(from, to-from, s.wants[first:next])
		}
		if drawn {
			s.draw(from, to-from, s.wants[first:next])
		}
		from = to
	}
}

// kinds tells what is wanted of a row whose wants begin at next, and where they end.
func (s *scheduler) kinds(next, row int) (end int, drawn, scored bool) {
	for end = next; end < len(s.wants) && s.wants[end].row == row; end++ {
		if s.wants[end].t.draws() {
			drawn = true
		} else {
			scored = true
		}
	}
	return end, drawn, scored
}

// draws reports whether tokens are drawn from the text's logits.
func (t *text) draws() bool { return t.gen != nil && t.gen.sampler.rng != nil }

// score gives log-probabilities, and the most likely tokens, of n kept rows from the from-th to those who want them.
func (s *scheduler) score(from, n int, wants []want) {
	s.targets = s.targets[:0]
	for _, w := range wants {
		if w.t.gen == nil {
			s.targets = append(s.targets, w.t.ids[w.pos+1])
		}
	}
	s.logits = append(s.logits[:0], make([]float32, len(s.targets))...)
	s.scores = s.scores[:0]
	at := 0
	for i, w := range wants {
		if i == 0 || w.row != wants[i-1].row {
			s.scores = append(s.scores, kernels.Scores{Targets: s.targets[at:at], Logits: s.logits[at:at]})
		}
		if w.t.gen == nil {
			sc := &s.scores[len(s.scores)-1]
			sc.Targets, sc.Logits = sc.Targets[:len(sc.Targets)+1], sc.Logits[:len(sc.Logits)+1]
			at++
		}
	}
	m := s.b.model
	s.kernels.LogProbs(s.scores, m.headInput(s.kernels, s.scratch, from, n), m.head, m.spec.logits)
	s.hand(wants)
}

// hand gives what score found to those who want it.
func (s *scheduler) hand(wants []want) {
	row, at := -1, 0
	for i, w := range wants {
		if i == 0 || w.row != wants[i-1].row {
			row, at = row+1, 0
		}
		sc := &s.scores[row]
		switch t := w.t; {
		case t.gen == nil:
			t.deliver(w.pos, math.Min(0, float64(sc.Logits[at])-float64(sc.LogSumExp)), sc.ArgMax == sc.Targets[at])
			at++
		case !t.draws():
			s.b.generate(t, sc.ArgMax)
		}
	}
}

// draw lets those who draw tokens from n kept rows from the from-th draw them.
func (s *scheduler) draw(from, n int, wants []want) {
	m := s.b.model
	group := max(1, min(headRows, maxLogits/m.vocab))
	next, row := 0, -1
	for at := 0; at < n; at += group {
		held := min(group, n-at)
		logits := m.logits(s.kernels, s.scratch, from+at, held)
		s.draws = s.draws[:0]
		for ; next < len(wants); next++ {
			if next == 0 || wants[next].row != wants[next-1].row {
				if row+1 == at+held {
					break
				}
				row++
			}
			if t := wants[next].t; t.draws() {
				s.draws = append(s.draws, drawn{t, logits[(row-at)*m.vocab:][:m.vocab]})
			}
		}
		s.drawEach()
	}
}

// drawn is a text that draws from logits.
type drawn struct {
	t      *text
	logits []float32
}

// sharedVocab is the vocabulary from which drawing a token takes so long that threads share the texts that draw.
const sharedVocab = 1 << 12

// drawEach lets the texts in s.draws draw. Each draws by itself, so the threads do not show.
func (s *scheduler) drawEach() {
	threads := 1
	if s.b.threads != nil && s.b.model.vocab >= sharedVocab {
		threads = min(s.b.threads.Workers(), len(s.draws))
	}
	for len(s.drawings) < threads {
		s.drawings = append(s.drawings, new(drawing))
	}
	work := func(first int) {
		for i := first; i < len(s.draws); i += threads {
			d := s.draws[i]
			s.b.generate(d.t, d.t.gen.sampler.next(d.logits, s.drawings[first]))
		}
	}
	if threads == 1 {
		work(0)
		return
	}
	var group conc.WaitGroup
	for first := range threads {
		group.Go(func() { work(first) })
	}
	group.Wait()
}
