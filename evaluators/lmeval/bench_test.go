package lmeval_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/onset-eval/onset/evaluators/lmeval"
	"github.com/onset-eval/onset/tasks/pyval"
)

// BenchmarkBootstrap estimates standard errors as a default run of the harness does: 100,000 replicates, and 100 of
// the corpus metrics.
func BenchmarkBootstrap(b *testing.B) {
	r := rand.New(rand.NewPCG(1, 2))
	words := strings.Fields("the a cat dog sat ran on mat, and then it was 12 o'clock. So we went home!")
	sentence := func() string {
		var s []string
		for range 5 + r.IntN(20) {
			s = append(s, words[r.IntN(len(words))])
		}
		return strings.Join(s, " ")
	}
	for _, n := range []int{100, 1000} {
		var numbers, classes, texts []pyval.Value
		for range n {
			numbers = append(numbers, -10*r.Float64())
			classes = append(classes, pyval.List{int64(r.IntN(2)), int64(r.IntN(2))})
			texts = append(texts, pyval.List{sentence(), sentence()})
		}
		for _, c := range []struct {
			name  string
			items []pyval.Value
		}{{"perplexity", numbers}, {"median", numbers}, {"f1", classes}, {"matthews_corrcoef", classes}, {"bleu", texts}, {"chrf", texts}, {"ter", texts}} {
			b.Run(fmt.Sprintf("%s/n=%d", c.name, n), func(b *testing.B) {
				for b.Loop() {
					if _, err := lmeval.Aggregate(b.Context(), c.name, c.name, c.items, 100_000, lmeval.Compat()); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}

func BenchmarkFilters(b *testing.B) {
	const text = "Janet sells 16 - 3 - 4 = 9 eggs a day. She makes 9 * 2 = $18 every day at the market. #### 18"
	doc := new(pyval.Dict)
	doc.Set("choices", pyval.List{"sixteen eggs", "nine eggs", "18 dollars", "nothing at all"})
	resps, docs := make([]pyval.Value, 1000), make([]*pyval.Dict, 1000)
	for i := range resps {
		resps[i], docs[i] = pyval.List{text}, doc
	}
	flexible := new(pyval.Dict)
	flexible.Set("regex_pattern", `(-?[$0-9.,]{2,})|(-?[0-9]+)`)
	flexible.Set("group_select", int64(-1))
	behind := new(pyval.Dict)
	behind.Set("regex_pattern", `(?<=makes )(.*?)(?=\.|$)`)
	fold := new(pyval.Dict)
	fold.Set("ignore_case", true)
	fold.Set("regex_pattern", `(\([A-Z]\))`)
	for _, c := range []struct {
		name, function string
		options        *pyval.Dict
	}{{"strict", "regex", nil}, {"flexible", "regex", flexible}, {"look-behind", "regex", behind}, {"multi-choice", "multi_choice_regex", fold}} {
		b.Run(c.name, func(b *testing.B) {
			for _, k := range lmeval.Filters() {
				if k.Name != c.function {
					continue
				}
				f, err := k.Make(c.options)
				if err != nil {
					b.Fatal(err)
				}
				for b.Loop() {
					if _, err := f(resps, docs); err != nil {
						b.Fatal(err)
					}
				}
				b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*len(resps)), "ns/response")
			}
		})
	}
}

func FuzzRegexFilter(f *testing.F) {
	f.Add(`#### (\-?[0-9\.\,]+)`, 0, "#### 12")
	f.Add(`(a)|(b)?`, -1, "ab")
	f.Add(`(?<=is )(.*?)(?=\.|$)`, 3, "it is é.\n")
	f.Add(`[]a[:]{,2}\b`, 0, "\xff]a")
	f.Fuzz(func(t *testing.T, pattern string, group int, text string) {
		if len(pattern) > 60 || len(text) > 200 {
			return
		}
		options := new(pyval.Dict)
		options.Set("regex_pattern", pattern)
		options.Set("group_select", int64(group))
		doc := new(pyval.Dict)
		doc.Set("choices", pyval.List{text, "b", pattern})
		for _, k := range lmeval.Filters() {
			if k.Name != "regex" && k.Name != "multi_choice_regex" {
				continue
			}
			filter, err := k.Make(options)
			if err != nil {
				return
			}
			got, err := filter([]pyval.Value{pyval.List{text}}, []*pyval.Dict{doc})
			if err != nil {
				continue // out of time
			}
			answer := got[0].(pyval.List)[0].(string)
			if k.Name == "regex" && answer != "[invalid]" && !strings.Contains(text, answer) {
				t.Errorf("%q with %q found %q", text, pattern, answer)
			}
		}
	})
}
