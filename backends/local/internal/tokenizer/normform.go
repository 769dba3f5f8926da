package tokenizer

import (
	"cmp"
	"slices"
	"strings"

	"golang.org/x/text/unicode/norm"
)

// form is a normal form as the reference has it: with the data of Unicode 9, so that characters of later versions take
// no part (they neither decompose nor compose nor change places), and without the limit of 30 marks in a row at which
// golang.org/x/text puts in a joiner.
type form struct {
	form    norm.Form
	compose bool
}

var (
	nfc  = form{norm.NFC, true}
	nfd  = form{norm.NFD, false}
	nfkc = form{norm.NFKC, true}
	nfkd = form{norm.NFKD, false}
)

// maxMarks is the longest run of marks that is left to golang.org/x/text. A character decomposes to at most four marks.
const maxMarks = 7

func (f form) apply(s string) string {
	if f.form.IsNormalString(s) && f.plain(s) {
		return s
	}
	var b strings.Builder
	b.Grow(len(s) + len(s)/8)
	u := unicodeTables()
	start, marks, long := 0, 0, false
	flush := func(end int) {
		if long {
			f.slow(&b, s[start:end])
		} else {
			b.WriteString(f.form.String(s[start:end]))
		}
		start, marks, long = end, 0, false
	}
	for i, r := range s {
		if r < 0x300 {
			marks = 0
			continue
		}
		p := norm.NFKD.PropertiesString(s[i:])
		if u.of(r)&normal == 0 && (p.Decomposition() != nil || p.CCC() != 0 || !norm.NFKC.PropertiesString(s[i:]).BoundaryBefore()) {
			flush(i)
			size := len(string(r))
			b.WriteString(s[i : i+size])
			start = i + size
			continue
		}
		if p.CCC() == 0 && p.Decomposition() == nil {
			marks = 0
			continue
		}
		if marks++; marks > maxMarks {
			long = true
		}
	}
	flush(len(s))
	return b.String()
}

// plain reports whether a normal text holds nothing that the reference might order or compose in another way.
func (f form) plain(s string) bool {
	for i := range len(s) {
		if s[i] >= 0xcc { // the first byte of U+0300
			return false
		}
	}
	return true
}

// slow makes the normal form of text with long runs of marks: decompose, put marks in order, compose.
// (Unicode Standard Annex 15, sections 1.3 and 9.)
func (f form) slow(b *strings.Builder, s string) {
	type char struct {
		r     rune
		class uint8
	}
	decompose := norm.NFD
	if f.form == norm.NFKC || f.form == norm.NFKD {
		decompose = norm.NFKD
	}
	var chars []char
	for _, r := range s {
		for _, d := range decompose.String(string(r)) {
			chars = append(chars, char{d, norm.NFD.PropertiesString(string(d)).CCC()})
		}
	}
	for i := 0; i < len(chars); {
		j := i
		for j < len(chars) && chars[j].class != 0 {
			j++
		}
		slices.SortStableFunc(chars[i:j], func(a, b char) int { return cmp.Compare(a.class, b.class) })
		i = j + 1
	}
	if f.compose {
		starter := -1
		last := uint8(0) // class of the character before, of those kept after the starter
		kept := chars[:0]
		for _, c := range chars {
			if starter >= 0 && (len(kept)-1 == starter || last < c.class) {
				if r, ok := composed(kept[starter].r, c.r); ok {
					kept[starter].r = r
					continue
				}
			}
			kept = append(kept, c)
			last = c.class
			if c.class == 0 {
				starter, last = len(kept)-1, 0
			}
		}
		chars = kept
	}
	for _, c := range chars {
		b.WriteRune(c.r)
	}
}

// composed gives the character that two make together.
func composed(a, b rune) (rune, bool) {
	both := []rune(norm.NFC.String(string([]rune{a, b})))
	if len(both) != 1 {
		return 0, false
	}
	return both[0], true
}
