package gpu

import (
	"bytes"
	"fmt"
	"math"
)

// CheckProducts tests the own kernels over T on this device, once: every tile against sums in float64 on the host and against
// the other tiles, whose bits must be equal, and on compute capability 9.0 the kernels of gemm90.cu, which are used
// from then on where they give the bits of gemm.cu's on several thousand sums over numbers of like and of very unlike size. That
// they do not is no error; Products says so. A wrong result of the others is one: the card, the driver's compiler or a kernel is
// defective, and nothing that it computes can be trusted. It takes some milliseconds, and waits for the device.
func (o *Ops) CheckProducts() error {
	if o.err != nil || o.products.checked {
		return o.err
	}
	for _, k := range []int{264, 75} { // the second for the plain kernel
		c := productCheck{o: o, m: 70, n: 130, k: k}
		if err := c.run(c.tiles); err != nil {
			return fmt.Errorf("check the matrix products of %v: %w", o.info, err)
		}
	}
	if o.T != F32 && o.info.Capability() == 90 && o.Has(hopperTiles[0].Kernel+"_"+o.T.String()) {
		if err := o.checkHopper(); err != nil {
			return fmt.Errorf("check the matrix products of %v: %w", o.info, err)
		}
	}
	o.products.checked = true
	return nil
}

// productCheck is one product's memory.
type productCheck struct {
	o       *Ops
	m, n, k int
	spread  int // the operands are uniform numbers times powers of two up to this and its inverse
	x, w    []byte
	p       LtProblem
}

// run allocates and fills the operands, calls f, and frees.
func (c *productCheck) run(f func() error) (err error) {
	size := int64(c.o.T.Size())
	up := func(n int64) int64 { return (n + Align - 1) / Align * Align }
	xBytes, wBytes := up(int64(c.m*c.k)*size), up(int64(c.n*c.k)*size)
	mem, err := c.o.Dev.Alloc(xBytes + wBytes + int64(c.m*c.n)*4)
	if err != nil {
		return err
	}
	defer func() {
		if e := c.o.Dev.Free(mem); err == nil {
			err = e
		}
	}()
	all := randomElements(c.o.T, (c.m+c.n)*c.k, c.spread)
	c.x, c.w = all[:c.m*c.k*int(size)], all[c.m*c.k*int(size):]
	c.p = LtProblem{X: mem, W: mem.Add(xBytes), Y: mem.Add(xBytes + wBytes), M: c.m, N: c.n, K: c.k, LdX: c.k, LdY: c.n, T: c.o.T,
		YFloat32: true}
	if err := c.o.Dev.ToDevice(c.p.X, c.x, c.o.Stream); err != nil {
		return err
	}
	if err := c.o.Dev.ToDevice(c.p.W, c.w, c.o.Stream); err != nil {
		return err
	}
	return f()
}

// product returns y by one kernel.
func (c *productCheck) product(t Tile) ([]byte, error) {
	y := make([]byte, c.m*c.n*4)
	if err := c.o.Dev.Zero(c.p.Y, int64(len(y)), c.o.Stream); err != nil {
		return nil, err
	}
	c.o.tileProduct(t, c.p, 0)
	if c.o.err != nil {
		return nil, c.o.err
	}
	return y, c.o.Dev.ToHost(y, c.p.Y, c.o.Stream)
}

// tiles compares all kernels that take the shape.
func (c *productCheck) tiles() error {
	tiles := Tiles(c.o.T)
	if !Vectors(c.o.T, c.p.X, c.p.W, c.k, c.k) {
		tiles = tiles[len(tiles)-1:]
	}
	var first []byte
	for _, t := range tiles {
		if t.Shared > c.o.info.SharedPerBlock {
			continue
		}
		y, err := c.product(t)
		if err != nil {
			return err
		}
		if first == nil {
			if err := c.right(t, y); err != nil {
				return err
			}
			first = y
		} else if !bytes.Equal(y, first) {
			return fmt.Errorf("kernel %s_%v gives other bits than %s_%v\n%s", t.Kernel, c.o.T, tiles[0].Kernel, c.o.T, defective)
		}
	}
	return nil
}

const defective = "hint: the card, its driver or a kernel is defective; use --device cpu, and report it if another card of the model does it too"

// right compares y with sums in float64, to within 2·√k·2⁻²⁴·Σ|x·w|.
func (c *productCheck) right(t Tile, y []byte) error {
	x, w := make([]float64, c.m*c.k), make([]float64, c.n*c.k)
	for i := range x {
		x[i] = element(c.o.T, c.x, i)
	}
	for i := range w {
		w[i] = element(c.o.T, c.w, i)
	}
	for i := range c.m {
		for j := range c.n {
			sum, size := 0.0, 0.0
			for q := range c.k {
				v := x[i*c.k+q] * w[j*c.k+q]
				sum += v
				size += math.Abs(v)
			}
			got := element(F32, y, i*c.n+j)
			if e := math.Abs(got - sum); !(e <= 2*math.Sqrt(float64(c.k))*0x1p-24*size) {
				return fmt.Errorf("kernel %s_%v gives %g where %g is right\n%s", t.Kernel, c.o.T, got, sum, defective)
			}
		}
	}
	return nil
}

// checkHopper decides whether the kernels of gemm90.cu are used.
func (o *Ops) checkHopper() error {
	fault := ""
	for _, spread := range []int{0, 3, 12} {
		c := productCheck{o: o, m: 260, n: 264, k: 64, spread: spread}
		if !o.info.Emulated {
			c.k = 4096
		}
		err := c.run(func() error {
			want, err := c.product(halfTiles[len(halfTiles)-2])
			if err != nil {
				return err
			}
			for _, t := range hopperTiles {
				got, err := c.product(t)
				if err != nil {
					return err
				}
				if !bytes.Equal(got, want) {
					fault = fmt.Sprintf("%s: its bits are not those of gemm.cu's kernels, so it is not used", t.Kernel)
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	o.products.hopper = fault == ""
	if fault != "" {
		o.products.notes = append(o.products.notes, fault)
	}
	return nil
}
