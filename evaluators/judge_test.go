package evaluators

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"github.com/onset-eval/onset/backends"
	"github.com/onset-eval/onset/tasks"
)

func generated(targets ...string) tasks.Sample {
	return tasks.Sample{ID: "s", Requests: []backends.Request{{Kind: backends.Generate}}, Targets: targets}
}

func choices(gold []int, texts ...string) tasks.Sample {
	return tasks.Sample{ID: "s", Requests: []backends.Request{{Kind: backends.LogLikelihood, Continuations: texts}}, Choices: texts, Gold: gold}
}

func text(s string, stop backends.StopReason) []backends.Response {
	return []backends.Response{{Text: s, Stop: stop}}
}

func sums(values ...float64) []backends.Response {
	var r backends.Response
	for _, v := range values {
		r.LogProbs = append(r.LogProbs, backends.LogProb{Sum: v, Tokens: 2})
	}
	return []backends.Response{r}
}

func resolve(t testing.TB, kind backends.Kind, pipelines []Pipeline, specs ...tasks.MetricSpec) []Bound {
	t.Helper()
	bound, err := Resolve(specs, pipelines, kind)
	if err != nil {
		t.Fatal(err)
	}
	return bound
}

func metric(name string, options tasks.Options) tasks.MetricSpec {
	return tasks.MetricSpec{Name: name, Options: options}
}

var approx = cmpopts.EquateApprox(0, 1e-12)

func TestOutcomesOfText(t *testing.T) {
	number := func(t *testing.T) []Pipeline {
		return []Pipeline{pipeline(t, filter("regex", tasks.Options{"regex_pattern": `A: (\d+)`}))}
	}
	for _, c := range []struct {
		name      string
		responses []backends.Response
		err       error
		want      Score
	}{
		{"right", text("A: 12", backends.StopEOS), nil,
			Score{Outcome: Correct, Value: ptr(1), Continuous: ptr(1), Answer: "12"}},
		{"wrong", text("A: 13", backends.StopEOS), nil,
			Score{Outcome: Wrong, Value: ptr(0), Continuous: ptr(0.5), Answer: "13"}},
		{"right although cut", text("A: 12 and", backends.StopLength), nil,
			Score{Outcome: Correct, Value: ptr(1), Continuous: ptr(1), Answer: "12"}},
		{"unparsed", text("12", backends.StopEOS), nil,
			Score{Outcome: Unparsed, Value: ptr(0), Continuous: ptr(0), Answer: "[invalid]"}},
		{"truncated", text("so 1 and", backends.StopLength), nil,
			Score{Outcome: Truncated, Value: ptr(0), Continuous: ptr(0), Answer: "[invalid]"}},
		{"refused by the model", text("A: 12", backends.StopRefusal), nil,
			Score{Outcome: Refused, Value: ptr(0), Continuous: ptr(1), Answer: "12"}},
		{"refused by the provider", nil, backends.Errorf(backends.KindRefused, "generate", "content filter"),
			Score{Outcome: Refused, Value: ptr(0), Explanation: "generate: refused: content filter"}},
		{"failed", nil, fmt.Errorf("ask: %w", backends.Errorf(backends.KindServer, "", "502")),
			Score{Outcome: Failed, Explanation: "ask: server: 502"}},
		{"interrupted", text("A: 12", backends.StopEOS), context.Canceled,
			Score{Outcome: Failed, Explanation: "context canceled"}},
		{"no response", nil, nil, Score{Outcome: Failed, Explanation: "there is no response"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.want.Metric, c.want.Filter = "exact_match", "p"
			if c.want.Continuous != nil {
				c.want.ContinuousName = TokenEditSimilarity
			}
			got := Judge(generated("12"), c.responses, c.err, resolve(t, backends.Generate, number(t)))
			if diff := cmp.Diff([]Score{c.want}, got, approx); diff != "" {
				t.Errorf("scores (-want +got):\n%s", diff)
			}
		})
	}
}

