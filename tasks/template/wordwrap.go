package template

import (
	"strings"
	"unicode"

	"github.com/onset-eval/onset/tasks/pyval"
)

// wordwrapFilter wraps each line by itself, as Python's textwrap does.
func wordwrapFilter(_ *run, v pyval.Value, a args) (pyval.Value, error) {
	var p [4]pyval.Value
	if err := a.bind("wordwrap", p[:], "width?", "break_long_words?", "wrapstring?", "break_on_hyphens?"); err != nil {
		return nil, err
	}
	width, err := intArg(p[0], 79)
	if err != nil {
		return nil, err
	}
	w := wrapper{width: width}
	if w.breakWords, err = boolArg(p[1], true); err != nil {
		return nil, err
	}
	if w.hyphens, err = boolArg(p[3], true); err != nil {
		return nil, err
	}
	end := "\n"
	if given := or(p[2], nil); given != nil {
		if end, err = strArg(given); err != nil {
			return nil, err
		}
	}
	if u, ok := v.(*undefined); ok {
		return nil, u.fail()
	}
	s, ok := pyval.TextOf(v)
	if !ok {
		return nil, pyval.Errorf("AttributeError", "'%s' object has no attribute 'splitlines'", pyval.TypeName(v))
	}
	lines := pyval.SplitLines(s, false)
	if width <= 0 && len(lines) > 0 {
		return nil, pyval.Errorf("ValueError", "invalid width %d (must be > 0)", width)
	}
	for i, line := range lines {
		lines[i] = strings.Join(w.wrap(w.chunks([]rune(line))), end)
	}
	return strings.Join(lines, end), nil
}

// wrapper is how a text is wrapped.
type wrapper struct {
	width               int // in characters
	breakWords, hyphens bool
}

func isBlank(r rune) bool { return strings.ContainsRune("\t\n\x0b\x0c\r ", r) }

func isWordRune(r rune) bool { return r == '_' || unicode.IsLetter(r) || unicode.IsNumber(r) }

func isLetterRune(r rune) bool { return r == '_' || unicode.IsLetter(r) }

// chunks splits a line where it may be wrapped: around white space and dashes, and after hyphens in words.
func (w wrapper) chunks(s []rune) [][]rune {
	var out [][]rune
	for i := 0; i < len(s); {
		j := i + 1
		switch {
		case isBlank(s[i]):
			for j < len(s) && isBlank(s[j]) {
				j++
			}
		case !w.hyphens:
			for j < len(s) && !isBlank(s[j]) {
				j++
			}
		case dashes(s, i) > 0 && i > 0 && beforeDash(s[i-1]):
			j = i + dashes(s, i)
		default:
			j = wordEnd(s, i)
		}
		out = append(out, s[i:j])
		i = j
	}
	return out
}

// dashes counts the dashes at i, if there are two or more and a word follows.
func dashes(s []rune, i int) int {
	j := i
	for j < len(s) && s[j] == '-' {
		j++
	}
	if j-i < 2 || j == len(s) || !isWordRune(s[j]) {
		return 0
	}
	return j - i
}

func beforeDash(r rune) bool { return isWordRune(r) || strings.ContainsRune(`!"'&.,?`, r) }

// wordEnd finds where the chunk that begins at i ends: after a hyphen between letters, before a dash, or
// at white space.
func wordEnd(s []rune, i int) int {
	letter := func(k int) bool { return k >= 0 && k < len(s) && isLetterRune(s[k]) }
	for j := i + 1; ; j++ {
		if j == len(s) || isBlank(s[j]) {
			return j
		}
		if s[j] == '-' {
			before := letter(j-1) && (letter(j-2) || j >= 3 && s[j-2] == '-' && letter(j-3))
			after := letter(j+1) && (letter(j+2) || j+2 < len(s) && s[j+2] == '-' && letter(j+3))
			if before && after {
				return j + 1
			}
		}
		if dashes(s, j) > 0 && beforeDash(s[j-1]) {
			return j
		}
	}
}

func blank(chunk []rune) bool {
	return strings.TrimFunc(string(chunk), pyval.IsSpace) == ""
}

// wrap fills lines with chunks.
func (w wrapper) wrap(chunks [][]rune) []string {
	var lines []string
	for len(chunks) > 0 {
		if blank(chunks[0]) && len(lines) > 0 {
			chunks = chunks[1:]
		}
		var line [][]rune
		used := 0
		for len(chunks) > 0 && used+len(chunks[0]) <= w.width {
			line = append(line, chunks[0])
			used += len(chunks[0])
			chunks = chunks[1:]
		}
		if len(chunks) > 0 && len(chunks[0]) > w.width {
			if w.breakWords {
				end := w.breakAt(chunks[0], w.width-used)
				line = append(line, chunks[0][:end])
				chunks[0] = chunks[0][end:]
			} else if len(line) == 0 {
				line, chunks = append(line, chunks[0]), chunks[1:]
			}
		}
		if n := len(line); n > 0 && blank(line[n-1]) {
			line = line[:n-1]
		}
		if len(line) > 0 {
			var b strings.Builder
			for _, chunk := range line {
				b.WriteString(string(chunk))
			}
			lines = append(lines, b.String())
		}
	}
	return lines
}

// breakAt says how much of a word that is too long goes onto the line: up to its last hyphen that fits,
// else what fits.
func (w wrapper) breakAt(chunk []rune, space int) int {
	if w.hyphens {
		for i := min(space, len(chunk)) - 1; i > 0; i-- {
			if chunk[i] == '-' && strings.Trim(string(chunk[:i]), "-") != "" {
				return i + 1
			}
		}
	}
	return space
}
