//go:build cuda

package local

import (
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/onset-eval/onset/backends"
	"github.com/onset-eval/onset/backends/local/gpu"
	"github.com/onset-eval/onset/backends/local/gpu/cu"
)

// slowAtDoubles is a device that says it had a capability for which tokens are drawn by weights in float.
type slowAtDoubles struct{ gpu.Device }

func (d slowAtDoubles) Info() gpu.Info {
	info := d.Device.Info()
	info.Major, info.Minor = 8, 9
	return info
}

// deviceDraws draws a token from each row on the first device.
func deviceDraws(t *testing.T, logits [][]float32, rows []gpu.SampleRow, floats bool) []int {
	t.Helper()
	dev, err := cu.Open(0)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := dev.Close(); err != nil {
			t.Error(err)
		}
	}()
	if floats {
		dev = slowAtDoubles{dev}
	}
	ops, err := gpu.NewOps(dev, gpu.F32)
	if err != nil {
		t.Fatal(err)
	}
	vocab, n := len(logits[0]), len(rows)
	data := make([]byte, 0, 4*n*vocab)
	for _, row := range logits {
		for _, l := range row {
			data = binary.LittleEndian.AppendUint32(data, math.Float32bits(l))
		}
	}
	at, options, out := ops.Scratch("logits", int64(len(data))), ops.Scratch("rows", int64(n*gpu.SampleRowBytes)), ops.Scratch("out", int64(4*n))
	ids := make([]byte, 4*n)
	for _, step := range []func() error{
		ops.Err,
		func() error { return dev.ToDevice(at, data, ops.Stream) },
		func() error { return dev.ToDevice(options, gpu.PackSamples(nil, rows), ops.Stream) },
		func() error { ops.Sample(at, vocab, n, vocab, options, out); return ops.Err() },
		func() error { return dev.ToHost(ids, out, ops.Stream) },
		func() error { return dev.Synchronize(ops.Stream) },
		ops.Close,
	} {
		if err := step(); err != nil {
			t.Fatal(err)
		}
	}
	tokens := make([]int, n)
	for i := range tokens {
		tokens[i] = int(int32(binary.LittleEndian.Uint32(ids[4*i:])))
	}
	return tokens
}

// TestDeviceDrawsAsTheCPU counts draws in which the device and the CPU's sampler disagree. They may only where the CPU's
// rounded sums decide, which one draw in a thousand million does, or, by weights in float, one in a million; so of these
// there are none.
func TestDeviceDrawsAsTheCPU(t *testing.T) {
	for _, floats := range []bool{false, true} {
		t.Run(fmt.Sprintf("floats=%v", floats), func(t *testing.T) { testDeviceDraws(t, floats) })
	}
}

func testDeviceDraws(t *testing.T, floats bool) {
	total, differ := 0, 0
	for _, c := range []struct{ vocab, n int }{{50, 2000}, {1000, 600}, {32003, 40}, {151936, 8}} {
		rng := rand.New(rand.NewPCG(uint64(c.vocab), 8))
		var logits [][]float32
		var rows []gpu.SampleRow
		var want []int
		for i := range c.n {
			row := make([]float32, c.vocab)
			spread := 0.5 + 4*rng.Float64()
			for id := range row {
				row[id] = float32(rng.NormFloat64() * spread)
				if rng.IntN(4) == 0 {
					row[id] = float32(int(row[id]))
				}
			}
			o := backends.Sampling{Temperature: 0.2 + rng.Float64()*2}
			if rng.IntN(2) == 0 {
				o.TopK = 1 + rng.IntN(min(c.vocab+1, 200))
			}
			if rng.IntN(2) == 0 {
				o.TopP = 0.05 + 0.95*rng.Float64()
			}
			if rng.IntN(3) == 0 {
				o.MinP = rng.Float64() * 0.3
			}
			// The same numbers twice: one for each sampler.
			seed := rand.NewPCG(uint64(i), uint64(c.vocab))
			again := *seed
			s := sampler{Sampling: o, rng: rand.New(seed)}
			want = append(want, s.next(row, new(drawing)))
			logits = append(logits, row)
			rows = append(rows, gpu.SampleRow{Temperature: o.Temperature, TopK: o.TopK, TopP: o.TopP, MinP: o.MinP, U: rand.New(&again).Float64()})
		}
		for i, got := range deviceDraws(t, logits, rows, floats) {
			total++
			if got != want[i] {
				differ++
				t.Logf("vocabulary %d, row %d, %+v: the device draws %d, the CPU %d", c.vocab, i, rows[i], got, want[i])
			}
		}
	}
	if t.Logf("%d of %d draws differ", differ, total); differ > 0 || total < 2000 {
		t.Errorf("%d of %d draws differ", differ, total)
	}
}
