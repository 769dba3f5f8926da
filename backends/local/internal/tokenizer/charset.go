package tokenizer

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"sync"
	"unicode"
)

// charset is a set of characters: spans in order that neither touch nor overlap.
type charset []span

func (c charset) normal() charset {
	slices.SortFunc(c, func(a, b span) int { return cmp.Compare(a.lo, b.lo) })
	var out charset
	for _, s := range c {
		if n := len(out); n > 0 && s.lo <= out[n-1].hi+1 {
			out[n-1].hi = max(out[n-1].hi, s.hi)
			continue
		}
		out = append(out, s)
	}
	return out
}

// not gives the characters that are not in the set. Surrogates are no characters.
func (c charset) not() charset {
	var out charset
	next := rune(0)
	for _, s := range append(slices.Clone(c), span{0xd800, 0xdfff}).normal() {
		if s.lo > next {
			out = append(out, span{next, s.lo - 1})
		}
		next = s.hi + 1
	}
	if next <= unicode.MaxRune {
		out = append(out, span{next, unicode.MaxRune})
	}
	return out
}

func (c charset) and(d charset) charset { return append(c.not(), d.not()...).normal().not() }

// fold adds the characters that differ from the set's in case alone.
func (c charset) fold() charset {
	out := slices.Clone(c)
	for _, r := range cased() {
		if c.has(r) {
			for f := unicode.SimpleFold(r); f != r; f = unicode.SimpleFold(f) {
				out = append(out, span{f, f})
			}
		}
	}
	return out.normal()
}

// has reports whether a character is in a set in normal form.
func (c charset) has(r rune) bool {
	i, found := slices.BinarySearchFunc(c, r, func(s span, r rune) int { return cmp.Compare(s.lo, r) })
	return found || i > 0 && r <= c[i-1].hi
}

// cased lists the characters that have another case.
var cased = sync.OnceValue(func() []rune {
	var out []rune
	for r := range rune(unicode.MaxRune + 1) {
		if unicode.SimpleFold(r) != r {
			out = append(out, r)
		}
	}
	return out
})

// write writes the set as a class that Go's regexp and regexp2 read alike.
func (c charset) write(b *strings.Builder) {
	if len(c) == 0 {
		b.WriteString("[^\\x00-\U0010FFFF]")
		return
	}
	b.WriteByte('[')
	for _, s := range c {
		writeChar(b, s.lo)
		if s.hi > s.lo {
			b.WriteByte('-')
			writeChar(b, s.hi)
		}
	}
	b.WriteByte(']')
}

// writeChar writes a character so that it has no other meaning, in a class or outside.
func writeChar(b *strings.Builder, r rune) {
	switch {
	case r < 0x20 || r == 0x7f:
		fmt.Fprintf(b, `\x%02x`, r)
	case r < 0x80 && !unicode.IsLetter(r) && !unicode.IsDigit(r) && r != ' ' && r != '_' && r != '<' && r != '>':
		b.WriteByte('\\')
		b.WriteRune(r)
	default:
		b.WriteRune(r)
	}
}

// named gives the set of a class of the reference.
func named(names ...string) charset {
	var out charset
	for _, n := range names {
		out = append(out, unicodeTables().spans[n]...)
	}
	return out.normal()
}

// escapeSet gives the set of \s, \w, \d, \h and their opposites.
func escapeSet(r rune) (charset, bool) {
	switch r {
	case 's':
		return named("space"), true
	case 'w':
		return named("onigw"), true
	case 'd':
		return named("onigNd"), true
	case 'h':
		return charset{{'0', '9'}, {'A', 'F'}, {'a', 'f'}}, true
	case 'S', 'W', 'D', 'H':
		c, _ := escapeSet(unicode.ToLower(r))
		return c.not(), true
	}
	return nil, false
}

// propertySet gives the set of a property that \p{} names. Those of the reference's tables have the reference's
// Unicode version, others the one of the Go version at hand.
func propertySet(name string) (charset, error) {
	key := strings.ToLower(strings.NewReplacer(" ", "", "_", "", "-", "").Replace(name))
	if long, ok := longNames[key]; ok {
		key = long
	}
	for _, have := range []string{"L", "N", "Nd", "M", "Lu", "Ll", "Lt", "Lm", "Lo", "P", "S", "Z", "C", "Han"} {
		if strings.EqualFold(have, key) {
			return named("onig" + have), nil
		}
	}
	switch key {
	case "space", "whitespace":
		return named("space"), nil
	case "word":
		return named("onigw"), nil
	case "digit":
		return named("onigNd"), nil
	case "alpha", "alphabetic":
		return named("posixalpha"), nil
	case "upper", "uppercase":
		return named("posixupper"), nil
	case "lower", "lowercase":
		return named("posixlower"), nil
	case "any":
		return charset(nil).not(), nil
	case "ascii":
		return charset{{0, 0x7f}}, nil
	}
	for _, tables := range []map[string]*unicode.RangeTable{unicode.Categories, unicode.Scripts, unicode.Properties} {
		for have, table := range tables {
			if strings.EqualFold(strings.ReplaceAll(have, "_", ""), key) {
				return tableSet(table), nil
			}
		}
	}
	return nil, fmt.Errorf("property %q is not known", name)
}

var longNames = map[string]string{
	"letter": "l", "number": "n", "mark": "m", "punctuation": "p", "symbol": "s", "separator": "z", "other": "c",
	"uppercaseletter": "lu", "lowercaseletter": "ll", "titlecaseletter": "lt", "modifierletter": "lm",
	"otherletter": "lo", "decimalnumber": "nd",
}

func tableSet(t *unicode.RangeTable) charset {
	var c charset
	add := func(lo, hi, stride rune) {
		if stride == 1 {
			c = append(c, span{lo, hi})
			return
		}
		for r := lo; r <= hi; r += stride {
			c = append(c, span{r, r})
		}
	}
	for _, r := range t.R16 {
		add(rune(r.Lo), rune(r.Hi), rune(r.Stride))
	}
	for _, r := range t.R32 {
		add(rune(r.Lo), rune(r.Hi), rune(r.Stride))
	}
	return c.normal()
}
