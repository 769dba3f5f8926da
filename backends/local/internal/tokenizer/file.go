package tokenizer

import (
	"errors"
	"fmt"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// fileJSON is a tokenizer.json. Components stay raw until their type is known.
type fileJSON struct {
	Version       string         `json:"version"`
	AddedTokens   []addedToken   `json:"added_tokens"`
	Normalizer    jsontext.Value `json:"normalizer"`
	PreTokenizer  jsontext.Value `json:"pre_tokenizer"`
	PostProcessor jsontext.Value `json:"post_processor"`
	Decoder       jsontext.Value `json:"decoder"`
	Model         jsontext.Value `json:"model"`
}

// reader reads the components of a file.
type reader struct {
	depth   int // of sequences in sequences
	highest int // id that the post-processor names
}

func (r *reader) enter() error {
	if r.depth++; r.depth > maxNesting {
		return errors.New("sequences nest too deeply")
	}
	return nil
}

func build(f *fileJSON) (*Tokenizer, error) {
	if f.Version != "" && f.Version != "1.0" {
		return nil, fmt.Errorf("version %q is not supported", f.Version)
	}
	r := new(reader)
	t := new(Tokenizer)
	m, count, err := r.readModel(f.Model)
	if err != nil {
		return nil, err
	}
	t.model = m
	if t.normalize, err = r.readNormalizer(f.Normalizer); err != nil {
		return nil, fmt.Errorf("normalizer %w", err)
	}
	if t.words, err = r.readPreTokenizer(f.PreTokenizer); err != nil {
		return nil, fmt.Errorf("pre-tokenizer %w", err)
	}
	if t.post, err = r.readPost(f.PostProcessor); err != nil {
		return nil, fmt.Errorf("post-processor %w", err)
	}
	if t.decode, err = r.readDecoder(f.Decoder); err != nil {
		return nil, fmt.Errorf("decoder %w", err)
	}
	if t.added, err = newAdded(f.AddedTokens, m, count, t.normalize); err != nil {
		return nil, err
	}
	t.size = max(m.size(), t.added.end)
	if r.highest >= t.size {
		return nil, fmt.Errorf("post-processor: no token has the id %d that it puts in", r.highest)
	}
	if b, ok := m.(*bpe); ok {
		t.words = b.useBytes(t.words)
	}
	return t, nil
}

// unsupported is an error that the type's name begins.
func unsupported(kind string) error { return fmt.Errorf("%q is not supported", kind) }

// kind gives a component's type, "" where the component is null.
func (r *reader) kind(raw jsontext.Value) (string, error) {
	if len(raw) == 0 || raw.Kind() == 'n' {
		return "", nil
	}
	var c struct {
		Type string `json:"type"`
	}
	if err := json.Unmarshal(raw, &c); err != nil {
		return "", err
	}
	if c.Type == "" {
		return "", errors.New("has no type")
	}
	return c.Type, nil
}

// options decodes strictly: an option that is not known might change what comes out.
func options(raw jsontext.Value, into any) error {
	err := json.Unmarshal(raw, into, json.RejectUnknownMembers(true))
	if err != nil {
		var kind struct {
			Type string `json:"type"`
		}
		_ = json.Unmarshal(raw, &kind)
		return fmt.Errorf("%q: %w", kind.Type, err)
	}
	return nil
}

// char is a string of one character.
type char rune

func (c *char) UnmarshalText(text []byte) error {
	r := []rune(string(text))
	if len(r) != 1 {
		return fmt.Errorf("%q is not one character", text)
	}
	*c = char(r[0])
	return nil
}

// patternJSON is a pattern of a Split or Replace.
type patternJSON struct {
	String *string `json:"String"`
	Regex  *string `json:"Regex"`
}

// maxContent bounds what a component puts into a text at a place, in bytes.
const maxContent = 1 << 12

func checkContent(s string) error {
	if len(s) > maxContent {
		return fmt.Errorf("it puts in %d bytes, more than %d", len(s), maxContent)
	}
	return nil
}

func (p patternJSON) compile() (pattern, error) {
	switch {
	case (p.String == nil) == (p.Regex == nil):
		return nil, errors.New("pattern is neither a String nor a Regex")
	case p.String != nil:
		return literal(*p.String), nil
	}
	return compile(*p.Regex)
}
