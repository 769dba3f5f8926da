package tokenizer

import (
	"bytes"
	"errors"
	"fmt"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// readModel reads the model, and gives with it the number of its tokens.
func (r *reader) readModel(raw jsontext.Value) (model, int, error) {
	kind, err := modelKind(raw)
	if err != nil {
		return nil, 0, fmt.Errorf("model: %w", err)
	}
	var m model
	count := 0
	switch kind {
	case "BPE":
		m, count, err = readBPE(raw)
	case "Unigram":
		m, count, err = readUnigram(raw)
	case "WordPiece":
		m, count, err = readWordPiece(raw)
	case "WordLevel":
		m, count, err = readWordLevel(raw)
	default:
		err = errors.New("it is not supported")
	}
	if err != nil {
		return nil, 0, fmt.Errorf("model %q: %w", kind, err)
	}
	return m, count, nil
}

// modelKind gives a model's type. Files of 2020 (GPT-2's, BERT's) do not state it.
func modelKind(raw jsontext.Value) (string, error) {
	if raw.Kind() != '{' {
		return "", errors.New("there is none")
	}
	var m struct {
		Type     string         `json:"type"`
		Merges   jsontext.Value `json:"merges"`
		MaxChars jsontext.Value `json:"max_input_chars_per_word"`
		UnkID    jsontext.Value `json:"unk_id"`
		HasVocab jsontext.Value `json:"vocab"`
		UnkToken jsontext.Value `json:"unk_token"`
	}
	if err := json.Unmarshal(raw, &m); err != nil {
		return "", err
	}
	switch {
	case m.Type != "":
		return m.Type, nil
	case m.Merges != nil:
		return "BPE", nil
	case m.MaxChars != nil:
		return "WordPiece", nil
	case m.UnkID != nil:
		return "Unigram", nil
	case m.HasVocab != nil && m.UnkToken != nil:
		return "WordLevel", nil
	}
	return "", errors.New("it has no type")
}

// strictly decodes a model.
func strictly(raw jsontext.Value, into any) error {
	return json.Unmarshal(raw, into, json.RejectUnknownMembers(true))
}

var errEmpty = errors.New("its vocabulary is empty")

type bpeJSON struct {
	Type         string           `json:"type"`
	Dropout      *float64         `json:"dropout"`
	Unk          *string          `json:"unk_token"`
	Prefix       *string          `json:"continuing_subword_prefix"`
	Suffix       *string          `json:"end_of_word_suffix"`
	FuseUnk      *bool            `json:"fuse_unk"`
	ByteFallback *bool            `json:"byte_fallback"`
	IgnoreMerges *bool            `json:"ignore_merges"`
	Vocab        map[string]int64 `json:"vocab"`
	Merges       jsontext.Value   `json:"merges"`
}

func readBPE(raw jsontext.Value) (*bpe, int, error) {
	var f bpeJSON
	if err := strictly(raw, &f); err != nil {
		return nil, 0, err
	}
	if f.Dropout != nil && *f.Dropout != 0 {
		return nil, 0, errors.New("dropout is not supported: ids would differ from time to time")
	}
	v, err := newVocabulary(f.Vocab)
	if err != nil {
		return nil, 0, err
	}
	if len(v.ids) == 0 {
		return nil, 0, errEmpty
	}
	m := &bpe{vocabulary: v, unk: -1, prefix: or(f.Prefix), suffix: or(f.Suffix), fuseUnk: or(f.FuseUnk),
		ignoreMerges: or(f.IgnoreMerges)}
	// GPT-2's file states an unknown token that is empty and not in the vocabulary; it never needs one.
	if unk := or(f.Unk); unk != "" {
		id, ok := v.ids[unk]
		if !ok {
			return nil, 0, fmt.Errorf("the unknown token %q is not in the vocabulary", unk)
		}
		m.unk = id
	} else if id, ok := v.ids[""]; ok && f.Unk != nil {
		m.unk = id
	}
	if or(f.ByteFallback) {
		m.fallback = byteTokens(m.id)
	}
	return m, len(v.ids), m.readMerges(f.Merges)
}

// or gives what a pointer points to, or the zero value.
func or[T any](p *T) T {
	if p == nil {
		var zero T
		return zero
	}
	return *p
}

// readMerges reads merges, all pairs or all strings with one space.
func (m *bpe) readMerges(raw jsontext.Value) error {
	var pairs [][2]string
	if inner := bytes.TrimLeft(bytes.TrimPrefix(raw, []byte("[")), " \t\r\n"); len(inner) > 0 && inner[0] == '"' {
		var lines []string
		if err := json.Unmarshal(raw, &lines); err != nil {
			return fmt.Errorf("merges: %w", err)
		}
		for i, line := range lines {
			if strings.HasPrefix(line, "#version") {
				continue
			}
			left, right, ok := strings.Cut(line, " ")
			if !ok || strings.Contains(right, " ") {
				return fmt.Errorf("merge %d is %q, which is no pair", i, line)
			}
			pairs = append(pairs, [2]string{left, right})
		}
	} else if err := json.Unmarshal(raw, &pairs); err != nil {
		return fmt.Errorf("merges: %w", err)
	}
	m.merges = newPairTable(len(pairs))
	for rank, p := range pairs {
		left, ok1 := m.ids[p[0]]
		right, ok2 := m.ids[p[1]]
		ok3 := len(p[1]) >= len(m.prefix)
		var id int32
		if ok3 {
			id, ok3 = m.ids[p[0]+p[1][len(m.prefix):]]
		}
		if !ok1 || !ok2 || !ok3 {
			return fmt.Errorf("merge %d of %q and %q is not in the vocabulary", rank, p[0], p[1])
		}
		m.merges.put(left, right, merge{uint32(rank), id})
	}
	return nil
}

// useBytes lets a byte-level pre-tokenizer leave words as bytes, where nothing else needs them as characters. It gives
// the steps that then are left.
func (m *bpe) useBytes(words []splitter) []splitter {
	if len(words) == 0 || m.fallback != nil || m.prefix != "" || m.suffix != "" {
		return words
	}
	last, ok := words[len(words)-1].(*byteLevel)
	if !ok {
		return words
	}
	last.raw, m.raw = true, true
	m.rawIDs = make(map[string]int32)
	for token, id := range m.ids {
		if s, ok := charBytes(token); ok && m.ignoreMerges {
			m.rawIDs[s] = id
		}
	}
	for b := range m.bytes {
		m.bytes[b] = -1
		if id, ok := m.ids[string(byteChar[b])]; ok {
			m.bytes[b] = id
		}
	}
	if last.pattern == nil && !last.prefixSpace {
		return words[:len(words)-1]
	}
	return words
}
