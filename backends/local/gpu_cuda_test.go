//go:build cuda

package local

import (
	"bytes"
	"context"
	"errors"
	"maps"
	"math"
	"slices"
	"testing"
	"testing/fstest"

	"github.com/onset-eval/onset/backends/local/gpu"
	"github.com/onset-eval/onset/backends/local/gpu/cu"
	"github.com/onset-eval/onset/backends/local/internal/kernels"
)

// testDevice opens the first device: a GPU, or the emulator behind the stand-in driver.
func testDevice(t testing.TB) gpu.Device {
	t.Helper()
	dev, err := cu.Open(0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := dev.Close(); err != nil {
			t.Error(err)
		}
	})
	return dev
}

// onDevice loads the golden's checkpoint onto a device.
func (g *golden) onDevice(t testing.TB, dev gpu.Device, config []byte, o Options) *opened {
	t.Helper()
	plan, err := parseSpec(config)
	if err != nil {
		t.Fatal(err)
	}
	o.Device = dev
	files := fstest.MapFS{"model.safetensors": {Data: g.file(asStored)}}
	m, err := openModel(context.Background(), files, func(s source) (*model, error) { return loadModel(plan, s) }, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := m.close(); err != nil {
			t.Error(err)
		}
	})
	return m
}

// sequence makes a sequence with room for n positions.
func (e *gpuExecutor) sequence(n int) *sequence {
	seq := newSequence(0)
	for range pagesFor(n) {
		seq.ids = append(seq.ids, e.newPage().id)
	}
	return seq
}

// logitsOf gives the logits of n kept rows of the step that was begun last.
func (e *gpuExecutor) logitsOf(t testing.TB, n int) []float32 {
	t.Helper()
	w := &e.model.head
	e.outputs(e.logits, w.n, e.under().head, n, 0, w.n)
	e.ops.FinishLogits(e.logits, int64(n)*int64(w.n), e.model.logits.Scale, e.model.logits.Cap)
	out := make([]float32, n*w.n)
	if err := errors.Join(e.ops.Err(), e.dev.ToHost(bytesOf(out), e.logits, e.ops.Stream)); err != nil {
		t.Fatal(err)
	}
	return out
}

// compute gives the logits at some positions, fed in chunks.
func (e *gpuExecutor) compute(t testing.TB, ids, at []int, chunk int) (logits []float32) {
	t.Helper()
	e.reset()
	seq := e.sequence(len(ids))
	seq.length = len(ids)
	if !e.model.causal {
		chunk = len(ids)
	}
	for from := 0; from < len(ids); from += chunk {
		var rows []row
		var keep []int
		for pos := from; pos < min(from+chunk, len(ids)); pos++ {
			if slices.Contains(at, pos) {
				keep = append(keep, pos-from)
			}
			rows = append(rows, row{ids[pos], pos, seq})
		}
		e.forward(rows, keep)
		if len(keep) > 0 {
			logits = append(logits, e.logitsOf(t, len(keep))...)
		}
		if err := e.collect(); err != nil {
			t.Fatal(err)
		}
	}
	return logits
}

// away is the mean and the largest difference.
func away(a, b []float32) (mean, most float64) {
	if len(a) != len(b) {
		return math.Inf(1), math.Inf(1)
	}
	for i := range a {
		d := math.Abs(float64(a[i]) - float64(b[i]))
		mean += d / float64(len(a))
		if !(d <= most) {
			most = d
		}
	}
	return mean, most
}

// deviceBounds are the largest differences of logits to the processor's in float32, and of their averages over a prompt, that
// are taken for rounding: weights, activations, keys and values have 8 bits in bf16 and 11 in f16. The models' logits are
// around 10 and random weights spread them more than trained ones do.
var deviceBounds = map[string]struct{ most, mean float64 }{"f32": {1e-4, 1e-5}, "bf16": {0.5, 0.08}, "f16": {0.07, 0.01}}

// TestDeviceParity compares all architectures and options on a device with the processor's engine, which TestParity
// compares with transformers, and holds that it does not show how a text is cut into steps.
func TestDeviceParity(t *testing.T) {
	dev := testDevice(t)
	goldens := readGoldens(t)
	worst := make(map[string]float64)
	for _, name := range slices.Sorted(maps.Keys(goldens)) {
		g := goldens[name]
		t.Run(name, func(t *testing.T) {
			for _, config := range g.Configs {
				host, err := g.load(config, asStored)
				if err != nil {
					t.Fatal(err)
				}
				for _, typ := range []string{"f32", "bf16", "f16"} {
					e := g.onDevice(t, dev, config, Options{Compute: typ, StepTokens: 512}).device
					for i, p := range g.Prompts {
						_, want := compute(host, kernels.Best(), p.IDs, p.At, 13)
						got := e.compute(t, p.IDs, p.At, 13)
						mean, most := away(got, want)
						worst[typ] = max(worst[typ], most)
						bound := deviceBounds[typ]
						t.Logf("prompt %d, %s: logits differ by %.2g, %.2g on average", i, typ, most, mean)
						if !(most <= bound.most) || !(mean <= bound.mean) {
							t.Errorf("prompt %d, %s: logits differ by %.3g, %.3g on average", i, typ, most, mean)
						}
						if i > 0 {
							continue // the first is enough, and emulating takes long
						}
						for _, chunk := range []int{max(1, len(p.IDs)/20), len(p.IDs)} { // single rows of short texts
							if again := e.compute(t, p.IDs, p.At, chunk); !slices.Equal(again, got) {
								t.Errorf("prompt %d, %s: in chunks of %d the bits differ", i, typ, chunk)
							}
						}
					}
				}
				return
			}
		})
	}
	t.Logf("the largest differences are %v", worst)
	if len(worst) != len(deviceBounds) {
		t.Errorf("types that were compared: %v", worst)
	}
}

