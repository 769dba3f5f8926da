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
// The Unicode data is the reference's, asked of it character by character (classes.txt): Unicode 16 for patterns, words,
// white space, numbers and case, Unicode 9 for normal forms and marks, an older one still for BERT's punctuation and
// control characters, and sentencepiece's scripts. golang.org/x/text makes the normal forms (Unicode 15 with Go 1.26, 17
// with 1.27), kept from what Unicode 9 does not know. What is left to Go's own version are properties in patterns that
// classes.txt does not list, and case in patterns; grapheme clusters, which matter for sentencepiece's character map
// alone, are those of Unicode 17. TestEveryCharacter says whether a new version of any of them shows.
package tokenizer

import (
	"errors"
	"fmt"
	"sync"

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
	w := scratch.Get().(*workspace)
	defer w.release()
	err := t.encode(w, valid(text))
	if err != nil {
		err = fmt.Errorf("encode text: %w", err)
	}
	return t.surround(w.ids, addSpecial), err
}

// workspace is memory that an encoding needs for a while.
type workspace struct {
	pieces, next []piece
	ids          []int
}

var scratch = sync.Pool{New: func() any { return new(workspace) }}

// maxSpare bounds the memory that is kept from one encoding to the next, in pieces.
const maxSpare = 1 << 14

func (w *workspace) release() {
	if cap(w.pieces)+cap(w.next)+cap(w.ids) > 3*maxSpare {
		return
	}
	w.pieces, w.next, w.ids = w.pieces[:0], w.next[:0], w.ids[:0]
	scratch.Put(w)
}

// encode puts the ids of text into the workspace, without those of the post-processor.
func (t *Tokenizer) encode(w *workspace, text string) error {
	w.next = t.added.split(w.next[:0], piece{text: text, added: -1, first: true}, t.added.plain)
	w.pieces = w.pieces[:0]
	for _, p := range w.next {
		if p.added >= 0 {
			w.pieces = append(w.pieces, p)
			continue
		}
		s, err := t.normalize.normalize(source{text: p.text, moved: !p.first, limit: growth(len(p.text))})
		if err != nil {
			return err
		}
		w.pieces = t.added.split(w.pieces, piece{text: s.text, added: -1, first: !s.moved}, t.added.normalized)
	}
	if err := w.split(t.words, growth(len(text))); err != nil {
		return err
	}
	w.ids = w.ids[:0]
	for _, p := range w.pieces {
		if p.added >= 0 {
			w.ids = append(w.ids, int(p.added))
		} else {
			w.ids = t.model.encode(w.ids, p.text)
		}
	}
	return nil
}

// split puts the pieces through splitters one after the other; added tokens pass. limit is how long they may become
// together.
func (w *workspace) split(steps []splitter, limit int) error {
	for _, step := range steps {
		w.next = w.next[:0]
		for _, p := range w.pieces {
			if p.added >= 0 {
				w.next = append(w.next, p)
				continue
			}
			var err error
			if w.next, err = step.split(w.next, p); err != nil {
				return err
			}
		}
		w.pieces, w.next = w.next, w.pieces
		size := 0
		for _, p := range w.pieces {
			size += len(p.text)
		}
		if size > limit {
			return errGrows
		}
	}
	return nil
}
