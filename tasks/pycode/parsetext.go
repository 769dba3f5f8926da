package pycode

import (
	"strings"

	"github.com/onset-eval/onset/tasks/pyval"
)

// texts reads string literals that follow one another, of which some may be formatted.
func (p *parser) texts(t token) (expr, error) {
	f := new(formatExpr)
	for {
		if strings.Contains(t.word, "b") {
			return p.bytes(t)
		}
		if strings.Contains(t.word, "f") {
			inner, rest, err := p.format(t, t.text, false)
			if err != nil {
				return nil, err
			}
			if rest != "" {
				return nil, &SyntaxError{t.line, "a formatted string has a single closing brace"}
			}
			f.parts = append(f.parts, inner.parts...)
		} else {
			s, err := unescape(t.text, t.word)
			if err != nil {
				return nil, &SyntaxError{t.line, err.Error()}
			}
			f.parts = append(f.parts, formatPart{text: s})
		}
		if p.peek().kind != tokText {
			break
		}
		t = p.next()
	}
	var b strings.Builder
	for _, part := range f.parts {
		if part.value != nil {
			return f, nil
		}
		b.WriteString(part.text)
	}
	return constant{b.String()}, nil
}

func (p *parser) bytes(t token) (expr, error) {
	s, err := unescape(t.text, t.word)
	if err != nil {
		return nil, &SyntaxError{t.line, err.Error()}
	}
	var b []byte
	for _, r := range s {
		if r > 255 {
			return nil, &SyntaxError{t.line, "bytes can only hold ASCII"}
		}
		b = append(b, byte(r))
	}
	return constant{Bytes(b)}, nil
}

func unescape(s, prefix string) (string, error) {
	if strings.Contains(prefix, "r") || !strings.Contains(s, "\\") {
		return s, nil
	}
	return pyval.Unescape(s)
}

// format reads a formatted string up to its end, or, within a format specification, up to the closing brace.
func (p *parser) format(t token, s string, spec bool) (*formatExpr, string, error) {
	out := new(formatExpr)
	var text strings.Builder
	flush := func() error {
		if text.Len() == 0 {
			return nil
		}
		plain, err := unescape(text.String(), t.word)
		if err != nil {
			return &SyntaxError{t.line, err.Error()}
		}
		out.parts = append(out.parts, formatPart{text: plain})
		text.Reset()
		return nil
	}
	for s != "" {
		switch {
		case !spec && (strings.HasPrefix(s, "{{") || strings.HasPrefix(s, "}}")):
			text.WriteByte(s[0])
			s = s[2:]
		case strings.HasPrefix(s, `\N{`) && !strings.Contains(t.word, "r"):
			end := strings.IndexByte(s, '}') + 1
			text.WriteString(s[:max(end, 3)])
			s = s[max(end, 3):]
		case s[0] == '\\' && len(s) > 1 && s[1] != '{' && s[1] != '}':
			text.WriteString(s[:2])
			s = s[2:]
		case s[0] == '{':
			if err := flush(); err != nil {
				return nil, "", err
			}
			part, rest, err := p.formatted(t, s[1:])
			if err != nil {
				return nil, "", err
			}
			out.parts = append(out.parts, part...)
			s = rest
		case s[0] == '}':
			return out, s, flush()
		default:
			text.WriteByte(s[0])
			s = s[1:]
		}
	}
	return out, "", flush()
}

// formatted reads what stands in braces, behind the first, and gives what follows them.
func (p *parser) formatted(t token, s string) ([]formatPart, string, error) {
	n := expressionEnd(s)
	if n < 0 {
		return nil, "", &SyntaxError{t.line, "a brace of a formatted string is not closed"}
	}
	source, rest := s[:n], s[n:]
	var parts []formatPart
	if name, ok := strings.CutSuffix(strings.TrimRight(source, " "), "="); ok && !strings.HasSuffix(name, "=") && !strings.HasSuffix(name, "!") {
		parts = append(parts, formatPart{text: source})
		source = name
	}
	tokens, err := lex("(" + strings.TrimSpace(source) + ")")
	if err != nil {
		return nil, "", &SyntaxError{t.line, err.Error()}
	}
	for i := range tokens {
		tokens[i].line = t.line
	}
	inner := &parser{tokens: tokens, yields: p.yields}
	value, err := inner.expressions()
	if err == nil && inner.peek().kind != tokNewline {
		err = inner.fail("unexpected %q", inner.peek().text)
	}
	if err != nil {
		return nil, "", err
	}
	part := formatPart{value: value}
	if strings.HasPrefix(rest, "!") && len(rest) > 1 {
		part.conversion = rest[1]
		rest = rest[2:]
	}
	if strings.HasPrefix(rest, ":") {
		if part.spec, rest, err = p.format(t, rest[1:], true); err != nil {
			return nil, "", err
		}
	}
	if !strings.HasPrefix(rest, "}") {
		return nil, "", &SyntaxError{t.line, "a brace of a formatted string is not closed"}
	}
	if len(parts) > 0 && part.conversion == 0 && part.spec == nil {
		part.conversion = 'r'
	}
	return append(parts, part), rest[1:], nil
}

// expressionEnd finds where the expression of a formatted string ends: at a !, : or } outside of brackets and strings.
func expressionEnd(s string) int {
	depth := 0
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '\'' || c == '"':
			quote := s[i : i+1]
			if strings.HasPrefix(s[i:], strings.Repeat(quote, 3)) {
				quote = s[i : i+3]
			}
			i += len(quote)
			for i < len(s) && !strings.HasPrefix(s[i:], quote) {
				if s[i] == '\\' {
					i++
				}
				i++
			}
			i += len(quote) - 1
		case c == '(' || c == '[' || c == '{':
			depth++
		case c == '}' && depth == 0:
			return i
		case c == ')' || c == ']' || c == '}':
			depth--
		case c == '!' && depth == 0 && !strings.HasPrefix(s[i:], "!="):
			return i
		case c == ':' && depth == 0:
			return i
		}
	}
	return -1
}
