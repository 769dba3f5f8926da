package template

import (
	"strings"
	"unicode"
	"unicode/utf8"

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
	for pos := start; ; pos++ {
		i := strings.Index(l.src[pos:], "#}")
		if i < 0 {
			return l.errorf("Missing end of comment tag")
		}
		pos += i
		if pos > start && (l.src[pos-1] == '-' || l.src[pos-1] == '+') {
			pos--
		}
		after, _ := l.end(pos, "#}")
		l.advance(after)
		return nil
	}
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

// operators, the longer first.
var operators = []string{
	"//", "**", "==", "!=", ">=", "<=",
	"+", "-", "/", "*", "%", "~", "[", "]", "(", ")", "{", "}", ">", "<", "=", ".", ":", "|", ",", ";",
}

// tag reads the tokens of a tag up to its closing mark, which counts only outside brackets.
func (l *lexer) tag(endKind kind, mark string) error {
	l.brackets = l.brackets[:0]
	for l.pos < len(l.src) {
		if len(l.brackets) == 0 {
			if after, ok := l.end(l.pos, mark); ok {
				l.emit(endKind, mark)
				l.advance(after)
				return nil
			}
		}
		if err := l.token(); err != nil {
			return err
		}
	}
	return nil // the parser meets the end where it awaits a token
}

func (l *lexer) token() error {
	s := l.src[l.pos:]
	if after := l.skipSpace(l.pos); after > l.pos {
		l.advance(after)
		return nil
	}
	r, _ := utf8.DecodeRuneInString(s)
	switch {
	case r >= '0' && r <= '9':
		return l.number(s)
	case isWord(r):
		return l.name(s)
	case r == '\'' || r == '"':
		return l.quoted(s, byte(r))
	}
	for _, op := range operators {
		if strings.HasPrefix(s, op) {
			if err := l.balance(op); err != nil {
				return err
			}
			l.emit(kindOp, op)
			l.advance(l.pos + len(op))
			return nil
		}
	}
	return l.errorf("unexpected char %s at %d", pyval.Repr(string(r)), utf8.RuneCountInString(l.src[:l.pos]))
}

func isWord(r rune) bool {
	return r == '_' || unicode.IsLetter(r) || unicode.Is(unicode.Nd, r) || unicode.In(r, unicode.Mn, unicode.Mc, unicode.Nl, unicode.Pc)
}

func (l *lexer) name(s string) error {
	end := strings.IndexFunc(s, func(r rune) bool { return !isWord(r) })
	if end < 0 {
		end = len(s)
	}
	first, _ := utf8.DecodeRuneInString(s)
	if first != '_' && !unicode.IsLetter(first) && !unicode.Is(unicode.Nl, first) {
		return l.errorf("Invalid character in identifier")
	}
	l.emit(kindName, s[:end])
	l.advance(l.pos + end)
	return nil
}

func (l *lexer) quoted(s string, quote byte) error {
	for i := 1; i < len(s); i++ {
		switch s[i] {
		case '\\':
			i++
		case quote:
			text, err := unescape(s[1:i])
			if err != nil {
				return l.errorf("%s", err.(*pyval.Error).Msg)
			}
			l.emit(kindString, text)
			l.advance(l.pos + i + 1)
			return nil
		}
	}
	return l.errorf("unexpected char %s at %d", pyval.Repr(s[:1]), utf8.RuneCountInString(l.src[:l.pos]))
}

// unescape resolves escapes as jinja2 does, which writes characters beyond ASCII as escapes first: so a
// backslash before one of them stays, and the character turns into its escape.
func unescape(s string) (string, error) {
	if !strings.Contains(s, `\`) {
		return s, nil
	}
	var b strings.Builder
	for s != "" {
		i := strings.IndexByte(s, '\\')
		if i < 0 || i+1 == len(s) {
			break
		}
		r, n := utf8.DecodeRuneInString(s[i+1:])
		if b.WriteString(s[:i+1]); r < utf8.RuneSelf {
			b.WriteRune(r)
		} else {
			b.WriteString(asciiEscape(r))
		}
		s = s[i+1+n:]
	}
	b.WriteString(s)
	return pyval.Unescape(b.String())
}
