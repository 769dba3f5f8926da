package gputest

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"slices"
	"testing"

	"github.com/onset-eval/onset/backends/local/gpu"
)

// Axpy is the kernel that Conformance launches: selftest_axpy(float *y, const float *x, float a, int n) adds a·x to y.
const Axpy = "selftest_axpy"

// RunAxpy is Axpy in Go, for Device.Kernels.
func RunAxpy(d *Device, c Call) error {
	n := c.Int(3)
	x, y := d.Floats(c.Ptr(1), n), d.Floats(c.Ptr(0), n)
	for i := range y {
		y[i] = float32(math.FMA(float64(c.Float(2)), float64(x[i]), float64(y[i])))
	}
	copy(d.At(c.Ptr(0), int64(4*n)), gpu.BytesOf(y))
	return nil
}

// Conformance tests what the documentation of gpu.Device promises, on devices that open makes. open may be called several
// times; each device is closed.
func Conformance(t *testing.T, open func(t *testing.T) gpu.Device) {
	for _, test := range []struct {
		name string
		run  func(*testing.T, gpu.Device)
	}{
		{"info", testInfo},
		{"allocations", testAllocations},
		{"out of memory", testOutOfMemory},
		{"copies", testCopies},
		{"pinned memory", testPinned},
		{"functions", testFunctions},
		{"launches", testLaunches},
		{"shared memory", testShared},
		{"streams and events", testStreams},
		{"event handles", testEventHandles},
		{"graphs", testGraphs},
		{"captures that fail", testCaptureFails},
		{"a capture of two streams", testCaptureJoins},
		{"handles that do not exist", testHandles},
		{"uploads", testUploads},
	} {
		t.Run(test.name, func(t *testing.T) {
			d := open(t)
			test.run(t, d)
			if err := d.Close(); err != nil {
				t.Errorf("close: %v", err)
			}
			if err := d.Close(); err != nil {
				t.Errorf("close again: %v", err)
			}
			if _, err := d.Alloc(1); err == nil {
				t.Error("an allocation on a closed device")
			}
		})
	}
}

// fatal ends the test where err is one.
func fatal(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func alloc(t *testing.T, d gpu.Device, bytes int64) gpu.Ptr {
	t.Helper()
	p, err := d.Alloc(bytes)
	fatal(t, err)
	return p
}

// pattern is n bytes that differ at every offset nearby and with seed.
func pattern(n, seed int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(i*31 + i>>8*7 + i>>16*13 + seed)
	}
	return b
}

func testInfo(t *testing.T, d gpu.Device) {
	info := d.Info()
	if info.Name == "" || info.Major < 8 || info.TotalBytes <= 0 || info.Multiprocessors < 1 || info.SharedPerBlock < gpu.DefaultShared {
		t.Errorf("information %+v", info)
	}
	free, total, err := d.Memory()
	fatal(t, err)
	if free <= 0 || total < free || total != info.TotalBytes {
		t.Errorf("%d of %d bytes free, of %d in the information", free, total, info.TotalBytes)
	}
}

func testAllocations(t *testing.T, d gpu.Device) {
	var all []gpu.Ptr
	sizes := []int64{1, 255, 256, 257, 4096, 1 << 20}
	for _, n := range sizes {
		p := alloc(t, d, n)
		if p == 0 || p%gpu.Align != 0 {
			t.Errorf("%d bytes at %#x", n, uint64(p))
		}
		for i, q := range all {
			if p < q.Add(sizes[i]) && q < p.Add(n) {
				t.Errorf("allocations at %#x and %#x overlap", uint64(p), uint64(q))
			}
		}
		all = append(all, p)
	}
	for _, p := range all {
		if err := d.Free(p); err != nil {
			t.Error(err)
		}
	}
	if err := d.Free(0); err != nil {
		t.Errorf("free of nothing: %v", err)
	}
	if d.Free(all[0]) == nil || d.Free(all[5]+4) == nil {
		t.Error("memory that is not allocated was freed")
	}
	for _, n := range []int64{0, -1} {
		if _, err := d.Alloc(n); err == nil {
			t.Errorf("%d bytes were allocated", n)
		}
	}
}

func testOutOfMemory(t *testing.T, d gpu.Device) {
	total := d.Info().TotalBytes
	_, err := d.Alloc(total * 2)
	var oom *gpu.OutOfMemory
	if !errors.As(err, &oom) {
		t.Fatalf("twice the memory there is: %v", err)
	}
	if oom.Asked != total*2 || oom.Free <= 0 || oom.Total != total || oom.Device == "" {
		t.Errorf("error %+v", oom)
	}
	// The device goes on.
	if err := d.Free(alloc(t, d, 100)); err != nil {
		t.Error(err)
	}
}

