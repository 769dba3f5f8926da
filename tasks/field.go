package tasks

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v4"
)

// field is a YAML value with what an error needs to point at it.
type field struct {
	file string
	key  string // the key it stands at, "" for roots and list items
	node *yaml.Node
}

// pair is one entry of a mapping.
type pair struct {
	keyAt field // the key's own place
	field       // the value; its key field is the key
}

func (f field) set() bool { return f.node != nil }

// value is the node with an alias resolved.
func (f field) value() *yaml.Node {
	if f.node.Kind == yaml.AliasNode && f.node.Alias != nil {
		return f.node.Alias
	}
	return f.node
}

func (f field) errorf(format string, args ...any) error {
	return &FileError{File: f.file, Line: f.node.Line, Column: f.node.Column, Msg: fmt.Sprintf(format, args...)}
}

func (f field) hintf(hint, format string, args ...any) error {
	return &FileError{File: f.file, Line: f.node.Line, Column: f.node.Column, Msg: fmt.Sprintf(format, args...), Advice: hint}
}

// wrong says that the value is not what is wanted.
func (f field) wrong(want string) error {
	if tag := f.value().Tag; strings.HasPrefix(tag, "!") && !strings.HasPrefix(tag, "!!") {
		return f.hintf("write the value out, or leave the task to a later version",
			"%s: %s is not supported yet", f.label(), tag)
	}
	return f.errorf("%s: %s is expected, not %s", f.label(), want, kindOf(f.value()))
}

func (f field) label() string {
	if f.key == "" {
		return "value"
	}
	return f.key
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

func (f field) isNull() bool { return f.value().ShortTag() == "!!null" }

// text reads a string. A plain number or truth value is refused, because which text it means is unclear.
func (f field) text() (string, error) {
	n := f.value()
	if n.Kind == yaml.ScalarNode && (n.ShortTag() == "!!str" || n.ShortTag() == "!!timestamp") {
		return n.Value, nil
	}
	return "", f.wrong("text")
}

// name reads a string that may be written like a number.
func (f field) name() (string, error) {
	switch n := f.value(); n.ShortTag() {
	case "!!int", "!!float":
		return n.Value, nil
	}
	return f.text()
}

func (f field) integer(least int) (int, error) {
	n := f.value()
	if n.ShortTag() != "!!int" {
		return 0, f.wrong("a whole number")
	}
	v, err := parseInt(n.Value)
	switch {
	case err != nil:
		return 0, f.errorf("%s: %s is out of range", f.label(), n.Value)
	case v < int64(least):
		return 0, f.errorf("%s: %d is too small: at least %d", f.label(), v, least)
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

func (f field) number() (float64, error) {
	n := f.value()
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
	return 0, f.wrong("a number")
}

// boolean reads true and false, and yes, no, on and off as YAML 1.1 has them.
func (f field) boolean() (bool, error) {
	n := f.value()
	if n.Kind == yaml.ScalarNode && (n.ShortTag() == "!!bool" || n.Style&(yaml.DoubleQuotedStyle|yaml.SingleQuotedStyle) == 0) {
		switch strings.ToLower(n.Value) {
		case "true", "yes", "on":
			return true, nil
		case "false", "no", "off":
			return false, nil
		}
	}
	return false, f.wrong("true or false")
}

func (f field) items() ([]field, error) {
	n := f.value()
	if n.Kind != yaml.SequenceNode {
		return nil, f.wrong("a list")
	}
	out := make([]field, len(n.Content))
	for i, c := range n.Content {
		out[i] = field{file: f.file, key: f.key, node: c}
	}
	return out, nil
}

// texts reads a string or a list of strings.
func (f field) texts() ([]string, error) {
	if f.value().Kind != yaml.SequenceNode {
		s, err := f.text()
		return []string{s}, err
	}
	items, err := f.items()
	if err != nil {
		return nil, err
	}
	out := make([]string, len(items))
	for i, item := range items {
		if out[i], err = item.text(); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// pairs reads a mapping. Keys are strings, and each stands once.
func (f field) pairs() ([]pair, error) {
	n := f.value()
	if n.Kind != yaml.MappingNode {
		return nil, f.wrong("a mapping")
	}
	seen := make(map[string]bool)
	var out []pair
	for i := 0; i+1 < len(n.Content); i += 2 {
		keyAt := field{file: f.file, node: n.Content[i]}
		key := keyAt.node.Value
		switch {
		case keyAt.node.Kind != yaml.ScalarNode:
			return nil, keyAt.errorf("a key is text, not %s", kindOf(keyAt.node))
		case keyAt.node.ShortTag() == "!!merge":
			return nil, keyAt.errorf("merge keys (<<) are not supported")
		case seen[key]:
			return nil, keyAt.errorf("the key %q stands twice", key)
		}
		seen[key] = true
		out = append(out, pair{keyAt: keyAt, field: field{file: f.file, key: key, node: n.Content[i+1]}})
	}
	return out, nil
}

// unknown is the error for a key that is none of those known.
func (p pair) unknown(known []string) error {
	if near := nearest(p.key, known); near != "" {
		return p.keyAt.hintf(fmt.Sprintf("did you mean %q?", near), "the key %q is unknown", p.key)
	}
	sorted := slices.Sorted(slices.Values(known))
	return p.keyAt.hintf("the keys here are "+strings.Join(sorted, ", "), "the key %q is unknown", p.key)
}

// maxDepth bounds the nesting of plain values.
const maxDepth = 32

// plainValue decodes to string, float64, int, bool, nil, []any and map[string]any.
func (f field) plainValue(depth int) (any, error) {
	n := f.value()
	switch {
	case depth > maxDepth:
		return nil, f.errorf("%s: values are nested too deeply", f.label())
	case depth > 0 && f.node.Kind == yaml.AliasNode:
		return nil, f.errorf("%s: an alias inside a value is not supported", f.label())
	}
	switch n.Kind {
	case yaml.SequenceNode:
		items, err := f.items()
		if err != nil {
			return nil, err
		}
		out := make([]any, len(items))
		for i, item := range items {
			if out[i], err = item.plainValue(depth + 1); err != nil {
				return nil, err
			}
		}
		return out, nil
	case yaml.MappingNode:
		entries, err := f.pairs()
		if err != nil {
			return nil, err
		}
		out := make(map[string]any, len(entries))
		for _, e := range entries {
			if out[e.key], err = e.plainValue(depth + 1); err != nil {
				return nil, err
			}
		}
		return out, nil
	}
	switch n.ShortTag() {
	case "!!null":
		return nil, nil
	case "!!bool":
		return f.boolean()
	case "!!int":
		v, err := parseInt(n.Value)
		if err != nil {
			return nil, f.errorf("%s: %s is out of range", f.label(), n.Value)
		}
		return int(v), nil
	case "!!float":
		return f.number()
	}
	return f.text()
}

// comparePlace orders places: the file first, its includes by name after it, then line and column.
func comparePlace(first string, a, b field) int {
	if a.file != b.file {
		switch {
		case a.file == first:
			return -1
		case b.file == first:
			return 1
		}
		return strings.Compare(a.file, b.file)
	}
	return cmp.Or(cmp.Compare(a.node.Line, b.node.Line), cmp.Compare(a.node.Column, b.node.Column))
}