// The expected values follow lm_eval/api/metrics.py exact_match_hf_evaluate.
func TestTextMetrics(t *testing.T) {
	for _, c := range []struct {
		name    string
		spec    tasks.MetricSpec
		answer  string
		targets []string
		want    float64
	}{
		{"equal", metric("exact_match", nil), "a", []string{"a"}, 1},
		{"space counts", metric("exact_match", nil), " a", []string{"a"}, 0},
		{"one of several", metric("exact_match", nil), "b", []string{"a", "b"}, 1},
		{"case counts", metric("exact_match", nil), "A", []string{"a"}, 0},
		{"ignore_case", metric("exact_match", tasks.Options{"ignore_case": true}), "ÀB", []string{"àb"}, 1},
		{"ignore_punctuation", metric("exact_match", tasks.Options{"ignore_punctuation": true}), "a.b!", []string{"ab"}, 1},
		{"ignore_punctuation is ASCII's", metric("exact_match", tasks.Options{"ignore_punctuation": true}), "a…", []string{"a"}, 0},
		{"ignore_numbers", metric("exact_match", tasks.Options{"ignore_numbers": true}), "a1", []string{"a2"}, 1},
		{"regexes_to_ignore", metric("exact_match", tasks.Options{"regexes_to_ignore": []any{",", `\$`, `(?s).*#### `, `\.$`}}), "so #### $1,000.", []string{"1000"}, 1},
		{"patterns come before case", metric("exact_match", tasks.Options{"ignore_case": true, "regexes_to_ignore": []any{"A"}}), "Ab", []string{"b"}, 1},
		{"both sides are normalized", metric("exact_match", tasks.Options{"regexes_to_ignore": []any{","}}), "1000", []string{"1,000"}, 1},
		{"no targets", metric("exact_match", nil), "a", nil, 0},
		{"contains", metric("contains", nil), "so it is Paris", []string{"Rome", "Paris"}, 1},
		{"contains not", metric("contains", nil), "Par", []string{"Paris"}, 0},
		{"token_f1", metric("token_f1", nil), "The cat sat.", []string{"a cat sat down"}, 0.8},
		{"token_f1 of repeated words", metric("token_f1", nil), "no no", []string{"no"}, 2. / 3},
		{"token_f1, best target", metric("token_f1", nil), "cat", []string{"dog", "the cat"}, 1},
		{"token_f1 of nothing", metric("token_f1", nil), "", []string{"cat"}, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := Judge(generated(c.targets...), text(c.answer, backends.StopEOS), nil, resolve(t, backends.Generate, nil, c.spec))[0]
			if got.Value == nil || math.Abs(*got.Value-c.want) > 1e-12 {
				t.Fatalf("got %+v, want %v", got, c.want)
			}
			if right := got.Outcome == Correct; right != (c.want == 1) {
				t.Errorf("outcome %s of value %v", got.Outcome, c.want)
			}
		})
	}
}

