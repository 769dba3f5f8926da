package local

import (
	"slices"
	"strings"

	"github.com/onset-eval/onset/backends"
)

// Masked models score texts by pseudo-log-likelihood (Salazar et al. 2020, arXiv 1910.14659, eq. 1): the sum over the
// scored tokens of the log-probability of each where it alone is masked, all others being there. Of a continuation the
// tokens of the prompt are never masked, so its score is conditional on the prompt, and not a part of a score of both.
//
// Each scored token is a copy of the text, which is computed at once and keeps nothing.

// surrounded is a text's tokens between those that a masked model wants before and behind it.
type surrounded struct{ lead, ids, trail []int }

// surround encodes a text.
func (b *Backend) surround(text string) surrounded {
	s := surrounded{ids: b.tok.Encode(text, false)}
	if b.begins(text) {
		return s
	}
	all := b.tok.Encode(text, true)
	for at := 0; at+len(s.ids) <= len(all); at++ {
		if slices.Equal(all[at:at+len(s.ids)], s.ids) {
			s.lead, s.trail = all[:at], all[at+len(s.ids):]
			break
		}
	}
	return s
}

// part makes the part in which ids[from:] of some of the tokens are scored, from counted in ids.
func (s surrounded) part(ids []int, from, into int) part {
	all := slices.Concat(s.lead, ids, s.trail)
	return part{ids: all, from: len(s.lead) + from, to: len(s.lead) + len(ids), into: into}
}

// planMasked plans the scores of continuations. What does not fit is dropped from the prompt's left, behind the token
// that begins texts, without which a masked model has seen none.
func (b *Backend) planMasked(w *work) error {
	const op = "score continuations"
	context := len(b.tok.Encode(strings.TrimRightFunc(w.req.Prompt, isSpace), false))
	for i, c := range w.req.Continuations {
		s := b.surround(w.req.Prompt + c)
		n, room := len(s.ids)-context, b.model.context-len(s.lead)-len(s.trail)
		switch {
		case n <= 0:
			return backends.Errorf(backends.KindInvalid, op, "continuation %d (%q) adds no token to the prompt", i, c)
		case n > room:
			return backends.Errorf(backends.KindInvalid, op, "continuation %d has %d tokens, and the model's context room for %d", i, n, room)
		}
		over := max(0, len(s.ids)-room)
		w.dropped = max(w.dropped, over)
		w.parts = append(w.parts, s.part(s.ids[over:], context-over, i))
	}
	return nil
}

// planMaskedRolling cuts a text into windows in which every token is scored once, each but the first filled up with what
// stands before its new tokens.
func (b *Backend) planMaskedRolling(w *work) error {
	s := b.surround(w.req.Prompt)
	room := b.model.context - len(s.lead) - len(s.trail)
	if len(s.ids) == 0 || room < 1 {
		return backends.Errorf(backends.KindInvalid, "score text", "it has no tokens, or the model's context no room")
	}
	for n := 0; n < len(s.ids); {
		fresh := min(room, len(s.ids)-n)
		n += fresh
		window := s.ids[max(0, n-room):n]
		w.parts = append(w.parts, s.part(window, len(window)-fresh, 0))
	}
	return nil
}

// fill takes copies of a text with one token masked each, as many as there is room for in the step and in memory, but one
// always.
func (s *scheduler) fill(t *text) {
	n := len(t.ids)
	for end := t.from + len(t.logs); t.next < end; t.next++ {
		full := len(s.rows)+n > s.size.tokens || s.tree.pool.inUse+pagesFor(n) > s.tree.limit
		if full && len(s.rows) > 0 {
			return
		}
		first, seq := len(s.rows), s.copies.sequence(&s.tree, n)
		for pos, id := range t.ids {
			if pos == t.next {
				id = s.b.mask
			}
			s.rows = append(s.rows, row{id, pos, seq})
		}
		// The token that is masked is scored, as the one behind the position before it.
		s.wants = append(s.wants, want{row: first + t.next, pos: t.next - 1, t: t})
		s.tree.computed += int64(n)
	}
}

// copies are the sequences of one step.
type copies struct {
	pages []*page
	seqs  []*sequence
	used  int
}

// sequence gives a sequence with room for n positions.
func (c *copies) sequence(t *tree, n int) *sequence {
	if c.used == len(c.seqs) {
		c.seqs = append(c.seqs, t.pool.sequence())
	}
	s := c.seqs[c.used]
	c.used++
	for at := range pagesFor(n) {
		c.pages = append(c.pages, t.takePage())
		s.add(at, c.pages[len(c.pages)-1:])
	}
	return s
}

// release takes the pages of all sequences back.
func (c *copies) release(t *tree) {
	for _, pg := range c.pages {
		t.pool.release(pg, t.limit)
	}
	clear(c.pages)
	c.pages, c.used = c.pages[:0], 0
}
