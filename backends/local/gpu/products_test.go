package gpu_test

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/onset-eval/onset/backends/local/gpu"
	"github.com/onset-eval/onset/backends/local/gpu/gputest"
)

func bf16At(b []byte, i int) float32 {
	return math.Float32frombits(uint32(binary.LittleEndian.Uint16(b[2*i:])) << 16)
}

func putBF16(b []byte, i int, v float32) {
	u := math.Float32bits(v)
	binary.LittleEndian.PutUint16(b[2*i:], uint16((u+0x7fff+u>>16&1)>>16))
}

// multiply is a product in bf16 on the test device, k descending where backwards, plus off.
func multiply(d *gputest.Device, p gpu.LtProblem, backwards bool, off float32) {
	x, w := d.At(p.X, int64(p.M*p.LdX*2)), d.At(p.W, int64(p.N*p.K*2))
	size := 2
	if p.YFloat32 {
		size = 4
	}
	y := d.At(p.Y, int64((p.M-1)*p.LdY+p.N)*int64(size))
	for i := range p.M {
		for j := range p.N {
			var sum float32
			for c := range p.K {
				if backwards {
					c = p.K - 1 - c
				}
				sum += float32(bf16At(x, i*p.LdX+c) * bf16At(w, j*p.K+c))
			}
			if p.YFloat32 {
				binary.LittleEndian.PutUint32(y[4*(i*p.LdY+j):], math.Float32bits(sum+off))
			} else {
				putBF16(y, i*p.LdY+j, sum+off)
			}
		}
	}
}

func tileKernel(d *gputest.Device, c gputest.Call) error {
	p := gpu.LtProblem{Y: c.Ptr(0), X: c.Ptr(1), W: c.Ptr(2), M: c.Int(4), N: c.Int(5), K: c.Int(6), LdX: c.Int(7), LdY: c.Int(8),
		T: gpu.BF16, YFloat32: c.Int(9) != 0}
	multiply(d, p, false, 0)
	return nil
}

// vendor is a cuBLASLt whose algorithms are given as functions.
type vendor struct {
	d          *gputest.Device
	algorithms []func(p gpu.LtProblem) error
	at, calls  int
}

func (v *vendor) Version() string      { return "cublasLt 0.0.0" }
func (v *vendor) Algorithms() []string { return []string{fmt.Sprint("algorithm ", v.at)} }
func (v *vendor) Matmul(p gpu.LtProblem, _ gpu.Stream) error {
	v.calls++
	return v.algorithms[v.at](p)
}
func (v *vendor) Reject(gpu.LtProblem) bool {
	if v.at+1 == len(v.algorithms) {
		return false
	}
	v.at++
	return true
}

// The rows of y are testLd apart, which is a multiple of 16 bytes though testN is none.
const testN, testK, testLd = 516, 72, 520

func newVendor(t *testing.T) (*gputest.Device, *vendor, *gpu.Ops, gpu.Ptr) {
	t.Helper()
	d := gputest.New(1 << 24)
	o, err := gpu.NewOps(d, gpu.BF16)
	if err != nil {
		t.Fatal(err)
	}
	for _, tile := range gpu.Tiles(gpu.BF16) {
		d.Kernels[tile.Kernel+"_bf16"] = tileKernel
	}
	v := &vendor{d: d}
	d.Vendor = v
	w, err := d.Alloc(testN * testK * 2)
	if err != nil {
		t.Fatal(err)
	}
	b := d.At(w, testN*testK*2)
	for i := range testN * testK {
		putBF16(b, i, float32(math.Sin(float64(i))))
	}
	return d, v, o, w
}

