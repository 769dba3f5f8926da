//go:build cuda

package gpu_test

import (
	"fmt"
	"testing"

	"github.com/onset-eval/onset/backends/local/gpu"
	"github.com/onset-eval/onset/backends/local/gpu/cu"
)

// BenchmarkLinear times every kernel of matrix products, and cuBLASLt where there is one, on the shapes of a 7B model, and gives the
// operations and bytes a second, to be held against what the card is said to reach. It needs a card.
func BenchmarkLinear(b *testing.B) {
	dev, err := cu.Open(0)
	if err != nil {
		b.Fatal(err)
	}
	defer func() {
		if err := dev.Close(); err != nil {
			b.Error(err)
		}
	}()
	if dev.Info().Emulated {
		b.Skip("the emulator's speed says nothing of a card's")
	}
	b.Logf("%v, driver %s", dev.Info(), dev.Info().Driver)
	for _, typ := range []gpu.DType{gpu.BF16, gpu.F32} {
		for _, s := range []struct{ n, k int }{{4096, 4096}, {12288, 4096}, {4096, 11008}} {
			for _, m := range []int{1, 8, 16, 32, 64, 128, 512, 4096} {
				benchmarkProduct(b, dev, typ, m, s.n, s.k)
			}
		}
	}
}

func benchmarkProduct(b *testing.B, dev gpu.Device, typ gpu.DType, m, n, k int) {
	o, err := gpu.NewOps(dev, typ)
	if err != nil {
		b.Fatal(err)
	}
	size := int64(typ.Size())
	// Several weight matrices, so that decoding finds none in the L2 cache.
	weights := int64(max(1, 256<<20/(n*k*typ.Size())))
	mem, err := dev.Alloc(size * (int64(m)*int64(k) + int64(m)*int64(n) + weights*int64(n)*int64(k)))
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = dev.Free(mem) }()
	if err := dev.Zero(mem, size*(int64(m)*int64(k)+weights*int64(n)*int64(k)), 0); err != nil {
		b.Fatal(err)
	}
	w := mem.Add(size * int64(m) * int64(k))
	p := gpu.LtProblem{X: mem, W: w, Y: w.Add(size * weights * int64(n) * int64(k)), M: m, N: n, K: k, LdX: k, LdY: n, T: typ}
	time := func(name string, enqueue func(p gpu.LtProblem) error) {
		b.Run(fmt.Sprintf("%v/%d×%d×%d/%s", typ, m, n, k, name), func(b *testing.B) {
			run := func(count int) gpu.Event {
				for i := range count {
					q := p
					q.W = w.Add(size * (int64(i) % weights) * int64(n) * int64(k))
					if err := enqueue(q); err != nil {
						b.Fatal(err)
					}
				}
				e, err := dev.Record(0)
				if err != nil {
					b.Fatal(err)
				}
				return e
			}
			first := run(3)
			last := run(b.N)
			took, err := dev.Elapsed(first, last)
			if err != nil {
				b.Fatal(err)
			}
			dev.Release(first)
			dev.Release(last)
			each := took.Seconds() / float64(b.N)
			b.ReportMetric(2*float64(m)*float64(n)*float64(k)/each/1e12, "TFLOP/s")
			b.ReportMetric(float64(size)*(float64(n)*float64(k)+float64(m)*float64(k+n))/each/1e9, "GB/s")
			b.ReportMetric(each*1e6, "µs/product")
		})
	}
	tiles := gpu.Tiles(typ)
	if dev.Info().Capability() == 90 && typ != gpu.F32 {
		tiles = append(tiles, gpu.HopperTiles()...)
	}
	for _, tile := range tiles {
		if tile.Blocks(m, n) > 1<<20 || tile.Kernel == "linear_plain" && m > 128 {
			continue
		}
		time(tile.Kernel, func(p gpu.LtProblem) error { o.TileProduct(tile, p, 0); return o.Err() })
	}
	if lt := dev.Lt(); lt != nil && typ != gpu.F32 {
		time(lt.Version(), func(p gpu.LtProblem) error { return lt.Matmul(p, 0) })
	}
}
