package pyval_test

import (
	"math"
	"testing"

	"github.com/onset-eval/onset/tasks/pyval"
)

// Expected texts are CPython 3.11's repr.
func TestRepr(t *testing.T) {
	dict := new(pyval.Dict)
	dict.Set("b", int64(1))
	dict.Set("a", pyval.List{nil, true, 1.0})
	dict.Set("b", int64(2))
	for _, c := range []struct {
		name string
		v    pyval.Value
		want string
	}{
		{"none", nil, "None"},
		{"bools", pyval.List{true, false}, "[True, False]"},
		{"int", int64(-7), "-7"},
		{"whole float", 3.0, "3.0"},
		{"shortest float", 0.1, "0.1"},
		{"small float", 1e-5, "1e-05"},
		{"below the exponent's edge", 1e15, "1000000000000000.0"},
		{"large float", 1e16, "1e+16"},
		{"negative zero", math.Copysign(0, -1), "-0.0"},
		{"nan", math.NaN(), "nan"},
		{"string", "a'b", `"a'b"`},
		{"both quotes", `a'b"`, `'a\'b"'`},
		{"control", "\n\x00\x7f\u00a0é", `'\n\x00\x7f\xa0é'`},
		{"wide", "\u2028\U0001F600\U000E0001", `'\u2028😀\U000e0001'`},
		{"dict keeps order", dict, "{'b': 2, 'a': [None, True, 1.0]}"},
	} {
		if got := pyval.Repr(c.v); got != c.want {
			t.Errorf("%s: Repr = %s, want %s", c.name, got, c.want)
		}
	}
	if got := pyval.Str("a'b"); got != "a'b" {
		t.Errorf("Str of a string = %s", got)
	}
}