func TestChoiceMetrics(t *testing.T) {
	nan, inf := math.NaN(), math.Inf(-1)
	for _, c := range []struct {
		name    string
		metric  string
		sample  tasks.Sample
		sums    []float64
		outcome Outcome
		value   float64
		answer  string
	}{
		{"acc", "acc", choices([]int{1}, "a", "b"), []float64{-2, -1}, Correct, 1, "b"},
		{"acc wrong", "acc", choices([]int{0}, "a", "b"), []float64{-2, -1}, Wrong, 0, "b"},
		{"first of equals", "acc", choices([]int{0}, "a", "b"), []float64{-1, -1}, Correct, 1, "a"},
		{"several right", "acc", choices([]int{0, 2}, "a", "b", "c"), []float64{-3, -2, -1}, Correct, 1, "c"},
		{"none right", "acc", choices(nil, "a", "b"), []float64{-3, -2}, Wrong, 0, "b"},
		{"impossible choices", "acc", choices([]int{1}, "a", "b"), []float64{inf, -2}, Correct, 1, "b"},
		{"acc_norm", "acc_norm", choices([]int{1}, "a", "bcde"), []float64{-1, -3}, Correct, 1, "bcde"},
		{"acc_norm counts code points", "acc_norm", choices([]int{0}, "ab", "éé"), []float64{-1, -1.5}, Correct, 1, "ab"},
		{"acc_bytes counts bytes", "acc_bytes", choices([]int{1}, "ab", "éé"), []float64{-1, -1.5}, Correct, 1, "éé"},
		{"an empty choice", "acc_norm", choices([]int{1}, "", "b"), []float64{0, -9}, Correct, 1, "b"},
		// p = (1/4, 3/4): (1/4)² + (1/4)² by hand.
		{"brier_score", "brier_score", choices([]int{1}, "a", "b"), []float64{math.Log(0.1), math.Log(0.3)}, Correct, 0.125, "b"},
		{"brier_score, wrong", "brier_score", choices([]int{0}, "a", "b"), []float64{math.Log(0.1), math.Log(0.3)}, Wrong, 1.125, "b"},
		{"too few", "acc", choices([]int{1}, "a", "b"), []float64{-2}, Failed, 0, ""},
		{"not a number", "acc", choices([]int{1}, "a", "b"), []float64{-2, nan}, Failed, 0, ""},
		{"nothing possible", "brier_score", choices([]int{1}, "a", "b"), []float64{inf, inf}, Failed, 0, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := Judge(c.sample, sums(c.sums...), nil, resolve(t, backends.LogLikelihood, nil, metric(c.metric, nil)))[0]
			if got.Outcome != c.outcome || got.Answer != c.answer {
				t.Fatalf("got %+v, want %s, answer %q", got, c.outcome, c.answer)
			}
			if got.Outcome == Failed {
				if got.Value != nil || got.Continuous != nil || got.Explanation == "" {
					t.Errorf("a failed score says %+v", got)
				}
				return
			}
			if math.Abs(*got.Value-c.value) > 1e-12 {
				t.Errorf("value %v, want %v", *got.Value, c.value)
			}
		})
	}
}

func TestTargetAndRollingLikelihoods(t *testing.T) {
	single := tasks.Sample{Requests: []backends.Request{{Kind: backends.LogLikelihood, Continuations: []string{" word"}}}, Targets: []string{" word"}}
	rolled := tasks.Sample{Requests: []backends.Request{{Kind: backends.LogLikelihoodRolling}}, Text: " é b\n"}
	answer := func(greedy bool) []backends.Response {
		return []backends.Response{{LogProbs: []backends.LogProb{{Sum: -6, Tokens: 4, Greedy: greedy}}}}
	}
	common := func(s Score) Score {
		s.Continuous, s.ContinuousName = ptr(-1.5), TargetLogProb
		return s
	}
	for _, c := range []struct {
		name   string
		sample tasks.Sample
		metric string
		greedy bool
		want   Score
	}{
		{"acc", single, "acc", true, Score{Outcome: Correct, Value: ptr(1)}},
		{"exact_match", single, "exact_match", false, Score{Outcome: Wrong, Value: ptr(0)}},
		{"perplexity", single, "perplexity", true, Score{Outcome: Correct, Value: ptr(-6)}},
		// re.split(r"\s+", " é b\n") has 4 parts in Python, and its UTF-8 has 6 bytes.
		{"word_perplexity", rolled, "word_perplexity", false, Score{Outcome: Correct, Value: ptr(-6), Weight: 4}},
		{"byte_perplexity", rolled, "byte_perplexity", false, Score{Outcome: Correct, Value: ptr(-6), Weight: 6}},
		{"bits_per_byte", rolled, "bits_per_byte", false, Score{Outcome: Correct, Value: ptr(-6), Weight: 6}},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.want.Metric = c.metric
			got := Judge(c.sample, answer(c.greedy), nil, resolve(t, c.sample.Kind(), nil, metric(c.metric, nil)))
			if diff := cmp.Diff([]Score{common(c.want)}, got, approx); diff != "" {
				t.Errorf("scores (-want +got):\n%s", diff)
			}
		})
	}
}

