package pyrandom

import (
	"math"
	"math/bits"
)

// Below gives Python's randrange(n): an integer in [0,n). It panics unless 0 < n.
func (r *Random) Below(n int) int {
	if n <= 0 {
		panic("pyrandom: Below of a number that is not positive")
	}
	k := bits.Len(uint(n))
	v := r.bits(k)
	for v >= uint64(n) {
		v = r.bits(k)
	}
	return int(v)
}

// bits is getrandbits(k) for k in [1,64]: words from the lowest, the last one cut to the bits that are missing.
func (r *Random) bits(k int) uint64 {
	if k <= 32 {
		return uint64(r.Uint32() >> (32 - k))
	}
	low := uint64(r.Uint32())
	return low | uint64(r.Uint32()>>(64-k))<<32
}

// Sample gives Python's sample(range(n), k): k different integers of [0,n) in random order. It panics unless
// 0 ≤ k ≤ n.
func (r *Random) Sample(n, k int) []int {
	if k < 0 || k > n {
		panic("pyrandom: Sample of more than there are")
	}
	out := make([]int, k)
	if n <= poolLimit(k) {
		pool := make([]int, n)
		for i := range pool {
			pool[i] = i
		}
		for i := range out {
			j := r.Below(n - i)
			out[i] = pool[j]
			pool[j] = pool[n-i-1]
		}
		return out
	}
	seen := make(map[int]bool, k)
	for i := range out {
		j := r.Below(n)
		for seen[j] {
			j = r.Below(n)
		}
		seen[j] = true
		out[i] = j
	}
	return out
}

// poolLimit is the largest population of which Python copies all to draw k: the size of a set of k entries.
func poolLimit(k int) int {
	limit := 21
	if k > 5 {
		limit += int(math.Pow(4, math.Ceil(math.Log(float64(k*3))/math.Log(4))))
	}
	return limit
}

// Shuffle is Python's shuffle of n elements, of which swap exchanges two.
func (r *Random) Shuffle(n int, swap func(i, j int)) {
	for i := n - 1; i > 0; i-- {
		swap(i, r.Below(i+1))
	}
}

// Choices fills out with Python's choices(range(n), k=len(out)): integers of [0,n), with replacement. It panics
// unless 0 < n.
func (r *Random) Choices(out []int32, n int) {
	if n <= 0 {
		panic("pyrandom: Choices of nothing")
	}
	scale := float64(n)
	for len(out) > 0 {
		if r.next > size-2 { // one word is left, or none
			out[0] = int32(r.Float64() * scale)
			out = out[1:]
			continue
		}
		words := r.words[r.next:]
		k := min(len(out), len(words)/2)
		for i := range out[:k] {
			out[i] = int32(unit(words[2*i], words[2*i+1]) * scale)
		}
		r.next += 2 * k
		out = out[k:]
	}
}
