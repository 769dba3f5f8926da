package openai

import (
	"strconv"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"
)

// DecodeFast reads an answer of the usual shape, and reports whether it is one; a is not to be used where it is not, and is
// read again by the general decoder. It exists for speed: at tens of thousands of answers a second, reading them by
// reflection is a tenth of all work. What it takes is valid JSON of which the general decoder gives the same
// (FuzzDecodeFast), but that it does not look for names that occur twice among those that nobody reads.
func (a *answer) DecodeFast(data []byte) bool {
	s := scanner{data: data}
	ok := s.object(func(name []byte) bool {
		switch string(name) {
		case "choices":
			return s.once(1) && s.array(func() bool {
				a.Choices = append(a.Choices, choice{})
				return s.choice(&a.Choices[len(a.Choices)-1])
			})
		case "usage":
			return s.once(2) && (s.null() || s.usage(a))
		case "error":
			return s.once(4) && s.null() // an error is for the general decoder
		}
		return s.skip(0)
	})
	s.space()
	return ok && s.at == len(s.data)
}

// scanner walks over a JSON text. Its methods report whether the text is what they look for, and leave at behind it.
type scanner struct {
	data []byte
	at   int
	seen uint32 // names of the object that is being read that occurred
}

// once reports whether a name of the object occurs for the first time.
func (s *scanner) once(bit uint32) bool {
	if s.seen&bit != 0 {
		return false
	}
	s.seen |= bit
	return true
}

func (s *scanner) choice(c *choice) bool {
	return s.object(func(name []byte) bool {
		switch string(name) {
		case "index":
			return s.once(1) && s.int(&c.Index)
		case "message":
			c.Message = new(message)
			return s.once(2) && s.message(c.Message)
		case "text":
			return s.once(4) && s.text((*string)(&c.Text))
		case "finish_reason":
			return s.once(8) && s.text(&c.FinishReason)
		case "stop_reason":
			return s.once(16) && s.raw(&c.StopReason)
		case "matched_stop":
			return s.once(32) && s.raw(&c.MatchedStop)
		case "logprobs":
			return s.once(64) && s.null()
		case "prompt_logprobs":
			return s.once(128) && s.null()
		}
		return s.skip(0)
	})
}

func (s *scanner) message(m *message) bool {
	return s.object(func(name []byte) bool {
		switch string(name) {
		case "content":
			return s.once(1) && s.text((*string)(&m.Content))
		case "refusal":
			return s.once(2) && s.text((*string)(&m.Refusal))
		case "reasoning_content":
			return s.once(4) && s.text((*string)(&m.ReasoningContent))
		case "reasoning":
			return s.once(8) && s.text((*string)(&m.Reasoning))
		}
		return s.skip(0)
	})
}

func (s *scanner) usage(a *answer) bool {
	u := new(usage)
	a.Usage = u
	return s.object(func(name []byte) bool {
		switch string(name) {
		case "prompt_tokens":
			return s.once(1) && s.int(&u.PromptTokens)
		case "completion_tokens":
			return s.once(2) && s.int(&u.CompletionTokens)
		case "reasoning_tokens":
			return s.once(4) && s.int(&u.ReasoningTokens)
		case "completion_tokens_details":
			return s.once(8) && (s.null() || s.details(&u.Details))
		case "prompt_tokens_details":
			return s.once(16) && (s.null() || s.details(&u.PromptDetails))
		case "prompt_cache_hit_tokens":
			return s.once(32) && s.int(&u.CachedTokens)
		}
		return s.skip(0)
	})
}

func (s *scanner) details(to **tokenDetails) bool {
	d := new(tokenDetails)
	*to = d
	return s.object(func(name []byte) bool {
		switch string(name) {
		case "reasoning_tokens":
			return s.once(1) && s.int(&d.ReasoningTokens)
		case "cached_tokens":
			return s.once(2) && s.int(&d.CachedTokens)
		}
		return s.skip(0)
	})
}

func (s *scanner) space() {
	for s.at < len(s.data) {
		switch s.data[s.at] {
		case ' ', '\n', '\t', '\r':
			s.at++
		default:
			return
		}
	}
}

// byte takes a byte, behind white space.
func (s *scanner) byte(c byte) bool {
	s.space()
	if s.at < len(s.data) && s.data[s.at] == c {
		s.at++
		return true
	}
	return false
}

func (s *scanner) word(w string) bool {
	s.space()
	if len(s.data)-s.at >= len(w) && string(s.data[s.at:s.at+len(w)]) == w {
		s.at += len(w)
		return true
	}
	return false
}

func (s *scanner) null() bool { return s.word("null") }

