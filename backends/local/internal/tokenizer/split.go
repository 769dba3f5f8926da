package tokenizer

import "fmt"

// piece is a part of a text on its way to ids: text to be split further and encoded, or an added token.
type piece struct {
	text string
	// added is the id of an added token, -1 for text.
	added int32
	// first says that the piece begins where the user's text began.
	first bool
}

// splitter splits a piece of text into words. It appends those that are not empty.
type splitter interface {
	split(dst []piece, p piece) ([]piece, error)
}

// bounds are the ends of a part of a text, in bytes.
type bounds struct{ lo, hi int }

// pattern finds its matches in a text, from left to right, without overlap.
type pattern interface {
	matches(dst []bounds, s string) ([]bounds, error)
}

// behaviour says what becomes of the matches that a text is split at.
type behaviour string

const (
	removed            behaviour = "Removed"
	isolated           behaviour = "Isolated"
	mergedWithPrevious behaviour = "MergedWithPrevious"
	mergedWithNext     behaviour = "MergedWithNext"
	contiguous         behaviour = "Contiguous"
)

func (b behaviour) check() error {
	switch b {
	case removed, isolated, mergedWithPrevious, mergedWithNext, contiguous:
		return nil
	}
	return fmt.Errorf("behavior %q is not supported", string(b))
}

// splitAt splits at a pattern's matches, or at what is between them.
type splitAt struct {
	pattern   pattern
	behaviour behaviour
	invert    bool
}

// segment is a match or what is between two.
type segment struct {
	bounds
	match bool
}

func (s splitAt) split(dst []piece, p piece) ([]piece, error) {
	if s.behaviour == isolated || s.behaviour == removed {
		switch pattern := s.pattern.(type) {
		case scanner:
			if s.behaviour == isolated || s.invert {
				return pattern.split(dst, p), nil
			}
		case charPattern:
			if !s.invert {
				return pattern.split(dst, p, s.behaviour == removed), nil
			}
		}
	}
	return s.splitAny(dst, p)
}

// splitAny is split for any pattern and behaviour.
func (s splitAt) splitAny(dst []piece, p piece) ([]piece, error) {
	var room [64]bounds
	found, err := s.pattern.matches(room[:0], p.text)
	if err != nil {
		return dst, err
	}
	var space [64]segment
	segments := space[:0]
	at := 0
	for _, m := range found {
		if m.lo > at {
			segments = append(segments, segment{bounds{at, m.lo}, s.invert})
		}
		segments = append(segments, segment{m, !s.invert})
		at = m.hi
	}
	if at < len(p.text) {
		segments = append(segments, segment{bounds{at, len(p.text)}, s.invert})
	}
	for _, g := range s.behaviour.apply(segments) {
		if g.lo < g.hi && (!g.match || s.behaviour != removed) {
			dst = append(dst, p.part(g.lo, g.hi))
		}
	}
	return dst, nil
}

func (p piece) part(lo, hi int) piece {
	return piece{text: p.text[lo:hi], added: -1, first: p.first && lo == 0}
}

// apply joins segments in place.
func (b behaviour) apply(segments []segment) []segment {
	switch b {
	case mergedWithPrevious, contiguous:
		kept, before := segments[:0], false
		for _, g := range segments {
			joins := g.match && !before
			if b == contiguous {
				joins = g.match == before
			}
			before = g.match
			if joins && len(kept) > 0 {
				kept[len(kept)-1].hi = g.hi
				continue
			}
			kept = append(kept, g)
		}
		return kept
	case mergedWithNext:
		at, after := len(segments), false
		for i := len(segments) - 1; i >= 0; i-- {
			g := segments[i]
			joins := g.match && !after
			after = g.match
			if joins && at < len(segments) {
				segments[at].lo = g.lo
				continue
			}
			at--
			segments[at] = g
		}
		return segments[at:]
	}
	return segments
}

// charPattern matches single characters.
type charPattern func(rune) bool

func (f charPattern) matches(dst []bounds, s string) ([]bounds, error) {
	for i, r := range s {
		if f(r) {
			dst = append(dst, bounds{i, i + runeLen(r)})
		}
	}
	return dst, nil
}

// split splits at single characters, which it leaves out or makes pieces of.
func (f charPattern) split(dst []piece, p piece, leaveOut bool) []piece {
	at := 0
	for i, r := range p.text {
		if !f(r) {
			continue
		}
		end := i + runeLen(r)
		if at < i {
			dst = append(dst, p.part(at, i))
		}
		if !leaveOut {
			dst = append(dst, p.part(i, end))
		}
		at = end
	}
	if at < len(p.text) {
		dst = append(dst, p.part(at, len(p.text)))
	}
	return dst
}

// runeLen is the length of a character of valid UTF-8.
func runeLen(r rune) int {
	switch {
	case r < 0x80:
		return 1
	case r < 0x800:
		return 2
	case r < 0x10000:
		return 3
	}
	return 4
}

// ofClass matches the characters of a class.
func ofClass(c class) charPattern {
	u := unicodeTables()
	return func(r rune) bool { return u.of(r)&c != 0 }
}

// runs matches the longest runs of word characters and of characters that are neither of words nor white space.
type runs struct{}

func (runs) matches(dst []bounds, s string) ([]bounds, error) {
	u := unicodeTables()
	kind := func(r rune) int {
		switch c := u.of(r); {
		case c&word != 0:
			return 1
		case c&space != 0:
			return 0
		}
		return 2
	}
	last, lo := 0, 0
	for i, r := range s {
		if k := kind(r); k != last {
			if last != 0 {
				dst = append(dst, bounds{lo, i})
			}
			last, lo = k, i
		}
	}
	if last != 0 {
		dst = append(dst, bounds{lo, len(s)})
	}
	return dst, nil
}
