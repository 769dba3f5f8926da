package gpu

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
)

// mixedTokens is the most tokens of a product that an own kernel serves beside cuBLASLt, where the two give equal bits: the
// pinned algorithm has large tiles, which leave most of a card idle while a few tokens are decoded.
const mixedTokens = 64

// products holds which products go to cuBLASLt.
type products struct {
	shapes map[productShape]productChoice
	notes  []string
	off    bool
}

type productShape struct {
	n, k int
	wide bool
}

type productChoice struct {
	vendor bool // by cuBLASLt, at least where there are more than mixedTokens
	mixed  bool // the own kernels gave the same bits
}

// OwnProducts makes every product go to the own kernels, cuBLASLt or not. Call it before the first product: bits may change
// with it.
func (o *Ops) OwnProducts() { o.products.off = true }

// choice returns where a product goes. A shape that CheckLinear has not seen goes to the own kernels, so that no product is
// made by an algorithm that was not put to the test.
func (o *Ops) choice(p LtProblem) productChoice {
	if o.products.shapes == nil {
		return productChoice{}
	}
	return o.products.shapes[productShape{p.N, p.K, p.YFloat32}]
}

// CheckLinear decides how products with weights of this shape are computed, wide meaning LinearF32. Call it once for each shape
// after upload and before the first product and before graphs are captured: w is one such matrix. Without cuBLASLt, and in
// float32, the own kernels serve all and nothing is done. With it the pinned algorithm must give a row the same bits in products
// of 1 to 136 tokens, and agree with the own kernel within rounding; otherwise the shape stays with the own kernels, and Products
// says so. Where both libraries even give the same bits (on this matrix and 136 random rows), products of few tokens
// go to the own kernels. It waits for the device; the error is of the device, a failed check is none.
func (o *Ops) CheckLinear(w Ptr, n, k int, wide bool) error {
	s := productShape{n, k, wide}
	if _, seen := o.products.shapes[s]; seen || o.products.off || o.T == F32 || o.Dev.Lt() == nil {
		return o.err
	}
	c, note, err := o.checkVendor(w, s)
	if err != nil {
		return fmt.Errorf("check cuBLASLt's product with %d×%d weights: %w", n, k, err)
	}
	if o.products.shapes == nil {
		o.products.shapes = map[productShape]productChoice{}
	}
	o.products.shapes[s] = c
	if note != "" {
		o.products.notes = append(o.products.notes, fmt.Sprintf("%d×%d %v: %s", n, k, o.T, note))
	}
	return nil
}

// Products says for the header of a run what computes matrix products: the library, its pinned algorithms, and the
// shapes that failed CheckLinear.
func (o *Ops) Products() []string {
	lt := o.Dev.Lt()
	used := false
	for _, c := range o.products.shapes {
		used = used || c.vendor
	}
	if lt == nil || !used {
		return append([]string{"own kernels (gemm.cu)"}, o.products.notes...)
	}
	lines := append([]string{lt.Version()}, lt.Algorithms()...)
	return append(lines, o.products.notes...)
}

// The rows of a check, and the products that are compared with the one of all rows: first row and number of rows.
const checkRowsLt = 136

var checkSpans = [][2]int{{0, 1}, {0, 8}, {0, 33}, {0, 128}, {57, 1}, {3, 70}, {135, 1}}

// checkVendor compares cuBLASLt with itself over numbers of tokens, and with the own kernel.
func (o *Ops) checkVendor(w Ptr, s productShape) (c productChoice, note string, err error) {
	size := o.T.Size()
	if s.wide {
		size = 4
	}
	row := int64(s.n) * int64(size)
	mem, err := o.Dev.Alloc(checkRowsLt * (int64(s.k)*int64(o.T.Size()) + Align + row))
	if err != nil {
		return c, "", err
	}
	defer func() {
		if e := o.Dev.Free(mem); err == nil {
			err = e
		}
	}()
	x, y := mem, mem.Add((checkRowsLt*int64(s.k)*int64(o.T.Size())+Align-1)/Align*Align)
	if err := o.Dev.ToDevice(x, randomElements(o.T, checkRowsLt*s.k), o.Stream); err != nil {
		return c, "", err
	}
	run := func(first, m int, own bool) ([]byte, error) {
		p := LtProblem{X: x.Add(int64(first) * int64(s.k) * int64(o.T.Size())), W: w, Y: y, M: m, N: s.n, K: s.k, LdX: s.k, LdY: s.n,
			T: o.T, YFloat32: s.wide}
		if own {
			o.tileProduct(o.tile(p), p, 0)
		} else if err := o.Dev.Lt().Matmul(p, o.Stream); err != nil {
			return nil, err
		}
		if o.err != nil {
			return nil, o.err
		}
		out := make([]byte, int64(m)*row)
		return out, o.Dev.ToHost(out, y, o.Stream)
	}
	own, err := run(0, checkRowsLt, true)
	if err != nil {
		return c, "", err
	}
	all, err := run(0, checkRowsLt, false)
	if err != nil {
		return c, "own kernels, because cuBLASLt fails: " + err.Error(), nil
	}
	for _, span := range checkSpans {
		some, err := run(span[0], span[1], false)
		if err != nil {
			return c, "own kernels, because cuBLASLt fails: " + err.Error(), nil
		}
		if from := int64(span[0]) * row; !bytes.Equal(some, all[from:from+int64(len(some))]) {
			return c, fmt.Sprintf("own kernels, because cuBLASLt's bits in a product of %d tokens are not those in one of %d", span[1],
				checkRowsLt), nil
		}
	}
	c.mixed = bytes.Equal(own, all)
	if d := difference(o.T, s, own, all); d > 1 {
		return productChoice{}, fmt.Sprintf("own kernels, because cuBLASLt's results are %.3g times the allowed difference away", d), nil
	}
	c.vendor = true
	if c.mixed {
		note = fmt.Sprintf("own kernels up to %d tokens, with the bits of cuBLASLt", mixedTokens)
	}
	return c, note, nil
}