func TestCompanions(t *testing.T) {
	withTarget := append(text("x", backends.StopEOS), backends.Response{LogProbs: []backends.LogProb{{Sum: -3, Tokens: 2}}})
	for _, c := range []struct {
		name      string
		sample    tasks.Sample
		responses []backends.Response
		want      string
		value     float64
	}{
		{"a companion response", generated("12"), withTarget, TargetLogProb, -1.5},
		{"similar text", generated("xx", "kitten"), text("sitting", backends.StopEOS), TokenEditSimilarity, 1 - 3./7},
		{"code points", generated("é"), text("e", backends.StopEOS), TokenEditSimilarity, 0},
		{"nothing against nothing", generated(""), text("", backends.StopEOS), TokenEditSimilarity, 1},
		{"too long to compare", generated(strings.Repeat("a", 5000)), text(strings.Repeat("b", 5000), backends.StopEOS), "", 0},
		{"choices", choices([]int{1}, "a", "b"), sums(math.Log(0.1), math.Log(0.3)), Brier, 0.125},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := Judge(c.sample, c.responses, nil, resolve(t, c.sample.Kind(), nil))[0]
			if got.ContinuousName != c.want || (got.Continuous != nil) != (c.want != "") {
				t.Fatalf("got %+v, want %q", got, c.want)
			}
			if c.want != "" && math.Abs(*got.Continuous-c.value) > 1e-12 {
				t.Errorf("%s is %v, want %v", c.want, *got.Continuous, c.value)
			}
		})
	}
}

func TestResolve(t *testing.T) {
	strict, loose := pipeline(t), pipeline(t)
	strict.Name, loose.Name = "strict", "loose"
	names := func(bound []Bound) (out []string) {
		for _, b := range bound {
			out = append(out, b.Scorer.Name+","+b.Pipeline.Name)
		}
		return out
	}
	both := []Pipeline{strict, loose}
	got := names(resolve(t, backends.Generate, both, metric("exact_match", nil), metric("token_f1", nil)))
	want := []string{"exact_match,strict", "exact_match,loose", "token_f1,strict", "token_f1,loose"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("bound (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"acc,"}, names(resolve(t, backends.LogLikelihood, both))); diff != "" {
		t.Errorf("bound (-want +got):\n%s", diff)
	}
	for _, c := range []struct {
		name  string
		kind  backends.Kind
		specs []tasks.MetricSpec
		want  string
		hint  string
	}{
		{"unknown", backends.Generate, []tasks.MetricSpec{metric("exact_mach", nil)}, `unknown metric "exact_mach"`, `"exact_match"`},
		{"another kind", backends.Generate, []tasks.MetricSpec{metric("acc_norm", nil)}, "judges [loglikelihood] requests, not generate", "exact_match"},
		{"unknown option", backends.Generate, []tasks.MetricSpec{metric("exact_match", tasks.Options{"ignorecase": true})}, `unknown option "ignorecase"`, `"ignore_case"`},
		{"wrong type", backends.Generate, []tasks.MetricSpec{metric("exact_match", tasks.Options{"ignore_case": "yes"})}, "option ignore_case", ""},
		{"bad pattern", backends.Generate, []tasks.MetricSpec{metric("exact_match", tasks.Options{"regexes_to_ignore": []any{"("}})}, "regexes_to_ignore", ""},
		{"twice", backends.Generate, []tasks.MetricSpec{metric("contains", nil), metric("contains", nil)}, "given twice", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := Resolve(c.specs, nil, c.kind)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Fatalf("error %v does not say %q", err, c.want)
			}
			var hinted interface{ Hint() string }
			if errors.As(err, &hinted) != (c.hint != "") || c.hint != "" && !strings.Contains(hinted.Hint(), c.hint) {
				t.Errorf("hint of %v is not %q", err, c.hint)
			}
		})
	}
}

