package local

import "github.com/onset-eval/onset/backends/local/internal/kernels"

// sequence is the keys and values of one text under way.
type sequence struct {
	pages [][]kernels.Page // by layer
	fed   int              // positions stored
	// length is the number of tokens that the text will have when all of it is fed, where that decides the rotary angles
	// (spec.regime); 0 lets each row have the angles of the text up to itself.
	length int
}

// pagesFor is the number of pages that n positions take.
func pagesFor(n int) int { return (n + kernels.PageSize - 1) / kernels.PageSize }

// arena hands out pages and takes them back. A lane owns one.
type arena struct {
	spec spec
	free [][]kernels.Page // by layer
}

func newArena(s spec) arena { return arena{spec: s, free: make([][]kernels.Page, s.layers)} }

// extend gives the sequence room for n positions.
func (a *arena) extend(s *sequence, n int) {
	if s.pages == nil {
		s.pages = make([][]kernels.Page, a.spec.layers)
	}
	for l := range s.pages {
		for len(s.pages[l])*kernels.PageSize < n {
			s.pages[l] = append(s.pages[l], a.take(l))
		}
	}
}

func (a *arena) take(l int) kernels.Page {
	free := a.free[l]
	if n := len(free); n > 0 {
		a.free[l] = free[:n-1]
		return free[n-1]
	}
	return kernels.NewPage(a.spec.kvHeads, a.spec.headDim)
}

// release takes the sequence's pages back, but for the first shared ones, which belong to another.
func (a *arena) release(s *sequence, shared int) {
	for l, pages := range s.pages {
		a.free[l] = append(a.free[l], pages[shared:]...)
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
