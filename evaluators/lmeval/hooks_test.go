package lmeval_test

import (
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/onset-eval/onset/evaluators/lmeval"
	"github.com/onset-eval/onset/tasks/pyval"
)

func resultsHook(t *testing.T, name string) lmeval.ResultsFunc {
	t.Helper()
	for _, h := range lmeval.ResultsHooks() {
		if h.Name == name {
			return h.Results
		}
	}
	t.Fatalf("there is no hook %s", name)
	return nil
}

func TestIFEval(t *testing.T) {
	doc := decode(t, []byte(`{"prompt": "Write.", "instruction_id_list": ["punctuation:no_comma", "detectable_format:number_bullet_lists"],
		"kwargs": [{"num_bullets": null}, {"num_bullets": 2, "keywords": null}]}`)).(*pyval.Dict)
	got, err := resultsHook(t, "ifeval/utils.process_results")(doc, []pyval.Value{"Sure, here:\n* one\n* two"})
	if err != nil {
		t.Fatal(err)
	}
	const want = "{'prompt_level_strict_acc': False, 'inst_level_strict_acc': [False, True], 'prompt_level_loose_acc': True, 'inst_level_loose_acc': [True, True]}"
	if pyval.Repr(got) != want {
		t.Errorf("got %s", pyval.Repr(got))
	}
}

// The normal forms are those of the paper's examples and of the harness's comments.
func TestMinerva(t *testing.T) {
	const hope = ". I hope it is correct."
	for _, c := range []struct {
		answer, gold string
		want         int64
	}{
		{"Final Answer: The final answer is $\\frac12$" + hope, "\\frac{1}{2}", 1},
		{"Final Answer: The final answer is $0.5$" + hope, "\\frac{1}{2}", 1},
		{"Final Answer: The final answer is x = 100,000 dollars" + hope, "100000", 1},
		{"Final Answer: The final answer is $-\\frac{2}{4}$" + hope, "-\\frac{1}{2}", 1},
		{"Final Answer: The final answer is \\sqrt2" + hope, "\\sqrt{2}", 1},
		{"Final Answer: The final answer is 3" + hope, "4", 0},
		{"It is 4.", "4", 0},
	} {
		doc := new(pyval.Dict)
		doc.Set("answer", c.gold)
		for name, metric := range map[string]string{"minerva_math/utils.process_results": "exact_match",
			"minerva_math/utils.process_results@0.4.13": "exact_match", "leaderboard/math/utils.process_results": "exact_match_original"} {
			got, err := resultsHook(t, name)(doc, []pyval.Value{c.answer})
			if err != nil || field(got, metric) != c.want {
				t.Errorf("%s, %q against %q: got %v, %v", name, c.answer, c.gold, pyval.Repr(got), err)
			}
		}
	}
}

// TestMinervaRelease holds what the release's normal form keeps: the index of a root, the comma of a pair. Nothing is no
// answer.
func TestMinervaRelease(t *testing.T) {
	for _, c := range []struct {
		answer, gold string
		want         int64
	}{{`$\sqrt[3]8$`, `\sqrt[3]{8}`, 1}, {"$(0,1)$", "(0,1)", 1}, {"0,1", "01", 0}, {"1,000", "1000", 1}, {`$2\pi cm$`, `2\pi`, 1}, {"$$", "", 0}} {
		doc := new(pyval.Dict)
		doc.Set("answer", c.gold)
		text := "Final Answer: The final answer is " + c.answer + ". I hope it is correct."
		got, err := resultsHook(t, "minerva_math/utils.process_results@0.4.13")(doc, []pyval.Value{text})
		if err != nil || field(got, "exact_match") != c.want {
			t.Errorf("%q against %q: got %v, %v", c.answer, c.gold, pyval.Repr(got), err)
		}
	}
}

// Hooks get what a data set and a model give, which may be anything: an error is right and a panic is not.
func TestHooksRefuse(t *testing.T) {
	docs := []*pyval.Dict{nil, new(pyval.Dict), decode(t, []byte(`{"answers": [], "gold": 1, "mc2_targets": {"labels": []}, "label": 9,
		"ans0": "a", "ans1": "Unknown", "ans2": "c", "biased_answers": [], "context_condition": 1, "category": "none", "kwargs": [1],
		"instruction_id_list": ["x"], "entities": [], "solution": "\\boxed{", "page": 1, "correct_answers": [], "incorrect_answers": []}`)).(*pyval.Dict),
		decode(t, []byte(`{"answers": [[]], "gold": [1], "choices": ["a"], "questions": {"input_text": []}, "answer": null}`)).(*pyval.Dict)}
	results := [][]pyval.Value{nil, {nil}, {"text"}, {1.5}, {pyval.List{1.5, true}}, {pyval.List{"x"}, "y"}, {"", ""}}
	n := 0
	for _, h := range lmeval.ResultsHooks() {
		for _, doc := range docs {
			for _, r := range results {
				if _, err := h.Results(doc, r); err != nil {
					n++
				}
			}
		}
	}
	if n < 200 {
		t.Errorf("%d refusals", n)
	}
	for _, a := range slices.Concat(lmeval.AggregationHooks(), lmeval.Aggregations()) {
		for _, items := range [][]pyval.Value{{nil}, {"a"}, {pyval.List{}}, {pyval.List{nil, nil}}, {pyval.List{int64(1), pyval.List{}}}} {
			_, _ = a.Prepare(items, lmeval.Rules{})
		}
	}
}

func TestDigestsName(t *testing.T) {
	known := make(map[string]bool)
	for _, h := range lmeval.ResultsHooks() {
		known[h.Name] = true
	}
	for _, a := range lmeval.AggregationHooks() {
		known[a.Name] = true
	}
	for _, h := range lmeval.CompareHooks() {
		known[h.Name] = true
	}
	for _, k := range lmeval.Filters() {
		if strings.Contains(k.Name, "/") {
			known[k.Name] = true
		}
	}
	for name := range known {
		if len(lmeval.Digests(name)) == 0 && !strings.HasPrefix(name, "squadv2/task.SQuAD2.") {
			t.Errorf("%s stands for no source", name)
		}
	}
}

// TestPairsF1 holds the mean over pairs: of the words that both have, counted without articles, and 0 where there are
// none.
func TestPairsF1(t *testing.T) {
	for _, a := range lmeval.AggregationHooks() {
		if a.Name != "afrobench/afriqa/prompt_1/utils.f1" {
			continue
		}
		items := []pyval.Value{pyval.List{"The old man.", "old man"}, pyval.List{"a b", "b c"}, pyval.List{"the", ""}}
		statistic, err := a.Prepare(items, lmeval.Rules{})
		if err != nil {
			t.Fatal(err)
		}
		if v := statistic([]int32{0, 1, 2}); math.Abs(v-(1+2.0/3)/3) > 1e-12 {
			t.Errorf("%v", v)
		}
		if _, err := a.Prepare([]pyval.Value{pyval.List{int64(1), "x"}}, lmeval.Rules{}); err == nil {
			t.Error("a number is a text")
		}
		return
	}
	t.Fatal("the hook is missing")
}
