package local

import (
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/onset-eval/onset/backends"
	"github.com/onset-eval/onset/backends/local/gpu"
	"github.com/onset-eval/onset/backends/local/gpu/gputest"
	"github.com/onset-eval/onset/backends/local/internal/kernels"
)

// countingDevice is a recording device whose kernels compute a model that knows one thing: after token i comes i+1. A row
// carries its token through the layers, so that rows, slots, buffers and results that are mixed up show. Lazy devices do
// their work as late as they may, so that memory that is used again too early shows as well.
func countingDevice(lazy bool) *gputest.Device {
	d := gputest.New(1 << 30)
	d.Lazy = lazy
	floatAt := func(d *gputest.Device, p gpu.Ptr, i int) []byte { return d.At(p.Add(4*int64(i)), 4) }
	get := func(d *gputest.Device, p gpu.Ptr, i int) float32 {
		return math.Float32frombits(binary.LittleEndian.Uint32(floatAt(d, p, i)))
	}
	put := func(d *gputest.Device, p gpu.Ptr, i int, v float32) {
		binary.LittleEndian.PutUint32(floatAt(d, p, i), math.Float32bits(v))
	}
	d.Kernels["embed_f32"] = func(d *gputest.Device, c gputest.Call) error {
		for i, token := range d.Ints(c.Ptr(2), c.Grid.X) {
			put(d, c.Ptr(0), i*c.Int(3), float32(token))
		}
		return nil
	}
	d.Kernels["gather_f32"] = func(d *gputest.Device, c gputest.Call) error {
		for i, from := range d.Ints(c.Ptr(3), c.Grid.X) {
			row := int64(c.Int(4)) * 4
			copy(d.At(c.Ptr(0).Add(int64(i)*row), row), d.At(c.Ptr(1).Add(int64(from)*int64(c.Int(2))*4), row))
		}
		return nil
	}
	d.Kernels["add_norm_f32"] = func(d *gputest.Device, c gputest.Call) error {
		for i := range c.Grid.X {
			if c.Ptr(11) != 0 {
				put(d, c.Ptr(11), i*c.Int(13), get(d, c.Ptr(0), i*c.Int(13)))
			}
		}
		return nil
	}
	for _, tile := range gpu.Tiles(gpu.F32) {
		d.Kernels[tile.Kernel+"_f32"] = func(d *gputest.Device, c gputest.Call) error {
			for i := range c.Int(4) {
				token := get(d, c.Ptr(1), i*c.Int(7))
				put(d, c.Ptr(0), i*c.Int(8), token)
				for j := 0; c.Int(9) != 0 && j < c.Int(5); j++ {
					put(d, c.Ptr(0), i*c.Int(8)+j, map[bool]float32{true: 1}[j == (int(token)+1)%c.Int(5)])
				}
			}
			return nil
		}
	}
	d.Kernels["head_reduce"] = func(d *gputest.Device, c gputest.Call) error {
		var starts []int32
		if c.Ptr(6) != 0 {
			starts = d.Ints(c.Ptr(6), c.Grid.X+1)
		}
		for i := range c.Grid.X {
			row, sum, best := d.Floats(c.Ptr(0).Add(4*int64(i)*int64(c.Int(1))), c.Int(3)), 0.0, 0
			for j, v := range row {
				sum += math.Exp(float64(v) - 1)
				if v > row[best] {
					best = j
				}
			}
			put(d, c.Ptr(9), i, 1)
			put(d, c.Ptr(10), i, float32(sum))
			binary.LittleEndian.PutUint32(floatAt(d, c.Ptr(11), i), uint32(best))
			for j := 0; starts != nil && j < int(starts[i+1]-starts[i]); j++ {
				at := int(starts[i]) + j
				put(d, c.Ptr(8), at, row[d.Ints(c.Ptr(7).Add(4*int64(at)), 1)[0]])
			}
		}
		return nil
	}
	d.Kernels["sample"] = func(d *gputest.Device, c gputest.Call) error {
		for i := range c.Grid.X {
			row := d.Floats(c.Ptr(0).Add(4*int64(i)*int64(c.Int(1))), c.Int(2))
			binary.LittleEndian.PutUint32(floatAt(d, c.Ptr(5), i), uint32(kernels.Best().ArgMax(row)))
		}
		return nil
	}
	return d
}

