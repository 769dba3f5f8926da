package kernels

import (
	"sync"
	"unsafe"
)

// wide says that AVX-512 is to be used, and not AVX2. Its methods are the assembly of either.
type wide bool

func (v wide) name() string {
	if v {
		return "avx512"
	}
	return "avx2"
}

// tileRows is how many of left rows the next tile takes.
func (v wide) tileRows(left int) int {
	switch {
	case !bool(v):
		return min(left, 6)
	case left >= 12:
		return 12
	}
	return min(left, 8)
}

// few is how many panels there are tiles for with so few rows, if more than one.
func (v wide) few(m int) int {
	switch {
	case bool(v) && m <= 3:
		return 4
	case bool(v) && m <= 6 || m == 1:
		return 2
	}
	return 0
}

func (v wide) tile(t DType, rows, k int, a *float32, lda int, b unsafe.Pointer, c *float32, ldc int, add bool) {
	if v {
		tileavx512(t, rows, k, a, lda, b, c, ldc, add)
	} else {
		tileavx2(t, rows, k, a, lda, b, c, ldc, add)
	}
}

// tiles is tile for several panels, stride bytes apart.
func (v wide) tiles(t DType, rows, k int, a *float32, lda int, b unsafe.Pointer, stride int, c *float32, ldc int, add bool) {
	if v {
		panelsavx512(t, rows, k, a, lda, b, stride, c, ldc, add)
	} else {
		panelsavx2(t, k, a, lda, b, stride, c, ldc, add)
	}
}

// pairs is how many pairs ropePairs takes at a time.
func (v wide) pairs() int {
	if v {
		return 8
	}
	return 4
}

// index is the first i with x[i] == value for n a multiple of 8; n if there is none.
func (wide) index(x *float32, n int, value float32) int { return indexAVX2(x, n, value) }

// roundedPool has room for rounded rows.
var roundedPool = sync.Pool{New: func() any { return new([]float32) }}

func (v vector) roundedPanels(dst []float32, ld int, a []float32, m int, w Weight, from, to int) {
	if w.K == 0 || w.Type != BF16 {
		v.panels(dst, ld, a, m, w, from, to)
		return
	}
	even := w.K + w.K&1
	rows := blockRows(m, w.K)
	buf := roundedPool.Get().(*[]float32)
	defer roundedPool.Put(buf)
	if cap(*buf) < rows*even {
		*buf = make([]float32, rows*even)
	}
	for i := 0; i < m; i += rows {
		p := product{wide: wide(v.dot), typ: dotBF16, dst: dst[i*ld:], ld: ld, a: (*buf)[:rows*even], lda: even, per: 1,
			m: min(rows, m-i), w: &w, from: from}
		for r := range p.m {
			row := p.a[r*even : (r+1)*even]
			row[even-1] = 0
			v.round(&row[0], &a[(i+r)*w.K], w.K)
			if v.dot {
				pack(p.a[r*even/2:], row)
			}
		}
		if v.dot {
			p.lda, p.per = even/2, 2
		}
		p.run(to)
	}
}

// pack puts the upper halves of pairs of x together; dst may begin where x does or before.
func pack(dst, x []float32) {
	to := unsafe.Slice((*uint32)(unsafe.Pointer(&dst[0])), len(x)/2)
	from := unsafe.Slice((*uint32)(unsafe.Pointer(&x[0])), len(x))
	for i := range to {
		to[i] = from[2*i]>>16 | from[2*i+1]&0xffff0000
	}
}
