package tokenizer

import (
	"encoding/base64"
	"encoding/binary"
	"errors"
	"strings"
	"unicode/utf8"

	"github.com/clipperhouse/uax29/v2/graphemes"
)

// charsmap is sentencepiece's compiled character map: a double-array trie (Darts) from byte strings to offsets of
// replacements, which end with a zero byte. (Format: sentencepiece, src/normalizer.cc, and the Darts-clone library.)
type charsmap struct {
	units        []uint32
	replacements string
}

// newCharsmap reads a map in base64: the trie's size in bytes, the trie, the replacements.
func newCharsmap(encoded string) (*charsmap, error) {
	raw, err := base64.StdEncoding.DecodeString(encoded)
	if err != nil {
		return nil, errors.New("precompiled_charsmap is not base64")
	}
	if len(raw) == 0 {
		return &charsmap{}, nil
	}
	if len(raw) < 4 {
		return nil, errors.New("precompiled_charsmap is cut off")
	}
	size := uint64(binary.LittleEndian.Uint32(raw))
	raw = raw[4:]
	if size > uint64(len(raw)) || size < 4 {
		return nil, errors.New("precompiled_charsmap names a trie that is larger than itself")
	}
	m := &charsmap{units: make([]uint32, size/4)}
	for i := range m.units {
		m.units[i] = binary.LittleEndian.Uint32(raw[4*i:])
	}
	m.replacements = string(raw[size/4*4:])
	if !utf8.ValidString(m.replacements) {
		return nil, errors.New("precompiled_charsmap has replacements that are not UTF-8")
	}
	return m, nil
}

func unitOffset(u uint32) uint32 { return u >> 10 << (u & (1 << 9) >> 6) }

// lookup gives the replacement of the shortest key that text begins with.
func (m *charsmap) lookup(text string) (string, bool) {
	if len(m.units) == 0 {
		return "", false
	}
	at := unitOffset(m.units[0])
	for i := range len(text) {
		if text[i] == 0 {
			break
		}
		at ^= uint32(text[i])
		if at >= uint32(len(m.units)) {
			break
		}
		unit := m.units[at]
		if unit&(1<<31|0xff) != uint32(text[i]) {
			break
		}
		at ^= unitOffset(unit)
		if unit>>8&1 == 0 {
			continue
		}
		if at >= uint32(len(m.units)) {
			break
		}
		return m.replacement(m.units[at] & (1<<31 - 1))
	}
	return "", false
}

func (m *charsmap) replacement(at uint32) (string, bool) {
	if at > uint32(len(m.replacements)) {
		return "", false
	}
	s := m.replacements[at:]
	if end := strings.IndexByte(s[:min(len(s), maxContent)], 0); end >= 0 {
		s = s[:end]
	} else if len(s) > maxContent {
		return "", false // no map that sentencepiece makes has such
	}
	return s, utf8.ValidString(s)
}

// normalize replaces graphemes, and the characters of graphemes that are longer than five bytes or have no
// replacement: the reference does it so to give what sentencepiece gives.
func (m *charsmap) normalize(s source) (source, error) {
	var b strings.Builder
	text := s.text
	b.Grow(len(text))
	g := graphemes.FromString(text)
	for g.Next() {
		cluster := g.Value()
		if err := s.fits(b.Len()); err != nil {
			return s, err
		}
		if len(cluster) < 6 {
			if to, ok := m.lookup(cluster); ok {
				b.WriteString(to)
				continue
			}
		}
		for i, r := range cluster {
			char := cluster[i : i+utf8.RuneLen(r)]
			if to, ok := m.lookup(char); ok {
				b.WriteString(to)
			} else {
				b.WriteString(char)
			}
		}
	}
	s.text = b.String()
	return s, nil
}
