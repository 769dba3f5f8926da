package tokenizer

import (
	"fmt"
	"unicode/utf8"
)

// addedToken is an entry of a file's added_tokens.
type addedToken struct {
	ID         int64  `json:"id"`
	Content    string `json:"content"`
	SingleWord bool   `json:"single_word"`
	LStrip     bool   `json:"lstrip"`
	RStrip     bool   `json:"rstrip"`
	Normalized bool   `json:"normalized"`
	Special    bool   `json:"special"`
}

// maxAdded bounds the length of an added token, in bytes: the time to find tokens may grow with it.
const maxAdded = 1 << 12

// addedVocabulary finds added tokens in texts, before they are split into words.
type addedVocabulary struct {
	ids     map[string]int32
	byID    map[int32]*addedToken
	special map[string]bool
	// shown holds what a token is decoded as, where that is not its content: the normalizer's form of it.
	shown      map[int32]string
	plain      *trie // of tokens that are looked for in the text as it is; nil where there is none
	normalized *trie // of those that are looked for after the normalizer; nil where there is none
	end        int   // one more than the largest id
}

// newAdded gives tokens their ids as the reference does: a token that the model has keeps the model's id, others follow
// on each other from the model's number of tokens on. The ids that the file states are not read.
func newAdded(tokens []addedToken, m model, count int, n normalizer) (*addedVocabulary, error) {
	v := &addedVocabulary{
		ids: make(map[string]int32), byID: make(map[int32]*addedToken), special: make(map[string]bool),
		shown: make(map[int32]string),
	}
	next := count
	for _, a := range tokens {
		if a.Content == "" {
			continue
		}
		if len(a.Content) > maxAdded {
			return nil, fmt.Errorf("added token %d has %d bytes, more than %d", a.ID, len(a.Content), maxAdded)
		}
		id, known := m.id(a.Content)
		if at, ok := v.ids[a.Content]; ok {
			id, known = int(at), true
		}
		if !known {
			id = next
			next++
		}
		v.ids[a.Content] = int32(id)
		v.byID[int32(id)] = &a
		v.end = max(v.end, id+1)
		if a.Special {
			v.special[a.Content] = true
		}
	}
	return v, v.index(n)
}

// index makes the tries.
func (v *addedVocabulary) index(n normalizer) error {
	var plain, normalized []trieKey
	seen := make(map[string]int32)
	for id, a := range v.byID {
		if !a.Normalized {
			plain = append(plain, trieKey{a.Content, id})
			continue
		}
		s, err := n.normalize(source{text: a.Content})
		if err != nil {
			return fmt.Errorf("added token %q: %w", a.Content, err)
		}
		if s.text != a.Content {
			v.shown[id] = s.text
		}
		if s.text == "" {
			return fmt.Errorf("added token %q is empty once it is normalized", a.Content)
		}
		if other, twice := seen[s.text]; twice {
			return fmt.Errorf("added tokens %q and %q are the same once they are normalized",
				v.byID[min(id, other)].Content, v.byID[max(id, other)].Content)
		}
		seen[s.text] = id
		normalized = append(normalized, trieKey{s.text, id})
	}
	if len(plain) > 0 {
		v.plain = newTrie(plain)
	}
	if len(normalized) > 0 {
		v.normalized = newTrie(normalized)
	}
	return nil
}

// split cuts a piece at the added tokens of a trie: of those that begin first the longest. One that must be a single
// word and is none counts as text, and takes the place of others within it nevertheless.
func (v *addedVocabulary) split(dst []piece, p piece, t *trie) []piece {
	s := p.text
	done := 0 // what stands before is in dst
	for at := 0; t != nil && at < len(s); {
		if t.root[s[at]] == 0 {
			at++
			continue
		}
		size, id := t.longest(s[at:])
		if size == 0 {
			at++
			continue
		}
		lo, hi := at, at+size
		at = hi
		a := v.byID[id]
		if a.SingleWord && (endsWith(s[:lo], word) || beginsWith(s[hi:], word)) {
			continue
		}
		if a.LStrip {
			for lo > 0 && endsWith(s[:lo], space) {
				_, n := utf8.DecodeLastRuneInString(s[:lo])
				lo -= n
			}
			lo = max(lo, done)
		}
		if a.RStrip {
			for hi < len(s) && beginsWith(s[hi:], space) {
				_, n := utf8.DecodeRuneInString(s[hi:])
				hi += n
			}
		}
		if done < lo {
			dst = append(dst, p.part(done, lo))
		}
		dst = append(dst, piece{added: id})
		done = hi
	}
	if done < len(s) {
		dst = append(dst, p.part(done, len(s)))
	}
	return dst
}

func endsWith(s string, c class) bool {
	r, size := utf8.DecodeLastRuneInString(s)
	return size > 0 && unicodeTables().of(r)&c != 0
}

func beginsWith(s string, c class) bool {
	r, size := utf8.DecodeRuneInString(s)
	return size > 0 && unicodeTables().of(r)&c != 0
}