// difference returns how far two products are apart, in units of what rounding explains: the root mean square of a over the
// row, times √k·2⁻²² for the order of the sums, plus one unit in the last place of T. Anything that is not finite in one
// alone is infinitely far.
func difference(t DType, s productShape, a, b []byte) float64 {
	worst, eps := 0.0, map[DType]float64{BF16: 0x1p-7, F16: 0x1p-10, F32: 0x1p-23}[t]
	get := func(p []byte, i int) float64 { return element(t, p, i) }
	if s.wide {
		get, eps = func(p []byte, i int) float64 { return element(F32, p, i) }, 0x1p-23
	}
	rows := len(a) / s.n / t.Size()
	if s.wide {
		rows = len(a) / s.n / 4
	}
	for r := range rows {
		sum := 0.0
		for j := range s.n {
			v := get(a, r*s.n+j)
			sum += v * v
		}
		scale := math.Sqrt(sum/float64(s.n)) * math.Sqrt(float64(s.k)) * 0x1p-22
		for j := range s.n {
			u, v := get(a, r*s.n+j), get(b, r*s.n+j)
			if u == v || math.IsNaN(u) && math.IsNaN(v) {
				continue
			}
			d := math.Abs(u-v) / (scale + eps*math.Max(math.Abs(u), 0x1p-14))
			if math.IsNaN(d) {
				d = math.Inf(1)
			}
			worst = max(worst, d)
		}
	}
	return worst
}

// randomElements returns n elements of t, uniform in [-1, 1), always the same.
func randomElements(t DType, n int) []byte {
	out := make([]byte, n*t.Size())
	state := uint64(0x9e3779b97f4a7c15)
	for i := range n {
		state ^= state << 13
		state ^= state >> 7
		state ^= state << 17
		v := float32(int32(state>>40)-1<<23) * 0x1p-23
		switch t {
		case F32:
			binary.LittleEndian.PutUint32(out[4*i:], math.Float32bits(v))
		case BF16:
			binary.LittleEndian.PutUint16(out[2*i:], uint16(math.Float32bits(v)>>16))
		case F16:
			binary.LittleEndian.PutUint16(out[2*i:], truncateF16(v))
		}
	}
	return out
}

// truncateF16 cuts a float32 below 2 in size to a float16, numbers below 2⁻¹⁴ to zero.
func truncateF16(v float32) uint16 {
	b := math.Float32bits(v)
	e := int(b>>23&0xff) - 127 + 15
	if e <= 0 {
		return uint16(b >> 16 & 0x8000)
	}
	return uint16(b>>16&0x8000) | uint16(e)<<10 | uint16(b>>13&0x3ff)
}

// element returns element i of type t.
func element(t DType, p []byte, i int) float64 {
	switch t {
	case F32:
		return float64(math.Float32frombits(binary.LittleEndian.Uint32(p[4*i:])))
	case BF16:
		return float64(math.Float32frombits(uint32(binary.LittleEndian.Uint16(p[2*i:])) << 16))
	}
	h := binary.LittleEndian.Uint16(p[2*i:])
	sign, e, m := 1-2*float64(h>>15), int(h>>10&31), float64(h&0x3ff)
	switch e {
	case 0:
		return sign * m * 0x1p-24
	case 31:
		if m != 0 {
			return math.NaN()
		}
		return math.Inf(int(sign))
	}
	return sign * math.Ldexp(1+m/1024, e-15)
}
