// Package tokenizer turns text into token ids and back, as a checkpoint's tokenizer.json says.
//
// A component that it does not know is an error that names it; nothing is passed over, since a tokenizer that is
// almost right gives numbers that are wrong. It knows byte-pair encoding over characters, with merges and byte
// fallback, added tokens, splitting into single characters, the template post-processor, and the Fuse and
// ByteFallback decoders.
package tokenizer

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"
)

// Tokenizer is a loaded tokenizer. It may be used concurrently.
type Tokenizer struct {
	vocab   map[string]int
	tokens  []string // by id
	special []bool   // by id: left out of decoded text
	added   []addedToken
	merges  map[pair]merge
	unk     int      // -1 where there is none
	bytes   [256]int // ids of <0x00> to <0xFF>, where byte fallback is on
	byByte  bool
	prefix  []int // ids that the post-processor puts before a text
	suffix  []int // and after it
}

type addedToken struct {
	ID         int    `json:"id"`
	Content    string `json:"content"`
	SingleWord bool   `json:"single_word"`
	LStrip     bool   `json:"lstrip"`
	RStrip     bool   `json:"rstrip"`
	Normalized bool   `json:"normalized"`
	Special    bool   `json:"special"`
}

type pair struct{ left, right int }

// merge says what a pair becomes, and when: the lowest rank first.
type merge struct{ rank, id int }

// Error says what a tokenizer.json has that this package does not know, or what is wrong with it.
type Error struct{ File, Msg string }

func (e *Error) Error() string { return fmt.Sprintf("%s: %s", e.File, e.Msg) }

// Hint says what to do.
func (e *Error) Hint() string {
	return "the checkpoint cannot be run in process yet; serve it with a model server and use that"
}

// Parse reads a tokenizer.json. file names it in errors.
func Parse(file string, data []byte) (*Tokenizer, error) {
	var f fileJSON
	if err := json.Unmarshal(data, &f); err != nil {
		return nil, &Error{file, fmt.Sprintf("not a tokenizer.json: %v", err)}
	}
	t, err := build(&f)
	if err != nil {
		return nil, &Error{file, err.Error()}
	}
	return t, nil
}

// Size counts the ids, added tokens included.
func (t *Tokenizer) Size() int { return len(t.tokens) }

// ID gives the id of a token by its text.
func (t *Tokenizer) ID(token string) (int, bool) {
	id, ok := t.vocab[token]
	return id, ok
}

// Encode gives the ids of text. With addSpecial it puts the post-processor's tokens around them.
func (t *Tokenizer) Encode(text string, addSpecial bool) []int {
	var ids []int
	if addSpecial {
		ids = append(ids, t.prefix...)
	}
	for text != "" {
		at, tok := t.nextAdded(text)
		ids = t.encodePlain(ids, text[:at])
		if tok == nil {
			break
		}
		ids = append(ids, tok.ID)
		text = text[at+len(tok.Content):]
	}
	if addSpecial {
		ids = append(ids, t.suffix...)
	}
	return ids
}

// nextAdded finds the first added token in text, the longest of those that begin there; at is len(text) and tok nil
// where there is none.
func (t *Tokenizer) nextAdded(text string) (at int, tok *addedToken) {
	at = len(text)
	for i := range t.added {
		a := &t.added[i]
		j := strings.Index(text, a.Content)
		if j >= 0 && (j < at || j == at && tok != nil && len(a.Content) > len(tok.Content)) {
			at, tok = j, a
		}
	}
	return at, tok
}

// encodePlain encodes text that holds no added token: each character is split off by the pre-tokenizer and is a word
// of its own, so merges work within a character's bytes at most.
func (t *Tokenizer) encodePlain(ids []int, text string) []int {
	for i := 0; i < len(text); {
		r, size := utf8.DecodeRuneInString(text[i:])
		char := text[i : i+size]
		if r == utf8.RuneError && size == 1 {
			char = string(utf8.RuneError)
		}
		i += size
		if id, ok := t.vocab[char]; ok {
			ids = append(ids, id)
			continue
		}
		ids = t.encodeUnknown(ids, char)
	}
	return ids
}

// encodeUnknown encodes a character that the vocabulary does not have. The model's option fuse_unk joins unknown
// characters of one word, so it has nothing to do here.
func (t *Tokenizer) encodeUnknown(ids []int, char string) []int {
	if t.byByte {
		start := len(ids)
		for i := range len(char) {
			ids = append(ids, t.bytes[char[i]])
		}
		return append(ids[:start], t.mergeAll(ids[start:])...)
	}
	if t.unk < 0 {
		return ids
	}
	return append(ids, t.unk)
}

// mergeAll applies the merges to one word's ids, the lowest rank first and the leftmost of equal ranks.
func (t *Tokenizer) mergeAll(ids []int) []int {
	for {
		best, at := merge{rank: -1}, -1
		for i := 0; i+1 < len(ids); i++ {
			m, ok := t.merges[pair{ids[i], ids[i+1]}]
			if ok && (at < 0 || m.rank < best.rank) {
				best, at = m, i
			}
		}
		if at < 0 {
			return ids
		}
		ids[at] = best.id
		ids = slices.Delete(ids, at+1, at+2)
	}
}

// Decode gives the text of ids. With skipSpecial it leaves out special tokens. Bytes of byte-fallback tokens that
// make no character become U+FFFD.
func (t *Tokenizer) Decode(ids []int, skipSpecial bool) string {
	var b []byte
	for _, id := range ids {
		b = t.AppendToken(b, id, skipSpecial)
	}
	return strings.ToValidUTF8(string(b), string(utf8.RuneError))
}

// AppendToken appends the bytes of one token's text, so that a text can be decoded as it is generated. The bytes of a
// character may come with several tokens.
func (t *Tokenizer) AppendToken(b []byte, id int, skipSpecial bool) []byte {
	if id < 0 || id >= len(t.tokens) || skipSpecial && t.special[id] {
		return b
	}
	if c, ok := t.byteOf(id); ok {
		return append(b, c)
	}
	return append(b, t.tokens[id]...)
}

// byteOf gives the byte that a byte-fallback token stands for.
func (t *Tokenizer) byteOf(id int) (byte, bool) {
	if !t.byByte {
		return 0, false
	}
	return parseByteToken(t.tokens[id])
}