func TestPanickingScorerFails(t *testing.T) {
	b := Bound{Scorer: Scorer{Name: "bad"}, score: func(Input) Score { panic("index") }}
	got := Judge(generated("a"), text("a", backends.StopEOS), nil, []Bound{b})
	want := []Score{{Metric: "bad", Outcome: Failed, Explanation: "scorer bad panicked: index"}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("scores (-want +got):\n%s", diff)
	}
}

func TestScorersAreComplete(t *testing.T) {
	seen := make(map[string]bool)
	for _, s := range Scorers() {
		if s.Name == "" || s.Doc == "" || s.Version < 1 || len(s.Kinds) == 0 || seen[s.Name] {
			t.Errorf("scorer %+v", s)
		}
		seen[s.Name] = true
	}
	for _, kind := range backends.Kinds {
		if len(resolve(t, kind, nil)) == 0 {
			t.Errorf("%s has no default metric", kind)
		}
	}
}

// Whatever responses come, each score has an outcome, a finite value exactly where it did not fail, and no panic.
func TestEveryScoreIsSound(t *testing.T) {
	floats := rapid.OneOf(rapid.Float64Range(-50, 0), rapid.SampledFrom([]float64{0, math.Inf(-1), math.NaN(), math.Inf(1)}))
	rapid.Check(t, func(t *rapid.T) {
		kind := rapid.SampledFrom(backends.Kinds[:]).Draw(t, "kind")
		bound := []Bound{}
		for _, s := range Scorers() {
			if b, err := Resolve([]tasks.MetricSpec{{Name: s.Name}}, nil, kind); err == nil {
				bound = append(bound, b...)
			}
		}
		sample := tasks.Sample{
			Requests: []backends.Request{{Kind: kind}},
			Targets:  rapid.SliceOfN(rapid.String(), 0, 3).Draw(t, "targets"),
			Choices:  rapid.SliceOfN(rapid.String(), 0, 4).Draw(t, "choices"),
			Gold:     rapid.SliceOfN(rapid.IntRange(-1, 4), 0, 2).Draw(t, "gold"),
			Text:     rapid.String().Draw(t, "text"),
		}
		var responses []backends.Response
		for range rapid.IntRange(0, 2).Draw(t, "responses") {
			r := backends.Response{Text: rapid.String().Draw(t, "response")}
			for _, v := range rapid.SliceOfN(floats, 0, 4).Draw(t, "sums") {
				r.LogProbs = append(r.LogProbs, backends.LogProb{Sum: v, Tokens: rapid.IntRange(0, 3).Draw(t, "tokens")})
			}
			responses = append(responses, r)
		}
		for _, s := range Judge(sample, responses, nil, bound) {
			if strings.Contains(s.Explanation, "panicked") {
				t.Fatalf("%+v", s)
			}
			if (s.Value == nil) != (s.Outcome == Failed) || (s.Continuous == nil) != (s.ContinuousName == "") {
				t.Fatalf("%+v", s)
			}
			for _, v := range []*float64{s.Value, s.Continuous} {
				if v != nil && (math.IsNaN(*v) || math.IsInf(*v, 0)) {
					t.Fatalf("%+v has the value %v", s, *v)
				}
			}
		}
	})
}

// An empty response that a scorer judges wrong has no answer; one that it judges right stays right.
func TestEmptyResponses(t *testing.T) {
	whole := []Pipeline{pipeline(t, filter("take_first", nil))}
	for _, c := range []struct {
		name, target string
		responses    []backends.Response
		want         Outcome
	}{
		{"empty", "12", text(" \n", backends.StopEOS), Unparsed},
		{"cut before the first word", "12", text("", backends.StopLength), Truncated},
		{"cut within a wrong answer", "12", text("13 and", backends.StopLength), Wrong},
		{"empty and right", "", text("", backends.StopEOS), Correct},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := Judge(generated(c.target), c.responses, nil, resolve(t, backends.Generate, whole))
			if len(got) != 1 || got[0].Outcome != c.want || got[0].Value == nil || (*got[0].Value == 1) != (c.want == Correct) {
				t.Errorf("%+v, want %s", got, c.want)
			}
		})
	}
}
