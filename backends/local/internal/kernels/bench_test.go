package kernels

import (
	"fmt"
	"testing"
	"time"
)

func benchEach(b *testing.B, f func(b *testing.B, s Set)) {
	for _, s := range All() {
		b.Run(s.Name(), func(b *testing.B) { f(b, s) })
	}
}

// BenchmarkLinear reports GFLOP/s, the best of a few milliseconds (which other work on the machine disturbs
// less), and its share of the multiply-add peak that was measured in the same way just before.
func BenchmarkLinear(b *testing.B) {
	for _, d := range []struct{ m, n, k int }{
		{512, 512, 512}, {64, 3072, 768}, {1, 3072, 768}, {64, 384, 128}, {64, 688, 128}, {64, 128, 344},
	} {
		b.Run(fmt.Sprintf("m%dk%dn%d", d.m, d.k, d.n), func(b *testing.B) {
			benchEach(b, func(b *testing.B, s Set) { benchLinear(b, s, d.m, d.n, d.k) })
		})
	}
}

func benchLinear(b *testing.B, s Set, m, n, k int) {
	r := newRand(1)
	a, dst := ordinary.into(r, make([]float32, m*k)), make([]float32, m*n)
	w := Pack(n, k, ordinary.into(r, make([]float32, n*k)))
	peak := peakFlops(s)
	for b.Loop() {
		s.Linear(dst, a, m, w)
	}
	flops := 2 * float64(m*n*k)
	b.ReportMetric(flops*float64(b.N)/b.Elapsed().Seconds()/1e9, "GFLOP/s")
	if peak > 0 {
		reps := 1 + int(1e8/flops)
		best := bestRate(flops*float64(reps), func() {
			for range reps {
				s.Linear(dst, a, m, w)
			}
		})
		b.ReportMetric(best/1e9, "bestGFLOP/s")
		b.ReportMetric(100*best/peak, "%peak")
	}
}

// bestRate is the most work a second seen in a few runs of about a millisecond.
func bestRate(work float64, run func()) float64 {
	var best float64
	for range 20 {
		start := time.Now()
		run()
		best = max(best, work/time.Since(start).Seconds())
	}
	return best
}

// reportBest adds what the run takes for each of count things in its best millisecond.
func reportBest(b *testing.B, count int, thing string, run func()) {
	reps := 1 + b.N/1000
	rate := bestRate(float64(count*reps), func() {
		for range reps {
			run()
		}
	})
	b.ReportMetric(1e9/rate, "best-ns/"+thing)
}

// BenchmarkDecode is Linear of few rows with weights that no cache holds: the share of the speed at which the same
// bytes are read by a plain loop.
func BenchmarkDecode(b *testing.B) {
	const bytes, k = 96 << 20, 2048
	for typ := F32; typ <= F16; typ++ {
		w := NewWeight(bytes/k/typ.Size(), k, typ)
		for i := range w.Half {
			w.Half[i] = 0x3c00
		}
		for i := range w.Data {
			w.Data[i] = 0.5
		}
		for _, m := range []int{1, 2, 4, 8} {
			b.Run(fmt.Sprintf("%s,m%d", typ, m), func(b *testing.B) {
				benchEach(b, func(b *testing.B, s Set) {
					if s.Name() == "generic" {
						b.Skip("not what it is for")
					}
					a, dst := ordinary.into(newRand(1), make([]float32, m*k)), make([]float32, m*w.N)
					var read, linear float64
					for b.Loop() {
						read = max(read, readRate(w))
						start := time.Now()
						s.Linear(dst, a, m, w)
						linear = max(linear, bytes/time.Since(start).Seconds())
					}
					b.ReportMetric(linear/1e9, "GB/s")
					b.ReportMetric(100*linear/read, "%read")
				})
			})
		}
	}
}

func BenchmarkAttend(b *testing.B) {
	for _, d := range []struct{ heads, dim, n int }{{1, 8, 16}, {2, 16, 64}, {4, 32, 16}, {4, 32, 64}, {4, 32, 128}, {12, 64, 512}} {
		b.Run(fmt.Sprintf("heads%d,dim%d,n%d", d.heads, d.dim, d.n), func(b *testing.B) {
			benchEach(b, func(b *testing.B, s Set) {
				a := Attention{Heads: d.heads, KVHeads: d.heads, Dim: d.dim}
				q, ld, rows, a := attendCase{Attention: a, rows: 1, to: d.n}.make(nil, plain(), newRand(1), ordinary)
				dst := make([]float32, d.heads*d.dim)
				b.ReportAllocs()
				for b.Loop() {
					s.Attend(dst, q, ld, rows, a)
				}
				reportBest(b, d.heads*d.n, "key", func() { s.Attend(dst, q, ld, rows, a) })
			})
		})
	}
}

func BenchmarkGate(b *testing.B) {
	benchEach(b, func(b *testing.B, s Set) {
		const m, n = 16, 344
		x, dst := ordinary.into(newRand(1), make([]float32, 2*m*n)), make([]float32, m*n)
		for b.Loop() {
			s.Gate(dst, x, m, Silu)
		}
		reportBest(b, m*n, "value", func() { s.Gate(dst, x, m, Silu) })
	})
}

func BenchmarkLogSumExp(b *testing.B) {
	benchEach(b, func(b *testing.B, s Set) {
		x := ordinary.into(newRand(1), make([]float32, 50257))
		for b.Loop() {
			s.LogSumExp(x)
		}
		reportBest(b, len(x), "value", func() { s.LogSumExp(x) })
	})
}

func BenchmarkRMSNorm(b *testing.B) {
	benchEach(b, func(b *testing.B, s Set) {
		const m, n = 64, 128
		x, dst := ordinary.into(newRand(1), make([]float32, m*n)), make([]float32, m*n)
		for b.Loop() {
			s.RMSNorm(dst, x, x[:n], m, 1e-5)
		}
		reportBest(b, m*n, "value", func() { s.RMSNorm(dst, x, x[:n], m, 1e-5) })
	})
}
