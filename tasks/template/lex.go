package template

import (
	"strings"

	"github.com/onset-eval/onset/tasks/pyval"
)

// kind is what a token is; punctuation is kindOp with its text.
type kind uint8

const (
	kindEOF kind = iota
	kindData
	kindVariableBegin
	kindVariableEnd
	kindBlockBegin
	kindBlockEnd
	kindName
	kindString
	kindInteger
	kindFloat
	kindOp
	kindNone // what no token is
)

type token struct {
	kind  kind
	line  int
	text  string      // of a name, operator, text or string
	value pyval.Value // of a number
}

// is says whether the token is a name (a keyword) or operator of that text.
func (t token) is(k kind, text string) bool { return t.kind == k && t.text == text }

// lexer splits a template as jinja2's does: text up to the next tag, then the tag's tokens.
type lexer struct {
	src      string
	pos      int
	line     int
	opts     *Options
	newLine  bool // what was read last ended a line, or nothing was read yet
	tokens   []token
	brackets []byte // closing ones that are awaited
}

func lex(src string, opts *Options) ([]token, error) {
	if strings.ContainsRune(src, '\r') {
		src = strings.ReplaceAll(strings.ReplaceAll(src, "\r\n", "\n"), "\r", "\n")
	}
	if opts.DropTrailingNewline {
		src = strings.TrimSuffix(src, "\n")
	}
	l := &lexer{src: src, line: 1, opts: opts, newLine: true}
	for l.pos < len(l.src) {
		if err := l.text(); err != nil {
			return nil, err
		}
	}
	return append(l.tokens, token{kind: kindEOF, line: l.line}), nil
}

func (l *lexer) emit(k kind, text string) {
	l.tokens = append(l.tokens, token{kind: k, line: l.line, text: text})
}

// advance moves to pos and counts the lines in between.
func (l *lexer) advance(pos int) {
	if pos > l.pos {
		passed := l.src[l.pos:pos]
		l.line += strings.Count(passed, "\n")
		l.newLine = strings.HasSuffix(passed, "\n")
		l.pos = pos
	}
}

// nextTag finds the next {{, {% or {#.
func nextTag(s string) int {
	for from := 0; ; {
		i := strings.IndexByte(s[from:], '{')
		if i < 0 || from+i+1 >= len(s) {
			return -1
		}
		from += i
		if c := s[from+1]; c == '{' || c == '%' || c == '#' {
			return from
		}
		from++
	}
}

// data emits the text up to end, before a tag with the sign: - strips the white space in front of the tag,
// and so do lstrip_blocks within the tag's line unless the sign is + or the tag is a variable's.
func (l *lexer) data(end int, sign byte, variable bool) {
	text := l.src[l.pos:end]
	switch {
	case sign == '-':
		text = strings.TrimRightFunc(text, pyval.IsSpace)
	case sign != '+' && l.opts.LstripBlocks && !variable:
		start := strings.LastIndexByte(text, '\n') + 1
		if (start > 0 || l.newLine) && strings.TrimLeftFunc(text[start:], pyval.IsSpace) == "" {
			text = text[:start]
		}
	}
	if text != "" {
		l.emit(kindData, text)
	}
	l.advance(end)
}

// text reads text up to a tag, and the tag.
func (l *lexer) text() error {
	i := nextTag(l.src[l.pos:])
	if i < 0 {
		l.emit(kindData, l.src[l.pos:])
		l.advance(len(l.src))
		return nil
	}
	at := l.pos + i
	open := l.src[at+1]
	sign := l.sign(at + 2)
	l.data(at, sign, open == '{')
	after := at + 2
	if sign != 0 {
		after++
	}
	switch open {
	case '#':
		return l.comment(after)
	case '{':
		l.emit(kindVariableBegin, "{{")
		l.advance(after)
		return l.tag(kindVariableEnd, "}}")
	}
	if body, ok := l.rawBegin(after); ok {
		return l.raw(body)
	}
	l.emit(kindBlockBegin, "{%")
	l.advance(after)
	return l.tag(kindBlockEnd, "%}")
}

// sign gives the - or + at pos, or 0.
func (l *lexer) sign(pos int) byte {
	if pos < len(l.src) && (l.src[pos] == '-' || l.src[pos] == '+') {
		return l.src[pos]
	}
	return 0
}

func (l *lexer) skipSpace(pos int) int {
	return len(l.src) - len(strings.TrimLeftFunc(l.src[pos:], pyval.IsSpace))
}

// end gives the position after a closing mark at pos with its sign, and the white space that it takes;
// ok is false where there is none. Blocks and comments may keep a line's end by a + that variables lack.
func (l *lexer) end(pos int, mark string) (after int, ok bool) {
	block := mark != "}}"
	sign := l.sign(pos)
	if sign == '+' && !block {
		return 0, false
	}
	if sign != 0 {
		pos++
	}
	if !strings.HasPrefix(l.src[pos:], mark) {
		return 0, false
	}
	pos += len(mark)
	switch {
	case sign == '-':
		pos = l.skipSpace(pos)
	case sign == 0 && block && l.opts.TrimBlocks && strings.HasPrefix(l.src[pos:], "\n"):
		pos++
	}
	return pos, true
}

func (l *lexer) comment(start int) error {
	i := strings.Index(l.src[start:], "#}")
	if i < 0 {
		return l.errorf("Missing end of comment tag")
	}
	pos := start + i
	if i > 0 && (l.src[pos-1] == '-' || l.src[pos-1] == '+') {
		pos--
	}
	after, _ := l.end(pos, "#}")
	l.advance(after)
	return nil
}

// rawBegin recognises {% raw %} after its opening mark.
func (l *lexer) rawBegin(pos int) (body int, ok bool) {
	pos = l.skipSpace(pos)
	if !strings.HasPrefix(l.src[pos:], "raw") {
		return 0, false
	}
	pos = l.skipSpace(pos + len("raw"))
	if strings.HasPrefix(l.src[pos:], "-%}") {
		return l.skipSpace(pos + 3), true
	}
	return pos + 2, strings.HasPrefix(l.src[pos:], "%}")
}

func (l *lexer) raw(body int) error {
	start := l.line
	l.advance(body)
	for pos := body; ; pos += 2 {
		i := strings.Index(l.src[pos:], "{%")
		if i < 0 {
			return &Error{Line: start, Kind: "TemplateSyntaxError", Err: textError("Missing end of raw directive")}
		}
		pos += i
		sign := l.sign(pos + 2)
		name := pos + 2
		if sign != 0 {
			name++
		}
		name = l.skipSpace(name)
		if !strings.HasPrefix(l.src[name:], "endraw") {
			continue
		}
		if after, ok := l.end(l.skipSpace(name+len("endraw")), "%}"); ok {
			l.data(pos, sign, false)
			l.advance(after)
			return nil
		}
	}
}