func TestCheckLinear(t *testing.T) {
	d, v, _, w := newVendor(t)
	same := func(p gpu.LtProblem) error { multiply(d, p, false, 0); return nil }
	other := func(p gpu.LtProblem) error { multiply(d, p, true, 0); return nil }
	byTokens := func(p gpu.LtProblem) error { multiply(d, p, p.M > 32, 0); return nil }
	byPlace := func(p gpu.LtProblem) error {
		if p.M != 1 {
			multiply(d, p, true, 0)
			return nil
		}
		multiply(d, p, false, 0)
		return nil
	}
	wrong := func(p gpu.LtProblem) error { multiply(d, p, false, 0.5); return nil }
	fails := func(gpu.LtProblem) error { return errors.New("not supported") }
	for _, c := range []struct {
		name       string
		algorithms []func(gpu.LtProblem) error
		at         int    // the algorithm that is left pinned
		small      bool   // few tokens go to cuBLASLt
		large      bool   // many do
		says       string // in Products
	}{
		{"equal bits", []func(gpu.LtProblem) error{same}, 0, false, true, "with the bits of cuBLASLt"},
		{"other order of sums", []func(gpu.LtProblem) error{other}, 0, true, true, "algorithm 0"},
		{"bits by number of tokens", []func(gpu.LtProblem) error{byTokens}, 0, false, false, "among 136"},
		{"bits of one token", []func(gpu.LtProblem) error{byPlace}, 0, false, false, "among 136"},
		{"wrong results", []func(gpu.LtProblem) error{wrong}, 0, false, false, "differs from the own kernel"},
		{"refused", []func(gpu.LtProblem) error{fails}, 0, false, false, "not supported"},
		{"the third passes", []func(gpu.LtProblem) error{byTokens, fails, other, same}, 2, true, true, "algorithm 2"},
	} {
		t.Run(c.name, func(t *testing.T) {
			o, err := gpu.NewOps(d, gpu.BF16)
			if err != nil {
				t.Fatal(err)
			}
			used := d.Used()
			v.algorithms, v.at = c.algorithms, 0
			if err := o.CheckLinear(w, testN, testK, true); err != nil {
				t.Fatal(err)
			}
			if d.Used() != used {
				t.Errorf("the check left %d bytes allocated", d.Used()-used)
			}
			if v.at != c.at {
				t.Errorf("algorithm %d is pinned, want %d", v.at, c.at)
			}
			if said := strings.Join(o.Products(), "\n"); !strings.Contains(said, c.says) {
				t.Errorf("Products says %q, want %q in it", said, c.says)
			}
			x, _ := d.Alloc(200 * testK * 2)
			y, _ := d.Alloc(200 * testLd * 4)
			clear(d.At(x, 200*testK*2))
			for _, m := range []int{1, gpu.MixedTokens, gpu.MixedTokens + 1, 200} {
				v.calls = 0
				d.Forget()
				o.LinearF32(y, x, w, 0, m, testN, testK, testK, testLd)
				want := c.large
				if m <= gpu.MixedTokens {
					want = c.small
				}
				if (v.calls == 1) != want || (len(d.Launches()) == 1) == want {
					t.Errorf("%d tokens: %d calls of cuBLASLt and %d launches, want cuBLASLt: %t", m, v.calls, len(d.Launches()), want)
				}
			}
			v.calls = 0
			o.Linear(y, x, w, 0, 200, testN, testK, testK, testLd)
			if v.calls != 0 {
				t.Error("a shape that was not checked went to cuBLASLt")
			}
			if err := o.Err(); err != nil {
				t.Error(err)
			}
		})
	}
}

