package template

import (
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/dlclark/regexp2/v2"

	"github.com/onset-eval/onset/tasks/pyval"
)

// matchBudget is the longest time that one search may take.
const matchBudget = 2 * time.Second

// pythonOnly are the parts of a pattern that Python writes, or means, in another way.
var pythonOnly = regexp.MustCompile(`\[\^?\]?(?:\\.|[^\]\\])*\]?|\\.|\(\?P<|\(\?P=\w+\)`)

// Python's \w has no marks but all numbers, and its \s has four separators more.
const wordClass, spaceClass = `\p{L}\p{N}_`, `\s\x1c-\x1f`

func pythonPart(s string) string {
	switch {
	case s == `\Z`:
		return `\z`
	case s == `\w`, s == `\s`:
		return "[" + pythonClass.Replace(s) + "]"
	case s == `\W`:
		return "[^" + wordClass + "]"
	case s == `\S`:
		return "[^" + spaceClass + "]"
	case s == "(?P<":
		return "(?<"
	case strings.HasPrefix(s, "(?P="):
		return `\k<` + s[4:len(s)-1] + ">"
	case s[0] == '[':
		return pythonClass.Replace(s)
	}
	return s
}

var pythonClass = strings.NewReplacer(`\\`, `\\`, `\w`, wordClass, `\s`, spaceClass)

// regexReplace is the filter that the lm-evaluation-harness adds: re.sub(pattern, repl, value, count).
func regexReplace(_ *run, v pyval.Value, a args) (pyval.Value, error) {
	var p [3]pyval.Value
	if err := a.bind("regex_replace", p[:], "pattern", "repl", "count?"); err != nil {
		return nil, err
	}
	count, err := intArg(p[2], 0)
	if err != nil {
		return nil, err
	}
	var texts [3]string
	for i, v := range []pyval.Value{v, p[0], p[1]} {
		var ok bool
		if texts[i], ok = pyval.TextOf(v); !ok {
			return nil, pyval.Errorf("TypeError", "expected string or bytes-like object, got '%s'", pyval.TypeName(v))
		}
	}
	pattern := pythonOnly.ReplaceAllStringFunc(texts[1], pythonPart)
	re, err := regexp2.Compile(pattern, regexp2.OptionMaintainCaptureOrder())
	if err != nil {
		return nil, pyval.Errorf("error", "regular expression %q: %v", texts[1], err)
	}
	re.MatchTimeout = matchBudget
	parts, err := replacement(texts[2])
	if err != nil {
		return nil, err
	}
	return substitute(re, texts[0], parts, count)
}

// part is a piece of a replacement: text, or a group by number or name.
type part struct {
	text  string
	group string
}

// replacement reads Python's template for re.sub.
func replacement(s string) ([]part, error) {
	var parts []part
	bad := func(msg string) ([]part, error) {
		return nil, pyval.Errorf("error", "%s in the replacement %s", msg, pyval.Repr(s))
	}
	for rest := s; rest != ""; {
		i := strings.IndexByte(rest, '\\')
		if i < 0 {
			return append(parts, part{text: rest}), nil
		}
		parts = append(parts, part{text: rest[:i]})
		if rest = rest[i+1:]; rest == "" {
			return bad("bad escape (end of pattern)")
		}
		c := rest[0]
		rest = rest[1:]
		switch j := strings.IndexByte(`abfnrtv\`, c); {
		case c == 'g':
			end := strings.IndexByte(rest, '>')
			if !strings.HasPrefix(rest, "<") || end < 2 {
				return bad("missing group name")
			}
			parts = append(parts, part{group: rest[1:end]})
			rest = rest[end+1:]
		case c == '0' || len(rest) > 1 && c >= '1' && c <= '3' && octal(rest[0]) && octal(rest[1]):
			n := 0
			for n < len(rest) && n < 2 && octal(rest[n]) {
				n++
			}
			code, _ := strconv.ParseUint(string(c)+rest[:n], 8, 16)
			parts = append(parts, part{text: string(rune(code))})
			rest = rest[n:]
		case c >= '1' && c <= '9':
			group := string(c)
			if rest != "" && rest[0] >= '0' && rest[0] <= '9' {
				group, rest = group+rest[:1], rest[1:]
			}
			parts = append(parts, part{group: group})
		case j >= 0:
			parts = append(parts, part{text: "\a\b\f\n\r\t\v\\"[j : j+1]})
		case c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z':
			return bad(`bad escape \` + string(c))
		default:
			parts = append(parts, part{text: `\` + string(c)})
		}
	}
	return parts, nil
}

func octal(c byte) bool { return c >= '0' && c <= '7' }

// substitute replaces up to count matches, all where count is 0.
func substitute(re *regexp2.Regexp, s string, parts []part, count int) (pyval.Value, error) {
	runes := []rune(s)
	start := time.Now()
	var b strings.Builder
	done := 0
	m, err := re.FindRunesMatch(runes)
	for n := 0; m != nil && err == nil && (count <= 0 || n < count); n++ {
		b.WriteString(string(runes[done:m.RuneIndex]))
		for _, p := range parts {
			if p.group == "" {
				b.WriteString(p.text)
				continue
			}
			g := m.GroupByName(p.group)
			if i, err := strconv.Atoi(p.group); err == nil {
				g = m.GroupByNumber(i)
			}
			if g == nil {
				return nil, pyval.Errorf("error", "invalid group reference %s", p.group)
			}
			b.WriteString(g.String())
		}
		if time.Since(start) > matchBudget {
			return nil, pyval.Errorf("TimeoutError", "match regular expression: it takes longer than %v", matchBudget)
		}
		if b.Len() > pyval.MaxText {
			return nil, &pyval.Error{Kind: "MemoryError", Msg: "a text would be too large"}
		}
		done = m.RuneIndex + m.RuneLength
		m, err = re.FindNextMatch(m)
	}
	if err != nil {
		return nil, pyval.Errorf("TimeoutError", "match regular expression: %v", err)
	}
	b.WriteString(string(runes[done:]))
	return b.String(), nil
}
