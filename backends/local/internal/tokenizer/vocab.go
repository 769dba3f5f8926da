package tokenizer

import "fmt"

// maxVocab bounds ids, since the ids of a hostile file would else say how much memory to take.
const maxVocab = 1 << 24

// maxToken bounds the length of a token, in bytes: the time to look for tokens may grow with it.
const maxToken = 1 << 14

// vocabulary is the tokens of a model by text and by id. Ids may be missing.
type vocabulary struct {
	ids    map[string]int32
	tokens map[int32]string
	end    int // one more than the largest id
}

func newVocabulary(ids map[string]int64) (vocabulary, error) {
	v := vocabulary{ids: make(map[string]int32, len(ids)), tokens: make(map[int32]string, len(ids))}
	for token, id := range ids {
		if id < 0 || id >= maxVocab {
			return v, fmt.Errorf("token %q has the id %d, which is not in 0 to %d", token, id, maxVocab-1)
		}
		if len(token) > maxToken {
			return v, fmt.Errorf("token %d has %d bytes, more than %d", id, len(token), maxToken)
		}
		if other, twice := v.tokens[int32(id)]; twice {
			return v, fmt.Errorf("tokens %q and %q have the same id %d", min(token, other), max(token, other), id)
		}
		v.ids[token], v.tokens[int32(id)] = int32(id), token
		v.end = max(v.end, int(id)+1)
	}
	return v, nil
}

func (v *vocabulary) size() int { return v.end }

func (v *vocabulary) id(token string) (int, bool) {
	id, ok := v.ids[token]
	return int(id), ok
}

func (v *vocabulary) token(id int) (string, bool) {
	if id < 0 || id >= v.end {
		return "", false
	}
	token, ok := v.tokens[int32(id)]
	return token, ok
}

// byteTokens gives the ids of <0x00> to <0xFF>, -1 for those that are missing.
func byteTokens(id func(string) (int, bool)) *[256]int32 {
	ids := new([256]int32)
	for b := range ids {
		ids[b] = -1
		if at, ok := id(fmt.Sprintf("<0x%02X>", b)); ok {
			ids[b] = int32(at)
		}
	}
	return ids
}
