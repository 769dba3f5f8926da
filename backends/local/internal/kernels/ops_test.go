package kernels

import (
	"math/rand/v2"
	"testing"
)

type runOp = func(t *testing.T, s Set, mem arena, r *rand.Rand, f fill) []float32

func linearOp(m, n, k int) runOp {
	return func(t *testing.T, s Set, mem arena, r *rand.Rand, f fill) []float32 {
		w := PackInto(mem.make(t, PackedLen(n, k)), n, k, f.into(r, make([]float32, n*k)))
		a, dst := f.into(r, mem.make(t, m*k)), mem.make(t, m*n)
		s.Linear(dst, a, m, w)
		return dst
	}
}

func normOp(n int) runOp {
	return func(t *testing.T, s Set, mem arena, r *rand.Rand, f fill) []float32 {
		x, w, dst := f.into(r, mem.make(t, 3*n)), f.into(r, mem.make(t, n)), mem.make(t, 3*n)
		s.RMSNorm(dst, x, w, 3, 1e-5)
		return dst
	}
}

func siluOp(n int) runOp {
	return func(t *testing.T, s Set, mem arena, r *rand.Rand, f fill) []float32 {
		x, dst := f.into(r, mem.make(t, 6*n)), mem.make(t, 3*n)
		s.SiluMul(dst, x, 3)
		return dst
	}
}

func addOp(n int) runOp {
	return func(t *testing.T, s Set, mem arena, r *rand.Rand, f fill) []float32 {
		x, dst := f.into(r, mem.make(t, n)), f.into(r, mem.make(t, n))
		s.Add(dst, x)
		return dst
	}
}

func logSumExpOp(n int) runOp {
	return func(t *testing.T, s Set, mem arena, r *rand.Rand, f fill) []float32 {
		return []float32{s.LogSumExp(f.into(r, mem.make(t, n)))}
	}
}

func ropeOp(dim int) runOp {
	return func(t *testing.T, s Set, mem arena, r *rand.Rand, f fill) []float32 {
		x := f.into(r, mem.make(t, 2*3*dim))
		cos, sin := f.into(r, mem.make(t, dim)), f.into(r, mem.make(t, dim))
		s.Rope(x, cos, sin, 2, 3, dim)
		return x
	}
}

// attendOp leaves numbers in the pages past n that would show in the result.
func attendOp(heads, kvHeads, dim, n int) runOp {
	return func(t *testing.T, s Set, mem arena, r *rand.Rand, f fill) []float32 {
		var pages []Page
		for i := 0; i*PageSize < n; i++ {
			p := Page{K: mem.make(t, kvHeads*dim*PageSize), V: mem.make(t, kvHeads*dim*PageSize)}
			f.into(r, p.K)
			f.into(r, p.V)
			spoil(p, kvHeads, dim, n-i*PageSize)
			pages = append(pages, p)
		}
		q, dst := f.into(r, mem.make(t, heads*dim)), mem.make(t, heads*dim)
		s.Attend(dst, q, heads, kvHeads, dim, append(pages, Page{}), n, 0.3)
		return dst
	}
}

// spoil fills what lies past the first n positions with NaN.
func spoil(p Page, kvHeads, dim, n int) {
	nan := nan32()
	for h := range kvHeads {
		for j := max(n, 0); j < PageSize; j++ {
			for d := range dim {
				p.K[(h*dim+d)*PageSize+j] = nan
				p.V[(h*PageSize+j)*dim+d] = nan
			}
		}
	}
}
