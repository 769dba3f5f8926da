// Package stream derives independent random streams from one run seed.
//
// Each use of randomness names its purpose and what it is for, so that no use disturbs another and
// neither order nor concurrency changes what is drawn.
package stream

import (
	"crypto/sha256"
	"encoding/binary"
	"math/rand/v2"
)

// Seed derives a seed for one purpose and key from the run's seed. Parts are length-prefixed before
// hashing, so ("ab","c") and ("a","bc") differ.
func Seed(seed uint64, purpose string, key ...string) uint64 {
	sum := digest(seed, purpose, key)
	return binary.LittleEndian.Uint64(sum[:8])
}

// Rand makes the generator of one purpose and key: ChaCha8, the same on every platform.
func Rand(seed uint64, purpose string, key ...string) *rand.Rand {
	return rand.New(rand.NewChaCha8(digest(seed, purpose, key)))
}

func digest(seed uint64, purpose string, key []string) [32]byte {
	h := sha256.New()
	var n [8]byte
	put := func(v uint64) {
		binary.LittleEndian.PutUint64(n[:], v)
		h.Write(n[:])
	}
	put(seed)
	put(uint64(len(purpose)))
	h.Write([]byte(purpose))
	for _, k := range key {
		put(uint64(len(k)))
		h.Write([]byte(k))
	}
	return [32]byte(h.Sum(nil))
}
