package local

import (
	"cmp"
	"slices"

	"github.com/onset-eval/onset/backends/local/internal/kernels"
)

// batch chooses the rows of the step: of each text in turn what can be computed next, as far as there is room.
func (s *scheduler) batch() {
	s.rows, s.wants = s.rows[:0], s.wants[:0]
	s.step++
	for i := 0; i < len(s.live) && len(s.rows) < s.size.tokens; i++ {
		t := s.live[i]
		switch {
		case t.state.failed != nil:
		case !s.b.model.causal:
			s.fill(t)
		case t.decoding():
			if !s.decode(i) {
				i--
			}
		default:
			s.walk(t)
		}
	}
}

// walk takes the next rows on a text's path, downwards. Rows of a node may be computed together with those of the node
// above it, but for a copy of a page, which takes what is computed already.
func (s *scheduler) walk(t *text) {
	for _, n := range s.tree.path(t.leaf) {
		if n.step != s.step {
			n.step, n.planned = s.step, n.done
			if n.begins() && !n.inPlace && len(n.pages) == 0 && n.parent.done < len(n.parent.ids) {
				return
			}
			if n.done < len(n.ids) || len(n.readers) > 0 {
				s.takeNode(n)
			}
		}
		if n.planned < len(n.ids) {
			return
		}
	}
}

// takeNode takes rows of a node: again those that are computed and whose logits are wanted, then those that are not.
func (s *scheduler) takeNode(n *node) {
	s.taken = append(s.taken, n)
	done := n.start + n.done
	until := s.takeAgain(n)
	fresh := len(s.rows)
	if room := s.size.tokens - len(s.rows); until == done && room > 0 && n.done < len(n.ids) {
		n.planned = min(len(n.ids), n.done+room)
		until = n.start + n.planned
		s.tree.extend(n, until)
		if n.view == nil {
			n.view = s.tree.open(n)
		} else {
			n.view.add(n.start/kernels.PageSize, n.pages)
		}
		for i := n.done; i < n.planned; i++ {
			s.rows = append(s.rows, row{n.ids[i], n.start + i, n.view})
		}
		s.tree.computed += int64(n.planned - n.done)
	}
	s.read(n, fresh, until)
}

// takeAgain takes the rows of computed positions whose logits are wanted, notes which they are in s.again, and gives the
// position up to which there was room. Their keys and values are computed again, to the same bits.
func (s *scheduler) takeAgain(n *node) int {
	done := n.start + n.done
	s.again = s.again[:0]
	for _, r := range n.readers {
		if r.from >= done {
			continue
		}
		if len(s.again) == 0 {
			s.again = append(s.again, make([]int, n.done)...)
		}
		for pos := r.from; pos < min(r.to, done); pos++ {
			s.again[pos-n.start] = -1
		}
	}
	if len(s.again) > 0 && n.view == nil {
		n.view = s.tree.open(n)
	}
	for i, mark := range s.again {
		if mark == 0 {
			continue
		}
		if len(s.rows) == s.size.tokens {
			return n.start + i
		}
		s.again[i] = len(s.rows)
		s.rows = append(s.rows, row{n.ids[i], n.start + i, n.view})
		s.tree.computed++
	}
	return done
}

// read notes which of a node's rows, up to a position, have logits that are wanted. Row fresh is that of the first
// position that was not computed.
func (s *scheduler) read(n *node, fresh, until int) {
	done := n.start + n.done
	first := len(s.wants)
	readers := n.readers[:0]
	for _, r := range n.readers {
		for ; r.from < min(r.to, until); r.from++ {
			w := want{row: fresh + r.from - done, pos: r.from, t: r.t}
			if r.from < done {
				w.row = s.again[r.from-n.start]
			}
			r.t.step = s.step
			s.wants = append(s.wants, w)
		}
		if r.from < r.to {
			readers = append(readers, r)
		}
	}
	clear(n.readers[len(readers):])
	n.readers = readers
	if fromRow := s.wants[first:]; len(fromRow) > 1 {
		slices.SortStableFunc(fromRow, func(a, b want) int { return cmp.Compare(a.row, b.row) })
	}
}

// decode takes the last token of a text that is being generated. Where its page is full, it takes another, for which
// younger generations make room where there is none. Where none is younger it does so itself, and decode is false.
func (s *scheduler) decode(i int) bool {
	t := s.live[i]
	g := t.gen
	pos := len(t.ids) - 1
	if s.b.model.regime(pos+1) != t.regime {
		// The text has grown past the length at which the rotary angles of all its tokens change.
		s.evict(i)
		return false
	}
	if at := pos / kernels.PageSize; at == g.first+len(g.pages) {
		if !s.reserve(i) {
			return false
		}
		g.pages = append(g.pages, s.tree.takePage())
		g.seq.add(at, g.pages[len(g.pages)-1:])
	}
	t.step = s.step
	s.wants = append(s.wants, want{row: len(s.rows), pos: pos, t: t})
	s.rows = append(s.rows, row{t.ids[pos], pos, g.seq})
	return true
}

// reserve reserves a page more for a generation that needs one.
func (s *scheduler) reserve(i int) bool {
	g := s.live[i].gen
	own := len(g.pages)
	if g.claims {
		own--
	}
	if own < g.reserved {
		return true
	}
	for s.tree.reserved >= s.tree.limit {
		victim := -1
		for j := len(s.live) - 1; j > i && victim < 0; j-- {
			if v := s.live[j]; v.gen != nil && v.state.failed == nil && v.step != s.step {
				victim = j
			}
		}
		if victim < 0 && len(s.live) == 1 && s.size.pages == 0 {
			break
		}
		if victim < 0 {
			s.evict(i)
			return false
		}
		s.evict(victim)
	}
	g.reserved++
	s.tree.reserved++
	return true
}

// evict takes a generation's pages and lets it wait until all that it may come to need is free. What it generated stays,
// and is computed again as its prompt is.
func (s *scheduler) evict(i int) {
	t := s.live[i]
	s.tree.leave(t)
	t.gen.evicted = true
	s.live = slices.Delete(s.live, i, i+1)
	s.waiting = slices.Insert(s.waiting, 0, t)
	s.evictions++
}

// commit takes note that the rows of the step are computed, or will be before anything that is asked for later.
func (s *scheduler) commit() {
	for _, n := range s.taken {
		n.done = n.planned
		if n.done == len(n.ids) && len(n.readers) == 0 {
			s.tree.dropView(n)
		}
	}
	s.copies.release(&s.tree)
	clear(s.taken)
	s.taken = s.taken[:0]
}
