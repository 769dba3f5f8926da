package local

import "github.com/onset-eval/onset/backends/local/internal/kernels"

// sequence says where the keys and values of a text stand: those of position p in layer l in pages[l][p/PageSize], or in
// all layers in the page of the id ids[p/PageSize].
type sequence struct {
	pages [][]kernels.Page // empty where pages are known by their ids
	ids   []int32
	// length, unless 0, is the number of tokens that decides the rotary angles of the text, or its tokens so far where
	// those are more (spec.regime).
	length int
}

// pagesFor is the number of pages that n positions take.
func pagesFor(n int) int { return (n + kernels.PageSize - 1) / kernels.PageSize }

// page holds PageSize positions in all layers.
type page struct {
	layers  []kernels.Page // where the executor has them
	id      int32          // and what it knows them by
	holders int            // nodes and generations that list it
}

// pool hands out pages and takes them back. A scheduler owns one.
type pool struct {
	ex    executor
	free  []*page
	inUse int
}

// take gives a page with one holder. What it holds is left over from before: only positions that were written are read.
func (p *pool) take() *page {
	p.inUse++
	if n := len(p.free); n > 0 {
		pg := p.free[n-1]
		p.free = p.free[:n-1]
		pg.holders = 1
		return pg
	}
	pg := p.ex.newPage()
	pg.holders = 1
	return pg
}

// release takes note that a holder lets go of a page. Past limit pages a free one is given up.
func (p *pool) release(pg *page, limit int) {
	if pg.holders--; pg.holders > 0 {
		return
	}
	p.inUse--
	if p.inUse+len(p.free) < limit {
		p.free = append(p.free, pg)
	}
}

// add lists further pages of a sequence, the first of which stands at index at; what stood there is replaced.
func (s *sequence) add(at int, pages []*page) {
	for l := range s.pages {
		list := s.pages[l][:at]
		for _, pg := range pages {
			list = append(list, pg.layers[l])
		}
		s.pages[l] = list
	}
	s.ids = s.ids[:at]
	for _, pg := range pages {
		s.ids = append(s.ids, pg.id)
	}
}

// sequence makes an empty sequence.
func (p *pool) sequence() *sequence { return newSequence(p.ex.sizes().layers) }

func newSequence(layers int) *sequence { return &sequence{pages: make([][]kernels.Page, layers)} }
