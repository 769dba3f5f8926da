//go:build cuda

package gpu_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
	"sync"
	"testing"

	"github.com/onset-eval/onset/backends/local/gpu"
	"github.com/onset-eval/onset/backends/local/gpu/cu"
	"github.com/onset-eval/onset/backends/local/internal/kernels"
)

// elemDevice is the first device, opened once.
var elemDevice = sync.OnceValues(func() (gpu.Device, error) { return cu.Open(0) })

// elemRig is memory on the device in which every operand stands between guards, and operations on it.
type elemRig struct {
	*testing.T
	dev  gpu.Device
	ops  *gpu.Ops
	bufs []elemBuffer
}

type elemBuffer struct {
	base  gpu.Ptr
	image []byte // of all of it as it was uploaded
	from  int    // where the operand begins
	n     int    // its bytes
	fixed bool   // it is only read
}

const elemGuard = 256

func newElemRig(t *testing.T, typ gpu.DType) *elemRig {
	t.Helper()
	dev, err := elemDevice()
	if err != nil {
		t.Fatal(err)
	}
	ops, err := gpu.NewOps(dev, typ)
	if err != nil {
		t.Fatal(err)
	}
	r := &elemRig{T: t, dev: dev, ops: ops}
	t.Cleanup(func() {
		if err := ops.Close(); err != nil {
			t.Error(err)
		}
		for _, b := range r.bufs {
			if err := dev.Free(b.base); err != nil {
				t.Error(err)
			}
		}
	})
	return r
}

// put uploads bytes between guards, shift bytes behind an aligned address.
func (r *elemRig) put(data []byte, shift int, fixed bool) gpu.Ptr {
	r.Helper()
	image := bytes.Repeat([]byte{0xa7}, 2*elemGuard+shift+len(data))
	copy(image[elemGuard+shift:], data)
	base, err := r.dev.Alloc(int64(len(image)))
	if err == nil {
		err = r.dev.ToDevice(base, image, r.ops.Stream)
	}
	if err != nil {
		r.Fatal(err)
	}
	r.bufs = append(r.bufs, elemBuffer{base, image, elemGuard + shift, len(data), fixed})
	return base.Add(int64(elemGuard + shift))
}

// in uploads numbers of a type that the kernels only read, out numbers that they may change.
func (r *elemRig) in(x []float32, typ gpu.DType) gpu.Ptr  { return r.put(toBytes(x, typ), 0, true) }
func (r *elemRig) out(x []float32, typ gpu.DType) gpu.Ptr { return r.put(toBytes(x, typ), 0, false) }

// ints uploads numbers that the kernels only read.
func (r *elemRig) ints(x []int32) gpu.Ptr {
	var b []byte
	for _, v := range x {
		b = binary.LittleEndian.AppendUint32(b, uint32(v))
	}
	return r.put(b, 0, true)
}

// get waits for the device and downloads n numbers.
func (r *elemRig) get(p gpu.Ptr, n int, typ gpu.DType) []float32 {
	r.Helper()
	b := make([]byte, n*typ.Size())
	err := r.ops.Err()
	if err == nil && n > 0 {
		err = r.dev.ToHost(b, p, r.ops.Stream)
	}
	if err == nil {
		err = r.dev.Synchronize(r.ops.Stream)
	}
	if err != nil {
		r.Fatal(err)
	}
	return fromBytes(b, typ)
}

func (r *elemRig) getInts(p gpu.Ptr, n int) []int32 {
	r.Helper()
	out := make([]int32, n)
	for i, v := range r.get(p, n, gpu.F32) {
		out[i] = int32(math.Float32bits(v))
	}
	return out
}

// check fails where something was written beside an operand, or to one that is only read, and frees all.
func (r *elemRig) check() {
	r.Helper()
	for i, b := range r.bufs {
		now := make([]byte, len(b.image))
		if err := r.dev.ToHost(now, b.base, r.ops.Stream); err != nil {
			r.Fatal(err)
		}
		for at := range now {
			inside := at >= b.from && at < b.from+b.n
			if now[at] != b.image[at] && (!inside || b.fixed) {
				r.Fatalf("operand %d of %d bytes: byte %d was written", i, b.n, at-b.from)
			}
		}
		if err := r.dev.Free(b.base); err != nil {
			r.Fatal(err)
		}
	}
	r.bufs = nil
}

