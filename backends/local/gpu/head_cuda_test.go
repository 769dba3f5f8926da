//go:build cuda

package gpu_test

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/onset-eval/onset/backends/local/gpu"
	"github.com/onset-eval/onset/backends/local/internal/kernels"
)

// headRows is a head's outputs of some rows, and what is asked for of them.
type headRows struct {
	n, vocab int
	outputs  []float32
	logits   kernels.Logits
	starts   []int32
	targets  []int32
}

func newHeadRows(n, vocab int, outputs []float32, l kernels.Logits, rng *rand.Rand) headRows {
	h := headRows{n: n, vocab: vocab, outputs: outputs, logits: l, starts: []int32{0}}
	for range n {
		for range rng.IntN(4) {
			h.targets = append(h.targets, int32(rng.IntN(vocab)))
		}
		h.starts = append(h.starts, int32(len(h.targets)))
	}
	return h
}

// scored is what is found of all rows.
type scored struct {
	lse, top, targets []float32
	argmax            []int32
}

// cpu scores rows by the CPU's kernels.
func (h headRows) cpu(t *testing.T) scored {
	set := reference(t)
	z := append([]float32(nil), h.outputs...)
	if h.logits.Scale != 0 {
		set.Scale(z, h.logits.Scale)
	}
	if h.logits.Cap != 0 {
		set.SoftCap(z, h.logits.Cap)
	}
	var s scored
	for i := range h.n {
		row := z[i*h.vocab : (i+1)*h.vocab]
		at := set.ArgMax(row)
		s.lse = append(s.lse, set.LogSumExp(row))
		s.argmax = append(s.argmax, int32(at))
		top := float32(math.Inf(-1))
		if row[at] > top {
			top = row[at] + 0
		}
		s.top = append(s.top, top)
		for _, target := range h.targets[h.starts[i]:h.starts[i+1]] {
			s.targets = append(s.targets, row[target])
		}
	}
	return s
}

// gpu scores rows from the from-th to the to-th on the device, in chunks of outputs.
func (h headRows) gpu(t *testing.T, from, to, chunk int) scored {
	r, n := newElemRig(t, gpu.F32), to-from
	starts := make([]int32, 0, n+1)
	for _, s := range h.starts[from : to+1] {
		starts = append(starts, s-h.starts[from])
	}
	targets := h.targets[h.starts[from]:h.starts[to]]
	run := func() gpu.Ptr { return r.out(normal(elemRand(n), n, 1), gpu.F32) } // what First must not read
	p := gpu.HeadReduce{Scale: h.logits.Scale, Cap: h.logits.Cap, Starts: r.ints(starts), Targets: r.ints(targets),
		TargetLogits: r.out(make([]float32, len(targets)), gpu.F32), Max: run(), Sum: run(), ArgMax: run(), First: true}
	for p.Base = 0; p.Base < h.vocab; p.Base += chunk {
		p.Width = min(chunk, h.vocab-p.Base)
		p.LD = p.Width + n%2*4
		part := make([]float32, n*p.LD)
		for i := range n {
			copy(part[i*p.LD:], h.outputs[(from+i)*h.vocab+p.Base:][:p.Width])
			for j := p.Width; j < p.LD; j++ {
				part[i*p.LD+j] = 1e9 // what lies between rows must not be read
			}
		}
		p.Logits = r.in(part, gpu.F32)
		r.ops.HeadReduce(p, n)
		p.First = false
	}
	s := scored{top: r.get(p.Max, n, gpu.F32), targets: r.get(p.TargetLogits, len(targets), gpu.F32), argmax: r.getInts(p.ArgMax, n)}
	for i, sum := range r.get(p.Sum, n, gpu.F32) {
		s.lse = append(s.lse, gpu.LogSumExp(s.top[i], sum))
	}
	r.check()
	return s
}

func (s scored) equal(t *testing.T, what string, want scored) {
	t.Helper()
	equalBits(t, what+", log-sum-exp", s.lse, want.lse)
	equalBits(t, what+", largest", s.top, want.top)
	equalBits(t, what+", targets", s.targets, want.targets)
	for i := range want.argmax {
		if s.argmax[i] != want.argmax[i] {
			t.Fatalf("%s: row %d is largest at %d, want %d", what, i, s.argmax[i], want.argmax[i])
		}
	}
}

