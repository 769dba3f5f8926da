package tokenizer

import (
	"hash/maphash"
	"strings"
	"sync/atomic"
)

// The bounds of a word cache: the bytes of a word and the number of words.
const (
	maxCached  = 128
	cacheWords = 1 << 15
)

// wordCache keeps the ids of words that were encoded. A word has one place, which the next word of that place takes,
// so that the cache is bounded and no one waits. It may be used concurrently; its zero value is ready.
type wordCache struct {
	seed  atomic.Pointer[maphash.Seed]
	words [cacheWords]atomic.Pointer[cachedWord]
}

type cachedWord struct {
	word string
	ids  []int32
}

// get gives a word's entry, nil where there is none, and what put needs.
func (c *wordCache) get(word string) (*cachedWord, uint64) {
	seed := c.seed.Load()
	if seed == nil {
		s := maphash.MakeSeed()
		c.seed.CompareAndSwap(nil, &s)
		seed = c.seed.Load()
	}
	hash := maphash.String(*seed, word) % cacheWords
	if e := c.words[hash].Load(); e != nil && e.word == word {
		return e, hash
	}
	return nil, hash
}

func (c *wordCache) put(hash uint64, word string, ids []int) {
	e := &cachedWord{word: strings.Clone(word), ids: make([]int32, len(ids))}
	for i, id := range ids {
		e.ids[i] = int32(id)
	}
	c.words[hash].Store(e)
}