// object gives the names of an object; each takes the value.
func (s *scanner) object(each func(name []byte) bool) bool {
	outer := s.seen
	s.seen = 0
	defer func() { s.seen = outer }()
	if !s.byte('{') {
		return false
	}
	if s.byte('}') {
		return true
	}
	for {
		name, plain := s.string()
		if !plain || !s.byte(':') || !each(name) {
			return false
		}
		if s.byte(',') {
			continue
		}
		return s.byte('}')
	}
}

// array gives the places of an array; each takes the value.
func (s *scanner) array(each func() bool) bool {
	if !s.byte('[') {
		return false
	}
	if s.byte(']') {
		return true
	}
	for {
		if !each() {
			return false
		}
		if s.byte(',') {
			continue
		}
		return s.byte(']')
	}
}

// string takes a string without an escape, and gives its bytes.
func (s *scanner) string() ([]byte, bool) {
	if !s.byte('"') {
		return nil, false
	}
	from := s.at
	n := plainLen(s.data[from:])
	s.at += n
	if s.at >= len(s.data) || s.data[s.at] != '"' || !utf8.Valid(s.data[from:s.at]) {
		return nil, false
	}
	s.at++
	return s.data[from : s.at-1], true
}

// text takes a string or null.
func (s *scanner) text(to *string) bool {
	if s.null() {
		return true
	}
	from := s.at
	if plain, ok := s.string(); ok {
		*to = string(plain)
		return true
	}
	s.at = from
	return s.escaped(to)
}

// escaped takes a string with escapes, but for surrogates, which are for the general decoder.
func (s *scanner) escaped(to *string) bool {
	if !s.byte('"') {
		return false
	}
	out := make([]byte, 0, 64+len(s.data)/2)
	for s.at < len(s.data) {
		n := plainLen(s.data[s.at:])
		out = append(out, s.data[s.at:s.at+n]...)
		s.at += n
		if s.at+1 >= len(s.data) {
			return false
		}
		c := s.data[s.at]
		s.at++
		if c == '"' {
			*to = string(out)
			return utf8.Valid(out)
		}
		if c != '\\' {
			return false
		}
		var ok bool
		if out, ok = s.escape(out); !ok {
			return false
		}
	}
	return false
}

// escape takes what stands behind a backslash.
func (s *scanner) escape(out []byte) ([]byte, bool) {
	c := s.data[s.at]
	s.at++
	switch c {
	case '"', '\\', '/':
		return append(out, c), true
	case 'n':
		return append(out, '\n'), true
	case 't':
		return append(out, '\t'), true
	case 'r':
		return append(out, '\r'), true
	case 'b':
		return append(out, '\b'), true
	case 'f':
		return append(out, '\f'), true
	case 'u':
		if s.at+4 > len(s.data) {
			return out, false
		}
		v, err := strconv.ParseUint(string(s.data[s.at:s.at+4]), 16, 32)
		s.at += 4
		return utf8.AppendRune(out, rune(v)), err == nil && (v < 0xd800 || v > 0xdfff)
	}
	return out, false
}

// int takes a whole number, or null.
func (s *scanner) int(to *int) bool {
	if s.null() {
		return true
	}
	from := s.at
	if !s.number() || s.at-from > 18 {
		return false
	}
	v, err := strconv.Atoi(string(s.data[from:s.at]))
	*to = v
	return err == nil
}

// number takes a number (RFC 8259, section 6).
func (s *scanner) number() bool {
	digits := func() bool {
		from := s.at
		for s.at < len(s.data) && s.data[s.at] >= '0' && s.data[s.at] <= '9' {
			s.at++
		}
		return s.at > from
	}
	has := func(c byte) bool {
		if s.at < len(s.data) && s.data[s.at] == c {
			s.at++
			return true
		}
		return false
	}
	has('-')
	if !has('0') && !digits() {
		return false
	}
	if has('.') && !digits() {
		return false
	}
	if has('e') || has('E') {
		_ = has('+') || has('-')
		return digits()
	}
	return true
}

// raw takes a value as it stands.
func (s *scanner) raw(to *jsontext.Value) bool {
	s.space()
	from := s.at
	if !s.skip(0) {
		return false
	}
	*to = jsontext.Value(string(s.data[from:s.at]))
	return true
}

// deepest bounds how deep values are skipped here.
const deepest = 32

// skip takes any value.
func (s *scanner) skip(depth int) bool {
	s.space()
	if s.at >= len(s.data) || depth > deepest {
		return false
	}
	switch s.data[s.at] {
	case '{':
		return s.object(func([]byte) bool { return s.skip(depth + 1) })
	case '[':
		return s.array(func() bool { return s.skip(depth + 1) })
	case '"':
		if _, ok := s.string(); ok {
			return true
		}
		return false // one with an escape, or a broken one: for the general decoder
	case 't':
		return s.word("true")
	case 'f':
		return s.word("false")
	case 'n':
		return s.null()
	}
	return s.number()
}

// Reset empties the answer.
func (a *answer) Reset() { *a = answer{} }
