package kernels

import (
	"fmt"
	"sync"
	"testing"
)

// Sharing a call among any number of workers changes no bit, at sizes large enough to be shared.
func TestParallelIsBitEqual(t *testing.T) {
	cases := map[string]runOp{
		"linear":        linearOp(300, 500, 300, F32, true),
		"linear rows":   linearOp(700, 40, 100, BF16, false),
		"linear row":    linearOp(1, 5000, 300, F16, true),
		"linear few":    linearOp(5, 3001, 300, BF16, true),
		"logprobs":      logProbsOp(3, 5000, 70, F32, Logits{Cap: 5}),
		"logprobs rows": logProbsOp(201, 2049, 70, BF16, Logits{}),
		"rmsnorm":       normOp(9000, false, true, false, false),
		"layernorm":     normOp(9000, true, true, true, false),
		"activate":      activateOp(40000, GeluErf),
		"gate":          gateOp(37, 1000, Silu),
		"add":           plainOp(50001, "add"),
		"bias":          plainOp(50001, "bias"),
		"scale":         plainOp(50001, "scale"),
		"cap":           plainOp(50001, "cap"),
		"rope":          ropeOp(70, 6, 3, Rotary{Dim: 64, Rot: 64}),
		"store":         storeOp(150, 4, 64),
		"attend row":    attendOp(attendCase{Attention: Attention{Heads: 14, KVHeads: 2, Dim: 64}, rows: 1, to: 1900}),
		"attend":        attendOp(attendCase{Attention: Attention{Heads: 6, KVHeads: 3, Dim: 64}, rows: 100, to: 30, step: 1}),
	}
	for _, inner := range []Set{All()[0], Best(), RoundBF16(Best())} {
		for _, workers := range []int{1, 2, 16} {
			t.Run(fmt.Sprintf("%s/%d", inner.Name(), workers), func(t *testing.T) {
				p := Parallel(inner, workers)
				defer p.Close()
				for name, run := range cases {
					t.Run(name, func(t *testing.T) {
						alone := Best()
						if _, ok := inner.(roundedSet); ok {
							alone = inner
						}
						want := run(t, alone, plain(), newRand(1), ordinary)
						mem := canaries()
						sameBits(t, run(t, p, mem, newRand(1), ordinary), want)
						mem.check(t)
					})
				}
			})
		}
	}
}

// Concurrent callers of one pool get what each would get alone.
func TestParallelCallers(t *testing.T) {
	p := Parallel(Best(), 4)
	defer p.Close()
	run := linearOp(40, 300, 200, F32, true)
	want := run(t, Best(), plain(), newRand(1), ordinary)
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for range 200 {
				got := run(t, p, plain(), newRand(1), ordinary)
				for i := range got {
					if got[i] != want[i] {
						t.Errorf("result %d is %g, want %g", i, got[i], want[i])
						return
					}
				}
			}
		})
	}
	all.Wait()
}

func TestParallelCloseEndsWorkers(t *testing.T) {
	for range 50 {
		p := Parallel(Best(), 8)
		if p.Workers() != 8 {
			t.Fatalf("%d workers", p.Workers())
		}
		p.shareAll(1<<16, func(int, int) {})
		p.Close()
	}
}
