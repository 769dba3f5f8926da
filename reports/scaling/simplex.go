package scaling

import (
	"cmp"
	"slices"
)

// vertex is a point of the simplex with its value.
type vertex struct {
	at []float64
	f  float64
}

// minimise searches the least value of f from start with Nelder and Mead's simplex (Comput. J. 7 (1965)
// 308–313; reflection 1, expansion 2, contraction and shrinkage 1/2), until the values differ by less than tol
// or after evals evaluations. scale is the size of the first simplex.
func minimise(f func([]float64) float64, start []float64, scale, tol float64, evals int) vertex {
	n := len(start)
	s := make([]vertex, n+1)
	for i := range s {
		at := slices.Clone(start)
		if i > 0 {
			at[i-1] += scale
		}
		s[i] = vertex{at, f(at)}
	}
	byValue := func(a, b vertex) int { return cmp.Compare(a.f, b.f) }
	for used := n + 1; used < evals; {
		slices.SortStableFunc(s, byValue)
		if s[n].f-s[0].f < tol {
			break
		}
		centre := make([]float64, n)
		for _, v := range s[:n] {
			for k, x := range v.at {
				centre[k] += x / float64(n)
			}
		}
		try := func(t float64) vertex {
			at := make([]float64, n)
			for k := range at {
				at[k] = centre[k] + t*(s[n].at[k]-centre[k])
			}
			used++
			return vertex{at, f(at)}
		}
		next := try(-1)
		switch {
		case next.f < s[0].f:
			if far := try(-2); far.f < next.f {
				next = far
			}
		case next.f >= s[n-1].f:
			near := try(0.5)
			if next.f < s[n].f {
				near = try(-0.5)
			}
			next = near
		}
		if next.f < s[n].f {
			s[n] = next
			continue
		}
		for i := 1; i <= n; i++ {
			for k := range s[i].at {
				s[i].at[k] = (s[i].at[k] + s[0].at[k]) / 2
			}
			s[i].f = f(s[i].at)
			used++
		}
	}
	return slices.MinFunc(s, byValue)
}
