package tokenizer

import (
	"errors"
	"fmt"

	"github.com/go-json-experiment/json/jsontext"
)

// readDecoder reads a decoder.
func (r *reader) readDecoder(raw jsontext.Value) (decoder, error) {
	kind, err := r.kind(raw)
	if err != nil {
		return nil, err
	}
	switch kind {
	case "":
		return joinSpaced{}, nil
	case "Sequence":
		return r.readDecoders(raw)
	case "Fuse":
		return fuse{}, options(raw, new(bareJSON))
	case "ByteFallback":
		return byteFallback{}, options(raw, new(bareJSON))
	case "ByteLevel":
		return fromBytes{}, options(raw, new(byteLevelJSON))
	case "Metaspace":
		return readMetaspace(raw)
	case "Replace":
		return readReplace(raw)
	case "WordPiece":
		var f struct {
			Type    string `json:"type"`
			Prefix  string `json:"prefix"`
			Cleanup bool   `json:"cleanup"`
		}
		err := options(raw, &f)
		return pieces{f.Prefix, f.Cleanup}, err
	case "BPEDecoder":
		var f struct {
			Type   string `json:"type"`
			Suffix string `json:"suffix"`
		}
		err := options(raw, &f)
		return wordEnd(f.Suffix), err
	case "CTC":
		var f struct {
			Type      string `json:"type"`
			Pad       string `json:"pad_token"`
			Delimiter string `json:"word_delimiter_token"`
			Cleanup   bool   `json:"cleanup"`
		}
		err := options(raw, &f)
		return ctc{f.Pad, f.Delimiter, f.Cleanup}, err
	case "Strip":
		return readCut(raw)
	}
	return nil, unsupported(kind)
}

func readCut(raw jsontext.Value) (decoder, error) {
	var f struct {
		Type    string `json:"type"`
		Content char   `json:"content"`
		Start   int    `json:"start"`
		Stop    int    `json:"stop"`
	}
	if err := options(raw, &f); err != nil {
		return nil, err
	}
	if f.Start < 0 || f.Stop < 0 {
		return nil, errors.New(`"Strip": start and stop must not be negative`)
	}
	return cut{rune(f.Content), f.Start, f.Stop}, nil
}

func (r *reader) readDecoders(raw jsontext.Value) (decoder, error) {
	var f struct {
		Type     string           `json:"type"`
		Decoders []jsontext.Value `json:"decoders"`
	}
	if err := options(raw, &f); err != nil {
		return nil, err
	}
	all := decoders{}
	for i, one := range f.Decoders {
		if err := r.enter(); err != nil {
			return nil, err
		}
		d, err := r.readDecoder(one)
		if err != nil {
			return nil, fmt.Errorf("%d: %w", i, err)
		}
		r.depth--
		if _, none := d.(joinSpaced); none {
			return nil, fmt.Errorf("%d: it is null", i)
		}
		all = append(all, d)
	}
	return all, nil
}
