package evaluators

import (
	"encoding/json"
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/onset-eval/onset/tasks"
)

func pipeline(t testing.TB, filters ...tasks.FilterSpec) Pipeline {
	t.Helper()
	ps, err := ResolvePipelines([]tasks.PipelineSpec{{Name: "p", Filters: filters}})
	if err != nil {
		t.Fatal(err)
	}
	return ps[0]
}

func filter(name string, options tasks.Options) tasks.FilterSpec {
	return tasks.FilterSpec{Function: name, Options: options}
}

// The expected answers are Python's: testdata/regex.py.
func TestRegexFindsAsPythonDoes(t *testing.T) {
	data, err := os.ReadFile("testdata/regex.json")
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		Cases []struct {
			Pattern     string
			GroupSelect int `json:"group_select"`
			Text        string
			Answer      *string
		}
	}
	if err := json.Unmarshal(data, &file); err != nil {
		t.Fatal(err)
	}
	if len(file.Cases) < 1000 {
		t.Fatalf("%d cases", len(file.Cases))
	}
	for _, c := range file.Cases {
		p := pipeline(t, filter("regex", tasks.Options{"regex_pattern": c.Pattern, "group_select": c.GroupSelect, "fallback": "none"}))
		want := Answer{Text: "none"}
		if c.Answer != nil {
			want = Answer{Text: *c.Answer, Parsed: true}
		}
		if got := p.Apply(c.Text); got != want {
			t.Errorf("%s, match %d of %q: got %+v, want %+v", c.Pattern, c.GroupSelect, c.Text, got, want)
		}
	}
}

func TestFilters(t *testing.T) {
	first := filter("take_first", nil)
	for _, c := range []struct {
		name    string
		filters []tasks.FilterSpec
		texts   []string
		want    Answer
	}{
		{"no filters", nil, []string{" a"}, Answer{Text: " a", Parsed: true}},
		{"no draws", []tasks.FilterSpec{first}, nil, Answer{}},
		{"take_first", []tasks.FilterSpec{first}, []string{"a", "b"}, Answer{Text: "a", Parsed: true}},
		{"take_first_k", []tasks.FilterSpec{filter("take_first_k", tasks.Options{"k": 3}), filter("majority_vote", nil)},
			[]string{"a", "b", "b", "a", "a"}, Answer{Text: "b", Parsed: true}},
		{"majority_vote, ties to the first", []tasks.FilterSpec{filter("majority_vote", nil)}, []string{"a", "b", "b", "a"}, Answer{Text: "a", Parsed: true}},
		{"default regex", []tasks.FilterSpec{filter("regex", nil), first}, []string{"so #### 1,000 "}, Answer{Text: "1,000", Parsed: true}},
		{"default fallback", []tasks.FilterSpec{filter("regex", nil), first}, []string{"so 1,000"}, Answer{Text: "[invalid]"}},
		{"what follows a fallback leaves it", []tasks.FilterSpec{filter("regex", tasks.Options{"fallback": " X "}), filter("lowercase", nil), filter("strip", nil)}, []string{""}, Answer{Text: " X "}},
		{"remove_whitespace", []tasks.FilterSpec{filter("remove_whitespace", nil)}, []string{" \n\u00a0a "}, Answer{Text: "a", Parsed: true}},
		{"strip", []tasks.FilterSpec{filter("strip", nil)}, []string{" \n\u00a0a \x1c"}, Answer{Text: "a", Parsed: true}},
		{"lowercase", []tasks.FilterSpec{filter("lowercase", nil)}, []string{"ÀB ΣΑΣ"}, Answer{Text: "àb σας", Parsed: true}},
		{"uppercase", []tasks.FilterSpec{filter("uppercase", nil)}, []string{"straße"}, Answer{Text: "STRASSE", Parsed: true}},
		{"map", []tasks.FilterSpec{filter("map", tasks.Options{"mapping_dict": map[string]any{"A": "yes", "B": 2}})}, []string{"B"}, Answer{Text: "2", Parsed: true}},
		{"map without a value", []tasks.FilterSpec{filter("map", tasks.Options{"mapping_dict": map[string]any{}})}, []string{"B"}, Answer{}},
		{"map with a default", []tasks.FilterSpec{filter("map", tasks.Options{"mapping_dict": map[string]any{}, "default_value": "no"})}, []string{"B"}, Answer{Text: "no", Parsed: true}},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := pipeline(t, c.filters...).Apply(c.texts...); got != c.want {
				t.Errorf("got %+v, want %+v", got, c.want)
			}
		})
	}
}

