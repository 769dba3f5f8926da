package pycode

import (
	"math"
	"strings"

	"github.com/onset-eval/onset/tasks/pyval"
)

func replaceAll(s, old, by string) (string, error) {
	if len(s)+strings.Count(s, old)*len(by) > pyval.MaxText {
		return "", pyval.Errorf("MemoryError", "a text would be too large")
	}
	return strings.ReplaceAll(s, old, by), nil
}

// jsonReader reads JSON as json.loads does: NaN and infinities too, and of a key that stands twice the last.
type jsonReader struct {
	text  string
	at    int
	depth int
}

func loadJSON(s string) (pyval.Value, error) {
	r := &jsonReader{text: s}
	r.blanks()
	v, err := r.value()
	if err != nil {
		return nil, err
	}
	r.blanks()
	if r.at < len(s) {
		return nil, r.fail("Extra data")
	}
	return v, nil
}

func (r *jsonReader) fail(msg string) error {
	line := strings.Count(r.text[:r.at], "\n") + 1
	column := len([]rune(r.text[strings.LastIndexByte(r.text[:r.at], '\n')+1:r.at])) + 1
	return pyval.Errorf("ValueError", "%s: line %d column %d (char %d)", msg, line, column, len([]rune(r.text[:r.at])))
}

func (r *jsonReader) blanks() {
	for r.at < len(r.text) && strings.IndexByte(" \t\n\r", r.text[r.at]) >= 0 {
		r.at++
	}
}

func (r *jsonReader) accept(word string) bool {
	if strings.HasPrefix(r.text[r.at:], word) {
		r.at += len(word)
		return true
	}
	return false
}

func (r *jsonReader) value() (pyval.Value, error) {
	if r.depth++; r.depth > 300 {
		return nil, pyval.Errorf("RecursionError", "maximum recursion depth exceeded")
	}
	defer func() { r.depth-- }()
	switch {
	case r.accept("null"):
		return nil, nil
	case r.accept("true"):
		return true, nil
	case r.accept("false"):
		return false, nil
	case r.accept("NaN"):
		return math.NaN(), nil
	case r.accept("Infinity"):
		return math.Inf(1), nil
	case r.accept("-Infinity"):
		return math.Inf(-1), nil
	case r.accept(`"`):
		return r.string()
	case r.accept("["):
		return r.list()
	case r.accept("{"):
		return r.object()
	}
	return r.number()
}

func (r *jsonReader) number() (pyval.Value, error) {
	start, digits := r.at, func() int {
		n := r.at
		for r.at < len(r.text) && r.text[r.at] >= '0' && r.text[r.at] <= '9' {
			r.at++
		}
		return r.at - n
	}
	r.accept("-")
	first := r.at
	if n := digits(); n == 0 {
		r.at = start
		return nil, r.fail("Expecting value")
	} else if n > 1 && r.text[first] == '0' {
		r.at = first + 1 // a number has no leading zeros
	}
	whole, end := true, r.at
	if r.accept(".") {
		if digits() > 0 {
			whole, end = false, r.at
		}
		r.at = end
	}
	if r.accept("e") || r.accept("E") {
		_ = r.accept("+") || r.accept("-")
		if digits() > 0 {
			whole, end = false, r.at
		}
		r.at = end
	}
	if whole {
		return pyval.ParseInt(r.text[start:end], 10)
	}
	return pyval.ParseFloat(r.text[start:end])
}

func (r *jsonReader) list() (pyval.Value, error) {
	out := &pyval.Array{}
	r.blanks()
	if r.accept("]") {
		return out, nil
	}
	for {
		r.blanks()
		v, err := r.value()
		if err != nil {
			return nil, err
		}
		out.Items = append(out.Items, v)
		r.blanks()
		if r.accept("]") {
			return out, nil
		}
		if !r.accept(",") {
			return nil, r.fail("Expecting ',' delimiter")
		}
	}
}

func (r *jsonReader) object() (pyval.Value, error) {
	out := new(pyval.Dict)
	r.blanks()
	if r.accept("}") {
		return out, nil
	}
	for {
		r.blanks()
		if !r.accept(`"`) {
			return nil, r.fail("Expecting property name enclosed in double quotes")
		}
		key, err := r.string()
		if err != nil {
			return nil, err
		}
		r.blanks()
		if !r.accept(":") {
			return nil, r.fail("Expecting ':' delimiter")
		}
		r.blanks()
		v, err := r.value()
		if err != nil {
			return nil, err
		}
		out.Set(key.(string), v)
		r.blanks()
		if r.accept("}") {
			return out, nil
		}
		if !r.accept(",") {
			return nil, r.fail("Expecting ',' delimiter")
		}
	}
}

// string reads a text behind its first quote.
func (r *jsonReader) string() (pyval.Value, error) {
	var b strings.Builder
	for r.at < len(r.text) {
		c := r.text[r.at]
		switch {
		case c == '"':
			r.at++
			return b.String(), nil
		case c < 0x20:
			return nil, r.fail("Invalid control character at")
		case c == '\\':
			if err := r.escape(&b); err != nil {
				return nil, err
			}
		default:
			b.WriteByte(c)
			r.at++
		}
	}
	return nil, r.fail("Unterminated string starting at")
}

func (r *jsonReader) escape(b *strings.Builder) error {
	if r.at+1 >= len(r.text) {
		return r.fail("Unterminated string starting at")
	}
	c := r.text[r.at+1]
	if i := strings.IndexByte(`"\/bfnrt`, c); i >= 0 {
		b.WriteByte("\"\\/\b\f\n\r\t"[i])
		r.at += 2
		return nil
	}
	n, ok := r.hex(r.at)
	if !ok {
		return r.fail("Invalid \\escape")
	}
	r.at += 6
	if n >= 0xd800 && n < 0xdc00 {
		if low, ok := r.hex(r.at); ok && low >= 0xdc00 && low < 0xe000 {
			n = 0x10000 + (n-0xd800)<<10 + (low - 0xdc00)
			r.at += 6
		}
	}
	if n >= 0xd800 && n < 0xe000 {
		return unsupported("half of a surrogate pair")
	}
	b.WriteRune(n)
	return nil
}

// hex reads \uXXXX at a place.
func (r *jsonReader) hex(at int) (rune, bool) {
	if !strings.HasPrefix(r.text[min(at, len(r.text)):], `\u`) || at+6 > len(r.text) {
		return 0, false
	}
	n := rune(0)
	for _, c := range []byte(r.text[at+2 : at+6]) {
		i := strings.IndexByte("0123456789abcdef", c|0x20)
		if i < 0 || c < '0' {
			return 0, false
		}
		n = n<<4 + rune(i)
	}
	return n, true
}
