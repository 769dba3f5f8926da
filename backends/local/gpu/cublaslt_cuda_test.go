//go:build cuda

package gpu_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/onset-eval/onset/backends/local/gpu"
	"github.com/onset-eval/onset/backends/local/gpu/cu"
)

// openWithVendor opens the first device with cuBLASLt: the machine's, or in the emulator the stand-in beside the stub driver, in
// the mode that ONSET_STUB_LT asks for. A test of a mode is skipped on a card.
func openWithVendor(t *testing.T, mode string) gpu.Device {
	t.Helper()
	dev := openForProducts(t)
	if dev.Info().Emulated {
		for _, dir := range filepath.SplitList(os.Getenv("LD_LIBRARY_PATH")) {
			if _, err := os.Stat(filepath.Join(dir, "lt", "libcublasLt.so.12")); err == nil {
				t.Setenv("ONSET_CUBLASLT", filepath.Join(dir, "lt"))
			}
		}
		t.Setenv("ONSET_STUB_LT", mode)
	} else if mode != "" {
		t.Skipf("the mode %q is the stand-in's", mode)
	}
	if dev.Lt() == nil {
		t.Skipf("no cuBLASLt: %v", cu.LtError(dev))
	}
	return dev
}

// TestVendor puts the stand-in's faults to CheckLinear, and looks at what is made of each.
func TestVendor(t *testing.T) {
	for _, c := range []struct {
		mode   string
		vendor bool   // a good algorithm is found
		says   string // in Products
	}{
		{"", true, "algorithm"},
		{"dependent", true, "algorithm"},
		{"wrong", true, "algorithm"},
		{"refuse", true, "algorithm"},
		{"none", false, "no algorithm serves"},
	} {
		t.Run("mode "+c.mode, func(t *testing.T) {
			dev := openWithVendor(t, c.mode)
			for _, typ := range []gpu.DType{gpu.BF16, gpu.F16} {
				for _, wide := range []bool{true, false} {
					b := newLinearBench(t, dev, typ, 150, 517, 136, wide, false)
					b.alignRows()
					if err := b.ops.CheckLinear(b.p.W, b.p.N, b.p.K, wide); err != nil {
						t.Fatal(err)
					}
					said := strings.Join(b.ops.Products(), "\n")
					t.Log(said)
					if !strings.Contains(said, c.says) || c.vendor != strings.Contains(said, "cublasLt 1") ||
						!strings.Contains(said, "517×136 "+typ.String()) {
						t.Errorf("Products says %q", said)
					}
					y := b.run(func() { b.linear(0, b.p.M) })
					b.compare(y)
					for _, span := range [][2]int{{0, 1}, {0, gpu.MixedTokens}, {0, gpu.MixedTokens + 1}, {149, 1}, {20, 100}} {
						b.p.M = span[1]
						got := b.run(func() { b.linear(span[0], span[1]) })
						row := b.p.LdY * b.yType().Size()
						if !bytes.Equal(got[:row*span[1]], y[row*span[0]:row*(span[0]+span[1])]) {
							t.Errorf("%v, wide %t: other bits in rows %d to %d on their own", typ, wide, span[0], span[0]+span[1])
						}
						b.p.M = 150
					}
				}
			}
		})
	}
}

// TestVendorCaptured replays a graph that holds a product by cuBLASLt.
func TestVendorCaptured(t *testing.T) {
	dev := openWithVendor(t, "")
	b := newLinearBench(t, dev, gpu.BF16, 100, 512, 64, false, true)
	b.alignRows()
	if err := b.ops.CheckLinear(b.p.W, b.p.N, b.p.K, false); err != nil {
		t.Fatal(err)
	}
	want := b.run(func() { b.linear(0, b.p.M) })
	g, err := dev.Capture(0, func() error { b.linear(0, b.p.M); return b.ops.Err() })
	if err != nil {
		t.Fatal(err)
	}
	defer dev.DropGraph(g)
	got := b.run(func() {
		if err := dev.Replay(g, 0); err != nil {
			t.Fatal(err)
		}
	})
	if !bytes.Equal(got, want) {
		t.Error("a replayed product has other bits")
	}
}

// TestVendorMissing holds what is said where a library was asked for that is not one.
func TestVendorMissing(t *testing.T) {
	for asked, want := range map[string]string{"/nonexistent/lt.so": "/nonexistent/lt.so", "libm.so.6": "no function cublasLtCreate", "off": ""} {
		t.Setenv("ONSET_CUBLASLT", asked)
		dev := openForProducts(t)
		if dev.Lt() != nil {
			t.Fatalf("ONSET_CUBLASLT=%s opened %s", asked, dev.Lt().Version())
		}
		err := cu.LtError(dev)
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("ONSET_CUBLASLT=%s: %v", asked, err)
		}
		said := strings.Join(mustGet[*gpu.Ops](t)(gpu.NewOps(dev, gpu.BF16)).Products(), "\n")
		if !strings.Contains(said, want) || (want == "") == strings.Contains(said, "no cuBLASLt") {
			t.Errorf("ONSET_CUBLASLT=%s: Products says %q", asked, said)
		}
		if err := dev.Close(); err != nil {
			t.Error(err)
		}
	}
}

// alignRows makes the rows of y begin at multiples of 16 bytes, as cuBLASLt wants them.
func (b *linearBench) alignRows() {
	b.t.Helper()
	b.p.LdY = (b.p.N + 15) / 8 * 8
	b.yBytes = int64(b.p.M*b.p.LdY) * int64(b.yType().Size())
	b.base = mustGet[gpu.Ptr](b.t)(b.dev.Alloc(b.yBytes + 2*b.guard))
	b.t.Cleanup(func() { _ = b.dev.Free(b.base) })
	b.p.Y = b.base.Add(b.guard)
}

// linear enqueues the product of rows of x by whatever Ops takes.
func (b *linearBench) linear(first, m int) {
	x := b.p.X.Add(int64(first*b.p.LdX) * int64(b.p.T.Size()))
	if b.p.YFloat32 {
		b.ops.LinearF32(b.p.Y, x, b.p.W, b.bias, m, b.p.N, b.p.K, b.p.LdX, b.p.LdY)
	} else {
		b.ops.Linear(b.p.Y, x, b.p.W, b.bias, m, b.p.N, b.p.K, b.p.LdX, b.p.LdY)
	}
}
