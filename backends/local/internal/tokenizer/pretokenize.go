package tokenizer

import (
	"strings"
	"unicode/utf8"
)

// byteLevel splits as GPT-2 does and writes each byte of a word as a character that can be seen.
type byteLevel struct {
	prefixSpace bool
	pattern     pattern // nil to leave pieces whole
	// raw leaves the bytes as they are: the model's vocabulary is of bytes.
	raw bool
}

func (b *byteLevel) split(dst []piece, p piece) ([]piece, error) {
	if b.prefixSpace && p.text[0] != ' ' {
		p.text = " " + p.text
	}
	at := len(dst)
	if b.pattern == nil {
		dst = append(dst, p)
	} else {
		var err error
		if dst, err = (splitAt{pattern: b.pattern, behaviour: isolated}).split(dst, p); err != nil {
			return dst, err
		}
	}
	if !b.raw {
		for i := range dst[at:] {
			dst[at+i].text = byteChars(dst[at+i].text)
		}
	}
	return dst, nil
}

// byteChar gives the character that GPT-2's byte-level alphabet has for a byte: the byte itself where it is visible in
// Latin-1, else one from U+0100 on.
var byteChar = func() (chars [256]rune) {
	next := rune(0x100)
	for b := range chars {
		if b >= '!' && b <= '~' || b >= 0xa1 && b <= 0xac || b >= 0xae {
			chars[b] = rune(b)
		} else {
			chars[b] = next
			next++
		}
	}
	return chars
}()

// charByte gives the byte of a character of that alphabet.
func charByte(r rune) (byte, bool) {
	switch {
	case r >= '!' && r <= '~', r >= 0xa1 && r <= 0xac, r >= 0xae && r <= 0xff:
		return byte(r), true
	case r >= 0x100 && r < 0x121:
		return byte(r - 0x100), true
	case r >= 0x121 && r < 0x143:
		return byte(r - 0x121 + 0x7f), true
	case r == 0x143:
		return 0xad, true
	}
	return 0, false
}

func byteChars(s string) string {
	var b strings.Builder
	b.Grow(len(s) + len(s)/4)
	for i := range len(s) {
		b.WriteRune(byteChar[s[i]])
	}
	return b.String()
}

// charBytes undoes byteChars; it is false for text with a character outside of the alphabet.
func charBytes(s string) (string, bool) {
	b := make([]byte, 0, len(s))
	for _, r := range s {
		c, ok := charByte(r)
		if !ok {
			return "", false
		}
		b = append(b, c)
	}
	return string(b), true
}

// metaspace writes spaces as a visible character, puts one before words, and splits before each.
type metaspace struct {
	replacement string // one character
	scheme      prependScheme
	splits      bool
}

type prependScheme string

const (
	prependAlways prependScheme = "always"
	prependFirst  prependScheme = "first"
	prependNever  prependScheme = "never"
)

func (m *metaspace) split(dst []piece, p piece) ([]piece, error) {
	p.text = strings.ReplaceAll(p.text, " ", m.replacement)
	if m.scheme == prependAlways || m.scheme == prependFirst && p.first {
		if !strings.HasPrefix(p.text, m.replacement) {
			p.text = m.replacement + p.text
		}
	}
	if !m.splits {
		return append(dst, p), nil
	}
	return splitAt{pattern: literal(m.replacement), behaviour: mergedWithNext}.split(dst, p)
}

// literal matches a string.
type literal string

func (l literal) matches(dst []bounds, s string) ([]bounds, error) {
	if l == "" {
		// As an empty regular expression does: at every character and at the end.
		for i := range s {
			dst = append(dst, bounds{i, i})
		}
		return append(dst, bounds{len(s), len(s)}), nil
	}
	for at := 0; ; {
		i := strings.Index(s[at:], string(l))
		if i < 0 {
			return dst, nil
		}
		dst = append(dst, bounds{at + i, at + i + len(l)})
		at += i + len(l)
	}
}

// fixedLength cuts pieces of so many characters.
type fixedLength int

func (n fixedLength) split(dst []piece, p piece) ([]piece, error) {
	lo, count := 0, 0
	for i := range p.text {
		if count == int(n) {
			dst = append(dst, p.part(lo, i))
			lo, count = i, 0
		}
		count++
	}
	return append(dst, p.part(lo, len(p.text))), nil
}

// unicodeScripts splits where the script changes. Characters of no script of their own go with what is before them,
// and are lost where nothing is: the reference loses them.
type unicodeScripts struct{}

func (unicodeScripts) split(dst []piece, p piece) ([]piece, error) {
	u := unicodeTables()
	last, lo := uint8(0), -1
	for i, r := range p.text {
		s := u.script(r)
		if s == 0 || s == last {
			continue
		}
		if lo >= 0 {
			dst = append(dst, p.part(lo, i))
		}
		last, lo = s, i
	}
	if lo >= 0 {
		dst = append(dst, p.part(lo, len(p.text)))
	}
	return dst, nil
}

// valid gives text with each byte that is not UTF-8 as U+FFFD.
func valid(s string) string {
	if utf8.ValidString(s) {
		return s
	}
	return string([]rune(s))
}
