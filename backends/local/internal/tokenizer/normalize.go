package tokenizer

import (
	"errors"
	"strings"
	"unicode/utf8"
)

// source is a text, or a part of one, on its way through the normalizers.
type source struct {
	text string
	// moved says that text does not begin where the user's text began, which Metaspace asks for its first word.
	moved bool
	// limit is how long text may become, in bytes; 0 for what growth allows.
	limit int
}

// growth is how long a text may become by way of a file's components, in bytes, so that those of a hostile file cannot
// ask for any amount of memory. The normal form of a character is at most 33 bytes.
func growth(size int) int { return 1<<20 + 64*size }

var errGrows = errors.New("the text becomes far longer than it was")

func (s source) fits(size int) error {
	if size > max(s.limit, growth(0)) {
		return errGrows
	}
	return nil
}

// normalizer rewrites a text before it is split into words.
type normalizer interface {
	normalize(s source) (source, error)
}

type normalizers []normalizer

func (n normalizers) normalize(s source) (source, error) {
	for _, step := range n {
		var err error
		if s, err = step.normalize(s); err == nil {
			err = s.fits(len(s.text))
		}
		if err != nil {
			return s, err
		}
	}
	return s, nil
}

// pure is a normalizer that is a function of the text alone.
type pure func(string) string

func (f pure) normalize(s source) (source, error) {
	s.text = f(s.text)
	return s, nil
}

// filter changes characters one by one; a negative one leaves the character out.
type filter func(rune) rune

func (f filter) normalize(s source) (source, error) {
	first, _ := utf8.DecodeRuneInString(s.text)
	s.moved = s.moved || s.text != "" && f(first) < 0
	s.text = strings.Map(f, s.text)
	return s, nil
}

// nmt is the clean-up of machine translation models (sentencepiece's nmt_nfkc without nfkc).
func nmt(r rune) rune {
	switch {
	case r >= 1 && r <= 8, r == 0xb, r >= 0xe && r <= 0x1f, r == 0x7f, r == 0x8f, r == 0x9f:
		return -1
	case r == 9, r == 0xa, r == 0xc, r == 0xd, r == 0x1680, r >= 0x200b && r <= 0x200f, r == 0x2028, r == 0x2029,
		r == 0x2581, r == 0xfeff, r == 0xfffd:
		return ' '
	}
	return r
}

// without leaves out the characters of a class.
func without(c class) filter {
	u := unicodeTables()
	return func(r rune) rune {
		if u.of(r)&c != 0 {
			return -1
		}
		return r
	}
}

// lowercase maps each character alone, so that a final sigma is no special case.
func lowercase(s string) string {
	i := 0
	for i < len(s) && s[i] < utf8.RuneSelf && (s[i] < 'A' || s[i] > 'Z') {
		i++
	}
	if i == len(s) {
		return s
	}
	u := unicodeTables()
	var b strings.Builder
	b.Grow(len(s))
	b.WriteString(s[:i])
	for _, r := range s[i:] {
		if to, ok := u.lower[r]; ok {
			b.WriteString(to)
		} else {
			b.WriteRune(r)
		}
	}
	return b.String()
}

// strip removes white space at the ends.
type strip struct{ left, right bool }

func (n strip) normalize(s source) (source, error) {
	isSpace := func(r rune) bool { return unicodeTables().of(r)&space != 0 }
	if n.left {
		text := strings.TrimLeftFunc(s.text, isSpace)
		s.moved = s.moved || len(text) != len(s.text)
		s.text = text
	}
	if n.right {
		s.text = strings.TrimRightFunc(s.text, isSpace)
	}
	return s, nil
}

// prepend puts a string before a text that is not empty.
func prepend(lead string) pure {
	return func(s string) string {
		if s == "" {
			return s
		}
		return lead + s
	}
}

// replace puts content in the place of each match.
type replace struct {
	pattern pattern
	content string
}

func (n replace) normalize(s source) (source, error) {
	text, matches, err := n.apply(s)
	if err != nil || matches == nil {
		return s, err
	}
	if m := matches[0]; m.lo == 0 && m.hi > 0 {
		// What stands for several characters is taken to begin where the last of them did.
		_, size := utf8.DecodeRuneInString(s.text)
		s.moved = s.moved || n.content == "" || m.hi > size
	}
	s.text = text
	return s, nil
}

// apply gives the text with its matches replaced, and the matches.
func (n replace) apply(in source) (string, []bounds, error) {
	s := in.text
	if s == "" {
		return s, nil, nil
	}
	matches, err := n.pattern.matches(nil, s)
	if err != nil || len(matches) == 0 {
		return s, nil, err
	}
	if err := in.fits(len(s) + len(matches)*len(n.content)); err != nil {
		return s, nil, err
	}
	var b strings.Builder
	b.Grow(len(s))
	at := 0
	for _, m := range matches {
		b.WriteString(s[at:m.lo])
		b.WriteString(n.content)
		at = m.hi
	}
	b.WriteString(s[at:])
	return b.String(), matches, nil
}

// bert makes a text as BERT's basic tokenizer has it. It gives the steps that are on.
func bert(clean, chinese, accents, lower bool) normalizers {
	var steps normalizers
	if clean {
		u := unicodeTables()
		steps = append(steps, filter(func(r rune) rune {
			switch c := u.of(r); {
			case c&other != 0:
				return -1
			case c&space != 0:
				return ' '
			}
			return r
		}))
	}
	if chinese {
		steps = append(steps, pure(spaceChinese))
	}
	if accents {
		steps = append(steps, pure(nfd.apply), without(mn))
	}
	if lower {
		steps = append(steps, pure(lowercase))
	}
	return steps
}

// spaceChinese puts spaces around the ideographs of the blocks that BERT's own code lists.
func spaceChinese(s string) string {
	var b strings.Builder
	for i, r := range s {
		if !chinese(r) {
			if b.Len() > 0 {
				b.WriteRune(r)
			}
			continue
		}
		if b.Len() == 0 {
			b.Grow(len(s) + len(s)/2)
			b.WriteString(s[:i])
		}
		b.WriteByte(' ')
		b.WriteRune(r)
		b.WriteByte(' ')
	}
	if b.Len() == 0 {
		return s
	}
	return b.String()
}

func chinese(r rune) bool {
	return r >= 0x3400 && (r >= 0x4e00 && r <= 0x9fff || r <= 0x4dbf || r >= 0x20000 && r <= 0x2a6df ||
		r >= 0x2a700 && r <= 0x2b73f || r >= 0x2b740 && r <= 0x2b81f || r >= 0x2b920 && r <= 0x2ceaf ||
		r >= 0xf900 && r <= 0xfaff || r >= 0x2f800 && r <= 0x2fa1f)
}
