package local

import (
	"math"

	"github.com/onset-eval/onset/backends/local/internal/kernels"
)

// flight is a step from when it is begun until it is collected: what is wanted of it, and what was found.
type flight struct {
	wants   []want
	keep    []int // the rows whose logits are wanted
	parts   []judged
	scores  []kernels.Scores
	targets []int
	logits  []float32
	draws   []drawn
}

// judged is neighbours among the kept rows of which the same kinds of things are wanted.
type judged struct {
	from, n       int // kept rows
	wants         []want
	scored, drawn bool
	scores        []kernels.Scores
}

// generates reports whether a token of a text comes of the flight.
func (f *flight) generates() bool {
	for _, w := range f.wants {
		if w.t.gen != nil {
			return true
		}
	}
	return false
}

// judge asks for what is wanted of the kept rows. Logits of which tokens are drawn are held for a bounded number of rows at
// a time; of others no logits are stored.
func (s *scheduler) judge(f *flight) {
	f.divide()
	f.ready()
	for i := range f.parts {
		if p := &f.parts[i]; p.scored {
			s.ex.score(p.scores, p.from)
		}
	}
	for at := 0; at < len(f.draws); {
		// One part's draws at a time, so that rows between parts, of which none are drawn, are passed over.
		end := at + 1
		for end < len(f.draws) && f.draws[end].row <= f.draws[end-1].row+1 {
			end++
		}
		s.ex.draw(f.draws[at:end])
		at = end
	}
}

// divide divides the kept rows into parts.
func (f *flight) divide() {
	f.parts = f.parts[:0]
	next := 0
	for from := 0; from < len(f.keep); {
		p := judged{from: from}
		first, to := next, from
		for ; to < len(f.keep); to++ {
			last, d, c := f.kinds(next, f.keep[to])
			if to > from && (d != p.drawn || c != p.scored) {
				break
			}
			next, p.drawn, p.scored = last, d, c
		}
		p.n, p.wants = to-from, f.wants[first:next]
		f.parts = append(f.parts, p)
		from = to
	}
}

// kinds tells what is wanted of a row whose wants begin at next, and where they end.
func (f *flight) kinds(next, row int) (end int, drawn, scored bool) {
	for end = next; end < len(f.wants) && f.wants[end].row == row; end++ {
		if f.wants[end].t.draws() {
			drawn = true
		} else {
			scored = true
		}
	}
	return end, drawn, scored
}

// draws reports whether tokens are drawn from the text's logits.
func (t *text) draws() bool { return t.gen != nil && t.gen.sampler.rng != nil }

// ready makes room for what will be found: log-probabilities, most likely tokens, and tokens drawn.
func (f *flight) ready() {
	f.targets, f.draws = f.targets[:0], f.draws[:0]
	rows := 0
	for _, p := range f.parts {
		if p.scored {
			rows += p.n
		}
		for _, w := range p.wants {
			if p.scored && w.t.gen == nil {
				f.targets = append(f.targets, w.t.ids[w.pos+1])
			}
		}
	}
	f.logits = append(f.logits[:0], make([]float32, len(f.targets))...)
	f.scores = append(f.scores[:0], make([]kernels.Scores, rows)...)
	row, at := 0, 0
	for i := range f.parts {
		p := &f.parts[i]
		if p.scored {
			p.scores = f.scores[row : row+p.n]
			row += p.n
		}
		kept := p.from - 1
		for j, w := range p.wants {
			if j == 0 || w.row != p.wants[j-1].row {
				kept++
			}
			switch {
			case w.t.draws():
				f.draws = append(f.draws, drawn{t: w.t, row: kept})
			case w.t.gen == nil:
				sc := &p.scores[kept-p.from]
				n := len(sc.Targets)
				sc.Targets, sc.Logits = f.targets[at-n:at+1], f.logits[at-n:at+1]
				at++
			}
		}
	}
}

// hand gives what was found to those who want it.
func (s *scheduler) hand(f *flight) {
	for _, p := range f.parts {
		row, at := -1, 0
		for i, w := range p.wants {
			if i == 0 || w.row != p.wants[i-1].row {
				row, at = row+1, 0
			}
			switch t := w.t; {
			case t.gen == nil:
				sc := &p.scores[row]
				t.deliver(w.pos, math.Min(0, float64(sc.Logits[at])-float64(sc.LogSumExp)), sc.ArgMax == sc.Targets[at])
				at++
			case !t.draws():
				s.b.generate(t, p.scores[row].ArgMax)
			}
		}
	}
	for _, d := range f.draws {
		s.b.generate(d.t, d.token)
	}
}
