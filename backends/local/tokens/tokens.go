// Package tokens gives token ids to backends whose model runs elsewhere: a checkpoint's own tokenizer, and the way in which
// the local engine and lm-evaluation-harness cut texts into context and continuation.
package tokens

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"
	"unicode"

	"github.com/onset-eval/onset/backends/local/internal/tokenizer"
)

// Encode gives the ids of a text, with the tokens that the model wants around texts.
type Encode func(text string) ([]int, error)

// Part is a text of which the ids from From on are scored. From is at least 1.
type Part struct {
	IDs  []int
	From int
}

// Errors of texts that cannot be scored.
var (
	ErrNothing = errors.New("the continuation adds no token to the prompt")
	ErrNoFirst = errors.New("the prompt is empty, and no token is known that begins texts")
)

// Split cuts prompt and continuation as lm-evaluation-harness does: white space at the prompt's end belongs to the
// continuation, and the continuation's tokens are those of the whole text past as many as the prompt has. Before an empty
// prompt stands first, a token that begins texts; a negative one is none.
func Split(encode Encode, first int, prompt, continuation string) (Part, error) {
	before, err := encode(Context(prompt))
	if err != nil {
		return Part{}, err
	}
	whole, err := encode(prompt + continuation)
	if err != nil {
		return Part{}, err
	}
	from := len(before)
	if from == 0 {
		if first < 0 {
			return Part{}, ErrNoFirst
		}
		whole, from = append([]int{first}, whole...), 1
	}
	if len(whole) <= from {
		return Part{}, ErrNothing
	}
	return Part{whole, from}, nil
}

// Context is a prompt without the white space at its end, which belongs to the continuation.
func Context(prompt string) string { return strings.TrimRightFunc(prompt, isSpace) }

// isSpace is what Python's str.rstrip strips.
func isSpace(r rune) bool { return unicode.IsSpace(r) || r >= 0x1c && r <= 0x1f }

// Cut drops tokens from the left of a part that has more than size, and tells how many. A size of 0 is no bound.
func (p Part) Cut(size int) (Part, int) {
	over := len(p.IDs) - size
	if size <= 0 || over <= 0 {
		return p, 0
	}
	return Part{p.IDs[over:], max(1, p.From-over)}, over
}

// Windows cuts ids into parts of at most size tokens in which every id is scored once, with as much context as there is
// room for: the first begins with first, a later one ends at its last new token. A size of 0 is no bound.
func Windows(ids []int, first, size int) []Part {
	if size <= 0 {
		size = len(ids) + 1
	}
	room := max(1, size-1) // first, or a token that gives the next one's context, takes one
	n := min(room, len(ids))
	parts := []Part{{append([]int{first}, ids[:n]...), 1}}
	for n < len(ids) {
		fresh := min(room, len(ids)-n)
		n += fresh
		window := ids[n-room-1 : n]
		parts = append(parts, Part{window, len(window) - fresh})
	}
	return parts
}

// Codec is a checkpoint's tokenizer. It may be used concurrently.
type Codec struct {
	tok     *tokenizer.Tokenizer
	bos     int // -1 where there is none
	first   int // the token that begins texts: bos, or the one that ends them
	context int
	hash    string
	chat    Chat
}

// Open reads the tokenizer in a checkpoint's folder: tokenizer.json, and config.json for the tokens that begin and end
// texts.
func Open(dir string) (*Codec, error) {
	c, err := OpenFS(os.DirFS(dir))
	if err != nil {
		return nil, fmt.Errorf("open tokenizer of %s: %w", dir, err)
	}
	return c, nil
}

// OpenFS is Open of a file system.
func OpenFS(fsys fs.FS) (*Codec, error) {
	data, err := fs.ReadFile(fsys, "tokenizer.json")
	if err != nil {
		return nil, err
	}
	c, err := parse(data)
	if err != nil {
		return nil, err
	}
	if c.chat, err = ReadChat(fsys); err != nil {
		return nil, err
	}
	return c, c.readConfig(fsys)
}

// Chat is what the checkpoint says of turns.
func (c *Codec) Chat() Chat { return c.chat }

// Parse makes a codec of the text of a tokenizer.json. first is the token that begins texts; "" is none.
func Parse(tokenizerJSON []byte, first string) (*Codec, error) {
	c, err := parse(tokenizerJSON)
	if err != nil || first == "" {
		return c, err
	}
	id, ok := c.tok.ID(first)
	if !ok {
		return nil, fmt.Errorf("the tokenizer has no token %q", first)
	}
	c.bos, c.first = id, id
	return c, nil
}

