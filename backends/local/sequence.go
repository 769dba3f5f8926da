package local

import "github.com/onset-eval/onset/backends/local/internal/kernels"

// sequence is the keys and values of one text under way.
type sequence struct {
	pages [][]kernels.Page // by layer
	fed   int              // positions stored
}

// arena hands out pages and takes them back. A lane owns one.
type arena struct {
	spec spec
	free [][]kernels.Page // one page a layer each
}

// extend gives the sequence room for n positions.
func (a *arena) extend(s *sequence, n int) {
	if s.pages == nil {
		s.pages = make([][]kernels.Page, a.spec.layers)
	}
	for len(s.pages[0])*kernels.PageSize < n {
		pages := a.take()
		for l := range s.pages {
			s.pages[l] = append(s.pages[l], pages[l])
		}
	}
}

func (a *arena) take() []kernels.Page {
	if n := len(a.free); n > 0 {
		pages := a.free[n-1]
		a.free = a.free[:n-1]
		return pages
	}
	pages := make([]kernels.Page, a.spec.layers)
	for l := range pages {
		pages[l] = kernels.NewPage(a.spec.kvHeads, a.spec.headDim)
	}
	return pages
}

// release takes the sequence's pages back, but for the first shared ones, which belong to another.
func (a *arena) release(s *sequence, shared int) {
	if s.pages == nil {
		return
	}
	for p := shared; p < len(s.pages[0]); p++ {
		pages := make([]kernels.Page, a.spec.layers)
		for l := range pages {
			pages[l] = s.pages[l][p]
		}
		a.free = append(a.free, pages)
	}
	*s = sequence{}
}

// fork makes a sequence that begins with all of s: full pages are shared and a page begun is copied. It gives the
// number of shared pages, for release.
func (a *arena) fork(s *sequence) (*sequence, int) {
	shared := s.fed / kernels.PageSize
	f := &sequence{pages: make([][]kernels.Page, a.spec.layers), fed: s.fed}
	for l := range f.pages {
		f.pages[l] = append(f.pages[l], s.pages[l][:shared]...)
	}
	a.extend(f, s.fed)
	if rest := s.fed % kernels.PageSize; rest > 0 {
		for l := range f.pages {
			f.pages[l][shared].CopyPrefix(s.pages[l][shared], rest, a.spec.kvHeads, a.spec.headDim)
		}
	}
	return f, shared
}
