package tokenizer

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
)

// fileJSON is a tokenizer.json. Components stay raw until their type is known.
type fileJSON struct {
	AddedTokens   []addedToken    `json:"added_tokens"`
	Normalizer    json.RawMessage `json:"normalizer"`
	PreTokenizer  json.RawMessage `json:"pre_tokenizer"`
	PostProcessor json.RawMessage `json:"post_processor"`
	Decoder       json.RawMessage `json:"decoder"`
	Model         json.RawMessage `json:"model"`
}

// maxVocab bounds ids, since the ids of a hostile file would else say how much memory to take.
const maxVocab = 1 << 24

func build(f *fileJSON) (*Tokenizer, error) {
	t := &Tokenizer{unk: -1}
	if kind := typeOf(f.Normalizer); kind != "" {
		return nil, unsupported("normalizer", kind)
	}
	for _, step := range []func() error{
		func() error { return t.readModel(f.Model) },
		func() error { return t.readAdded(f.AddedTokens) },
		func() error { return checkPreTokenizer(f.PreTokenizer) },
		func() error { return t.readPostProcessor(f.PostProcessor) },
		func() error { return checkDecoder(f.Decoder) },
	} {
		if err := step(); err != nil {
			return nil, err
		}
	}
	return t, nil
}

func unsupported(component, kind string) error {
	return fmt.Errorf("%s %q is not supported", component, kind)
}

// typeOf gives a component's type, "" where the component is null.
func typeOf(raw json.RawMessage) string {
	if len(raw) == 0 || bytes.Equal(raw, []byte("null")) {
		return ""
	}
	var c struct {
		Type string `json:"type"`
	}
	if err := json.Unmarshal(raw, &c); err != nil || c.Type == "" {
		return "without a type"
	}
	return c.Type
}

func (t *Tokenizer) readModel(raw json.RawMessage) error {
	if kind := typeOf(raw); kind != "BPE" {
		return unsupported("model", kind)
	}
	var m struct {
		Dropout      *float64          `json:"dropout"`
		Unk          *string           `json:"unk_token"`
		Prefix       *string           `json:"continuing_subword_prefix"`
		Suffix       *string           `json:"end_of_word_suffix"`
		ByteFallback bool              `json:"byte_fallback"`
		IgnoreMerges bool              `json:"ignore_merges"`
		Vocab        map[string]int    `json:"vocab"`
		Merges       []json.RawMessage `json:"merges"`
	}
	if err := json.Unmarshal(raw, &m); err != nil {
		return fmt.Errorf("model: %w", err)
	}
	switch {
	case m.Dropout != nil && *m.Dropout != 0:
		return unsupported("model option", "dropout")
	case m.Prefix != nil && *m.Prefix != "":
		return unsupported("model option", "continuing_subword_prefix")
	case m.Suffix != nil && *m.Suffix != "":
		return unsupported("model option", "end_of_word_suffix")
	case len(m.Vocab) == 0:
		return errors.New("the model's vocabulary is empty")
	}
	t.vocab = m.Vocab
	for token, id := range m.Vocab {
		if err := t.setToken(id, token); err != nil {
			return err
		}
	}
	if m.Unk != nil {
		id, ok := m.Vocab[*m.Unk]
		if !ok {
			return fmt.Errorf("the unknown token %q is not in the vocabulary", *m.Unk)
		}
		t.unk = id
	}
	if err := t.readMerges(m.Merges); err != nil {
		return err
	}
	if m.ByteFallback {
		return t.readBytes()
	}
	return nil
}

// setToken notes the text of an id.
func (t *Tokenizer) setToken(id int, token string) error {
	if id < 0 || id >= maxVocab {
		return fmt.Errorf("token %q has the id %d", token, id)
	}
	for id >= len(t.tokens) {
		t.tokens = append(t.tokens, "")
		t.special = append(t.special, false)
	}
	t.tokens[id] = token
	return nil
}

// readMerges reads merges, each a pair or a string with one space.
func (t *Tokenizer) readMerges(raw []json.RawMessage) error {
	t.merges = make(map[pair]merge, len(raw))
	for rank, r := range raw {
		var parts [2]string
		var joined string
		if err := json.Unmarshal(r, &joined); err == nil {
			left, right, ok := strings.Cut(joined, " ")
			if !ok {
				return fmt.Errorf("merge %d is %q, which is no pair", rank, joined)
			}
			parts = [2]string{left, right}
		} else if err := json.Unmarshal(r, &parts); err != nil {
			return fmt.Errorf("merge %d is no pair", rank)
		}
		left, ok1 := t.vocab[parts[0]]
		right, ok2 := t.vocab[parts[1]]
		id, ok3 := t.vocab[parts[0]+parts[1]]
		if !ok1 || !ok2 || !ok3 {
			return fmt.Errorf("merge %d of %q and %q is not in the vocabulary", rank, parts[0], parts[1])
		}
		t.merges[pair{left, right}] = merge{rank, id}
	}
	return nil
}

