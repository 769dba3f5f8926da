package pyval

import (
	"math"
	"math/big"
	"sort"
	"strconv"
	"strings"
	"unicode/utf8"
)

// JSONOptions are the options of json.dumps. The zero value is json.dumps(v, ensure_ascii=False).
type JSONOptions struct {
	Indent         string // what each level of nesting is indented by
	Pretty         bool   // line breaks between items: indent is not None
	ASCII          bool   // ensure_ascii=True
	SortKeys       bool
	ItemSep        string // ", ", or "," with Pretty, where empty
	KeySep         string // ": " where empty
	SeparatorsGive bool   // ItemSep and KeySep hold even where they are empty
}

// JSON is json.dumps(v, ensure_ascii=False), or with indent=2 where pretty is set.
func JSON(v Value, pretty bool) (string, error) {
	return DumpJSON(v, JSONOptions{Indent: "  ", Pretty: pretty})
}

// DumpJSON is json.dumps.
func DumpJSON(v Value, o JSONOptions) (string, error) {
	if !o.SeparatorsGive {
		o.ItemSep, o.KeySep = ", ", ": "
		if o.Pretty {
			o.ItemSep = ","
		}
	}
	b, err := o.append(nil, v, 0)
	return string(b), err
}

func (o *JSONOptions) line(b []byte, depth int) []byte {
	if !o.Pretty {
		return b
	}
	b = append(b, '\n')
	for range depth {
		b = append(b, o.Indent...)
	}
	return b
}

func (o *JSONOptions) append(b []byte, v Value, depth int) ([]byte, error) {
	if depth > maxDepth {
		return b, errTooDeep()
	}
	if len(b) > MaxText {
		return b, errTooLarge("a text")
	}
	switch v := v.(type) {
	case nil, bool, float64:
		return append(b, jsonScalar(v)...), nil
	case int64:
		return strconv.AppendInt(b, v, 10), nil
	case *big.Int:
		return appendRepr(b, v, depth)
	case string:
		return appendJSONText(b, v, o.ASCII), nil
	case Markup:
		return appendJSONText(b, string(v), o.ASCII), nil
	case *Dict:
		return o.object(b, v, depth)
	}
	items, ok := Items(v)
	if !ok {
		return b, typeError("Object of type %s is not JSON serializable", TypeName(v))
	}
	if len(items) == 0 {
		return append(b, "[]"...), nil
	}
	b = append(b, '[')
	var err error
	for i, item := range items {
		if i > 0 {
			b = append(b, o.ItemSep...)
		}
		b = o.line(b, depth+1)
		if b, err = o.append(b, item, depth+1); err != nil {
			return b, err
		}
	}
	return append(o.line(b, depth), ']'), nil
}

func jsonScalar(v Value) string {
	switch v := v.(type) {
	case bool:
		return strconv.FormatBool(v)
	case float64:
		switch {
		case math.IsNaN(v):
			return "NaN"
		case math.IsInf(v, 1):
			return "Infinity"
		case math.IsInf(v, -1):
			return "-Infinity"
		}
		return formatFloat(v)
	}
	return "null"
}

func (o *JSONOptions) object(b []byte, d *Dict, depth int) ([]byte, error) {
	if d.Len() == 0 {
		return append(b, "{}"...), nil
	}
	order := make([]int, d.Len())
	for i := range order {
		order[i] = i
	}
	if o.SortKeys {
		if err := d.sortKeys(order); err != nil {
			return b, err
		}
	}
	b = append(b, '{')
	var err error
	for n, i := range order {
		if n > 0 {
			b = append(b, o.ItemSep...)
		}
		b = o.line(b, depth+1)
		key, v := d.At(i)
		text := d.keys[i]
		if !d.isString(i) {
			switch key.(type) {
			case nil, bool, float64:
				text = jsonScalar(key)
			case int64, *big.Int:
			default:
				return b, typeError("keys must be str, int, float, bool or None, not %s", TypeName(key))
			}
		}
		b = append(appendJSONText(b, text, o.ASCII), o.KeySep...)
		if b, err = o.append(b, v, depth+1); err != nil {
			return b, err
		}
	}
	return append(o.line(b, depth), '}'), nil
}

func (d *Dict) sortKeys(order []int) error {
	if d.others == nil {
		sort.Slice(order, func(i, j int) bool { return d.keys[order[i]] < d.keys[order[j]] })
		return nil
	}
	var err error
	sort.SliceStable(order, func(i, j int) bool {
		less, e := Compare(Lt, d.Key(order[i]), d.Key(order[j]))
		if e != nil && err == nil {
			err = e
		}
		return less
	})
	return err
}

func appendJSONText(b []byte, s string, ascii bool) []byte {
	b = append(b, '"')
	for _, r := range s {
		switch {
		case r == '"' || r == '\\':
			b = append(b, '\\', byte(r))
		case r >= ' ' && r < 0x7f || r == 0x7f && !ascii:
			b = append(b, byte(r))
		case r < ' ':
			if i := strings.IndexByte("\n\r\t\b\f", byte(r)); i >= 0 {
				b = append(b, '\\', "nrtbf"[i])
			} else {
				b = appendEscape(b, `\u`, r, 4)
			}
		case !ascii:
			b = utf8.AppendRune(b, r)
		case r < 0x10000:
			b = appendEscape(b, `\u`, r, 4)
		default:
			b = appendEscape(b, `\u`, 0xd800+(r-0x10000)>>10, 4)
			b = appendEscape(b, `\u`, 0xdc00+(r-0x10000)&0x3ff, 4)
		}
	}
	return append(b, '"')
}