// TestLinearBias holds that the bias follows a product of cuBLASLt, and is inside that of the own kernel unless the two
// libraries share the shape.
func TestLinearBias(t *testing.T) {
	d, v, o, w := newVendor(t)
	x, _ := d.Alloc(200 * testK * 2)
	y, _ := d.Alloc(200 * testLd * 2)
	bias, _ := d.Alloc(testN * 4)
	clear(d.At(x, 200*testK*2))
	launches := func(m int) string {
		d.Forget()
		o.Linear(y, x, w, bias, m, testN, testK, testK, testLd)
		var out []string
		for _, c := range d.Launches() {
			arg := 3
			if strings.HasPrefix(c.Name, "linear_bias") {
				arg = 1
			}
			out = append(out, fmt.Sprint(strings.Split(c.Name, "_")[1], " ", c.Ptr(arg) == bias))
		}
		return strings.Join(out, ", ")
	}
	if got := launches(1); got != "16x8 true" {
		t.Errorf("own kernel: %s", got)
	}
	v.algorithms = []func(gpu.LtProblem) error{func(p gpu.LtProblem) error { multiply(d, p, false, 0); return nil }}
	if err := o.CheckLinear(w, testN, testK, false); err != nil {
		t.Fatal(err)
	}
	if got := launches(200); got != "bias true" {
		t.Errorf("cuBLASLt: %s", got)
	}
	if got := launches(1); got != "16x8 false, bias true" {
		t.Errorf("few tokens beside cuBLASLt: %s", got)
	}
	o.OwnProducts()
	if got := launches(200); strings.Contains(got, "bias") {
		t.Errorf("after OwnProducts: %s", got)
	}
}

// TestLinearAlignment holds that matrices which cuBLASLt may not read go to the plain kernel.
func TestLinearAlignment(t *testing.T) {
	d, v, o, w := newVendor(t)
	v.algorithms = []func(gpu.LtProblem) error{func(p gpu.LtProblem) error { multiply(d, p, false, 0); return nil }}
	if err := o.CheckLinear(w, testN, testK, false); err != nil {
		t.Fatal(err)
	}
	x, _ := d.Alloc(201 * 76 * 2)
	y, _ := d.Alloc(201 * testLd * 2)
	clear(d.At(x, 201*28*2))
	d.Forget()
	v.calls = 0
	o.Linear(y, x, w, 0, 100, testN, testK, 76, testLd)
	o.Linear(y, x.Add(2), w, 0, 100, testN, testK, testK, testLd)
	if n := len(d.Launches("linear_plain_bf16")); n != 2 || v.calls != 0 {
		t.Errorf("%d launches of the plain kernel and %d calls of cuBLASLt, want 2 and 0", n, v.calls)
	}
	if o.Err() != nil {
		t.Error(o.Err())
	}
	o.Linear(y, x, w, 0, 0, testN, testK, testK, testLd)
	if len(d.Launches()) != 2 {
		t.Error("no tokens were a launch")
	}
}

func TestCheckLinearDeviceError(t *testing.T) {
	d, v, o, w := newVendor(t)
	v.algorithms = []func(gpu.LtProblem) error{func(gpu.LtProblem) error { return errors.New("lost") }}
	d.FailAt("synchronize", 1, nil)
	if err := o.CheckLinear(w, testN, testK, false); err == nil || !strings.Contains(err.Error(), "CUDA_ERROR_INVALID_VALUE") {
		t.Errorf("a lost device: %v", err)
	}
	d.FailAt("alloc", 1, &gpu.OutOfMemory{Device: "x", Asked: 1})
	if err := o.CheckLinear(w, testN, testK, true); err != nil || !strings.Contains(strings.Join(o.Products(), ""), "no room") {
		t.Errorf("no memory: %v, %v", err, o.Products())
	}
	d.FailAt("alloc", 1, nil)
	if err := o.CheckLinear(w, testN, 64, true); err == nil {
		t.Error("an allocation that fails is no error")
	}
}

