package kernels

import (
	"math"
	"unsafe"
)

// wide is NEON; it is false. Its methods are the assembly, which takes whole vectors, with what is left over in a vector
// of its own.
type wide bool

func native() []Set { return []Set{vector{}} }

func (wide) name() string { return "neon" }

func (wide) tileRows(left int) int { return min(left, 6) }

// few is zero: there are no tiles of several panels.
func (wide) few(int) int { return 0 }

func (wide) tiles(DType, int, int, *float32, int, unsafe.Pointer, int, *float32, int, bool) {
	panic("kernels: no such tiles")
}

func (wide) tile(t DType, rows, k int, a *float32, lda int, b unsafe.Pointer, c *float32, ldc int, add bool) {
	flag := 0
	if add {
		flag = 1
	}
	tileneon(t, rows, k, a, lda, b, c, ldc, flag)
}

func (vector) roundedPanels(dst []float32, ld int, a []float32, m int, w Weight, from, to int) {
	generic{}.roundedPanels(dst, ld, a, m, w, from, to)
}

// rest copies what is left of x after whole vectors into one.
func rest(v *[4]float32, x *float32, n int) { copy(v[:], floats(offset(x, n&^3), n&3)) }

func floats(x *float32, n int) []float32 { return unsafe.Slice(x, n) }

func (wide) add(dst, x *float32, n int) {
	if n > 3 {
		addneon(n&^3, dst, x)
	}
	for i := n &^ 3; i < n; i++ {
		*offset(dst, i) += *offset(x, i)
	}
}

func (wide) scale(x *float32, n int, by float32) {
	if n > 3 {
		scaleneon(n&^3, x, x, by)
	}
	for i := n &^ 3; i < n; i++ {
		*offset(x, i) *= by
	}
}

func (wide) divide(x *float32, n int, by float32) {
	if n > 3 {
		divideneon(n&^3, x, x, by)
	}
	for i := n &^ 3; i < n; i++ {
		*offset(x, i) = *offset(x, i)/by + 0
	}
}

func (v wide) bias(c *float32, ld, rows int, bias *float32, n int) {
	for i := range rows {
		v.add(offset(c, i*ld), bias, n)
	}
}

func (wide) softCap(x *float32, n int, limit, inv float32) {
	if n > 3 {
		softCapneon(n&^3, x, limit, inv)
	}
	if n&3 != 0 {
		var t [4]float32
		rest(&t, x, n)
		softCapneon(4, &t[0], limit, inv)
		copy(floats(offset(x, n&^3), n&3), t[:])
	}
}

// sixteen calls f on whole sixteens of x, then on one of what is left and fill.
func sixteen(x *float32, n int, fill float32, f func(n int, x *float32)) {
	if n > 15 {
		f(n&^15, x)
	}
	if n&15 != 0 {
		var t [16]float32
		for i := copy(t[:], floats(offset(x, n&^15), n&15)); i < 16; i++ {
			t[i] = fill
		}
		f(16, &t[0])
	}
}

func (wide) sumLanes(x *float32, n int, lanes *float32) {
	sixteen(x, n, 0, func(n int, x *float32) { sumLanesneon(n, x, lanes) })
}

func (wide) most(x *float32, n int, lanes *float32) {
	sixteen(x, n, float32(math.Inf(-1)), func(n int, x *float32) { mostneon(n, x, lanes) })
}

func (wide) sumSquares(x *float32, n int, lanes *float32, mean float32) {
	if n > 15 {
		sumSquaresneon(n&^15, x, lanes, mean)
	}
	for i := n &^ 15; i < n; i++ {
		d, l := *offset(x, i)-mean, offset(lanes, i&15)
		*l = fma(d, d, *l)
	}
}

func (wide) sumExp(x *float32, n int, lanes *float32, top float32) {
	sixteen(x, n, float32(math.Inf(-1)), func(n int, x *float32) {
		var t [LogBlock]float32
		copy(t[:n], floats(x, n))
		expneon(n, &t[0], top)
		sumLanesneon(n, &t[0], lanes)
	})
}

