package tokenizer

import "unicode/utf8"

// scanner splits a text as one of the well-known patterns of byte-level tokenizers does, without a regular expression
// engine. Each alternative of the patterns takes the longest run that it can, so that no step has to be taken back but
// those that the code spells out. Every character is part of a match.
type scanner struct {
	// gpt2 is the older pattern: a space joins letters, numbers and other characters that follow it, and line ends are
	// like other white space. Else any one character that is no letter, number or line end joins letters, only a
	// space joins other characters, and line ends have an alternative.
	gpt2 bool
	// digits is the most numbers in a match, 0 for any number of them.
	digits int
}

// The patterns that scanner knows, as tokenizer.json spells them.
const (
	gpt2Pattern   = `'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+`
	llama3Pattern = `(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+`
	qwen2Pattern  = `(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+`
)

var scanners = map[string]scanner{
	gpt2Pattern:   {gpt2: true},
	llama3Pattern: {digits: 3},
	qwen2Pattern:  {digits: 1},
}

func (sc scanner) matches(dst []bounds, s string) ([]bounds, error) {
	u := unicodeTables()
	for at := 0; at < len(s); {
		end := sc.next(u, s, at)
		dst = append(dst, bounds{at, end})
		at = end
	}
	return dst, nil
}

// split makes a piece of each match.
func (sc scanner) split(dst []piece, p piece) []piece {
	u := unicodeTables()
	for at := 0; at < len(p.text); {
		end := sc.next(u, p.text, at)
		dst = append(dst, p.part(at, end))
		at = end
	}
	return dst
}

// kinds are the classes that the patterns tell apart; a character has at most one of them.
const kinds = onigL | onigN | space

// kindAt gives the kind of the character at a place, and its end. At the end of the text it is kindless and stays.
func kindAt(u *unicodeData, s string, at int) (class, int) {
	if at >= len(s) {
		return 0, at
	}
	if c := s[at]; c < utf8.RuneSelf {
		return u.pages[u.index[0]][c] & kinds, at + 1
	}
	r, size := utf8.DecodeRuneInString(s[at:])
	return u.of(r) & kinds, at + size
}

// run gives the end of the run of characters of a kind that begins at a place.
func run(u *unicodeData, s string, at int, kind class) int {
	for at < len(s) {
		k, end := kindAt(u, s, at)
		if k != kind {
			break
		}
		at = end
	}
	return at
}

// next gives the end of the match that begins at a place.
func (sc scanner) next(u *unicodeData, s string, at int) int {
	if s[at] == '\'' {
		if n := contraction(s[at+1:], !sc.gpt2); n > 0 {
			return at + 1 + n
		}
	}
	kind, end := kindAt(u, s, at)
	second, secondEnd := kindAt(u, s, end)
	more := end < len(s)
	switch {
	case kind == onigL:
		return run(u, s, end, onigL)
	case kind == onigN:
		return sc.numbers(u, s, end)
	case sc.gpt2 && s[at] == ' ' && more && second != space:
		return run(u, s, secondEnd, second)
	case sc.gpt2 && kind == 0:
		return run(u, s, end, 0)
	case sc.gpt2:
		return spaces(u, s, at, end)
	case second == onigL && s[at] != '\r' && s[at] != '\n':
		return run(u, s, secondEnd, onigL)
	case kind == 0:
		return lineEnds(s, run(u, s, end, 0))
	case s[at] == ' ' && more && second == 0:
		return lineEnds(s, run(u, s, secondEnd, 0))
	}
	// White space up to its last line end, where it has one.
	stop := run(u, s, end, space)
	for i := stop - 1; i >= at; i-- {
		if s[i] == '\r' || s[i] == '\n' {
			return i + 1
		}
	}
	return spaces(u, s, at, end)
}

// numbers gives the end of a run of numbers of which one has been taken.
func (sc scanner) numbers(u *unicodeData, s string, at int) int {
	if sc.digits == 0 {
		return run(u, s, at, onigN)
	}
	for range sc.digits - 1 {
		k, end := kindAt(u, s, at)
		if k != onigN {
			break
		}
		at = end
	}
	return at
}

// spaces gives the end of the white space that begins at a place, less its last character where something follows and
// it is not the only one.
func spaces(u *unicodeData, s string, at, firstEnd int) int {
	stop, last := firstEnd, at
	for stop < len(s) {
		k, end := kindAt(u, s, stop)
		if k != space {
			break
		}
		last, stop = stop, end
	}
	if stop == len(s) || last == at {
		return stop
	}
	return last
}

// lineEnds gives the end of the line ends at a place.
func lineEnds(s string, at int) int {
	for at < len(s) && (s[at] == '\r' || s[at] == '\n') {
		at++
	}
	return at
}

// contraction gives the length of the s, t, re, ve, m, ll or d that text begins with, 0 where there is none.
func contraction(text string, anyCase bool) int {
	if text == "" {
		return 0
	}
	fold := byte(0)
	if anyCase {
		fold = 0x20
		if len(text) >= 2 && text[:2] == "ſ" { // the long s folds to s
			return 2
		}
	}
	switch text[0] | fold {
	case 's', 't', 'm', 'd':
		return 1
	case 'r', 'v':
		if len(text) > 1 && text[1]|fold == 'e' {
			return 2
		}
	case 'l':
		if len(text) > 1 && text[1]|fold == 'l' {
			return 2
		}
	}
	return 0
}
