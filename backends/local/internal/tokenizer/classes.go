package tokenizer

import (
	_ "embed"
	"fmt"
	"strconv"
	"strings"
	"sync"
)

// classText holds the character classes of the reference; testdata/unicode.py writes it and says why.
//
//go:embed classes.txt
var classText string

// class is a set of character classes, a bit for each.
type class uint32

// The classes, in the order of classNames. Those that begin with onig are Oniguruma's, which matches the patterns of
// Split and Replace (Unicode 16); word is the Rust regex crate's \w; space is the same in all of them.
const (
	onigL class = 1 << iota
	onigN
	onigNd
	onigM
	onigLu
	onigLl
	onigLt
	onigLm
	onigLo
	onigP
	onigS
	onigZ
	onigC
	onigHan
	onigW
	word
	space
	numeric // Rust's char::is_numeric
	punct   // what Punctuation and BertPreTokenizer split off
	other   // what BertNormalizer's clean_text removes
	mn      // what BertNormalizer's strip_accents removes
	marks   // what StripAccents removes
	normal  // what has a part in the normal forms of Unicode 9
)

var classNames = [...]string{
	"onigL", "onigN", "onigNd", "onigM", "onigLu", "onigLl", "onigLt", "onigLm", "onigLo", "onigP", "onigS", "onigZ",
	"onigC", "onigHan", "onigw", "rustw", "space", "numeric", "punct", "other", "mn", "marks", "normal",
}

// span is a range of characters, both ends included.
type span struct{ lo, hi rune }

// unicodeData is classes.txt, read.
type unicodeData struct {
	spans   map[string][]span
	index   [0x110000 >> 8]uint16 // page of 256 characters
	pages   [][256]class
	lower   map[rune]string
	scripts [0x110000 >> 8]*[256]uint8
}

// unicodeTables reads classes.txt once. The file is part of the program, so that a fault in it is a programmer's.
var unicodeTables = sync.OnceValue(func() *unicodeData {
	d := &unicodeData{spans: make(map[string][]span), lower: make(map[rune]string)}
	for line := range strings.Lines(classText) {
		fields := strings.Fields(line)
		if fields[0] == "lower" {
			d.readLower(fields[1:])
			continue
		}
		for _, f := range fields[1:] {
			lo, hi, isRange := strings.Cut(f, "-")
			if !isRange {
				hi = lo
			}
			d.spans[fields[0]] = append(d.spans[fields[0]], span{hex(lo), hex(hi)})
		}
	}
	d.makePages()
	d.makeScripts()
	return d
})

func hex(s string) rune {
	n, err := strconv.ParseUint(s, 16, 21)
	if err != nil {
		panic(fmt.Sprintf("classes.txt: %v", err))
	}
	return rune(n)
}

// readLower reads runs such as 41-5A/1:32 and single mappings such as 130=69+307.
func (d *unicodeData) readLower(fields []string) {
	for _, f := range fields {
		if from, to, ok := strings.Cut(f, "="); ok {
			var b strings.Builder
			for r := range strings.SplitSeq(to, "+") {
				b.WriteRune(hex(r))
			}
			d.lower[hex(from)] = b.String()
			continue
		}
		ends, rest, _ := strings.Cut(f, "/")
		lo, hi, _ := strings.Cut(ends, "-")
		step, distance, _ := strings.Cut(rest, ":")
		by, err := strconv.Atoi(distance)
		if err != nil {
			panic(fmt.Sprintf("classes.txt: %v", err))
		}
		for r := hex(lo); r <= hex(hi); r += hex(step) {
			d.lower[r] = string(r + rune(by))
		}
	}
}

// makePages fills the pages, of which equal ones are kept once.
func (d *unicodeData) makePages() {
	flat := make([]class, 0x110000)
	for i, name := range classNames {
		if len(d.spans[name]) == 0 {
			panic("classes.txt has no " + name)
		}
		for _, s := range d.spans[name] {
			for r := s.lo; r <= s.hi; r++ {
				flat[r] |= 1 << i
			}
		}
	}
	known := make(map[[256]class]uint16)
	for p := range d.index {
		page := [256]class(flat[p<<8 : p<<8+256])
		at, ok := known[page]
		if !ok {
			at = uint16(len(d.pages))
			known[page] = at
			d.pages = append(d.pages, page)
		}
		d.index[p] = at
	}
}

func (d *unicodeData) makeScripts() {
	for i := 0; ; i++ {
		spans, ok := d.spans["script"+strconv.Itoa(i)]
		if !ok {
			return
		}
		for _, s := range spans {
			for r := s.lo; r <= s.hi; r++ {
				page := &d.scripts[r>>8]
				if *page == nil {
					*page = new([256]uint8)
				}
				(*page)[r&255] = uint8(i)
			}
		}
	}
}

// of gives the classes of a character; one outside of Unicode has none.
func (d *unicodeData) of(r rune) class {
	if uint32(r) >= 0x110000 {
		return 0
	}
	return d.pages[d.index[r>>8]][r&255]
}

// script gives the number of a character's script, 0 for characters that go with any.
func (d *unicodeData) script(r rune) uint8 {
	if uint32(r) >= 0x110000 || d.scripts[r>>8] == nil {
		return 0
	}
	return d.scripts[r>>8][r&255]
}