// testCopies moves bytes to, within and from the device, at offsets and sizes that are no multiple of anything, by pinned and
// by other memory, and looks at the bytes around.
func testCopies(t *testing.T, d gpu.Device) {
	const room = 10<<20 + 100
	a, b := alloc(t, d, room), alloc(t, d, room)
	pinned, err := d.Pinned(room)
	fatal(t, err)
	for i, n := range []int{1, 3, 64, 1000, 4 << 20, 4<<20 + 1, 9<<20 + 77} {
		for _, mode := range []string{"pinned", "not pinned"} {
			offset := int64(i)
			fatal(t, d.Zero(a, room, 0))
			fatal(t, d.Zero(b, room, 0))
			want := pattern(n, i)
			src, dst := bytes.Clone(want), make([]byte, n+2*8)
			if mode == "pinned" {
				src = pinned[5:][:n]
				copy(src, want)
			}
			fatal(t, d.ToDevice(a.Add(offset), src, 0))
			if mode != "pinned" {
				clear(src) // was read
			}
			fatal(t, d.Copy(b.Add(8), a.Add(offset), int64(n), 0))
			fatal(t, d.Synchronize(0))
			if mode == "pinned" {
				dst = pinned[3:][:n+16]
			}
			fatal(t, d.ToHost(dst, b, 0))
			if mode == "pinned" {
				fatal(t, d.Synchronize(0))
			}
			if !bytes.Equal(dst[8:8+n], want) || !bytes.Equal(dst[:8], make([]byte, 8)) || !bytes.Equal(dst[8+n:], make([]byte, 8)) {
				t.Errorf("%d bytes, %s: they came back otherwise, or with others", n, mode)
			}
		}
	}
	fatal(t, d.ToDevice(a, nil, 0))
	fatal(t, d.ToHost(nil, a, 0))
	fatal(t, d.Copy(b, a, 0, 0))
	fatal(t, d.Zero(a, 0, 0))
	fatal(t, errors.Join(d.Free(a), d.Free(b), d.FreePinned(pinned)))
}

func testPinned(t *testing.T, d gpu.Device) {
	b, err := d.Pinned(10000)
	fatal(t, err)
	if len(b) != 10000 {
		t.Errorf("%d bytes", len(b))
	}
	copy(b, pattern(len(b), 1))
	other, err := d.Pinned(1)
	fatal(t, err)
	other[0] = 9
	if !bytes.Equal(b, pattern(len(b), 1)) {
		t.Error("pinned memory is not the caller's own")
	}
	gpu.ViewOf[uint64](b)[0] = 1 // aligned
	if d.FreePinned(b[1:]) == nil || d.FreePinned(make([]byte, 8)) == nil {
		t.Error("memory that is not pinned was freed")
	}
	fatal(t, errors.Join(d.FreePinned(b), d.FreePinned(other), d.FreePinned(nil)))
	if d.FreePinned(b[:0:0]) != nil {
		t.Error("no memory at all was refused")
	}
	if _, err := d.Pinned(0); err == nil {
		t.Error("no bytes were pinned")
	}
}

func testFunctions(t *testing.T, d gpu.Device) {
	f, err := d.Function(Axpy)
	fatal(t, err)
	if again, err := d.Function(Axpy); err != nil || again != f || f == 0 {
		t.Errorf("functions %d and %d, error %v", f, again, err)
	}
	_, err = d.Function("no_such_kernel")
	var e *gpu.Error
	if !errors.As(err, &e) || e.Name != "CUDA_ERROR_NOT_FOUND" || e.Lost() {
		t.Errorf("a kernel that does not exist: %v", err)
	}
}

// axpy is Axpy on one device.
type axpy struct {
	t    *testing.T
	d    gpu.Device
	f    gpu.Function
	args gpu.Args
}

func newAxpy(t *testing.T, d gpu.Device) *axpy {
	t.Helper()
	f, err := d.Function(Axpy)
	fatal(t, err)
	return &axpy{t: t, d: d, f: f}
}

func (k *axpy) launch(y, x gpu.Ptr, a float32, n int, s gpu.Stream) error {
	args := k.args.Reset().Ptr(y).Ptr(x).Float(a).Int(n)
	return k.d.Launch(k.f, gpu.D1(gpu.CeilDiv(n, 64)), gpu.D1(64), 0, s, args.Words())
}

