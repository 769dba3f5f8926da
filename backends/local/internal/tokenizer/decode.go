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

// fromBytes undoes the byte-level alphabet over all tokens together.
type fromBytes struct{}

func (fromBytes) decode(tokens []string) ([]string, error) {
	var b []byte
	for _, s := range tokens {
		b = fromBytes{}.appendToken(b, s)
	}
	return []string{lossy(b)}, nil
}

func (fromBytes) appendToken(b []byte, s string) []byte {
	start := len(b)
	for _, r := range s {
		c, ok := charByte(r)
		if !ok {
			return append(b[:start], s...)
		}
		b = append(b, c)
	}
	return b
}

// byteFallback makes characters of tokens such as <0x41>. A run of them that is not UTF-8 as a whole becomes U+FFFD,
// one for each byte.
type byteFallback struct{}

func (byteFallback) decode(tokens []string) ([]string, error) {
	var out []string
	var run []byte
	flush := func() {
		if utf8.Valid(run) {
			if len(run) > 0 {
				out = append(out, string(run))
			}
		} else {
			for range run {
				out = append(out, string(utf8.RuneError))
			}
		}
		run = run[:0]
	}
	for _, s := range tokens {
		if c, ok := byteOf(s); ok {
			run = append(run, c)
			continue
		}
		flush()
		out = append(out, s)
	}
	flush()
	return out, nil
}

func (byteFallback) appendToken(b []byte, s string) []byte {
	if c, ok := byteOf(s); ok {
		return append(b, c)
	}
	return append(b, s...)
}

// byteOf reads <0xAB>, with the sign that Rust's parser lets pass.
func byteOf(s string) (byte, bool) {
	if len(s) != 6 || !strings.HasPrefix(s, "<0x") || s[5] != '>' {
		return 0, false
	}
	high, ok1 := hexDigit(s[3])
	low, ok2 := hexDigit(s[4])
	if s[3] == '+' {
		high, ok1 = 0, true
	}
	return high<<4 | low, ok1 && ok2
}

func hexDigit(c byte) (byte, bool) {
	switch {
	case c >= '0' && c <= '9':
		return c - '0', true
	case c|0x20 >= 'a' && c|0x20 <= 'f':
		return c | 0x20 - 'a' + 10, true
	}
	return 0, false
}

// lossy gives bytes as text, with U+FFFD for each longest part that begins a character and does not end it, and for
// each byte that begins none (Unicode Standard, section 3.9, "substitution of maximal subparts").
func lossy(b []byte) string {
	if utf8.Valid(b) {
		return string(b)
	}
	var out strings.Builder
	for len(b) > 0 {
		r, size := utf8.DecodeRune(b)
		if r == utf8.RuneError && size == 1 {
			size = subpart(b)
		}
		out.WriteRune(r)
		b = b[size:]
	}
	return out.String()
}

// subpart gives the length of the part of a character that bytes begin with, at least 1.
func subpart(b []byte) int {
	lo, hi, more := byte(0x80), byte(0xbf), 2
	switch c := b[0]; {
	case c == 0xe0:
		lo = 0xa0
	case c == 0xed:
		hi = 0x9f
	case c == 0xf0:
		lo, more = 0x90, 3
	case c == 0xf4:
		hi, more = 0x8f, 3
	case c > 0xf4 || c < 0xe1:
		return 1
	case c > 0xf0:
		more = 3
	}
	n := 1
	for n < more && n < len(b) && b[n] >= lo && b[n] <= hi {
		n++
		lo, hi = 0x80, 0xbf
	}
	return n
}