func TestUnknownFiltersAndOptions(t *testing.T) {
	for _, c := range []struct {
		name string
		spec tasks.FilterSpec
		want string
		hint string
	}{
		{"filter", filter("regexp", nil), `unknown filter "regexp"`, `"regex"`},
		{"far filter", filter("semantic_parser", nil), "unknown filter", "one of take_first"},
		{"option", filter("regex", tasks.Options{"regex_patern": "x"}), `unknown option "regex_patern"`, `"regex_pattern"`},
		{"option of none", filter("lowercase", tasks.Options{"k": 1}), `unknown option "k"`, "none"},
		{"type", filter("regex", tasks.Options{"group_select": "first"}), "option group_select", ""},
		{"fraction", filter("take_first_k", tasks.Options{"k": 1.5}), "option k", ""},
		{"k", filter("take_first_k", tasks.Options{"k": 0}), "positive", ""},
		{"pattern", filter("regex", tasks.Options{"regex_pattern": "(a"}), "regular expression", ""},
		{"map", filter("map", nil), "mapping_dict", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := ResolvePipelines([]tasks.PipelineSpec{{Name: "strict", Filters: []tasks.FilterSpec{c.spec}}})
			if err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), "strict") {
				t.Fatalf("error %v does not say %q and the pipeline", err, c.want)
			}
			var hinted interface{ Hint() string }
			if errors.As(err, &hinted) != (c.hint != "") || c.hint != "" && !strings.Contains(hinted.Hint(), c.hint) {
				t.Errorf("hint of %v is not %q", err, c.hint)
			}
		})
	}
	if _, err := ResolvePipelines([]tasks.PipelineSpec{{Name: "a"}, {Name: "a"}}); err == nil {
		t.Error("two pipelines have one name")
	}
}

// matchBudget is how long package pyre lets one search take.
const matchBudget = 2 * time.Second

func TestExponentialPatternEnds(t *testing.T) {
	if testing.Short() {
		t.Skip("takes the whole budget")
	}
	p := pipeline(t, filter("regex", tasks.Options{"regex_pattern": `^(\w+\s?)*$`}))
	start := time.Now()
	got := p.Apply(strings.Repeat("a", 60) + "!")
	if took := time.Since(start); took > 10*matchBudget {
		t.Errorf("took %v", took)
	}
	if got.Parsed {
		t.Errorf("got %+v", got)
	}
}

// Steps leave the answers that they get as they are, and each gives no more than it gets.
func TestStepsArePure(t *testing.T) {
	specs := []tasks.FilterSpec{
		filter("regex", tasks.Options{"regex_pattern": `(\d+)|(\w+)`}), filter("lowercase", nil), filter("uppercase", nil),
		filter("strip", nil), filter("remove_whitespace", nil), filter("majority_vote", nil), filter("take_first", nil),
		filter("take_first_k", tasks.Options{"k": 2}), filter("map", tasks.Options{"mapping_dict": map[string]any{"a": "b"}}),
	}
	if len(specs) != len(Filters()) {
		t.Fatalf("%d of %d filters are tested", len(specs), len(Filters()))
	}
	rapid.Check(t, func(t *rapid.T) {
		texts := rapid.SliceOf(rapid.String()).Draw(t, "texts")
		spec := rapid.SampledFrom(specs).Draw(t, "filter")
		ps, err := ResolvePipelines([]tasks.PipelineSpec{{Filters: []tasks.FilterSpec{spec}}})
		if err != nil {
			t.Fatal(err)
		}
		in := make([]Answer, len(texts))
		for i, s := range texts {
			in[i] = Answer{Text: s, Parsed: true}
		}
		out := ps[0].steps[0](in)
		if len(out) > len(in) {
			t.Errorf("%d answers of %d", len(out), len(in))
		}
		for i, s := range texts {
			if in[i] != (Answer{Text: s, Parsed: true}) {
				t.Errorf("answer %d was changed to %+v", i, in[i])
			}
		}
	})
}
