package pyval

import (
	"maps"
	"slices"
)

// FromPlain turns decoded YAML or JSON (string, bool, int, float64, nil, []any, map[string]any) into Python's values.
// The keys of maps are sorted, since decoding lost their order.
func FromPlain(v any) Value {
	switch v := v.(type) {
	case int:
		return int64(v)
	case []any:
		out := make(List, len(v))
		for i, e := range v {
			out[i] = FromPlain(e)
		}
		return out
	case map[string]any:
		out := new(Dict)
		for _, k := range slices.Sorted(maps.Keys(v)) {
			out.Set(k, FromPlain(v[k]))
		}
		return out
	}
	return v
}
