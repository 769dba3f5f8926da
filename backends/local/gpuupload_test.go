package local

import (
	"context"
	"errors"
	"maps"
	"slices"
	"testing"
	"testing/fstest"

	"github.com/onset-eval/onset/backends/local/gpu"
	"github.com/onset-eval/onset/backends/local/gpu/gputest"
	"github.com/onset-eval/onset/backends/local/internal/kernels"
)

// placeGolden opens the golden's checkpoint on a device.
func (g *golden) placeGolden(dev gpu.Device, config []byte, compute string) (*opened, error) {
	plan, err := parseSpec(config)
	if err != nil {
		return nil, err
	}
	files := fstest.MapFS{"model.safetensors": {Data: g.file(asStored)}}
	return openModel(context.Background(), files, func(s source) (*model, error) { return loadModel(plan, s) },
		Options{Device: dev, Compute: compute, StepTokens: 16, CacheBytes: 1 << 20})
}

// TestWeightsArriveOnTheDevice holds all matrices, norms and biases on a recording device against the processor's model: of
// every architecture, in every type, unpacked and each once.
func TestWeightsArriveOnTheDevice(t *testing.T) {
	for name, g := range readGoldens(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if testing.Short() && len(name)%4 > 0 {
				t.Skip("a quarter will do where there is little time")
			}
			for _, config := range g.Configs {
				host, err := g.load(config, asStored)
				if err != nil {
					t.Fatal(err)
				}
				for _, as := range []gpu.DType{gpu.F32, gpu.BF16, gpu.F16} {
					dev := gputest.New(1 << 27)
					m, err := g.placeGolden(dev, config, as.String())
					if err != nil {
						t.Fatal(err)
					}
					compareWeights(t, dev, host, m, as)
					if err := m.close(); err != nil {
						t.Error(err)
					}
					if leaks := dev.Leaks(); len(leaks) > 0 {
						t.Error(leaks)
					}
				}
				return
			}
		})
	}
}

// compareWeights compares a model on a device with one of the processor.
func compareWeights(t *testing.T, dev *gputest.Device, host *model, placed *opened, as gpu.DType) {
	t.Helper()
	g := placed.device.model
	matrix := func(what string, at gpu.Ptr, w kernels.Weight) {
		t.Helper()
		if w.N == 0 {
			return
		}
		want, row := make([]byte, w.N*w.K*as.Size()), make([]float32, w.K)
		for i := range w.N {
			w.Row(row, i)
			convert(want[i*w.K*as.Size():(i+1)*w.K*as.Size()], as, bytesOf(row), kernels.F32)
		}
		if at == 0 || !slices.Equal(dev.At(at, int64(len(want))), want) {
			t.Errorf("%v: the %s is another", as, what)
		}
	}
	vector := func(what string, at gpu.Ptr, want []float32) {
		t.Helper()
		if (at == 0) != (len(want) == 0) || at != 0 && !slices.Equal(dev.Floats(at, len(want)), want) {
			t.Errorf("%v: the %s is another", as, what)
		}
	}
	linear := func(what string, l *gpuLinear, w *kernels.Weight) {
		t.Helper()
		if (l == nil) != (w == nil) {
			t.Errorf("%s: %v and %v", what, l, w)
		} else if l != nil {
			matrix(what, l.weight, *w)
			vector(what+"'s bias", l.bias, w.Bias)
		}
	}
	norm := func(what string, n *gpuNorm, w *norm) {
		t.Helper()
		if (n == nil) != (w == nil) {
			t.Errorf("%s: %v and %v", what, n, w)
		} else if n != nil {
			vector(what, n.weight, w.weight)
			vector(what+"'s bias", n.bias, w.bias)
		}
	}
	matrix("embedding", g.embed, host.embed.packed)
	matrix("positions", g.positionTable, host.positionTable.packed)
	matrix("types", g.typeTable, host.types.packed)
	linear("projection of the embedding", g.embedProj, host.embedProj)
	linear("projection before the head", g.headProj, host.headProj)
	linear("transform", g.transform, host.transform)
	linear("head", &g.head, &host.head)
	norm("norm of the embedding", g.embedNorm, host.embedNorm)
	norm("last norm", g.lastNorm, host.norm)
	norm("norm of the transform", g.transformNorm, host.transformNorm)
	vector("slopes", g.slopeTable, host.slopes)
	vector("biases of positions", g.biasTable, host.biases)
	if host.tied && host.head.N == host.embed.packed.N && g.head.weight != g.embed {
		t.Error("a tied head is there twice")
	}
	for i := range host.block {
		b, h := &g.block[i], &host.block[i]
		linear("queries", &b.qkv, &h.qkv)
		linear("attention's output", &b.out, &h.out)
		linear("feed-forward layer", &b.up, &h.up)
		linear("its output", &b.down, &h.down)
		norm("attnIn", b.attnIn, h.attnIn)
		norm("attnOut", b.attnOut, h.attnOut)
		norm("attnSum", b.attnSum, h.attnSum)
		norm("ffIn", b.ffIn, h.ffIn)
		norm("ffOut", b.ffOut, h.ffOut)
		norm("ffSum", b.ffSum, h.ffSum)
		norm("qNorm", b.qNorm, h.qNorm)
		norm("kNorm", b.kNorm, h.kNorm)
	}
	for i, r := range g.angles {
		want := newAngleTable(&host.ropes[i], r.rows, 1<<30)
		vector("cosines", r.cos, want.cos)
		vector("sines", r.sin, want.sin)
	}
	for _, b := range placed.model.block {
		if b.qkv.Data != nil || b.qkv.Half != nil {
			t.Error("a matrix is in the process's memory too")
		}
	}
}

// TestFailedPlacingLeavesNothing lets each call of the device fail in turn while a model is opened: the opening fails, with
// that error, and all memory is given back.
func TestFailedPlacingLeavesNothing(t *testing.T) {
	goldens := readGoldens(t)
	g := goldens["llama"]
	config := g.Configs[slices.Sorted(maps.Keys(g.Configs))[0]]
	step := 1
	if testing.Short() {
		step = 5
	}
	for _, op := range []string{"alloc", "pinned", "todevice", "record", "zero", "memory", "synchronize"} {
		failed := 0
		for n := 1; n < 1000; n += step {
			dev := gputest.New(1 << 27)
			stop := &gpu.OutOfMemory{Device: "test", Asked: int64(n)}
			dev.FailAt(op, n, stop)
			m, err := g.placeGolden(dev, config, "bf16")
			if err == nil {
				if err := m.close(); err != nil && !errors.Is(err, stop) { // it may be the closing's call
					t.Fatal(err)
				}
				break
			}
			failed++
			var oom *gpu.OutOfMemory
			if !errors.As(err, &oom) || oom != stop {
				t.Errorf("%s %d: %v", op, n, err)
			}
			if leaks := dev.Leaks(); len(leaks) > 0 {
				t.Errorf("%s %d: %v", op, n, leaks)
			}
		}
		if failed == 0 {
			t.Errorf("no opening calls %s", op)
		}
	}
	small := gputest.New(1 << 19)
	var hint *hintError
	if _, err := g.placeGolden(small, config, "f32"); !errors.As(err, &hint) || small.Peak() != 0 {
		t.Errorf("a card with half a megabyte: %v, %d bytes were taken", err, small.Peak())
	}
}
