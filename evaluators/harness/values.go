package harness

import "github.com/onset-eval/onset/tasks/pyval"

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
