package tasks

import (
	"math"
	"regexp"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v4"

	"github.com/onset-eval/onset/backends/yamlfile"
	"github.com/onset-eval/onset/tasks/pyval"
)

// maxNesting bounds the nesting of values, and maxAliased the values that aliases may multiply to.
const (
	maxNesting = 64
	maxAliased = 1 << 20
)

// pythonValue gives a YAML value as PyYAML reads it for Python, by the rules of YAML 1.1: yes and no are truth
// values, 010 is eight, 1e5 is text. References to functions become text.
func pythonValue(f yamlfile.Field) (pyval.Value, error) {
	left := maxAliased
	return readPython(f, 0, &left)
}

func readPython(f yamlfile.Field, depth int, left *int) (pyval.Value, error) {
	if *left--; *left < 0 || depth > maxNesting {
		return nil, f.Errorf("%s: values are nested too deeply", f.Key)
	}
	n := f.Value()
	switch n.Kind {
	case yaml.SequenceNode:
		items, err := f.Items()
		if err != nil {
			return nil, err
		}
		out := make(pyval.List, len(items))
		for i, item := range items {
			if out[i], err = readPython(item, depth+1, left); err != nil {
				return nil, err
			}
		}
		return out, nil
	case yaml.MappingNode:
		pairs, err := lastPairs(f)
		if err != nil {
			return nil, err
		}
		out := new(pyval.Dict)
		for _, p := range pairs {
			v, err := readPython(p.Field, depth+1, left)
			if err != nil {
				return nil, err
			}
			out.Set(p.Key, v)
		}
		return out, nil
	case yaml.ScalarNode:
		return scalar(n), nil
	}
	return nil, f.Wrong("a value")
}

// The plain forms of numbers, from the YAML 1.1 types int and float as PyYAML resolves them.
var (
	plainInt   = regexp.MustCompile(`^[-+]?(0b[01_]+|0[0-7_]+|0|[1-9][0-9_]*|0x[0-9a-fA-F_]+)$`)
	plainFloat = regexp.MustCompile(`^([-+]?[0-9][0-9_]*\.[0-9_]*([eE][-+][0-9]+)?|\.[0-9][0-9_]*([eE][-+][0-9]+)?)$`)
	plainInf   = regexp.MustCompile(`^[-+]?\.(inf|Inf|INF)$`)
)

// scalar resolves one scalar.
func scalar(n *yaml.Node) pyval.Value {
	if n.Style&(yaml.DoubleQuotedStyle|yaml.SingleQuotedStyle|yaml.LiteralStyle|yaml.FoldedStyle) != 0 {
		return n.Value
	}
	if tag := n.ShortTag(); n.Style&yaml.TaggedStyle != 0 && tag == "!!str" || tag == functionTag {
		return n.Value
	}
	switch s := n.Value; {
	case s == "" || s == "~" || s == "null" || s == "Null" || s == "NULL":
		return nil
	case plainInt.MatchString(s):
		s = strings.ReplaceAll(s, "_", "")
		sign := ""
		if s[0] == '-' || s[0] == '+' {
			sign, s = strings.TrimPrefix(s[:1], "+"), s[1:]
		}
		if v, err := strconv.ParseInt(sign+s, 0, 64); err == nil {
			return v
		}
		return n.Value // beyond 64 bits
	case plainFloat.MatchString(s):
		if v, err := strconv.ParseFloat(strings.ReplaceAll(s, "_", ""), 64); err == nil {
			return v
		}
		return n.Value
	case plainInf.MatchString(s):
		if s[0] == '-' {
			return math.Inf(-1)
		}
		return math.Inf(1)
	case s == ".nan" || s == ".NaN" || s == ".NAN":
		return math.NaN()
	}
	if v, ok := plainTruth(n.Value); ok {
		return v
	}
	return n.Value
}

// plainTruth reads the truth values of YAML 1.1, in lower case, upper case or with a capital.
func plainTruth(s string) (value, ok bool) {
	lower := strings.ToLower(s)
	if s != lower && s != strings.ToUpper(s) && s != strings.ToUpper(s[:1])+lower[1:] {
		return false, false
	}
	switch lower {
	case "yes", "true", "on":
		return true, true
	case "no", "false", "off":
		return false, true
	}
	return false, false
}

// lastPairs reads a mapping. Of a key that stands twice the last counts, as PyYAML has it.
func lastPairs(f yamlfile.Field) ([]yamlfile.Pair, error) {
	n := f.Value()
	if n.Kind != yaml.MappingNode {
		return f.Pairs()
	}
	last := make(map[string]int)
	for i := 0; i+1 < len(n.Content); i += 2 {
		last[n.Content[i].Value] = i
	}
	if 2*len(last) == len(n.Content) {
		return f.Pairs()
	}
	kept := *n
	kept.Content = nil
	for i := 0; i+1 < len(n.Content); i += 2 {
		if last[n.Content[i].Value] == i {
			kept.Content = append(kept.Content, n.Content[i], n.Content[i+1])
		}
	}
	f.Node = &kept
	return f.Pairs()
}
