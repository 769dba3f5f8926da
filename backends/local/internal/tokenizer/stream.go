package tokenizer

import (
	"strings"
	"unicode/utf8"
)

// Decode gives the text of ids. With skipSpecial it leaves out special tokens; ids that are no token's are left out.
// Bytes that make no character become U+FFFD.
func (t *Tokenizer) Decode(ids []int, skipSpecial bool) string {
	var tokens []string
	for _, id := range ids {
		if s, ok := t.shown(id, skipSpecial); ok {
			tokens = append(tokens, s)
		}
	}
	tokens, err := t.decode.decode(tokens)
	if err != nil {
		// A pattern of a decoder took too long for a token.
		return ""
	}
	return strings.Join(tokens, "")
}

// shown gives the text of an id that decoders begin with.
func (t *Tokenizer) shown(id int, skipSpecial bool) (string, bool) {
	if id < 0 || id >= t.size {
		return "", false
	}
	s, ok := t.added.shown[int32(id)]
	if !ok {
		if a := t.added.byID[int32(id)]; a != nil {
			s = a.Content
		} else if s, ok = t.model.token(id); !ok {
			return "", false
		}
	}
	return s, !skipSpecial || !t.added.special[s]
}

// localDecoder is a chain of decoders that turns each token into bytes without a look at others.
type localDecoder struct {
	steps []perToken
	bytes interface {
		appendToken(b []byte, s string) []byte
	} // nil where a token's text is its bytes
	lead int  // how many of char are removed at the text's beginning
	char byte // ASCII
}

// local gives the chain as one that works token by token, nil where it does not.
func local(d decoder) *localDecoder {
	l := new(localDecoder)
	fused := false
	var add func(d decoder) bool
	add = func(d decoder) bool {
		switch d := d.(type) {
		case decoders:
			for _, one := range d {
				if !add(one) {
					return false
				}
			}
			return true
		case fuse:
			fused = true
			return true
		case fromBytes:
			fused = fused || l.bytes == nil
			l.bytes = d
			return l.lead == 0 && fused
		case byteFallback:
			ok := l.bytes == nil && !fused
			l.bytes = d
			return ok
		case replace:
			if _, slow := d.pattern.(*backtracking); slow {
				return false
			}
		case cut:
			if !fused {
				break
			}
			ok := l.lead == 0 && d.stop == 0 && d.content > 0 && d.content < utf8.RuneSelf
			l.lead, l.char = d.start, byte(d.content)
			return ok
		}
		step, ok := d.(perToken)
		if !ok || fused || l.bytes != nil {
			return false
		}
		l.steps = append(l.steps, step)
		return true
	}
	if !add(d) {
		return nil
	}
	return l
}

// append appends a token's bytes.
func (l *localDecoder) append(b []byte, s string, first bool) []byte {
	for _, step := range l.steps {
		s = step.token(s, first)
	}
	if l.bytes == nil {
		return append(b, s...)
	}
	return l.bytes.appendToken(b, s)
}

// Stream decodes ids one after the other. It is not safe for concurrent use.
type Stream struct {
	t     *Tokenizer
	skip  bool
	ids   []int
	local *localDecoder
	count int // tokens that were not left out
	lead  int // of the characters to be removed at the beginning, those that still may come
	out   []byte
}

// Stream begins a text. With skipSpecial it leaves out special tokens.
func (t *Tokenizer) Stream(skipSpecial bool) *Stream {
	s := &Stream{t: t, skip: skipSpecial, local: local(t.decode)}
	if s.local != nil {
		s.lead = s.local.lead
	}
	return s
}

// Push takes the next id and gives the bytes of the text so far, of which the last may be the beginning of a character.
// The slice is the stream's, and valid until the next Push. Where the file's decoders look at more than one token, the
// bytes may change as tokens follow; for tokenizers of text models they only grow.
func (s *Stream) Push(id int) []byte {
	s.ids = append(s.ids, id)
	token, ok := s.t.shown(id, s.skip)
	if !ok {
		return s.out
	}
	if s.local == nil {
		s.out = append(s.out[:0], s.t.Decode(s.ids, s.skip)...)
		return s.out
	}
	at := len(s.out)
	s.out = s.local.append(s.out, token, s.count == 0)
	s.count++
	cut := at
	for s.lead > 0 && cut < len(s.out) {
		if s.out[cut] != s.local.char {
			s.lead = 0
			break
		}
		s.lead--
		cut++
	}
	s.out = append(s.out[:at], s.out[cut:]...)
	return s.out
}

// Text gives the text so far, as Decode does.
func (s *Stream) Text() string { return s.t.Decode(s.ids, s.skip) }

// AppendToken appends the bytes of one token's text, so that a text can be decoded as it is generated. The bytes of a
// character may come with several tokens. An empty b is taken for the beginning of a text, at which some decoders
// remove a space; a Stream knows better, where the first tokens have no text.
func (t *Tokenizer) AppendToken(b []byte, id int, skipSpecial bool) []byte {
	s := t.Stream(skipSpecial)
	if len(b) > 0 {
		s.count, s.lead = 1, 0
	}
	return append(b, s.Push(id)...)
}