// TestDeviceCounts asks a model that counts, many requests at once: all rows, pages, buffers and results are where they
// belong, in graphs or not, while the next step is put together or not, and nothing is left on the device.
func TestDeviceCounts(t *testing.T) {
	for _, lazy := range []bool{false, true} {
		for i, o := range []Options{{}, {NoGraphs: true}, {StepTokens: 5}, {CacheBytes: 1}, {NoPrefixCache: true}} {
			t.Run(fmt.Sprintf("lazy=%v/%v", lazy, i), func(t *testing.T) {
				dev := countingDevice(lazy)
				o.Device, o.Compute = dev, "f32"
				b := openLadder(t, "s1", o)
				askCounting(t, b)
				replays := strings.Count(dev.String(), "replay")
				if o.NoGraphs && replays > 0 || !o.NoGraphs && o.StepTokens == 0 && replays == 0 { // small steps may have none
					t.Errorf("%d steps were graphs", replays)
				}
				if leaks := dev.Leaks(); len(leaks) > 0 {
					t.Error(leaks)
				}
			})
		}
	}
}

// askCounting asks requests of which the counting model's answers are known, and closes it.
func askCounting(t *testing.T, b *Backend) {
	t.Helper()
	var reqs []backends.Request
	for i := range 12 {
		begin := "ABCDEFGHIJKL"[i : i+1]
		reqs = append(reqs,
			backends.Request{Kind: backends.Generate, Prompt: begin, Sampling: backends.Sampling{MaxTokens: 3 + i}},
			backends.Request{Kind: backends.Generate, Prompt: "x" + begin, Sampling: backends.Sampling{MaxTokens: 9, Temperature: 1}},
			backends.Request{Kind: backends.LogLikelihoodRolling, Prompt: "ABC" + begin + strings.Repeat("xyzAB", 3*i)},
			backends.Request{Kind: backends.LogLikelihood, Prompt: "12", Continuations: []string{"34", begin, "3"}},
		)
	}
	vocab, first := b.model.vocab, b.first
	tokens := func(text string) []int { return b.tok.Encode(text, false) }
	score := func(ids []int, from int) (sum float64) {
		for i := from; i < len(ids); i++ {
			hit := 0.0
			if ids[i] == (ids[i-1]+1)%vocab {
				hit = 1
			}
			sum += hit - math.Log(math.E+float64(vocab-1))
		}
		return sum
	}
	got := askShuffled(t, b, reqs, 48, newRand(4))
	for i, r := range got {
		switch req := reqs[i]; req.Kind {
		case backends.Generate:
			last := tokens(req.Prompt)
			next, want := last[len(last)-1], []int(nil)
			for range req.Sampling.MaxTokens {
				next = (next + 1) % vocab
				want = append(want, next)
			}
			if text := b.tok.Decode(want, true); r.Text != text && r.Stop == backends.StopLength {
				t.Errorf("after %q comes %q, want %q", req.Prompt, r.Text, text)
			}
		case backends.LogLikelihoodRolling:
			ids := tokens(req.Prompt)
			if want := score(append([]int{first}, ids...), 1); len(ids) <= b.model.context && math.Abs(r.LogProbs[0].Sum-want) > 1e-4 {
				t.Errorf("%q has %+v, want %g", req.Prompt, r.LogProbs[0], want)
			}
		default:
			for j, c := range req.Continuations {
				n := len(b.encode(req.Prompt))
				want := score(b.encode(req.Prompt+c), n)
				if p := r.LogProbs[j]; math.Abs(p.Sum-want) > 1e-4 || p.Greedy != (c == "34" || c == "3") {
					t.Errorf("%q has %+v, want %g", c, p, want)
				}
			}
		}
	}
}

func newRand(seed uint64) *rand.Rand { return rand.New(rand.NewPCG(seed, 1)) }
