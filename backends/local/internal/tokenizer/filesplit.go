package tokenizer

import (
	"errors"
	"fmt"

	"github.com/go-json-experiment/json/jsontext"
)

// byteLevelJSON is a ByteLevel of any kind; decoders and post-processors use none of its options here.
type byteLevelJSON struct {
	Type           string `json:"type"`
	AddPrefixSpace bool   `json:"add_prefix_space"`
	TrimOffsets    bool   `json:"trim_offsets"`
	UseRegex       *bool  `json:"use_regex"`
}

type metaspaceJSON struct {
	Type           string         `json:"type"`
	Replacement    char           `json:"replacement"`
	AddPrefixSpace *bool          `json:"add_prefix_space"`
	PrependScheme  *prependScheme `json:"prepend_scheme"`
	Split          *bool          `json:"split"`
	StrRep         *string        `json:"str_rep"`
}

func readMetaspace(raw jsontext.Value) (*metaspace, error) {
	var f metaspaceJSON
	if err := options(raw, &f); err != nil {
		return nil, err
	}
	scheme := prependAlways
	if f.AddPrefixSpace != nil && !*f.AddPrefixSpace {
		scheme = prependNever
	}
	if s := f.PrependScheme; s != nil {
		switch *s {
		case prependAlways, prependFirst, prependNever:
		default:
			return nil, fmt.Errorf(`"Metaspace": prepend_scheme %q is not supported`, *s)
		}
		if scheme == prependNever && *s != scheme {
			return nil, errors.New(`"Metaspace": add_prefix_space does not go with prepend_scheme`)
		}
		scheme = *s
	}
	if f.Replacement == 0 {
		return nil, errors.New(`"Metaspace": replacement is missing`)
	}
	return &metaspace{string(rune(f.Replacement)), scheme, f.Split == nil || *f.Split}, nil
}

// readPreTokenizer reads a pre-tokenizer as the steps that it takes.
func (r *reader) readPreTokenizer(raw jsontext.Value) ([]splitter, error) {
	kind, err := r.kind(raw)
	if err != nil || kind == "" {
		return nil, err
	}
	one := func(s splitter, err error) ([]splitter, error) { return []splitter{s}, err }
	switch kind {
	case "Sequence":
		return r.readPreTokenizers(raw)
	case "Whitespace":
		return one(splitAt{runs{}, removed, true}, options(raw, new(bareJSON)))
	case "WhitespaceSplit":
		return one(splitAt{ofClass(space), removed, false}, options(raw, new(bareJSON)))
	case "BertPreTokenizer":
		return []splitter{splitAt{ofClass(space), removed, false}, splitAt{ofClass(punct), isolated, false}},
			options(raw, new(bareJSON))
	case "UnicodeScripts":
		return one(unicodeScripts{}, options(raw, new(bareJSON)))
	case "Metaspace":
		m, err := readMetaspace(raw)
		return one(m, err)
	case "ByteLevel":
		var f byteLevelJSON
		err := options(raw, &f)
		b := &byteLevel{prefixSpace: f.AddPrefixSpace}
		if f.UseRegex == nil || *f.UseRegex {
			b.pattern = scanners[gpt2Pattern]
		}
		return one(b, err)
	case "Split":
		return readSplit(raw)
	}
	return readSimpleSplit(kind, raw)
}

func readSplit(raw jsontext.Value) ([]splitter, error) {
	var f struct {
		Type     string      `json:"type"`
		Pattern  patternJSON `json:"pattern"`
		Behavior behaviour   `json:"behavior"`
		Invert   bool        `json:"invert"`
	}
	if err := options(raw, &f); err != nil {
		return nil, err
	}
	p, err := f.Pattern.compile()
	if err == nil {
		err = f.Behavior.check()
	}
	if err != nil {
		return nil, fmt.Errorf(`"Split": %w`, err)
	}
	return []splitter{splitAt{p, f.Behavior, f.Invert}}, nil
}

// readSimpleSplit reads the pre-tokenizers that have one option.
func readSimpleSplit(kind string, raw jsontext.Value) ([]splitter, error) {
	var f struct {
		Type       string    `json:"type"`
		Individual bool      `json:"individual_digits"`
		Behavior   behaviour `json:"behavior"`
		Delimiter  char      `json:"delimiter"`
		Length     *int      `json:"length"`
	}
	if err := options(raw, &f); err != nil {
		return nil, err
	}
	switch kind {
	case "Digits":
		if f.Individual {
			return []splitter{splitAt{ofClass(numeric), isolated, false}}, nil
		}
		return []splitter{splitAt{ofClass(numeric), contiguous, false}}, nil
	case "Punctuation":
		if f.Behavior == "" {
			f.Behavior = isolated
		}
		return []splitter{splitAt{ofClass(punct), f.Behavior, false}}, f.Behavior.check()
	case "CharDelimiterSplit":
		if f.Delimiter == 0 {
			return nil, errors.New(`"CharDelimiterSplit": delimiter is missing`)
		}
		return []splitter{splitAt{literal(string(rune(f.Delimiter))), removed, false}}, nil
	case "FixedLength":
		n := 5
		if f.Length != nil {
			n = *f.Length
		}
		if n < 1 {
			return nil, fmt.Errorf(`"FixedLength": length %d is not positive`, n)
		}
		return []splitter{fixedLength(n)}, nil
	}
	return nil, unsupported(kind)
}

func (r *reader) readPreTokenizers(raw jsontext.Value) ([]splitter, error) {
	var f struct {
		Type          string           `json:"type"`
		PreTokenizers []jsontext.Value `json:"pretokenizers"`
	}
	if err := options(raw, &f); err != nil {
		return nil, err
	}
	var all []splitter
	for i, one := range f.PreTokenizers {
		if err := r.enter(); err != nil {
			return nil, err
		}
		steps, err := r.readPreTokenizer(one)
		if err != nil {
			return nil, fmt.Errorf("%d: %w", i, err)
		}
		r.depth--
		all = append(all, steps...)
	}
	return all, nil
}
