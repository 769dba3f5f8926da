package evaluators

import (
	"strings"
	"testing"

	"github.com/onset-eval/onset/backends"
	"github.com/onset-eval/onset/tasks"
)

// BenchmarkJudge judges a text of 200 words by the filters of grade-school sums.
func BenchmarkJudge(b *testing.B) {
	long := strings.Repeat("then we add 3 and 4 to get 7. ", 20) + "#### 1,234"
	for _, expr := range []string{`#### (\-?[0-9\.\,]+)`, `(?<=#### )(-?[0-9.,]+)`} {
		b.Run(expr, func(b *testing.B) {
			p := pipeline(b, filter("regex", tasks.Options{"regex_pattern": expr}), filter("take_first", nil))
			bound := resolve(b, backends.Generate, []Pipeline{p},
				metric("exact_match", tasks.Options{"ignore_case": true, "regexes_to_ignore": []any{",", `\$`}}))
			sample, responses := generated("1234"), text(long, backends.StopEOS)
			b.ReportAllocs()
			for b.Loop() {
				if s := Judge(sample, responses, nil, bound); s[0].Outcome != Correct {
					b.Fatal(s)
				}
			}
		})
	}
}
