package pyval_test

import (
	"strings"
	"testing"

	"github.com/onset-eval/onset/tasks/pyval"
)

// FuzzLiteralEval looks for panics, and reads what it accepted back from its repr.
func FuzzLiteralEval(f *testing.F) {
	for _, s := range []string{
		"[1, -2.5, 'a', \"b\\n\", '''c''', r'\\d', None, True]", "{'a': (1,), 2: [[]], (1, 2): {}}", "'a' 'b'", "-(1)", "0x_ff", "1_0.5e-3",
		"'\\x41\\u00e9\\U0001F600\\101\\N{DASH}'", "[1, # c\n 2]", "{1, 2}", "b'x'", "1j", "((((", "'''", "\"\\", "99999999999999999999", "1e999",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		v, err := pyval.LiteralEval(s)
		if err != nil {
			return
		}
		text := pyval.Repr(v)
		_, _ = pyval.JSON(v, true) // keys that JSON cannot have are an error
		again, err := pyval.LiteralEval(text)
		if err != nil && strings.Contains(text, "inf") {
			return // Python's repr of an infinity is no literal either
		}
		if err != nil || pyval.Repr(again) != text {
			t.Errorf("%q = %s, which reads back as %s, %v", s, text, pyval.Repr(again), err)
		}
	})
}