func parse(data []byte) (*Codec, error) {
	tok, err := tokenizer.Parse("tokenizer.json", data)
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256(data)
	return &Codec{tok: tok, bos: -1, first: -1, hash: "sha256:" + hex.EncodeToString(sum[:])}, nil
}

// config is what a config.json says of texts; models of several kinds of input have it one level down.
type config struct {
	BOS     ids     `json:"bos_token_id"`
	EOS     ids     `json:"eos_token_id"`
	Context int     `json:"max_position_embeddings"`
	Text    *config `json:"text_config"`
}

// ids are token ids that stand as one number, several, or null.
type ids []int

func (v *ids) UnmarshalJSON(data []byte) error {
	if bytes.HasPrefix(data, []byte("[")) {
		return json.Unmarshal(data, (*[]int)(v))
	}
	var one *int
	if err := json.Unmarshal(data, &one); err != nil || one == nil {
		return err
	}
	*v = ids{*one}
	return nil
}

// readConfig takes the tokens that begin and end texts of config.json, or of tokenizer_config.json where there is none.
func (c *Codec) readConfig(fsys fs.FS) error {
	var conf config
	data, err := fs.ReadFile(fsys, "config.json")
	switch {
	case err == nil:
		if err := json.Unmarshal(data, &conf); err != nil {
			return fmt.Errorf("read config.json: %w", err)
		}
	case !errors.Is(err, fs.ErrNotExist):
		return err
	}
	if t := conf.Text; t != nil && len(conf.BOS) == 0 && len(conf.EOS) == 0 {
		conf = *t
	}
	c.context = conf.Context
	if len(conf.BOS) == 0 && len(conf.EOS) == 0 {
		conf.BOS, conf.EOS = c.named(fsys, "bos_token"), c.named(fsys, "eos_token")
	}
	if len(conf.BOS) > 0 {
		c.bos, c.first = conf.BOS[0], conf.BOS[0]
	} else if len(conf.EOS) > 0 {
		c.first = conf.EOS[0]
	}
	return nil
}

// named gives the id of a token that tokenizer_config.json names.
func (c *Codec) named(fsys fs.FS, name string) ids {
	data, err := fs.ReadFile(fsys, "tokenizer_config.json")
	var conf map[string]json.RawMessage
	if err != nil || json.Unmarshal(data, &conf) != nil {
		return nil
	}
	var token string
	var object struct {
		Content string `json:"content"`
	}
	if json.Unmarshal(conf[name], &token) != nil {
		_ = json.Unmarshal(conf[name], &object) // where it is neither, there is none
		token = object.Content
	}
	if id, ok := c.tok.ID(token); ok && token != "" {
		return ids{id}
	}
	return nil
}

// Hash is "sha256:" and the hex digest of tokenizer.json.
func (c *Codec) Hash() string { return c.hash }

// Context is the most tokens that the checkpoint takes; 0 is unknown.
func (c *Codec) Context() int { return c.context }

// First is the token that begins texts, or the one that ends them in models without one; -1 where neither is known.
func (c *Codec) First() int { return c.first }

// Encode encodes a text with the tokens that begin and end texts. A text that has the beginning token already, as chat
// templates write it, gets no second one.
func (c *Codec) Encode(text string) ([]int, error) {
	ids, err := c.tok.TryEncode(text, true)
	if c.bos >= 0 && len(ids) > 1 && ids[0] == c.bos && ids[1] == c.bos {
		ids = ids[1:]
	}
	return ids, err
}

// Plain encodes a text without the tokens that begin and end texts.
func (c *Codec) Plain(text string) ([]int, error) { return c.tok.TryEncode(text, false) }

// Prompt encodes a prompt to be continued; an empty one is the token that begins texts.
func (c *Codec) Prompt(prompt string) []int {
	ids, _ := c.Encode(prompt) // what takes a pattern too long is left out, as in the local engine
	if len(ids) == 0 && c.first >= 0 {
		ids = []int{c.first}
	}
	return ids
}

// Fit leaves room in a context for tokens to come, half of it at most, and drops what does not fit from the left, behind
// the tokens that begin every text. It tells how many it dropped. A context of 0 is no bound.
func (c *Codec) Fit(ids []int, context, maxTokens int) ([]int, int) {
	room := context - min(maxTokens, context/2)
	if context <= 0 || len(ids) <= room {
		return ids, 0
	}
	dropped := len(ids) - room
	lead := min(len(c.tok.Encode("", true)), room-1)
	return append(slices.Clone(ids[:lead]), ids[lead+dropped:]...), dropped
}

// Size is one more than the largest id.
func (c *Codec) Size() int { return c.tok.Size() }

// Decode gives the text of ids, special tokens left out.
func (c *Codec) Decode(ids []int) string { return c.tok.Decode(ids, true) }
