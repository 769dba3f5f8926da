package harness

import (
	"maps"
	"slices"

	"github.com/onset-eval/onset/tasks/pyval"
)

// number gives a value that counts: a float, an integer or a truth.
func number(v pyval.Value) (float64, bool) {
	switch v := v.(type) {
	case float64:
		return v, true
	case int64:
		return float64(v), true
	case bool:
		if v {
			return 1, true
		}
		return 0, true
	}
	return 0, false
}

// value turns decoded YAML into Python's values; keys are sorted, since decoding lost their order.
func value(v any) pyval.Value {
	switch v := v.(type) {
	case int:
		return int64(v)
	case []any:
		out := make(pyval.List, len(v))
		for i, e := range v {
			out[i] = value(e)
		}
		return out
	case map[string]any:
		out := new(pyval.Dict)
		for _, k := range slices.Sorted(maps.Keys(v)) {
			out.Set(k, value(v[k]))
		}
		return out
	}
	return v
}
