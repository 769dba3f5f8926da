// Package tokenizer turns text into token ids and back, as a checkpoint's tokenizer.json says, and gives exactly what
// Hugging Face's tokenizers 0.23.3 gives for the same file.
//
// It knows every component of that library. A component or option that it does not know is an error that names it;
// nothing is passed over, since a tokenizer that is almost right gives numbers that are wrong. Two things it leaves out,
// as the library that loads tokenizers for models does: a file's truncation and padding. Dropout is refused.
//
// A text goes through these parts, each in files of its own: added tokens are cut out (added.go), the rest is
// normalized (normalize.go), cut out of again, split into words (split.go, pretokenize.go), and each word turned into
// ids by a model (bpe.go, unigram.go, words.go); the post-processor puts special tokens around them (post.go). Ids are
// turned into text by decoders (decode.go).
//
// The Unicode data is the reference's: classes.go says of which versions. What is left to Go's own version (15 with Go
// 1.26) are properties in patterns that classes.txt does not list, and case in patterns; grapheme clusters, which
// matter for sentencepiece's character map alone, are those of Unicode 17.
package tokenizer

import (
	"errors"
	"fmt"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// Tokenizer is a loaded tokenizer. It may be used concurrently.
type Tokenizer struct {
	model     model
	added     *addedVocabulary
	normalize normalizers
	words     []splitter
	post      []insert
	decode    decoder
	size      int
}

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
		where := file
		var syntax *jsontext.SyntacticError
		if errors.As(err, &syntax) {
			where = fmt.Sprintf("%s:%d", file, lineAt(data, syntax.ByteOffset))
		}
		return nil, &Error{where, fmt.Sprintf("not a tokenizer.json: %v", err)}
	}
	t, err := build(&f)
	if err != nil {
		return nil, &Error{file, err.Error()}
	}
	return t, nil
}

// lineAt gives the line of a byte, from 1.
func lineAt(data []byte, offset int64) int {
	line := 1
	for _, c := range data[:min(max(offset, 0), int64(len(data)))] {
		if c == '\n' {
			line++
		}
	}
	return line
}

// Size is one more than the largest id, added tokens included.
func (t *Tokenizer) Size() int { return t.size }

// ID gives the id of a token by its text.
func (t *Tokenizer) ID(token string) (int, bool) {
	if id, ok := t.added.ids[token]; ok {
		return int(id), true
	}
	return t.model.id(token)
}

// Encode gives the ids of text. With addSpecial it puts the post-processor's tokens around them. Bytes that are not
// UTF-8 count as U+FFFD. Where TryEncode gives an error, what stands behind the word in question is left out.
func (t *Tokenizer) Encode(text string, addSpecial bool) []int {
	ids, _ := t.TryEncode(text, addSpecial)
	return ids
}

// TryEncode is Encode with an error for text on which one of the file's patterns takes too long, which patterns of
// real tokenizers never do.
func (t *Tokenizer) TryEncode(text string, addSpecial bool) ([]int, error) {
	ids, err := t.encode(valid(text))
	if err != nil {
		err = fmt.Errorf("encode text: %w", err)
	}
	return t.surround(ids, addSpecial), err
}

// encode gives the ids of text without those of the post-processor.
func (t *Tokenizer) encode(text string) ([]int, error) {
	var room [8]piece
	pieces := room[:0]
	for _, p := range t.added.split(nil, piece{text: text, added: -1, first: true}, t.added.plain) {
		if p.added >= 0 {
			pieces = append(pieces, p)
			continue
		}
		s, err := t.normalize.normalize(source{text: p.text, moved: !p.first})
		if err != nil {
			return nil, err
		}
		pieces = t.added.split(pieces, piece{text: s.text, added: -1, first: !s.moved}, t.added.normalized)
	}
	pieces, err := splitAll(t.words, pieces)
	if err != nil {
		return nil, err
	}
	ids := make([]int, 0, len(text)/4+4)
	for _, p := range pieces {
		if p.added >= 0 {
			ids = append(ids, int(p.added))
		} else {
			ids = t.model.encode(ids, p.text)
		}
	}
	return ids, nil
}
