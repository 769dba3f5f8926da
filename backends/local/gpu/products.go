package gpu

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math"

	"github.com/onset-eval/onset/backends/local/internal/kernels"
)

// mixedTokens is the most tokens of a product that an own kernel serves beside cuBLASLt, where the two give equal bits: the
// pinned algorithm has large tiles, which leave most of a card idle while a few tokens are decoded.
const mixedTokens = 128

// vendorOutputs is the fewest outputs of a shape that goes to cuBLASLt. Below it there is little to gain, and too few results to
// tell in a check: where sums differ in their last bits, about one result in 4,000 differs once it is rounded to bf16.
const vendorOutputs = 512

// products holds which products go to cuBLASLt.
type products struct {
	shapes map[productShape]productChoice
	notes  []string
	off    bool

	checked bool // CheckProducts has run
	hopper  bool // the kernels of gemm90.cu give the bits of gemm.cu's on this card
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
func (o *Ops) OwnProducts() {
	o.products.off = true
	o.products.shapes = nil
}

// choice returns where a product goes. A shape that CheckLinear has not seen goes to the own kernels, so that no product is
// made by an algorithm that was not put to the test; so does one of rows that do not begin at multiples of 16 bytes, which
// the pinned algorithms may not read.
func (o *Ops) choice(p LtProblem) productChoice {
	if o.products.shapes == nil {
		return productChoice{}
	}
	c := o.products.shapes[productShape{p.N, p.K, p.YFloat32}]
	if c.vendor && (!Vectors(p.T, p.X, p.W, p.K, p.LdX) || p.Y%16 != 0 || p.LdY%8 != 0) {
		return productChoice{}
	}
	return c
}

// CheckLinear decides how products with weights of this shape are computed, wide meaning LinearF32. Call it once for each shape
// after upload, before the first product and before graphs are captured: w is one such matrix. The first call on a card runs
// CheckProducts. Without cuBLASLt, in float32 and with less than 512 outputs, the own kernels serve. With it, the pinned
// algorithm must give a row the same bits in products of 1 to 136 tokens, and agree with the own kernel within rounding;
// otherwise the next that the library proposes is tried, and where none passes the shape stays with the own kernels, and Products
// says so. Where both libraries even give the same bits, on this matrix and 136 random rows, products of few tokens go to the
// own kernels. It waits for the device; its error is the device's or CheckProducts', an algorithm that fails is none.
func (o *Ops) CheckLinear(w Ptr, n, k int, wide bool) error {
	if !o.products.checked && !o.info.Emulated {
		if err := o.CheckProducts(); err != nil {
			return err
		}
	}
	s := productShape{n, k, wide}
	if _, seen := o.products.shapes[s]; seen || o.err != nil || o.products.off || o.T == F32 || n < vendorOutputs ||
		k%8 != 0 || o.Dev.Lt() == nil {
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
	own := "own kernels (gemm.cu)"
	if o.products.hopper {
		own = "own kernels (gemm.cu, gemm90.cu)"
	}
	if lt == nil || !used {
		lines := []string{own}
		if d, ok := o.Dev.(interface{ LtMissing() error }); ok && d.LtMissing() != nil {
			lines = append(lines, "no cuBLASLt: "+d.LtMissing().Error())
		}
		return append(lines, o.products.notes...)
	}
	lines := append([]string{lt.Version()}, lt.Algorithms()...)
	return append(lines, o.products.notes...)
}

// The rows of a check, and the products that are compared with the one of all rows: first row and number of rows.
const checkRowsLt = 136

var checkSpans = [][2]int{{0, 1}, {0, 8}, {0, 33}, {0, 128}, {57, 1}, {3, 70}, {135, 1}}

// vendorCheck is the memory and the reference of one check.
type vendorCheck struct {
	o     *Ops
	w     Ptr
	shape productShape
	x, y  Ptr
	ld    int    // elements between rows of y
	row   int64  // bytes of them
	own   []byte // what the own kernel made of all rows
}

// problem is the product of m rows of x from first on.
func (c *vendorCheck) problem(first, m int) LtProblem {
	s, size := c.shape, int64(c.o.T.Size())
	return LtProblem{X: c.x.Add(int64(first) * int64(s.k) * size), W: c.w, Y: c.y, M: m, N: s.n, K: s.k, LdX: s.k, LdY: c.ld,
		T: c.o.T, YFloat32: s.wide}
}

// run returns a product's result.
func (c *vendorCheck) run(first, m int, own bool) ([]byte, error) {
	p := c.problem(first, m)
	if own {
		c.o.tileProduct(c.o.tile(p), p, 0)
		if c.o.err != nil {
			return nil, c.o.err
		}
	} else if err := c.o.Dev.Lt().Matmul(p, c.o.Stream); err != nil {
		return nil, err
	}
	out := make([]byte, int64(m)*c.row)
	return out, c.o.Dev.ToHost(out, c.y, c.o.Stream)
}

// checkVendor tests the algorithms that cuBLASLt proposes until one passes.
func (o *Ops) checkVendor(w Ptr, s productShape) (_ productChoice, note string, err error) {
	c := vendorCheck{o: o, w: w, shape: s, ld: (s.n + 7) / 8 * 8}
	c.row = int64(c.ld) * int64(o.T.Size())
	if s.wide {
		c.row = int64(c.ld) * 4
	}
	xBytes := (checkRowsLt*int64(s.k)*int64(o.T.Size()) + Align - 1) / Align * Align
	if c.x, err = o.Dev.Alloc(xBytes + checkRowsLt*c.row); err != nil {
		var oom *OutOfMemory
		if errors.As(err, &oom) {
			return productChoice{}, "own kernels, because there is no room to check cuBLASLt", nil
		}
		return productChoice{}, "", err
	}
	defer func() {
		if e := o.Dev.Free(c.x); err == nil {
			err = e
		}
	}()
	c.y = c.x.Add(xBytes)
	if err := o.Dev.Zero(c.y, checkRowsLt*c.row, o.Stream); err != nil { // what lies between rows stays so
		return productChoice{}, "", err
	}
	if err := o.Dev.ToDevice(c.x, randomElements(o.T, checkRowsLt*s.k, 0), o.Stream); err != nil {
		return productChoice{}, "", err
	}
	if c.own, err = c.run(0, checkRowsLt, true); err != nil {
		return productChoice{}, "", err
	}
	for tried := 1; ; tried++ {
		choice, fault, err := c.algorithm()
		switch {
		case err != nil:
			return productChoice{}, "", err
		case fault == "" && choice.mixed:
			return choice, fmt.Sprintf("own kernels up to %d tokens, with the bits of cuBLASLt", mixedTokens), nil
		case fault == "":
			return choice, "", nil
		}
		if r, ok := o.Dev.Lt().(LtRejecter); !ok || tried == maxRejects || !r.Reject(c.problem(0, checkRowsLt)) {
			return productChoice{}, "own kernels, because cuBLASLt " + fault, nil
		}
	}
}

// maxRejects bounds the algorithms that are tried for a shape.
const maxRejects = 8

// algorithm tests the algorithm that is pinned now. A fault is what speaks against it; an error is of the device, and loses it.
func (c *vendorCheck) algorithm() (choice productChoice, fault string, err error) {
	all, err := c.run(0, checkRowsLt, false)
	if err != nil {
		return c.failed(err)
	}
	for _, span := range checkSpans {
		some, err := c.run(span[0], span[1], false)
		if err != nil {
			return c.failed(err)
		}
		if from := int64(span[0]) * c.row; !bytes.Equal(some, all[from:from+int64(len(some))]) {
			return choice, fmt.Sprintf("gives a row other bits among %d tokens than among %d", span[1], checkRowsLt), nil
		}
	}
	t, eps := c.o.T, map[DType]float64{BF16: 0x1p-7, F16: 0x1p-10}[c.o.T]
	if c.shape.wide {
		t, eps = F32, 0x1p-23
	}
	if d := c.difference(t, eps, all); d > 1 {
		return choice, fmt.Sprintf("differs from the own kernel by %.3g times what rounding explains", d), nil
	}
	return productChoice{vendor: true, mixed: bytes.Equal(c.own, all)}, "", nil
}

// failed tells a product that cuBLASLt refuses from a device that is lost, by whether the own kernel still runs.
func (c *vendorCheck) failed(err error) (productChoice, string, error) {
	if e := c.o.Dev.Synchronize(c.o.Stream); e != nil {
		return productChoice{}, "", errors.Join(err, e)
	}
	return productChoice{}, "fails: " + err.Error(), nil
}

// difference returns how far a product of elements of t is from the own kernel's, in units of what rounding explains: the root
// mean square of the row, times √k·2⁻²⁰ for the order of the sums, plus eps of the element for its own rounding. Anything that is
// not finite in one alone is infinitely far.
func (c *vendorCheck) difference(t DType, eps float64, y []byte) float64 {
	worst, least := 0.0, 0.0
	if t == F16 {
		least = 0x1p-14 // below it the spacing of numbers is the same
	}
	n, k := c.shape.n, float64(c.shape.k)
	for r := range checkRowsLt {
		sum := 0.0
		for j := range n {
			v := element(t, c.own, r*c.ld+j)
			sum += v * v
		}
		scale := math.Sqrt(sum/float64(n)) * math.Sqrt(k) * 0x1p-20
		for j := range n {
			u, v := element(t, c.own, r*c.ld+j), element(t, y, r*c.ld+j)
			if u == v || math.IsNaN(u) && math.IsNaN(v) {
				continue
			}
			d := math.Abs(u-v) / (scale + eps*max(math.Abs(u), least))
			if math.IsNaN(d) {
				d = math.Inf(1)
			}
			worst = max(worst, d)
		}
	}
	return worst
}

// randomElements returns n elements of t, uniform in [-1, 1) times powers of two from 2^-spread to 2^spread, always the same.
func randomElements(t DType, n, spread int) []byte {
	out := make([]byte, n*t.Size())
	state := uint64(0x9e3779b97f4a7c15)
	for i := range n {
		state ^= state << 13
		state ^= state >> 7
		state ^= state << 17
		v := float32(int32(state>>40)-1<<23) * 0x1p-23
		v = float32(math.Ldexp(float64(v), int(state%uint64(2*spread+1))-spread))
		switch t {
		case F32:
			binary.LittleEndian.PutUint32(out[4*i:], math.Float32bits(v))
		case BF16:
			binary.LittleEndian.PutUint16(out[2*i:], kernels.ToBF16(v))
		case F16:
			binary.LittleEndian.PutUint16(out[2*i:], kernels.ToF16(v))
		}
	}
	return out
}

// element returns element i of type t.
func element(t DType, p []byte, i int) float64 {
	switch t {
	case F32:
		return float64(math.Float32frombits(binary.LittleEndian.Uint32(p[4*i:])))
	case BF16:
		return float64(kernels.FromBF16(binary.LittleEndian.Uint16(p[2*i:])))
	}
	return float64(kernels.FromF16(binary.LittleEndian.Uint16(p[2*i:])))
}