func (wide) normalize(dst, x, weight, bias *float32, n int, mean, inv float32) {
	if n > 3 {
		normalizeneon(n&^3, dst, x, weight, bias, mean, inv)
	}
	for i := n &^ 3; i < n; i++ {
		y, w, b := float32((*offset(x, i)-mean)*inv), float32(1), float32(0)
		if weight != nil {
			w = *offset(weight, i)
		}
		if bias != nil {
			b = *offset(bias, i)
		}
		*offset(dst, i) = fma(y, w, b)
	}
}

func (wide) rope(x, cos, sin *float32, half, heads, stride int) {
	for h := range heads {
		head := offset(x, h*stride)
		if half > 3 {
			ropeneon(half&^3, head, cos, sin, half)
		}
		for j := half &^ 3; j < half; j++ {
			p, q, c, s := offset(head, j), offset(head, j+half), *offset(cos, j), *offset(sin, j)
			a, b := *p, *q
			*p = fma(-b, s, float32(a*c))
			*q = fma(a, s, float32(b*c))
		}
	}
}

// pairs is zero: there is no ropePairs.
func (wide) pairs() int { return 0 }

func (wide) ropePairs(_, _, _ *float32, _, _, _ int) { panic("kernels: no such rope") }

func (wide) index(x *float32, n int, value float32) int {
	for i, v := range floats(x, n) {
		if v == value {
			return i
		}
	}
	return n
}

// with runs an activation on whole vectors and on what is left.
func with(f func(n int, dst, x, up *float32), dst, x, up *float32, n int) {
	if n > 3 {
		f(n&^3, dst, x, up)
	}
	if n&3 != 0 {
		var t, u [4]float32
		rest(&t, x, n)
		second := up
		if up != nil {
			rest(&u, up, n)
			second = &u[0]
		}
		f(4, &t[0], &t[0], second)
		copy(floats(offset(dst, n&^3), n&3), t[:])
	}
}

func (wide) silu(dst, x, up *float32, n int)        { with(siluneon, dst, x, up, n) }
func (wide) geluTanh(dst, x, up *float32, n int)    { with(geluTanhneon, dst, x, up, n) }
func (wide) geluErf(dst, x, up *float32, n int)     { with(geluErfneon, dst, x, up, n) }
func (wide) relu(dst, x, up *float32, n int)        { with(reluneon, dst, x, up, n) }
func (wide) quickGelu(dst, x, up *float32, n int)   { with(quickGeluneon, dst, x, up, n) }
func (wide) reluSquared(dst, x, up *float32, n int) { with(reluSquaredneon, dst, x, up, n) }
func (wide) tanh(dst, x, up *float32, n int)        { with(tanhneon, dst, x, up, n) }

func (wide) scores(rows int, s, q *float32, ldq int, k *float32, dim int) {
	scoresneon(rows, s, q, ldq, k, dim)
}

func (wide) values(rows int, out *float32, ldo int, p, v *float32, dim, n int, decay *float32) {
	if dim > 3 {
		valuesneon(rows, out, ldo, p, v, dim, n, decay)
	}
	for r := range rows {
		for d := dim &^ 3; d < dim; d++ {
			o := offset(out, r*ldo+d)
			*o *= *offset(decay, r)
			for j := range n {
				*o = fma(*offset(p, r*PageSize+j), *offset(v, j*dim+d), *o)
			}
		}
	}
}

func (v wide) softmax(s *float32, from, to int, scale, top float32) (decay, next, sum float32) {
	v.scale(s, PageSize, scale)
	all := floats(s, PageSize)
	for j := range all {
		if j < from || j >= to {
			all[j] = float32(math.Inf(-1))
		}
	}
	var lanes [16]float32
	for i := range lanes {
		lanes[i] = top
	}
	mostneon(PageSize, s, &lanes[0])
	next = top
	for _, l := range lanes {
		if l > next {
			next = l
		}
	}
	expneon(PageSize, s, next)
	clear(lanes[:])
	sumLanesneon(PageSize, s, &lanes[0])
	return exp(top - next), next, tree(&lanes)
}

func (wide) ramp(s *float32, slope, start float32) {
	for j := range PageSize {
		p := offset(s, j)
		*p = fma(slope, start+float32(j), *p)
	}
}
