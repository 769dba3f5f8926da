package tokenizer

import "unicode/utf8"

// wordPiece is BERT's model: the longest token that a word begins with, then the longest that continues it, and so on.
type wordPiece struct {
	vocabulary
	trie     *trie
	inside   int32 // node of the trie behind the prefix of tokens that continue a word, -1 for none
	unk      int
	maxChars int
}

func newWordPiece(v vocabulary, prefix string, unk, maxChars int) *wordPiece {
	keys := make([]trieKey, 0, len(v.ids))
	for token, id := range v.ids {
		keys = append(keys, trieKey{token, id})
	}
	m := &wordPiece{vocabulary: v, trie: newTrie(keys), unk: unk, maxChars: maxChars}
	for i := range len(prefix) {
		if m.inside = m.trie.child(m.inside, prefix[i]); m.inside == 0 {
			m.inside = -1
			break
		}
	}
	return m
}

func (m *wordPiece) encode(dst []int, word string) []int {
	if utf8.RuneCountInString(word) > m.maxChars {
		return append(dst, m.unk)
	}
	begin, node := len(dst), int32(0)
	for at := 0; at < len(word); node = m.inside {
		size, id := 0, int32(-1)
		if node >= 0 {
			size, id = m.trie.longestFrom(node, word[at:])
		}
		if size == 0 {
			return append(dst[:begin], m.unk)
		}
		dst = append(dst, int(id))
		at += size
	}
	return dst
}

// wordLevel has whole words for tokens.
type wordLevel struct {
	vocabulary
	unk int
}

func (m *wordLevel) encode(dst []int, word string) []int {
	if id, ok := m.ids[word]; ok {
		return append(dst, int(id))
	}
	return append(dst, m.unk)
}
