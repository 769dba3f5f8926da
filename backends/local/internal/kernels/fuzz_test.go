package kernels

import "testing"

// FuzzSets holds the fast sets to the portable one's bits on any shape, with canaries beside the operands.
func FuzzSets(f *testing.F) {
	for i := range 12 {
		f.Add(uint8(i), uint8(3*i+1), uint16(37*i+1), uint16(90*i+1), uint8(i), uint64(i))
	}
	f.Fuzz(func(t *testing.T, kind, m uint8, n, k uint16, option uint8, seed uint64) {
		run := fuzzOp(kind, 1+int(m)%40, 1+int(n)%300, 1+int(k)%600, option)
		fills := []fill{ordinary, extreme, special}
		input := fills[seed%3]
		want := run(t, generic{}, plain(), newRand(seed), input)
		for _, s := range All()[1:] {
			mem := canaries()
			sameBits(t, run(t, s, mem, newRand(seed), input), want)
			mem.check(t)
		}
	})
}

// fuzzOp picks a kernel and its options.
func fuzzOp(kind uint8, m, n, k int, option uint8) runOp {
	flag := func(bit int) bool { return option>>bit&1 > 0 }
	a := Attention{KVHeads: 1 + n%3, Dim: 1 + k%130}
	a.Heads = a.KVHeads * (1 + m%7)
	switch kind % 8 {
	case 0, 1:
		return linearOp(m, n, k, DType(option%3), flag(2))
	case 2:
		return roundedOp(linearOp(m, n, k, BF16, flag(2)))
	case 3:
		return logProbsOp(m, 4*n, k, DType(option%3), Logits{Cap: float32(option >> 5)})
	case 4:
		return normOp(n, flag(0), flag(1), flag(0) && flag(2), flag(3))
	case 5:
		return gateOp(m, n, Activation(option%uint8(activations)))
	case 6:
		rot := Rotary{Dim: 2 + k%130&^1, Interleaved: flag(0)}
		rot.Rot = min(rot.Dim, n&^1)
		return ropeOp(m, 1+n%5, k%7, rot)
	}
	return attendOp(attendCase{Attention: a, rows: m, to: 1 + n, step: int(option >> 6), window: k % 90 * int(option&1),
		fork: int(option>>1) % 8, slopes: flag(4), shuffle: flag(5)})
}