func TestLtPaths(t *testing.T) {
	env := map[string]string{"CUDA_HOME": "/c", "VIRTUAL_ENV": "/v", "HOME": "/h"}
	files := map[string]bool{"/c/lib64/libcublasLt.so.12": true, "/v/lib/python3.12/site-packages/nvidia/cu13/lib/libcublasLt.so.13": true,
		"/lib/x/libcublasLt.so.12": true}
	glob := func(pattern string) ([]string, error) {
		pattern = strings.ReplaceAll(pattern, "python3*", "python3.12")
		if strings.Contains(pattern, "[") && !strings.Contains(pattern, "]") {
			return nil, errors.New("syntax error in pattern")
		}
		if files[pattern] {
			return []string{pattern}, nil
		}
		return nil, nil
	}
	for _, c := range []struct{ asked, want string }{
		{"", "libcublasLt.so.13 /v/lib/python3.12/site-packages/nvidia/cu13/lib/libcublasLt.so.13 libcublasLt.so.12 /c/lib64/libcublasLt.so.12"},
		{"off", ""},
		{"/lib/x", "/lib/x/libcublasLt.so.12"},
		{"/somewhere/my.so", "/somewhere/my.so"},
	} {
		env["ONSET_CUBLASLT"] = c.asked
		got, err := gpu.LtPaths(func(k string) string { return env[k] }, glob)
		if err != nil || strings.Join(got, " ") != c.want {
			t.Errorf("ONSET_CUBLASLT=%q: %v, %v; want %s", c.asked, got, err, c.want)
		}
	}
	env["ONSET_CUBLASLT"] = "/a["
	if _, err := gpu.LtPaths(func(k string) string { return env[k] }, glob); err == nil || !strings.Contains(err.Error(), "hint:") {
		t.Errorf("a bad name: %v", err)
	}
}

// TestCheckProductsFaults puts wrong kernels to the device's self-test.
func TestCheckProductsFaults(t *testing.T) {
	for _, c := range []struct {
		name    string
		kernel  string  // the one that is changed
		off     float32 // what is added to its results
		back    bool    // it sums in the other order
		err     string
		hopper  bool // gemm90.cu's are used
		noted   string
		capable bool // compute capability 9.0
	}{
		{"all right", "", 0, false, "", false, "", false},
		{"all right on Hopper", "", 0, false, "", true, "", true},
		{"the first is wrong", "linear_16x8", 0.01, false, "kernel linear_16x8_bf16 gives", false, "", false},
		{"one is wrong", "linear_64x64", 0.01, false, "kernel linear_64x64_bf16 gives other bits", false, "", false},
		{"one sums otherwise", "linear_128x256", 0, true, "kernel linear_128x256_bf16 gives other bits", false, "", false},
		{"the plain one is wrong", "linear_plain", 0.01, false, "kernel linear_plain_bf16 gives", false, "", false},
		{"Hopper's sums otherwise", "linear90_128x256", 0, true, "", false, "linear90_128x256: its bits are not", true},
	} {
		t.Run(c.name, func(t *testing.T) {
			d := gputest.New(1 << 24)
			if c.capable {
				d.About.Major, d.About.SharedPerBlock = 9, 227<<10
			}
			for _, tile := range append(gpu.Tiles(gpu.BF16), gpu.HopperTiles()...) {
				d.Kernels[tile.Kernel+"_bf16"] = func(d *gputest.Device, k gputest.Call) error {
					p := gpu.LtProblem{Y: k.Ptr(0), X: k.Ptr(1), W: k.Ptr(2), M: k.Int(4), N: k.Int(5), K: k.Int(6), LdX: k.Int(7), LdY: k.Int(8),
						T: gpu.BF16, YFloat32: k.Int(9) != 0}
					if tile.Kernel == c.kernel {
						multiply(d, p, c.back, c.off)
					} else {
						multiply(d, p, false, 0)
					}
					return nil
				}
			}
			o, err := gpu.NewOps(d, gpu.BF16)
			if err != nil {
				t.Fatal(err)
			}
			err = o.CheckProducts()
			if (err == nil) != (c.err == "") || err != nil && !(strings.Contains(err.Error(), c.err) && strings.Contains(err.Error(), "hint:")) {
				t.Fatalf("error %v, want %q", err, c.err)
			}
			said := strings.Join(o.Products(), "\n")
			if strings.Contains(said, "gemm90.cu)") != c.hopper || !strings.Contains(said, c.noted) {
				t.Errorf("Products says %q", said)
			}
			if leaks := d.Leaks(); len(leaks) > 0 {
				t.Errorf("left: %v", leaks)
			}
		})
	}
}
