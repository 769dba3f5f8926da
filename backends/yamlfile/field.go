package yamlfile

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v4"
)

// Field is a YAML value with what an error needs to point at it.
type Field struct {
	File string
	Key  string // the key it stands at, "" for roots and list items
	Node *yaml.Node
}

// Pair is one entry of a mapping.
type Pair struct {
	KeyAt Field // the key's own place
	Field       // the value; its Key is the key
}

// Set reports whether there is a value.
func (f Field) Set() bool { return f.Node != nil }

// Value is the node with an alias resolved.
func (f Field) Value() *yaml.Node {
	if f.Node.Kind == yaml.AliasNode && f.Node.Alias != nil {
		return f.Node.Alias
	}
	return f.Node
}

// Errorf makes an error that points at the value.
func (f Field) Errorf(format string, args ...any) error {
	return &Error{File: f.File, Line: f.Node.Line, Column: f.Node.Column, Msg: fmt.Sprintf(format, args...)}
}

// Hintf is Errorf with what to type instead.
func (f Field) Hintf(hint, format string, args ...any) error {
	return &Error{File: f.File, Line: f.Node.Line, Column: f.Node.Column, Msg: fmt.Sprintf(format, args...), Advice: hint}
}

// Wrong says that the value is not what is wanted.
func (f Field) Wrong(want string) error {
	if tag := f.Value().Tag; strings.HasPrefix(tag, "!") && !strings.HasPrefix(tag, "!!") {
		return f.Hintf("write the value out, or leave the task to a later version",
			"%s: %s is not supported yet", f.label(), tag)
	}
	return f.Errorf("%s: %s is expected, not %s", f.label(), want, kindOf(f.Value()))
}

func (f Field) label() string {
	if f.Key == "" {
		return "value"
	}
	return f.Key
}

func kindOf(n *yaml.Node) string {
	switch n.Kind {
	case yaml.MappingNode:
		return "a mapping"
	case yaml.SequenceNode:
		return "a list"
	case yaml.AliasNode:
		return "an alias"
	}
	switch n.ShortTag() {
	case "!!null":
		return "nothing"
	case "!!str", "!!timestamp":
		return "text"
	case "!!bool", "!!int", "!!float":
		return n.Value
	}
	return "something else"
}

// IsNull reports whether the value is null, or left out.
func (f Field) IsNull() bool { return f.Value().ShortTag() == "!!null" }

// Text reads a string. A plain number or truth value is refused, because which text it means is unclear.
func (f Field) Text() (string, error) {
	n := f.Value()
	if n.Kind == yaml.ScalarNode && (n.ShortTag() == "!!str" || n.ShortTag() == "!!timestamp") {
		return n.Value, nil
	}
	return "", f.Wrong("text")
}

// Name reads a string that may be written like a number.
func (f Field) Name() (string, error) {
	switch n := f.Value(); n.ShortTag() {
	case "!!int", "!!float":
		return n.Value, nil
	}
	return f.Text()
}

// Integer reads a whole number of at least least.
func (f Field) Integer(least int) (int, error) {
	n := f.Value()
	if n.ShortTag() != "!!int" {
		return 0, f.Wrong("a whole number")
	}
	v, err := parseInt(n.Value)
	switch {
	case err != nil:
		return 0, f.Errorf("%s: %s is out of range", f.label(), n.Value)
	case v < int64(least):
		return 0, f.Errorf("%s: %d is too small: at least %d", f.label(), v, least)
	}
	return int(v), nil
}

func parseInt(s string) (int64, error) {
	s = strings.ReplaceAll(s, "_", "")
	if trimmed := strings.TrimLeft(s, "0"); len(s) > 1 && trimmed != "" && trimmed[0] >= '0' && trimmed[0] <= '9' {
		s = trimmed // 007 is seven: only 0o marks octal
	}
	return strconv.ParseInt(s, 0, 64)
}

// Number reads a number.
func (f Field) Number() (float64, error) {
	n := f.Value()
	switch n.ShortTag() {
	case "!!int":
		v, err := parseInt(n.Value)
		if err == nil {
			return float64(v), nil
		}
	case "!!float":
		var v float64
		if err := n.Decode(&v); err == nil {
			return v, nil
		}
	}
	return 0, f.Wrong("a number")
}