func (t *Tokenizer) readBytes() error {
	for b := range t.bytes {
		id, ok := t.vocab[fmt.Sprintf("<0x%02X>", b)]
		if !ok {
			return fmt.Errorf("byte fallback is on, but the vocabulary has no token <0x%02X>", b)
		}
		t.bytes[b] = id
	}
	t.byByte = true
	return nil
}

// parseByteToken reads <0xAB>.
func parseByteToken(token string) (byte, bool) {
	var b byte
	if len(token) != 6 {
		return 0, false
	}
	n, err := fmt.Sscanf(token, "<0x%02X>", &b)
	return b, n == 1 && err == nil
}

func (t *Tokenizer) readAdded(added []addedToken) error {
	for _, a := range added {
		switch {
		case a.Content == "":
			return fmt.Errorf("added token %d is empty", a.ID)
		case a.SingleWord || a.LStrip || a.RStrip:
			return unsupported("option single_word, lstrip or rstrip of added token", a.Content)
		}
		if err := t.setToken(a.ID, a.Content); err != nil {
			return err
		}
		t.vocab[a.Content] = a.ID
		t.special[a.ID] = a.Special
	}
	t.added = added
	return nil
}

// checkPreTokenizer accepts the split into single characters: the merges of anything coarser would need it.
func checkPreTokenizer(raw json.RawMessage) error {
	kind := typeOf(raw)
	if kind != "Split" {
		return unsupported("pre-tokenizer", kind)
	}
	var split struct {
		Pattern  map[string]string `json:"pattern"`
		Behavior string            `json:"behavior"`
		Invert   bool              `json:"invert"`
	}
	if err := json.Unmarshal(raw, &split); err != nil {
		return fmt.Errorf("pre-tokenizer: %w", err)
	}
	pattern := split.Pattern["Regex"]
	anyChar := pattern == `[\s\S]` || pattern == `(?s).` || pattern == `(?s:.)`
	if !anyChar || split.Behavior != "Isolated" || split.Invert {
		return unsupported("pre-tokenizer Split on", fmt.Sprint(split.Pattern, split.Behavior))
	}
	return nil
}

func (t *Tokenizer) readPostProcessor(raw json.RawMessage) error {
	kind := typeOf(raw)
	switch kind {
	case "":
		return nil
	case "TemplateProcessing":
	default:
		return unsupported("post-processor", kind)
	}
	var p struct {
		Single []struct {
			SpecialToken *struct{ ID string }
			Sequence     *struct{ ID string }
		} `json:"single"`
		SpecialTokens map[string]struct {
			IDs []int `json:"ids"`
		} `json:"special_tokens"`
	}
	if err := json.Unmarshal(raw, &p); err != nil {
		return fmt.Errorf("post-processor: %w", err)
	}
	into := &t.prefix
	for _, piece := range p.Single {
		switch {
		case piece.Sequence != nil:
			into = &t.suffix
		case piece.SpecialToken != nil:
			ids, ok := p.SpecialTokens[piece.SpecialToken.ID]
			if !ok {
				return fmt.Errorf("post-processor names the unknown token %q", piece.SpecialToken.ID)
			}
			for _, id := range ids.IDs {
				if id < 0 || id >= len(t.tokens) {
					return fmt.Errorf("post-processor token %q has the id %d", piece.SpecialToken.ID, id)
				}
			}
			*into = append(*into, ids.IDs...)
		}
	}
	return nil
}

// checkDecoder accepts decoders that join the tokens' texts, after byte fallback where there is one.
func checkDecoder(raw json.RawMessage) error {
	switch kind := typeOf(raw); kind {
	case "", "Fuse", "ByteFallback":
		return nil
	case "Sequence":
		var seq struct {
			Decoders []json.RawMessage `json:"decoders"`
		}
		if err := json.Unmarshal(raw, &seq); err != nil {
			return fmt.Errorf("decoder: %w", err)
		}
		for _, d := range seq.Decoders {
			if inner := typeOf(d); inner != "Fuse" && inner != "ByteFallback" {
				return unsupported("decoder", inner)
			}
		}
		return nil
	default:
		return unsupported("decoder", kind)
	}
}
