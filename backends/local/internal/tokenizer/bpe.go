package tokenizer

import (
	"math"
	"unicode/utf8"
)

// model turns a word into ids.
type model interface {
	// encode appends the ids of a word that is not empty.
	encode(dst []int, word string) []int
	// size is one more than the largest id.
	size() int
	// id gives the id of a token.
	id(token string) (int, bool)
	// token gives the token of an id.
	token(id int) (string, bool)
}

// bpe is byte-pair encoding (Sennrich et al. 2016, arXiv:1508.07909).
type bpe struct {
	vocabulary
	merges       *pairTable
	unk          int32 // -1 where there is none
	fuseUnk      bool
	prefix       string // of what continues a word
	suffix       string // of what ends a word
	fallback     *[256]int32
	ignoreMerges bool
	// raw says that words are bytes, as a byte-level pre-tokenizer leaves them: bytes holds the id of each, and
	// rawIDs those of whole words.
	raw    bool
	bytes  [256]int32
	rawIDs map[string]int32
	cache  wordCache
}

// symbol is a token of a word in the making.
type symbol struct {
	id         int32
	prev, next int32 // -1 at the ends
	gone       bool  // merged into the one before
}

func (m *bpe) encode(dst []int, word string) []int {
	if m.ignoreMerges {
		if id, ok := m.whole(word); ok {
			return append(dst, int(id))
		}
	}
	if len(word) > maxCached {
		return m.encodeWord(dst, word)
	}
	e, hash := m.cache.get(word)
	if e == nil {
		start := len(dst)
		dst = m.encodeWord(dst, word)
		m.cache.put(hash, word, dst[start:])
		return dst
	}
	for _, id := range e.ids {
		dst = append(dst, int(id))
	}
	return dst
}

func (m *bpe) whole(word string) (int32, bool) {
	if m.raw {
		id, ok := m.rawIDs[word]
		return id, ok
	}
	id, ok := m.ids[word]
	return id, ok
}

func (m *bpe) encodeWord(dst []int, word string) []int {
	var room [64]int32
	ids := room[:0]
	if len(word) > len(room) {
		ids = make([]int32, 0, len(word))
	}
	if m.raw {
		ids = m.byteSymbols(ids, word)
	} else {
		ids = m.charSymbols(ids, word)
	}
	if len(ids) <= len(room) {
		ids = m.mergeFew(ids)
	} else {
		ids = m.mergeMany(ids)
	}
	for _, id := range ids {
		dst = append(dst, int(id))
	}
	return dst
}

// byteSymbols gives the ids of a word's bytes.
func (m *bpe) byteSymbols(ids []int32, word string) []int32 {
	unknown := false
	for i := range len(word) {
		id := m.bytes[word[i]]
		if id >= 0 {
			ids = append(ids, id)
		} else if m.unk >= 0 && !(unknown && m.fuseUnk) {
			ids = append(ids, m.unk)
		}
		unknown = id < 0
	}
	return ids
}

// charSymbols gives the ids of a word's characters. A character that is not in the vocabulary becomes the tokens of its
// bytes, or the unknown token, or nothing.
func (m *bpe) charSymbols(ids []int32, word string) []int32 {
	unknown := false // an unknown token waits: bytes that follow come before it, as in the reference
	var buf []byte
	for i := 0; i < len(word); {
		_, size := utf8.DecodeRuneInString(word[i:])
		char := word[i : i+size]
		if i > 0 && m.prefix != "" || i+size == len(word) && m.suffix != "" {
			buf = buf[:0]
			if i > 0 {
				buf = append(buf, m.prefix...)
			}
			buf = append(buf, char...)
			if i+size == len(word) {
				buf = append(buf, m.suffix...)
			}
			char = string(buf)
		}
		i += size
		if id, ok := m.ids[char]; ok {
			if unknown {
				ids, unknown = append(ids, m.unk), false
			}
			ids = append(ids, id)
			continue
		}
		if all, ok := m.fallbackIDs(ids, char); ok {
			ids = all
			continue
		}
		if m.unk >= 0 {
			if unknown && !m.fuseUnk {
				ids = append(ids, m.unk)
			}
			unknown = true
		}
	}
	if unknown {
		ids = append(ids, m.unk)
	}
	return ids
}

// fallbackIDs appends the ids of a text's bytes, where the vocabulary has all of them.
func (m *bpe) fallbackIDs(ids []int32, text string) ([]int32, bool) {
	if m.fallback == nil {
		return ids, false
	}
	start := len(ids)
	for i := range len(text) {
		id := m.fallback[text[i]]
		if id < 0 {
			return ids[:start], false
		}
		ids = append(ids, id)
	}
	return ids, true
}

const noRank = math.MaxUint32

// mergeFew merges pairs, the lowest rank first and the leftmost of equal ranks, in time of the square of a small number.
func (m *bpe) mergeFew(ids []int32) []int32 {
	var room [64]merge
	found := room[:max(0, len(ids)-1)]
	for i := range found {
		found[i] = m.merges.get(ids[i], ids[i+1])
	}
	for {
		at, rank := -1, uint32(noRank)
		for i := range found {
			if found[i].rank < rank {
				at, rank = i, found[i].rank
			}
		}
		if at < 0 {
			return ids
		}
		ids[at] = found[at].id
		ids = append(ids[:at+1], ids[at+2:]...)
		found = append(found[:at], found[at+1:]...)
		if at > 0 {
			found[at-1] = m.merges.get(ids[at-1], ids[at])
		}
		if at < len(found) {
			found[at] = m.merges.get(ids[at], ids[at+1])
		}
	}
}
