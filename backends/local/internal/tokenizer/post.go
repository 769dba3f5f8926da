package tokenizer

import (
	"errors"
	"fmt"
	"slices"

	"github.com/go-json-experiment/json/jsontext"
)

// insert is a part of what the post-processor makes: ids of its own, or the text's.
type insert struct {
	ids  []int
	text bool
}

// surround gives the ids of a text with the post-processor's around them, or without. The slice is a new one.
func (t *Tokenizer) surround(ids []int, addSpecial bool) []int {
	if len(t.post) == 0 {
		return slices.Clone(ids)
	}
	out := make([]int, 0, len(ids)+4)
	for _, in := range t.post {
		if in.text {
			out = append(out, ids...)
		} else if addSpecial {
			out = append(out, in.ids...)
		}
	}
	return out
}

// readPost reads a post-processor. Of those that add ids only one may stand in a sequence.
func (r *reader) readPost(raw jsontext.Value) ([]insert, error) {
	kind, err := r.kind(raw)
	if err != nil || kind == "" {
		return nil, err
	}
	switch kind {
	case "ByteLevel": // changes offsets alone
		return nil, options(raw, new(byteLevelJSON))
	case "BertProcessing", "RobertaProcessing":
		var p struct {
			Type           string            `json:"type"`
			Sep            [2]jsontext.Value `json:"sep"`
			Cls            [2]jsontext.Value `json:"cls"`
			TrimOffsets    bool              `json:"trim_offsets"`
			AddPrefixSpace bool              `json:"add_prefix_space"`
		}
		if err := options(raw, &p); err != nil {
			return nil, err
		}
		cls, err1 := r.postID(p.Cls[1])
		sep, err2 := r.postID(p.Sep[1])
		return []insert{{ids: []int{cls}}, {text: true}, {ids: []int{sep}}}, errors.Join(err1, err2)
	case "TemplateProcessing":
		return r.readTemplate(raw)
	case "Sequence":
		return r.readPostSequence(raw)
	}
	return nil, unsupported(kind)
}

func (r *reader) readPostSequence(raw jsontext.Value) ([]insert, error) {
	var p struct {
		Type       string           `json:"type"`
		Processors []jsontext.Value `json:"processors"`
	}
	if err := options(raw, &p); err != nil {
		return nil, err
	}
	var all []insert
	for i, one := range p.Processors {
		if err := r.enter(); err != nil {
			return nil, err
		}
		ins, err := r.readPost(one)
		r.depth--
		if err != nil {
			return nil, fmt.Errorf("processor %d: %w", i, err)
		}
		if ins != nil && all != nil {
			return nil, errors.New("several processors that add tokens are not supported")
		}
		if ins != nil {
			all = ins
		}
	}
	return all, nil
}

func (r *reader) postID(raw jsontext.Value) (int, error) {
	var id int
	if err := options(raw, &id); err != nil || id < 0 || id >= maxVocab {
		return 0, fmt.Errorf("the id %s of a token is not in 0 to %d", raw, maxVocab-1)
	}
	r.highest = max(r.highest, id)
	return id, nil
}

// readTemplate reads the template for one text; the one for pairs is not used.
func (r *reader) readTemplate(raw jsontext.Value) ([]insert, error) {
	type part struct {
		ID     string `json:"id"`
		TypeID int    `json:"type_id"`
	}
	var p struct {
		Type   string `json:"type"`
		Single []struct {
			SpecialToken *part `json:"SpecialToken"`
			Sequence     *part `json:"Sequence"`
		} `json:"single"`
		Pair          jsontext.Value `json:"pair"`
		SpecialTokens map[string]struct {
			ID     string           `json:"id"`
			IDs    []jsontext.Value `json:"ids"`
			Tokens []string         `json:"tokens"`
		} `json:"special_tokens"`
	}
	if err := options(raw, &p); err != nil {
		return nil, err
	}
	ins := []insert{}
	for i, piece := range p.Single {
		switch {
		case piece.Sequence != nil && piece.Sequence.ID == "A":
			ins = append(ins, insert{text: true})
		case piece.SpecialToken != nil:
			token, ok := p.SpecialTokens[piece.SpecialToken.ID]
			if !ok {
				return nil, fmt.Errorf("it names the unknown token %q", piece.SpecialToken.ID)
			}
			ids := make([]int, len(token.IDs))
			for j, raw := range token.IDs {
				var err error
				if ids[j], err = r.postID(raw); err != nil {
					return nil, fmt.Errorf("token %q: %w", piece.SpecialToken.ID, err)
				}
			}
			ins = append(ins, insert{ids: ids})
		default:
			return nil, fmt.Errorf("part %d of its template for one text is neither a token nor the text A", i)
		}
	}
	return ins, nil
}
