package tokenizer_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"
)

// hardStrings makes the strings of testdata/hard.py: a change here is a change there.
type hardStrings struct {
	Snippets []string  `json:"snippets"`
	Ranges   [][2]rune `json:"ranges"`
	Spaces   []string  `json:"spaces"`
	Marks    []string  `json:"marks"`
}

func readHard(t testing.TB) *hardStrings {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", "hard.json"))
	if err != nil {
		t.Fatal(err)
	}
	h := new(hardStrings)
	if err := json.Unmarshal(data, h); err != nil {
		t.Fatal(err)
	}
	return h
}

// splitMix is SplitMix64 (Steele, Lea and Flood 2014).
type splitMix uint64

func (s *splitMix) next() uint64 {
	*s += 0x9e3779b97f4a7c15
	z := uint64(*s)
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}

func (s *splitMix) below(n int) int { return int(s.next() % uint64(n)) }

func (s *splitMix) of(items []string) string { return items[s.below(len(items))] }

func (s *splitMix) within(lo, hi rune) string {
	return string(lo + rune(s.below(int(hi-lo)+1))) // a surrogate becomes U+FFFD
}

func (s *splitMix) many(n int, one func() string) string {
	var b strings.Builder
	for range n {
		b.WriteString(one())
	}
	return b.String()
}

func (h *hardStrings) segment(s *splitMix) string {
	switch kind := s.below(12); {
	case kind <= 2:
		return s.of(h.Snippets)
	case kind == 3:
		word := s.many(1+s.below(10), func() string { return s.within('a', 'z') })
		return []string{word, strings.ToUpper(word), strings.ToUpper(word[:1]) + word[1:]}[s.below(3)]
	case kind <= 5:
		r := h.Ranges[s.below(len(h.Ranges))]
		return s.many(1+s.below(8), func() string { return s.within(r[0], r[1]) })
	case kind == 6:
		return s.many(1+s.below(3), func() string { return s.within(0, 0x10ffff) })
	case kind == 7:
		return s.many(1+s.below(6), func() string { return s.of(h.Spaces) })
	case kind == 8:
		return s.many(1+s.below(12), func() string { return s.within('0', '9') })
	case kind == 9:
		one := s.of(h.Snippets)
		_, size := utf8.DecodeRuneInString(one)
		return strings.Repeat(one[:size], 1+s.below(40))
	case kind == 10:
		base := s.within('a', 'z')
		marks := 40
		if s.below(20) != 0 {
			marks = 1 + s.below(5)
		}
		return base + s.many(marks, func() string { return s.of(h.Marks) })
	}
	if s.below(40) == 0 {
		r := h.Ranges[s.below(len(h.Ranges))]
		return s.many(200+s.below(2000), func() string { return s.within(r[0], r[1]) })
	}
	first := s.of(h.Snippets)
	return first + s.of(h.Snippets)
}

// text gives the string of a number.
func (h *hardStrings) text(i int) string {
	s := splitMix(uint64(i) * 0x632be59bd9b4e019)
	var b strings.Builder
	for range 1 + s.below(6) {
		if s.below(3) == 0 {
			b.WriteByte(' ')
		}
		b.WriteString(h.segment(&s))
	}
	return b.String()
}

// randomIDs gives ids to decode that no text gives.
func randomIDs(i, size int) []int {
	s := splitMix(uint64(i) ^ 0x5deece66d)
	ids := make([]int, 1+s.below(12))
	for j := range ids {
		ids[j] = s.below(size)
	}
	return ids
}
