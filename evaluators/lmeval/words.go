package lmeval

import (
	"slices"
	"strconv"
	"strings"
)

// numberWords are the words that word2number 1.1 reads.
var numberWords = map[string]int64{
	"zero": 0, "one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8, "nine": 9,
	"ten": 10, "eleven": 11, "twelve": 12, "thirteen": 13, "fourteen": 14, "fifteen": 15, "sixteen": 16,
	"seventeen": 17, "eighteen": 18, "nineteen": 19, "twenty": 20, "thirty": 30, "forty": 40, "fifty": 50,
	"sixty": 60, "seventy": 70, "eighty": 80, "ninety": 90,
	"hundred": 100, "thousand": 1e3, "million": 1e6, "billion": 1e9,
}

// wordsToNumber reads a number in English words as word2number 1.1 does: it passes over words that it does not know,
// and adds and multiplies within groups of up to four words. It is not for numbers with a "point", which the pattern
// that finds numbers here never gives.
func wordsToNumber(text string) (string, bool) {
	var words []string
	for _, w := range fields(strings.ReplaceAll(text, "-", " ")) {
		if _, ok := numberWords[w]; ok {
			words = append(words, w)
		}
	}
	if len(words) == 1 {
		return strconv.FormatInt(numberWords[words[0]], 10), true
	}
	if len(words) == 0 {
		return "", false
	}
	sum, start, last := int64(0), 0, -1
	for _, scale := range []string{"billion", "million", "thousand"} {
		i := slices.Index(words, scale)
		if i < 0 {
			continue
		}
		if i < last || slices.Contains(words[i+1:], scale) {
			return "", false // in the wrong order, or twice
		}
		group, ok := groupNumber(words[start:i])
		if !ok {
			return "", false
		}
		sum += group * numberWords[scale]
		start, last = i+1, i
	}
	if start < len(words) {
		group, ok := groupNumber(words[start:])
		if !ok {
			return "", false
		}
		sum += group
	}
	return strconv.FormatInt(sum, 10), true
}

// groupNumber reads up to three digits in words, "two hundred twenty three".
func groupNumber(words []string) (int64, bool) {
	if len(words) == 0 {
		return 0, false
	}
	n := make([]int64, len(words))
	for i, w := range words {
		n[i] = numberWords[w]
	}
	switch {
	case len(n) == 4:
		return n[0]*n[1] + n[2] + n[3], true
	case len(n) == 3:
		return n[0]*n[1] + n[2], true
	case len(n) == 2 && slices.Contains(n, 100):
		return n[0] * n[1], true
	case len(n) == 2:
		return n[0] + n[1], true
	}
	return n[0], true
}