func toBytes(x []float32, typ gpu.DType) []byte {
	b := make([]byte, 0, len(x)*typ.Size())
	for _, v := range x {
		switch typ {
		case gpu.F32:
			b = binary.LittleEndian.AppendUint32(b, math.Float32bits(v))
		case gpu.BF16:
			b = binary.LittleEndian.AppendUint16(b, kernels.ToBF16(v))
		case gpu.F16:
			b = binary.LittleEndian.AppendUint16(b, kernels.ToF16(v))
		}
	}
	return b
}

func fromBytes(b []byte, typ gpu.DType) []float32 {
	x := make([]float32, len(b)/typ.Size())
	for i := range x {
		switch typ {
		case gpu.F32:
			x[i] = math.Float32frombits(binary.LittleEndian.Uint32(b[4*i:]))
		case gpu.BF16:
			x[i] = kernels.FromBF16(binary.LittleEndian.Uint16(b[2*i:]))
		case gpu.F16:
			x[i] = kernels.FromF16(binary.LittleEndian.Uint16(b[2*i:]))
		}
	}
	return x
}

// rounded is what is left of numbers in a type.
func rounded(x []float32, typ gpu.DType) []float32 { return fromBytes(toBytes(x, typ), typ) }

// equalBits fails where numbers differ in a bit, but for NaN, which is any NaN.
func equalBits(t *testing.T, what string, got, want []float32) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%s: %d numbers, want %d", what, len(got), len(want))
	}
	for i := range got {
		if math.Float32bits(got[i]) != math.Float32bits(want[i]) && (got[i] == got[i] || want[i] == want[i]) {
			t.Fatalf("%s: number %d of %d is %g (%08x), want %g (%08x)", what, i, len(got), got[i], math.Float32bits(got[i]),
				want[i], math.Float32bits(want[i]))
		}
	}
}

// eachType runs f for every compute type.
func eachType(t *testing.T, f func(t *testing.T, typ gpu.DType)) {
	for _, typ := range []gpu.DType{gpu.F32, gpu.BF16, gpu.F16} {
		t.Run(typ.String(), func(t *testing.T) { f(t, typ) })
	}
}

// reference is the CPU's portable kernels.
func reference(t *testing.T) kernels.Set {
	t.Helper()
	set, err := kernels.ByName("generic")
	if err != nil {
		t.Fatal(err)
	}
	return set
}

func elemRand(seed ...int) *rand.Rand {
	s := uint64(1)
	for _, v := range seed {
		s = s*1000003 + uint64(v)
	}
	return rand.New(rand.NewPCG(s, 2))
}

// normal gives n normal deviates times scale.
func normal(r *rand.Rand, n int, scale float64) []float32 {
	x := make([]float32, n)
	for i := range x {
		x[i] = float32(r.NormFloat64() * scale)
	}
	return x
}

// mixed gives numbers of many sizes, with zeros of both signs, subnormal numbers, infinities and NaN among them.
func mixed(r *rand.Rand, n int) []float32 {
	x := normal(r, n, 3)
	for i := range x {
		switch r.IntN(12) {
		case 0:
			x[i] = math.Float32frombits(r.Uint32N(1<<23) | r.Uint32N(2)<<31)
		case 1:
			x[i] = math.Float32frombits(r.Uint32N(2) << 31)
		case 2:
			x[i] *= 1e15
		case 3:
			x[i] *= 1e-20
		case 4:
			x[i] *= 30
		case 5:
			x[i] = []float32{float32(math.NaN()), float32(math.Inf(1)), float32(math.Inf(-1))}[r.IntN(3)]
		}
	}
	return x
}

// widths are widths of rows: with and without whole vectors, within and beyond a warp and a block.
var widths = []int{1, 2, 3, 7, 8, 9, 16, 31, 33, 64, 65, 127, 128, 255, 256, 511, 513, 1024, 2056, 4099}

func label(parts ...any) string { return fmt.Sprint(parts...) }
