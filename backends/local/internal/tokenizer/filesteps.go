package tokenizer

import (
	"fmt"

	"github.com/go-json-experiment/json/jsontext"
)

// readNormalizer reads a normalizer as the steps that it takes.
func (r *reader) readNormalizer(raw jsontext.Value) (normalizers, error) {
	kind, err := r.kind(raw)
	if err != nil || kind == "" {
		return nil, err
	}
	plain := map[string]normalizer{
		"NFC": pure(nfc.apply), "NFD": pure(nfd.apply), "NFKC": pure(nfkc.apply), "NFKD": pure(nfkd.apply),
		"Lowercase": pure(lowercase), "StripAccents": without(marks), "Nmt": filter(nmt), "ByteLevel": pure(byteChars),
	}
	if n, ok := plain[kind]; ok {
		return normalizers{n}, options(raw, new(bareJSON))
	}
	switch kind {
	case "Sequence":
		return r.readNormalizers(raw)
	case "BertNormalizer":
		var f struct {
			Type    string `json:"type"`
			Clean   bool   `json:"clean_text"`
			Chinese bool   `json:"handle_chinese_chars"`
			Accents *bool  `json:"strip_accents"`
			Lower   bool   `json:"lowercase"`
		}
		err := options(raw, &f)
		return bert(f.Clean, f.Chinese, f.Accents == nil && f.Lower || or(f.Accents), f.Lower), err
	case "Strip":
		var f struct {
			Type  string `json:"type"`
			Left  bool   `json:"strip_left"`
			Right bool   `json:"strip_right"`
		}
		err := options(raw, &f)
		return normalizers{strip{f.Left, f.Right}}, err
	case "Prepend":
		var f struct {
			Type    string `json:"type"`
			Prepend string `json:"prepend"`
		}
		if err := options(raw, &f); err != nil {
			return nil, err
		}
		return normalizers{prepend(f.Prepend)}, checkContent(f.Prepend)
	case "Replace":
		n, err := readReplace(raw)
		return normalizers{n}, err
	case "Precompiled":
		var f struct {
			Type string  `json:"type"`
			Map  *string `json:"precompiled_charsmap"`
		}
		if err := options(raw, &f); err != nil || f.Map == nil {
			return nil, err
		}
		m, err := newCharsmap(*f.Map)
		return normalizers{m}, err
	}
	return nil, unsupported(kind)
}

// bareJSON is a component without options.
type bareJSON struct {
	Type string `json:"type"`
}

func (r *reader) readNormalizers(raw jsontext.Value) (normalizers, error) {
	var f struct {
		Type        string           `json:"type"`
		Normalizers []jsontext.Value `json:"normalizers"`
	}
	if err := options(raw, &f); err != nil {
		return nil, err
	}
	var all normalizers
	for i, one := range f.Normalizers {
		if err := r.enter(); err != nil {
			return nil, err
		}
		steps, err := r.readNormalizer(one)
		if err != nil {
			return nil, fmt.Errorf("%d: %w", i, err)
		}
		r.depth--
		all = append(all, steps...)
	}
	return all, nil
}

func readReplace(raw jsontext.Value) (replace, error) {
	var f struct {
		Type    string      `json:"type"`
		Pattern patternJSON `json:"pattern"`
		Content string      `json:"content"`
	}
	if err := options(raw, &f); err != nil {
		return replace{}, err
	}
	p, err := f.Pattern.compile()
	if err == nil {
		err = checkContent(f.Content)
	}
	if err != nil {
		return replace{}, fmt.Errorf(`"Replace": %w`, err)
	}
	return replace{p, f.Content}, nil
}
