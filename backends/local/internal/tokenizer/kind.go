package tokenizer

// Kind names the tokenizer's model for people: "BPE", with how it treats bytes, "Unigram", "WordPiece" or "WordLevel".
func (t *Tokenizer) Kind() string {
	switch m := t.model.(type) {
	case *bpe:
		switch {
		case m.fallback != nil:
			return "BPE with byte fallback"
		case m.raw || m.covers():
			return "byte-level BPE"
		}
		return "BPE"
	case *unigram:
		return "Unigram"
	case *wordPiece:
		return "WordPiece"
	case *wordLevel:
		return "WordLevel"
	}
	return "unknown"
}

// covers reports whether there is a token for the character of every byte.
func (m *bpe) covers() bool {
	for _, c := range byteChar {
		if _, ok := m.ids[string(c)]; !ok {
			return false
		}
	}
	return true
}
