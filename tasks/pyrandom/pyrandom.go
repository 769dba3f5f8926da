// Package pyrandom draws as CPython's random.Random does, so that what lm-evaluation-harness drew can be drawn
// again.
//
// The generator is MT19937 (Matsumoto and Nishimura 1998, ACM TOMACS 8:1), seeded by init_by_array; the methods
// follow the documented behaviour of Python 3.11 and later.
package pyrandom

const (
	size  = 624 // words of state
	shift = 397
)

// Random is a generator with the state of Python's random.Random(seed). One goroutine may use it at a time.
type Random struct {
	state [size]uint32
	words [size]uint32 // state, tempered
	next  int          // the next of words to give out
}

// New gives the generator of Python's random.Random(seed). Python takes the seed's absolute value, so that -1 and
// 1 draw alike.
func New(seed int64) *Random {
	u := uint64(seed)
	if seed < 0 {
		u = -u
	}
	key := []uint32{uint32(u)}
	if high := uint32(u >> 32); high != 0 {
		key = append(key, high)
	}
	r := new(Random)
	r.seed(key)
	return r
}

// seed is init_by_array of the generator's authors.
func (r *Random) seed(key []uint32) {
	s := &r.state
	s[0] = 19650218
	for i := uint32(1); i < size; i++ {
		s[i] = 1812433253*(s[i-1]^s[i-1]>>30) + i
	}
	i, j := 1, 0
	wrap := func() {
		if i++; i == size {
			s[0], i = s[size-1], 1
		}
	}
	for range max(size, len(key)) {
		s[i] = (s[i] ^ (s[i-1]^s[i-1]>>30)*1664525) + key[j] + uint32(j)
		wrap()
		if j++; j == len(key) {
			j = 0
		}
	}
	for range size - 1 {
		s[i] = (s[i] ^ (s[i-1]^s[i-1]>>30)*1566083941) - uint32(i)
		wrap()
	}
	s[0] = 1 << 31
	r.next = size
}

// twist makes the next words of state.
func (r *Random) twist() {
	const upper, lower = 1 << 31, 1<<31 - 1
	mix := func(a, b, far uint32) uint32 {
		y := a&upper | b&lower
		return far ^ y>>1 ^ -(y&1)&0x9908b0df
	}
	s := &r.state
	for i := range size - shift {
		s[i] = mix(s[i], s[i+1], s[i+shift])
	}
	for i := size - shift; i < size-1; i++ {
		s[i] = mix(s[i], s[i+1], s[i+shift-size])
	}
	s[size-1] = mix(s[size-1], s[0], s[shift-1])
	for i, y := range s {
		y ^= y >> 11
		y ^= y << 7 & 0x9d2c5680
		y ^= y << 15 & 0xefc60000
		r.words[i] = y ^ y>>18
	}
	r.next = 0
}

// Uint32 gives the next 32 random bits.
func (r *Random) Uint32() uint32 {
	if r.next == size {
		r.twist()
	}
	y := r.words[r.next]
	r.next++
	return y
}

// Float64 gives Python's random(): a multiple of 2⁻⁵³ in [0,1).
func (r *Random) Float64() float64 {
	return unit(r.Uint32(), r.Uint32())
}

// unit makes a float of two words: 27 bits of the first and 26 of the second.
func unit(high, low uint32) float64 {
	return float64(uint64(high>>5)<<26|uint64(low>>6)) / (1 << 53)
}