// TestDeviceReadsWhatWasWritten fills all pages and buffers with NaN before anything is computed: logits keep their bits, so
// nothing is read that was not written before.
func TestDeviceReadsWhatWasWritten(t *testing.T) {
	dev := testDevice(t)
	goldens := readGoldens(t)
	for _, name := range []string{"llama", "gemma2-caps", "mistral-window", "falcon-rw", "bert", "opt-proj", "bloom", "neox"} {
		g, ok := goldens[name]
		if !ok {
			t.Fatalf("no golden %q", name)
		}
		for _, config := range g.Configs {
			for _, typ := range []string{"f32", "bf16", "f16"} {
				e := g.onDevice(t, dev, config, Options{Compute: typ, StepTokens: 512, CacheBytes: 1}).device
				p := g.Prompts[0]
				want := e.compute(t, p.IDs, p.At, 13)
				nan := bytes.Repeat([]byte{0xff}, int(e.size.pageBytes)*e.plan.pages)
				fill := func(at gpu.Ptr, n int64) {
					if err := dev.ToDevice(at, nan[:min(n, int64(len(nan)))], 0); err != nil {
						t.Fatal(err)
					}
				}
				fill(e.pool.At.Add(e.size.pageBytes), int64(len(nan)))
				for name, at := range e.buffers {
					if at != 0 && name != bufZero {
						fill(at, 4*int64(e.plan.rows))
					}
				}
				fill(e.logits, 4*int64(e.plan.logits))
				fill(e.parts, e.plan.partials)
				if got := e.compute(t, p.IDs, p.At, 13); !slices.Equal(got, want) {
					t.Errorf("%s, %s: other bits", name, typ)
				}
			}
			break
		}
	}
}

// TestDeviceNaNStaysWithItsText lets two texts share a page, of which what is behind the first one's end is NaN: the first
// one's logits keep their bits though both are computed together. In bf16 and f16 they do not: a weight of 0 does not silence
// a NaN in a product of matrices, so that a text whose keys or values overflow spoils another that shares the page with it.
func TestDeviceNaNStaysWithItsText(t *testing.T) {
	dev := testDevice(t)
	g := readGoldens(t)["llama"]
	for _, config := range g.Configs {
		for _, typ := range []string{"f32"} {
			e := g.onDevice(t, dev, config, Options{Compute: typ, StepTokens: 512, CacheBytes: 1}).device
			ids := g.Prompts[0].IDs
			const n = 5
			first, second := e.sequence(kernels.PageSize), newSequence(0)
			second.ids = slices.Clone(first.ids)
			step := func(rows []row, keep ...int) []float32 {
				e.forward(rows, keep)
				logits := e.logitsOf(t, len(keep))
				if err := e.collect(); err != nil {
					t.Fatal(err)
				}
				return logits
			}
			var rows []row
			for pos := range n {
				rows = append(rows, row{ids[pos], pos, first})
			}
			want := step(rows, n-1)
			nan := bytes.Repeat([]byte{0xff}, (kernels.PageSize-n)*e.pool.Dim*e.plan.t.Size())
			for h := range 2 * e.pool.Layers * e.pool.KVHeads { // keys and values of all heads
				at := e.pool.At.Add(int64(first.ids[0])*e.size.pageBytes + int64((h*kernels.PageSize+n)*e.pool.Dim*e.plan.t.Size()))
				if err := dev.ToDevice(at, nan, 0); err != nil {
					t.Fatal(err)
				}
			}
			both := step([]row{rows[n-1], {ids[0], 2 * n, second}, {ids[0], 2*n + 1, second}}, 0, 1, 2)
			if got := both[:len(want)]; !slices.Equal(got, want) {
				t.Errorf("%s: the text that is computed beside one with NaN has other bits", typ)
			}
			if !slices.ContainsFunc(both[len(want):], func(v float32) bool { return v != v }) {
				t.Errorf("%s: the other has no NaN", typ)
			}
		}
		return
	}
}