var vocabs = []int{1, 2, 3, 31, 33, 511, 512, 513, 1000, 1024, 5000, 16384, 17000, 50257}

// The head's reduction gives the CPU's bits of the same outputs, in whatever chunks they come.
func TestHeadReduce(t *testing.T) {
	for _, vocab := range vocabs {
		for at, l := range []kernels.Logits{{}, {Scale: 0.3}, {Cap: 30}, {Scale: -2, Cap: 5}} {
			n := 3
			if vocab > 10000 {
				n = 2
			}
			rng := elemRand(vocab, at)
			h := newHeadRows(n, vocab, normal(rng, n*vocab, 8), l, rng)
			for i := range h.outputs { // ties
				if rng.IntN(3) == 0 {
					h.outputs[i] = float32(int(h.outputs[i]))
				}
			}
			want := h.cpu(t)
			for _, chunk := range []int{512, 4096, 1 << 20} {
				h.gpu(t, 0, n, chunk).equal(t, label("vocabulary ", vocab, ", chunks of ", chunk), want)
			}
		}
	}
}

// Infinite numbers and NaN end where the CPU's do.
func TestHeadReduceSpecial(t *testing.T) {
	inf, nan := float32(math.Inf(1)), float32(math.NaN())
	rows := map[string]func(x []float32){
		"all -inf":       func(x []float32) { fill(x, -inf) },
		"all NaN":        func(x []float32) { fill(x, nan) },
		"all zero":       func(x []float32) { fill(x, float32(math.Copysign(0, -1))) },
		"a NaN":          func(x []float32) { x[len(x)/2] = nan },
		"an inf":         func(x []float32) { x[len(x)/3] = inf },
		"inf and NaN":    func(x []float32) { x[0], x[len(x)-1] = inf, nan },
		"first 600 -inf": func(x []float32) { fill(x[:min(600, len(x))], -inf) },
		"-inf and NaN":   func(x []float32) { fill(x, -inf); x[len(x)-1] = nan },
		"far apart":      func(x []float32) { x[0], x[len(x)-1] = -3e38, 3e38 },
	}
	for name, spoil := range rows {
		for _, vocab := range []int{1, 5, 512, 700, 3000} {
			rng := elemRand(vocab)
			h := newHeadRows(1, vocab, normal(rng, vocab, 3), kernels.Logits{}, rng)
			spoil(h.outputs)
			for _, chunk := range []int{512, 1 << 20} {
				h.gpu(t, 0, 1, chunk).equal(t, label(name, ", vocabulary ", vocab, ", chunks of ", chunk), h.cpu(t))
			}
		}
	}
}

func fill(x []float32, v float32) {
	for i := range x {
		x[i] = v
	}
}

func TestHeadReduceRowsAreIndependent(t *testing.T) {
	const n, vocab = 7, 3001
	rng := elemRand(1)
	h := newHeadRows(n, vocab, normal(rng, n*vocab, 5), kernels.Logits{Cap: 20}, rng)
	all := h.gpu(t, 0, n, 1024)
	for i := range n {
		one := h.gpu(t, i, i+1, 512)
		one.equal(t, label("row ", i, " alone"), scored{all.lse[i : i+1], all.top[i : i+1],
			all.targets[h.starts[i]:h.starts[i+1]], all.argmax[i : i+1]})
	}
}

func TestFinishLogits(t *testing.T) {
	cpu := reference(t)
	for _, n := range widths {
		r, x := newElemRig(t, gpu.F32), mixed(elemRand(n), n)
		p := r.out(x, gpu.F32)
		r.ops.FinishLogits(p, int64(n), 0.7, 30)
		cpu.Scale(x, 0.7)
		cpu.SoftCap(x, 30)
		equalBits(t, label("finish ", n), r.get(p, n, gpu.F32), x)
		r.ops.FinishLogits(p, int64(n), 0, 0)
		equalBits(t, "nothing to finish", r.get(p, n, gpu.F32), x)
		r.check()
	}
}
