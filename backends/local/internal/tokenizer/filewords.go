package tokenizer

import (
	"errors"
	"fmt"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

func readUnigram(raw jsontext.Value) (*unigram, int, error) {
	var f struct {
		Type         string           `json:"type"`
		UnkID        *int             `json:"unk_id"`
		Vocab        []jsontext.Value `json:"vocab"`
		ByteFallback bool             `json:"byte_fallback"`
	}
	if err := strictly(raw, &f); err != nil {
		return nil, 0, err
	}
	switch {
	case len(f.Vocab) == 0:
		return nil, 0, errEmpty
	case len(f.Vocab) > maxVocab:
		return nil, 0, fmt.Errorf("it has %d tokens, more than %d", len(f.Vocab), maxVocab)
	case f.UnkID == nil:
		return nil, 0, errors.New("unk_id is missing: a text with an unknown character could not be encoded")
	case *f.UnkID < 0 || *f.UnkID >= len(f.Vocab):
		return nil, 0, fmt.Errorf("unk_id %d is not in its vocabulary of %d", *f.UnkID, len(f.Vocab))
	}
	tokens, scores := make([]string, len(f.Vocab)), make([]float64, len(f.Vocab))
	for i, raw := range f.Vocab {
		var pair []jsontext.Value
		err := json.Unmarshal(raw, &pair)
		if err == nil && len(pair) != 2 {
			err = errors.New("it is no pair")
		}
		if err == nil {
			err = json.Unmarshal(pair[0], &tokens[i])
		}
		if err == nil {
			scores[i], err = score(string(pair[1]))
		}
		if err != nil {
			return nil, 0, fmt.Errorf("entry %d of the vocabulary is no pair of token and score: %w", i, err)
		}
	}
	for i, token := range tokens {
		if len(token) > maxToken {
			return nil, 0, fmt.Errorf("token %d has %d bytes, more than %d", i, len(token), maxToken)
		}
	}
	m := newUnigram(tokens, scores, *f.UnkID)
	if f.ByteFallback {
		m.fallback = byteTokens(m.id)
	}
	return m, len(tokens), nil
}

func readWordPiece(raw jsontext.Value) (*wordPiece, int, error) {
	var f struct {
		Type     string           `json:"type"`
		Unk      string           `json:"unk_token"`
		Prefix   string           `json:"continuing_subword_prefix"`
		MaxChars int              `json:"max_input_chars_per_word"`
		Vocab    map[string]int64 `json:"vocab"`
	}
	f.Prefix, f.MaxChars = "##", 100
	if err := strictly(raw, &f); err != nil {
		return nil, 0, err
	}
	v, unk, err := wordsWithUnk(f.Vocab, f.Unk)
	if err != nil {
		return nil, 0, err
	}
	return newWordPiece(v, f.Prefix, unk, f.MaxChars), len(v.ids), nil
}

func readWordLevel(raw jsontext.Value) (*wordLevel, int, error) {
	var f struct {
		Type  string           `json:"type"`
		Unk   string           `json:"unk_token"`
		Vocab map[string]int64 `json:"vocab"`
	}
	if err := strictly(raw, &f); err != nil {
		return nil, 0, err
	}
	v, unk, err := wordsWithUnk(f.Vocab, f.Unk)
	return &wordLevel{v, unk}, len(v.ids), err
}

func wordsWithUnk(vocab map[string]int64, unk string) (vocabulary, int, error) {
	v, err := newVocabulary(vocab)
	if err != nil {
		return v, 0, err
	}
	id, ok := v.ids[unk]
	if !ok {
		return v, 0, fmt.Errorf("the unknown token %q is not in the vocabulary", unk)
	}
	return v, int(id), nil
}