// floats allocates n float32 of one value.
func (k *axpy) floats(n int, value float32) gpu.Ptr {
	k.t.Helper()
	p := alloc(k.t, k.d, int64(4*n))
	fatal(k.t, k.d.ToDevice(p, gpu.BytesOf(slices.Repeat([]float32{value}, n)), 0))
	fatal(k.t, k.d.Synchronize(0))
	return p
}

// check fails unless all n float32 at p have a value.
func (k *axpy) check(what string, p gpu.Ptr, n int, want float32) {
	k.t.Helper()
	got := make([]float32, n)
	fatal(k.t, k.d.ToHost(gpu.BytesOf(got), p, 0))
	for i, x := range got {
		if x != want {
			k.t.Fatalf("%s: element %d is %v, want %v", what, i, x, want)
		}
	}
}

func testLaunches(t *testing.T, d gpu.Device) {
	k := newAxpy(t, d)
	for _, n := range []int{1, 31, 64, 65, 1000} {
		x, y := k.floats(n, 3), k.floats(n+1, 7)
		fatal(t, k.launch(y, x, -0.5, n, 0))
		k.check(fmt.Sprintf("%d elements", n), y, n, 5.5)
		k.check("the element after them", y.Add(int64(4*n)), 1, 7)
		fatal(t, errors.Join(d.Free(x), d.Free(y)))
	}
	if err := d.Launch(k.f, gpu.D1(1), gpu.D1(2000), 0, 0, k.args.Words()); err == nil {
		t.Error("a block of 2000 threads")
	}
}

func testShared(t *testing.T, d gpu.Device) {
	k := newAxpy(t, d)
	x, y := k.floats(1, 1), k.floats(1, 1)
	launch := func() error {
		return d.Launch(k.f, gpu.D1(1), gpu.D1(32), gpu.DefaultShared+1024, 0, k.args.Reset().Ptr(y).Ptr(x).Float(1).Int(1).Words())
	}
	if launch() == nil {
		t.Error("more shared memory than was allowed")
	}
	if d.SetShared(k.f, d.Info().SharedPerBlock+1024) == nil {
		t.Error("more shared memory than a block has")
	}
	fatal(t, d.SetShared(k.f, gpu.DefaultShared+1024))
	fatal(t, launch())
	k.check("with shared memory", y, 1, 2)
}

func testHandles(t *testing.T, d gpu.Device) {
	p := alloc(t, d, 64)
	const none = gpu.Stream(99)
	for name, err := range map[string]error{
		"to device":   d.ToDevice(p, make([]byte, 4), none),
		"to host":     d.ToHost(make([]byte, 4), p, none),
		"copy":        d.Copy(p, p.Add(32), 4, none),
		"zero":        d.Zero(p, 4, none),
		"synchronize": d.Synchronize(none),
		"replay":      d.Replay(gpu.Graph(99), 0),
	} {
		var e *gpu.Error
		if !errors.As(err, &e) || e.Lost() {
			t.Errorf("%s: error %v", name, err)
		}
	}
	if _, err := d.Record(none); err == nil {
		t.Error("an event was recorded in a stream that does not exist")
	}
	if _, err := d.Capture(none, func() error { return nil }); err == nil {
		t.Error("a stream that does not exist was captured")
	}
	fatal(t, d.Free(p))
}

// testUploads converts numbers while others are on their way, and computes with what arrived.
func testUploads(t *testing.T, d gpu.Device) {
	k := newAxpy(t, d)
	const n = 10_000
	u, err := gpu.NewUploader(d, 0, 1024)
	fatal(t, err)
	x, y := alloc(t, d, 4*n), k.floats(n, 0)
	for round := range 3 {
		pieces := 0
		fatal(t, u.Upload(x, 4*n, func(to []byte, offset int64) error {
			pieces++
			for i := range gpu.ViewOf[float32](to) {
				gpu.ViewOf[float32](to)[i] = float32(round) + float32(offset/4+int64(i))
			}
			return nil
		}))
		if pieces != 40 {
			t.Errorf("%d pieces", pieces)
		}
		fatal(t, k.launch(y, x, 2, n, 0))
	}
	got := make([]float32, n)
	fatal(t, d.ToHost(gpu.BytesOf(got), y, 0))
	for i, g := range got {
		if want := float32(2 * (3*i + 0 + 1 + 2)); g != want {
			t.Fatalf("element %d is %v, want %v", i, g, want)
		}
	}
	fatal(t, errors.Join(u.Close(), d.Free(x), d.Free(y)))
}
