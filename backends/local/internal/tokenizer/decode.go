package tokenizer

import (
	"strings"
	"unicode/utf8"
)

// decoder changes the tokens' texts, which joined are the text. It may change the slice that it is given.
type decoder interface {
	decode(tokens []string) ([]string, error)
}

type decoders []decoder

func (d decoders) decode(tokens []string) ([]string, error) {
	limit := growth(total(tokens))
	for _, step := range d {
		var err error
		if tokens, err = step.decode(tokens); err != nil {
			return nil, err
		}
		if total(tokens) > limit {
			return nil, errGrows
		}
	}
	return tokens, nil
}

func total(tokens []string) int {
	n := 0
	for _, s := range tokens {
		n += len(s)
	}
	return n
}

// joinSpaced is what takes a decoder's place in a file that has none: spaces between tokens.
type joinSpaced struct{}

func (joinSpaced) decode(tokens []string) ([]string, error) { return each(tokens, joinSpaced{}), nil }

func (joinSpaced) token(s string, first bool) string {
	if first {
		return s
	}
	return " " + s
}

// perToken is a decoder that looks at one token at a time, and at whether it is the first.
type perToken interface {
	token(s string, first bool) string
}

func each(tokens []string, d perToken) []string {
	for i, s := range tokens {
		tokens[i] = d.token(s, i == 0)
	}
	return tokens
}

func (m *metaspace) decode(tokens []string) ([]string, error) { return each(tokens, m), nil }

func (m *metaspace) token(s string, first bool) string {
	if first && m.scheme != prependNever {
		return strings.ReplaceAll(s, m.replacement, "")
	}
	return strings.ReplaceAll(s, m.replacement, " ")
}

func (n replace) decode(tokens []string) ([]string, error) {
	for i, s := range tokens {
		var err error
		if tokens[i], _, err = n.apply(source{text: s, limit: growth(len(s))}); err != nil {
			return nil, err
		}
	}
	return tokens, nil
}

// token is decode for a pattern that cannot fail, as of all but backtracking ones.
func (n replace) token(s string, _ bool) string {
	s, _, _ = n.apply(source{text: s})
	return s
}

// pieces joins word pieces: those that begin with the prefix to what is before them, others behind a space.
type pieces struct {
	prefix  string
	cleanup bool
}

func (p pieces) decode(tokens []string) ([]string, error) { return each(tokens, p), nil }

func (p pieces) token(s string, first bool) string {
	if !first {
		if rest, ok := strings.CutPrefix(s, p.prefix); ok {
			s = rest
		} else {
			s = " " + s
		}
	}
	if p.cleanup {
		s = cleanUp(s)
	}
	return s
}

// cleanUp takes back spaces before punctuation and in English contractions, one kind after the other.
func cleanUp(s string) string {
	for _, c := range [...][2]string{
		{" .", "."}, {" ?", "?"}, {" !", "!"}, {" ,", ","}, {" ' ", "'"}, {" n't", "n't"}, {" 'm", "'m"},
		{" do not", " don't"}, {" 's", "'s"}, {" 've", "'ve"}, {" 're", "'re"},
	} {
		s = strings.ReplaceAll(s, c[0], c[1])
	}
	return s
}

// cut removes up to so many of a character at the ends of a token.
type cut struct {
	content     rune
	start, stop int
}

func (c cut) decode(tokens []string) ([]string, error) { return each(tokens, c), nil }

func (c cut) token(s string, _ bool) string {
	for range c.start {
		r, size := utf8.DecodeRuneInString(s)
		if size == 0 || r != c.content {
			break
		}
		s = s[size:]
	}
	for range c.stop {
		r, size := utf8.DecodeLastRuneInString(s)
		if size == 0 || r != c.content {
			break
		}
		s = s[:len(s)-size]
	}
	return s
}

// fuse joins the tokens to one.
type fuse struct{}

func (fuse) decode(tokens []string) ([]string, error) { return []string{strings.Join(tokens, "")}, nil }

// wordEnd writes spaces for a suffix that ends words, but nothing at the text's end.
type wordEnd string

func (w wordEnd) decode(tokens []string) ([]string, error) {
	for i, s := range tokens {
		by := " "
		if i == len(tokens)-1 {
			by = ""
		}
		tokens[i] = strings.ReplaceAll(s, string(w), by)
	}
	return tokens, nil
}

// ctc decodes the output of speech models: repeated tokens count once, and pad tokens part them.
type ctc struct {
	pad, delimiter string
	cleanup        bool
}

func (c ctc) decode(tokens []string) ([]string, error) {
	var out []string
	for i, s := range tokens {
		if i > 0 && s == tokens[i-1] {
			continue
		}
		s = strings.ReplaceAll(s, c.pad, "")
		if c.cleanup {
			s = strings.ReplaceAll(cleanUp(s), c.delimiter, " ")
		}
		if s != "" {
			out = append(out, s)
		}
	}
	return out, nil
}
