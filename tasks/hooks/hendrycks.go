package hooks

import (
	"strings"

	"github.com/onset-eval/onset/tasks/pyval"
)

// mathematics are the hooks of tasks with mathematical answers.
var mathematics = []Hook{
	{Kind: Docs, Files: []string{"hendrycks_math/utils.py"}, Name: "process_docs", Digests: []string{"9e390c1f8fdd8580"},
		Func: mapRows(func(r *reader) *pyval.Dict {
			return dict(field{"problem", r.value("problem")}, field{"solution", r.value("solution")}, field{"answer", r.boxed("solution")})
		})},
	{Kind: Results, Files: []string{"hendrycks_math/utils.py"}, Name: "process_results", Digests: []string{"cffc724f22a9cc0c"},
		Func: Func{Results: hendrycksResults}},
}

// hendrycksResults compares what stands between the first and the last dollar sign with the boxed answer.
func hendrycksResults(doc *pyval.Dict, results []pyval.Value) (*pyval.Dict, error) {
	r := &reader{doc: doc}
	if len(results) == 0 {
		r.fail("IndexError", "list index out of range")
		return nil, r.err
	}
	answer := r.textOf(results[0])
	if first, last := strings.Index(answer, "$"), strings.LastIndex(answer, "$"); first < last {
		answer = answer[first+1 : last]
	}
	match := int64(0)
	if want, ok := r.boxed("solution").(string); ok && sameMath(answer, want) {
		match = 1
	}
	return dict(field{"exact_match", match}), r.err
}

// boxed gives what the last \boxed of a column holds.
func (r *reader) boxed(key string) pyval.Value {
	last, ok := lastBoxed(r.text(key))
	if !ok {
		r.fail("TypeError", "argument of type 'NoneType' is not iterable")
		return nil
	}
	inner, ok := unbox(last)
	if !ok {
		r.fail("AssertionError", "")
	}
	return inner
}

// lastBoxed gives the last \boxed{...} or \fbox{...} of a text, with its braces; of a text with "\boxed " what
// follows it up to a dollar sign.
func lastBoxed(s string) (string, bool) {
	if i := strings.LastIndex(s, `\boxed `); i >= 0 {
		inner, _, _ := strings.Cut(s[i+len(`\boxed `):], "$")
		return `\boxed ` + inner, true
	}
	start := strings.LastIndex(s, `\boxed`)
	if start < 0 {
		start = strings.LastIndex(s, `\fbox`)
	}
	if start < 0 {
		return "", false
	}
	depth := 0
	for i := start; i < len(s); i++ {
		switch s[i] {
		case '{':
			depth++
		case '}':
			if depth--; depth == 0 {
				return s[start : i+1], true
			}
		}
	}
	return "", false
}

// unbox gives what a box holds; false where it is none.
func unbox(s string) (string, bool) {
	if strings.Contains(s, `\boxed `) {
		return strings.CutPrefix(s, `\boxed `)
	}
	inner, ok := strings.CutPrefix(s, `\boxed{`)
	if !ok || !strings.HasSuffix(inner, "}") {
		return "", false
	}
	return inner[:len(inner)-1], true
}

// sameMath compares two formulas as the MATH benchmark does (Hendrycks et al. 2021, arXiv 2103.03874): as texts once
// both are normalized; where one cannot be, as they are.
func sameMath(a, b string) bool {
	x, okA := normalMath(a)
	y, okB := normalMath(b)
	if !okA || !okB {
		return a == b
	}
	return x == y
}

// normalMath normalizes a formula; false where it is malformed.
func normalMath(s string) (string, bool) {
	// One pair after the other: what a replacement makes may be replaced again.
	for _, pair := range [...][2]string{{"\n", ""}, {`\!`, ""}, {`\\`, `\`}, {"tfrac", "frac"}, {"dfrac", "frac"}, {`\left`, ""},
		{`\right`, ""}, {`^{\circ}`, ""}, {`^\circ`, ""}, {`\$`, ""}} {
		s = strings.ReplaceAll(s, pair[0], pair[1])
	}
	if n := strings.Count(s, `\text{ `); n > 1 {
		return "", false
	}
	s, _, _ = strings.Cut(s, `\text{ `) // the units stand at the end
	for _, pair := range [...][2]string{{`\%`, ""}, {" .", " 0."}, {"{.", "{0."}} {
		s = strings.ReplaceAll(s, pair[0], pair[1])
	}
	if s == "" {
		return s, true
	}
	if s[0] == '.' {
		s = "0" + s
	}
	if left, right, ok := strings.Cut(s, "="); ok && !strings.Contains(right, "=") && len([]rune(left)) <= 2 {
		s = right // k = 7
	}
	s, ok := braceRoots(s)
	if !ok {
		return "", false
	}
	if s, ok = braceFractions(strings.ReplaceAll(s, " ", "")); !ok {
		return "", false
	}
	if s == "0.5" {
		s = `\frac{1}{2}`
	}
	return slashFraction(s)
}

// braceRoots writes \sqrt3 as \sqrt{3}.
func braceRoots(s string) (string, bool) {
	parts := strings.Split(s, `\sqrt`)
	for i, p := range parts[1:] {
		if p == "" {
			return "", false
		}
		if p[0] != '{' {
			first := string([]rune(p)[:1])
			parts[i+1] = "{" + first + "}" + p[len(first):]
		}
	}
	return strings.Join(parts, `\sqrt`), true
}

// braceFractions writes \frac12 as \frac{1}{2}.
func braceFractions(s string) (string, bool) {
	parts := strings.Split(s, `\frac`)
	for i, p := range parts[1:] {
		runes := []rune(p)
		switch {
		case len(runes) == 0:
			return "", false
		case runes[0] == '{':
			continue
		case len(runes) < 2:
			return s, true
		}
		over, under, rest := string(runes[0]), string(runes[1]), string(runes[2:])
		if under != "{" {
			under = "{" + under + "}"
		}
		parts[i+1] = "{" + over + "}" + under + rest
	}
	return strings.Join(parts, `\frac`), true
}

// slashFraction writes 1/2 as \frac{1}{2}; a text with one slash between other things is malformed.
func slashFraction(s string) (string, bool) {
	over, under, ok := strings.Cut(s, "/")
	if !ok || strings.Contains(under, "/") {
		return s, true
	}
	a, errA := pyval.ParseInt(over, 10)
	b, errB := pyval.ParseInt(under, 10)
	if errA != nil || errB != nil {
		return "", false
	}
	if pyval.Str(a)+"/"+pyval.Str(b) != s {
		return s, true
	}
	return `\frac{` + pyval.Str(a) + "}{" + pyval.Str(b) + "}", true
}
