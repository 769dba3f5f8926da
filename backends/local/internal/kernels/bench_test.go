package kernels

import (
	"fmt"
	"runtime"
	"testing"
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
		// Pythia-160M and Qwen2.5-0.5B, 256 rows: the products of a layer.
		{256, 2304, 768}, {256, 768, 768}, {256, 3072, 768}, {256, 768, 3072},
		{256, 1152, 896}, {256, 896, 896}, {256, 9728, 896}, {256, 896, 4864},
	} {
		b.Run(fmt.Sprintf("m%dk%dn%d", d.m, d.k, d.n), func(b *testing.B) {
			benchEach(b, func(b *testing.B, s Set) { benchLinear(b, s, d.m, d.n, d.k) })
		})
	}
}

func benchLinear(b *testing.B, s Set, m, n, k int) {
	for _, typ := range []DType{F32, BF16, F16} {
		b.Run(typ.String(), func(b *testing.B) { benchLinearOf(b, s, m, n, k, typ) })
	}
	b.Run("rounded", func(b *testing.B) { benchLinearOf(b, RoundBF16(s), m, n, k, BF16) })
}

func benchLinearOf(b *testing.B, s Set, m, n, k int, typ DType) {
	r := newRand(1)
	a, dst := ordinary.into(r, make([]float32, m*k)), make([]float32, m*n)
	w := NewWeight(n, k, typ)
	w.SetRows(0, ordinary.into(r, make([]float32, n*k)))
	for b.Loop() {
		s.Linear(dst, a, m, w)
	}
	flops := 2 * float64(m*n*k)
	b.ReportMetric(flops*float64(b.N)/b.Elapsed().Seconds()/1e9, "GFLOP/s")
	reps := 1 + int(2e7/flops)
	best, peak := 0.0, 0.0
	for range 5 {
		peak = max(peak, peakFlops(s))
		best = max(best, bestRate(flops*float64(reps), func() {
			for range reps {
				s.Linear(dst, a, m, w)
			}
		}))
	}
	b.ReportMetric(best/1e9, "bestGFLOP/s")
	if peak > 0 {
		b.ReportMetric(100*best/peak, "%peak")
	}
}

// bestRate is the most work a second of the thread's time seen in a few runs of about a millisecond.
func bestRate(work float64, run func()) float64 {
	return bestOf(10, work, run)
}

func bestOf(times int, work float64, run func()) float64 {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	var best float64
	for range times {
		start := threadTime()
		run()
		best = max(best, work/(threadTime()-start).Seconds())
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
						linear = max(linear, bestOf(1, bytes, func() { s.Linear(dst, a, m, w) }))
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

// BenchmarkPrefill is Attend of a prompt's rows: the share of the peak that its two products reach.
func BenchmarkPrefill(b *testing.B) {
	for _, d := range []struct {
		Attention
		rows, from int
	}{
		{Attention{Heads: 12, KVHeads: 12, Dim: 64}, 256, 0},
		{Attention{Heads: 12, KVHeads: 12, Dim: 64}, 256, 768},
		{Attention{Heads: 14, KVHeads: 2, Dim: 64}, 256, 768},
		{Attention{Heads: 8, KVHeads: 2, Dim: 128}, 256, 768},
		{Attention{Heads: 14, KVHeads: 2, Dim: 64}, 1, 1023},
		{Attention{Heads: 12, KVHeads: 12, Dim: 64}, 1, 1023},
	} {
		b.Run(fmt.Sprintf("heads%d,%d,dim%d,rows%d,from%d", d.Heads, d.KVHeads, d.Dim, d.rows, d.from), func(b *testing.B) {
			benchEach(b, func(b *testing.B, s Set) {
				if s.Name() == "generic" {
					b.Skip("not what it is for")
				}
				c := attendCase{Attention: d.Attention, rows: d.rows, to: d.from + 1, step: 1}
				q, ld, rows, a := c.make(nil, plain(), newRand(1), ordinary)
				dst := make([]float32, d.rows*d.Heads*d.Dim)
				var keys float64
				for _, r := range rows {
					keys += float64(r.To)
				}
				flops := 4 * keys * float64(d.Heads*d.Dim)
				peak := peakFlops(s)
				best := bestRate(flops, func() { s.Attend(dst, q, ld, rows, a) })
				for b.Loop() {
					s.Attend(dst, q, ld, rows, a)
				}
				b.ReportMetric(best/1e9, "bestGFLOP/s")
				b.ReportMetric(100*best/peak, "%peak")
				b.ReportAllocs()
			})
		})
	}
}

func BenchmarkElementwise(b *testing.B) {
	const m, n = 32, 3072
	x, dst := ordinary.into(newRand(1), make([]float32, 2*m*n)), make([]float32, m*n)
	ops := map[string]func(s Set){
		"rmsnorm":   func(s Set) { s.RMSNorm(dst, x[:m*n], x[:n], m, 1e-5) },
		"layernorm": func(s Set) { s.LayerNorm(dst, x[:m*n], x[:n], x[:n], m, 1e-5) },
		"cap":       func(s Set) { s.SoftCap(dst, 30) },
		"add":       func(s Set) { s.Add(dst, x[:m*n]) },
		"logsumexp": func(s Set) { s.LogSumExp(x[:m*n]) },
		"argmax":    func(s Set) { s.ArgMax(x[:m*n]) },
	}
	for f := range activations {
		ops["gate"+f.String()] = func(s Set) { s.Gate(dst, x, m, f) }
	}
	for name, run := range ops {
		b.Run(name, func(b *testing.B) {
			benchEach(b, func(b *testing.B, s Set) {
				for b.Loop() {
					run(s)
				}
				reportBest(b, m*n, "value", func() { run(s) })
			})
		})
	}
}

// BenchmarkPack is SetHalfRows and SetRows of a matrix.
func BenchmarkPack(b *testing.B) {
	const n, k = 896, 4864
	halves, floats := make([]uint16, n*k), make([]float32, n*k)
	for _, typ := range []DType{F32, BF16, F16} {
		w := NewWeight(n, k, typ)
		b.Run(typ.String()+"/halves", func(b *testing.B) {
			b.SetBytes(2 * n * k)
			for b.Loop() {
				w.SetHalfRows(0, halves, BF16)
			}
		})
		b.Run(typ.String()+"/floats", func(b *testing.B) {
			b.SetBytes(4 * n * k)
			for b.Loop() {
				w.SetRows(0, floats)
			}
		})
	}
}

// BenchmarkLogProbs is a head of 50304 outputs, of which nothing is kept, against Linear alone.
func BenchmarkLogProbs(b *testing.B) {
	const n, k = 50304, 768
	r := newRand(1)
	w := NewWeight(n, k, BF16)
	w.SetRows(0, ordinary.into(r, make([]float32, n*k)))
	for _, m := range []int{1, 8, 64} {
		x, dst := ordinary.into(r, make([]float32, m*k)), make([]float32, m*n)
		rows := make([]Scores, m)
		s := Best()
		flops := 2 * float64(m*n*k)
		for name, run := range map[string]func(){
			"linear":   func() { s.Linear(dst, x, m, w) },
			"logprobs": func() { s.LogProbs(rows, x, w, Logits{}) },
		} {
			b.Run(fmt.Sprintf("m%d/%s", m, name), func(b *testing.B) {
				for b.Loop() {
					run()
				}
				b.ReportMetric(bestRate(flops, run)/1e9, "bestGFLOP/s")
			})
		}
	}
}
