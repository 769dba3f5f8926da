package tokenizer

import (
	"strings"
	"unicode/utf8"
)

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
