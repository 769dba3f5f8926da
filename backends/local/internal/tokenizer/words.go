package tokenizer

import "unicode/utf8"

// wordPiece is BERT's model: the longest token that a word begins with, then the longest that continues it, and so on.
type wordPiece struct {
	vocabulary
	prefix   string // of tokens that continue a word
	unk      int
	maxChars int
	longest  int // bytes of the longest token
}

func (m *wordPiece) encode(dst []int, word string) []int {
	if utf8.RuneCountInString(word) > m.maxChars {
		return append(dst, m.unk)
	}
	begin := len(dst)
	var buf []byte
	for start := 0; start < len(word); {
		end := min(len(word), start+m.longest)
		for end < len(word) && !utf8.RuneStart(word[end]) {
			end--
		}
		found := -1
		for end > start {
			key := word[start:end]
			if start > 0 && m.prefix != "" {
				buf = append(append(buf[:0], m.prefix...), key...)
				if id, ok := m.ids[string(buf)]; ok {
					found = int(id)
					break
				}
			} else if id, ok := m.ids[key]; ok {
				found = int(id)
				break
			}
			_, size := utf8.DecodeLastRuneInString(key)
			end -= size
		}
		if found < 0 {
			return append(dst[:begin], m.unk)
		}
		dst = append(dst, found)
		start = end
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