// Boolean reads true and false, and yes, no, on and off as YAML 1.1 has them.
func (f Field) Boolean() (bool, error) {
	n := f.Value()
	if n.Kind == yaml.ScalarNode && (n.ShortTag() == "!!bool" || n.Style&(yaml.DoubleQuotedStyle|yaml.SingleQuotedStyle) == 0) {
		switch strings.ToLower(n.Value) {
		case "true", "yes", "on":
			return true, nil
		case "false", "no", "off":
			return false, nil
		}
	}
	return false, f.Wrong("true or false")
}

// Items reads a list.
func (f Field) Items() ([]Field, error) {
	n := f.Value()
	if n.Kind != yaml.SequenceNode {
		return nil, f.Wrong("a list")
	}
	out := make([]Field, len(n.Content))
	for i, c := range n.Content {
		out[i] = Field{File: f.File, Key: f.Key, Node: c}
	}
	return out, nil
}

// Texts reads a string or a list of strings.
func (f Field) Texts() ([]string, error) {
	if f.Value().Kind != yaml.SequenceNode {
		s, err := f.Text()
		return []string{s}, err
	}
	items, err := f.Items()
	if err != nil {
		return nil, err
	}
	out := make([]string, len(items))
	for i, item := range items {
		if out[i], err = item.Text(); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// Pairs reads a mapping. Keys are strings, and each stands once.
func (f Field) Pairs() ([]Pair, error) {
	n := f.Value()
	if n.Kind != yaml.MappingNode {
		return nil, f.Wrong("a mapping")
	}
	seen := make(map[string]bool)
	var out []Pair
	for i := 0; i+1 < len(n.Content); i += 2 {
		keyAt := Field{File: f.File, Node: n.Content[i]}
		key := keyAt.Node.Value
		switch {
		case keyAt.Node.Kind != yaml.ScalarNode:
			return nil, keyAt.Errorf("a key is text, not %s", kindOf(keyAt.Node))
		case keyAt.Node.ShortTag() == "!!merge":
			return nil, keyAt.Errorf("merge keys (<<) are not supported")
		case seen[key]:
			return nil, keyAt.Errorf("the key %q stands twice", key)
		}
		seen[key] = true
		out = append(out, Pair{KeyAt: keyAt, Field: Field{File: f.File, Key: key, Node: n.Content[i+1]}})
	}
	return out, nil
}

// Unknown is the error for a key that is none of those known.
func (p Pair) Unknown(known []string) error {
	if near := Nearest(p.Key, known); near != "" {
		return p.KeyAt.Hintf(fmt.Sprintf("did you mean %q?", near), "the key %q is unknown", p.Key)
	}
	sorted := slices.Sorted(slices.Values(known))
	return p.KeyAt.Hintf("the keys here are "+strings.Join(sorted, ", "), "the key %q is unknown", p.Key)
}

// maxDepth bounds the nesting of plain values.
const maxDepth = 32

// Plain decodes to string, float64, int, bool, nil, []any and map[string]any.
func (f Field) Plain(depth int) (any, error) {
	n := f.Value()
	switch {
	case depth > maxDepth:
		return nil, f.Errorf("%s: values are nested too deeply", f.label())
	case depth > 0 && f.Node.Kind == yaml.AliasNode:
		return nil, f.Errorf("%s: an alias inside a value is not supported", f.label())
	}
	switch n.Kind {
	case yaml.SequenceNode:
		items, err := f.Items()
		if err != nil {
			return nil, err
		}
		out := make([]any, len(items))
		for i, item := range items {
			if out[i], err = item.Plain(depth + 1); err != nil {
				return nil, err
			}
		}
		return out, nil
	case yaml.MappingNode:
		entries, err := f.Pairs()
		if err != nil {
			return nil, err
		}
		out := make(map[string]any, len(entries))
		for _, e := range entries {
			if out[e.Key], err = e.Plain(depth + 1); err != nil {
				return nil, err
			}
		}
		return out, nil
	}
	switch n.ShortTag() {
	case "!!null":
		return nil, nil
	case "!!bool":
		return f.Boolean()
	case "!!int":
		v, err := parseInt(n.Value)
		if err != nil {
			return nil, f.Errorf("%s: %s is out of range", f.label(), n.Value)
		}
		return int(v), nil
	case "!!float":
		return f.Number()
	}
	return f.Text()
}
