package lmeval_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"io"
	"math"
	"os"
	"strings"
	"testing"

	"github.com/onset-eval/onset/evaluators/lmeval"
	"github.com/onset-eval/onset/tasks/pyval"
)

// reference reads a part of what the harness's own functions gave: testdata/reference.py.
func reference(t *testing.T, part string, atLeast int) pyval.List {
	t.Helper()
	packed, err := os.ReadFile("testdata/reference.json.gz")
	if err != nil {
		t.Fatal(err)
	}
	r, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		t.Fatal(err)
	}
	data, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	// Python writes numbers that JSON does not have.
	text := strings.NewReplacer("NaN", `"\u0000nan"`, "-Infinity", `"\u0000-inf"`, "Infinity", `"\u0000inf"`).Replace(string(data))
	cases := list(field(unquote(decode(t, []byte(text))), part))
	if len(cases) < atLeast {
		t.Fatalf("%d cases of %s, want %d or more", len(cases), part, atLeast)
	}
	return cases
}

func unquote(v pyval.Value) pyval.Value {
	switch v := v.(type) {
	case pyval.List:
		for i := range v {
			v[i] = unquote(v[i])
		}
	case *pyval.Dict:
		for _, k := range v.Keys() {
			v.Set(k, unquote(field(v, k)))
		}
	case string:
		switch v {
		case "\x00nan":
			return math.NaN()
		case "\x00inf":
			return math.Inf(1)
		case "\x00-inf":
			return math.Inf(-1)
		}
	}
	return v
}

func dict(v pyval.Value) *pyval.Dict { d, _ := v.(*pyval.Dict); return d }

func dicts(v pyval.Value) []*pyval.Dict {
	var out []*pyval.Dict
	for _, d := range list(v) {
		out = append(out, dict(d))
	}
	return out
}

func TestFiltersAgree(t *testing.T) {
	seen := make(map[string]bool)
	for i, c := range reference(t, "filters", 50) {
		name := text(field(c, "function"))
		for _, k := range lmeval.Filters() {
			if k.Name != name {
				continue
			}
			seen[name] = true
			f, err := k.Make(dict(field(c, "options")))
			if err != nil {
				t.Fatal(err)
			}
			got, err := f(list(field(c, "resps")), dicts(field(c, "docs")))
			if err != nil {
				t.Fatalf("case %d, %s: %v", i, name, err)
			}
			want := list(field(c, "want"))
			for j := range want {
				if d := different(want[j], got[j]); d != "" {
					t.Errorf("case %d, %s %s of %s: %s", i, name, pyval.Repr(field(c, "options")), pyval.Repr(list(field(c, "resps"))[j]), d)
				}
			}
		}
	}
	for _, k := range lmeval.Filters() {
		if !seen[k.Name] {
			t.Errorf("filter %s has no cases", k.Name)
		}
	}
}

func TestExactMatchAgrees(t *testing.T) {
	for i, c := range reference(t, "exact", 100) {
		task, err := lmeval.NewTask(lmeval.Config{Metrics: []lmeval.MetricSpec{{Name: "exact_match", Options: dict(field(c, "options"))}}})
		if err != nil {
			t.Fatal(err)
		}
		refs, preds := list(field(c, "references")), list(field(c, "predictions"))
		if len(refs) > 1 {
			continue // a task compares pairs, but for several targets of one answer
		}
		got, err := task.Process(lmeval.Doc{Target: refs[0]}, preds)
		if err != nil {
			t.Fatal(err)
		}
		if d := different(field(c, "want"), field(got, "exact_match")); d != "" {
			t.Errorf("case %d, %s: %s", i, pyval.Repr(c), d)
		}
	}
}

func TestAggregationsAgree(t *testing.T) {
	seen := make(map[string]bool)
	for i, c := range reference(t, "aggregations", 100) {
		name, metric := text(field(c, "aggregation")), text(field(c, "metric"))
		seen[name] = true
		if metric == "" {
			metric = "m"
		}
		iters, _ := field(c, "iters").(int64)
		got, err := lmeval.Aggregate(context.Background(), metric, name, list(field(c, "items")), int(iters), lmeval.Compat())
		if err != nil {
			t.Fatalf("case %d, %s: %v", i, name, err)
		}
		if d := different(field(c, "value"), got.Value); d != "" {
			t.Errorf("case %d, %s: %s", i, name, d)
		}
		var stderr pyval.Value
		if got.Stderr != nil {
			stderr = *got.Stderr
		}
		if d := different(field(c, "stderr"), stderr); d != "" {
			t.Errorf("case %d, %s: standard error: %s", i, name, d)
		}
	}
	for _, a := range lmeval.Aggregations() {
		if !seen[a.Name] && a.Name != "bypass" {
			t.Errorf("aggregation %s has no cases", a.Name)
		}
	}
}

func TestHooksAgree(t *testing.T) {
	seen := make(map[string]bool)
	for i, c := range reference(t, "hooks", 1000) {
		name := text(field(c, "name"))
		for _, h := range lmeval.ResultsHooks() {
			if h.Name != name {
				continue
			}
			seen[name] = true
			got, err := h.Results(dict(field(c, "doc")), list(field(c, "results")))
			if err != nil {
				t.Fatalf("case %d, %s: %v", i, name, err)
			}
			want := dict(field(c, "want"))
			for _, key := range want.Keys() {
				if d := different(flags(field(want, key)), flags(field(got, key))); d != "" {
					t.Errorf("case %d, %s: %s of %s: %s", i, name, key, pyval.Repr(c), d)
				}
			}
			if strings.Join(want.Keys(), " ") != strings.Join(got.Keys(), " ") {
				t.Errorf("case %d, %s: %q, want %q", i, name, got.Keys(), want.Keys())
			}
		}
	}
	for _, h := range lmeval.ResultsHooks() {
		if !seen[h.Name] {
			t.Logf("hook %s has no cases", h.Name)
		}
	}
}

// flags gives truth values as numbers.
func flags(v pyval.Value) pyval.Value {
	switch v := v.(type) {
	case bool:
		if v {
			return int64(1)
		}
		return int64(0)
	case pyval.List:
		out := make(pyval.List, len(v))
		for i := range v {
			out[i] = flags(v[i])
		}
		return out
	}
	return v
}

func TestHookAggregationsAgree(t *testing.T) {
	for i, c := range reference(t, "hook_aggregations", 20) {
		name, found := text(field(c, "name")), false
		for _, a := range lmeval.AggregationHooks() {
			if a.Name != name {
				continue
			}
			found = true
			stat, err := a.Prepare(list(field(c, "items")), lmeval.Compat())
			if err != nil {
				t.Fatalf("case %d, %s: %v", i, name, err)
			}
			if d := different(field(c, "want"), stat(nil)); d != "" {
				t.Errorf("case %d, %s: %s", i, name, d)
			}
		}
		if !found {
			t.Errorf("case %d: there is no aggregation %s", i, name)
		}
	}
}

func TestProcessAgrees(t *testing.T) {
	for i, c := range reference(t, "process", 400) {
		config := lmeval.Config{
			OutputType: lmeval.OutputType(text(field(c, "output_type"))), Rules: lmeval.Compat(), HasChoices: field(c, "choices") != nil,
			MultipleInputs: field(c, "multiple_input") == true, MultipleTargets: field(c, "multiple_target") == true,
		}
		for _, m := range list(field(c, "metrics")) {
			spec := lmeval.MetricSpec{Name: text(m)}
			if spec.Name == "exact_match" {
				spec.Options = dict(field(c, "options"))
			}
			config.Metrics = append(config.Metrics, spec)
		}
		task, err := lmeval.NewTask(config)
		if err != nil {
			t.Fatal(err)
		}
		doc := lmeval.Doc{Target: field(c, "target"), Input: field(c, "input")}
		for _, choice := range list(field(c, "choices")) {
			doc.Choices = append(doc.Choices, text(choice))
		}
		got, err := task.Process(doc, list(field(c, "results")))
		wantError, _ := field(c, "error").(string)
		if (err != nil) != (wantError != "") {
			t.Errorf("case %d, %s: error %v, want %q", i, pyval.Repr(c), err, wantError)
			continue
		}
		var pairs pyval.List
		for _, k := range got.Keys() {
			pairs = append(pairs, pyval.List{k, field(got, k)})
		}
		if d := different(flags(list(field(c, "want"))), flags(pairs)); d != "" && err == nil {
			t.Errorf("case %d, %s: %s", i, pyval.Repr(c), d)
		}
	}
}

func TestGroupsAgree(t *testing.T) {
	for i, c := range reference(t, "groups", 20) {
		var metrics []lmeval.GroupMetric
		for _, m := range list(field(c, "metrics")) {
			g := lmeval.GroupMetric{Metric: text(field(m, "metric")), WeightBySize: field(m, "weight") == true}
			for _, f := range list(field(m, "filters")) {
				g.Filters = append(g.Filters, text(f))
			}
			metrics = append(metrics, g)
		}
		var leaves []lmeval.TaskResult
		for _, name := range dict(field(c, "leaves")).Keys() {
			leaf := dict(field(c, "leaves", name))
			size, _ := field(leaf, "sample_len").(int64)
			r := lmeval.TaskResult{Task: name, SampleLen: int(size)}
			for _, key := range leaf.Keys() {
				metric, filter, ok := strings.Cut(key, ",")
				if !ok || strings.HasSuffix(metric, "_stderr") {
					continue
				}
				v, _ := asFloat(field(leaf, key))
				m := lmeval.Result{Metric: metric, Filter: filter, Value: v}
				if se, ok := asFloat(field(leaf, metric+"_stderr,"+filter)); ok {
					m.Stderr = &se
				}
				r.Metrics = append(r.Metrics, m)
			}
			leaves = append(leaves, r)
		}
		got := lmeval.AggregateGroup(metrics, leaves, lmeval.Compat())
		flat := new(pyval.Dict)
		flat.Set("sample_len", int64(got.SampleLen))
		for _, r := range got.Metrics {
			flat.Set(r.Metric+","+r.Filter, r.Value)
			var se pyval.Value = "N/A"
			if r.Stderr != nil {
				se = *r.Stderr
			}
			flat.Set(r.Metric+"_stderr,"+r.Filter, se)
		}
		want := dict(field(c, "want"))
		if flat.Len() != want.Len() {
			t.Errorf("group %d: %q, want %q", i, flat.Keys(), want.Keys())
		}
		for _, key := range want.Keys() {
			if d := different(field(want, key), field(flat, key)); d != "" {
				t.Errorf("group %d: %s: %s", i, key, d)
			}
		}
	}
}

func TestComparesAgree(t *testing.T) {
	hooks := make(map[string]lmeval.Compare)
	for _, h := range lmeval.CompareHooks() {
		hooks[h.Name] = h.Compare
	}
	for i, c := range reference(t, "compares", 300) {
		name := text(field(c, "name"))
		if hooks[name] == nil {
			t.Fatalf("there is no metric %s", name)
		}
		got, err := hooks[name]([]pyval.Value{field(c, "reference")}, []pyval.Value{field(c, "prediction")})
		if err != nil {
			t.Fatal(err)
		}
		if d := different(flags(field(c, "want")), flags(got)); d != "" {
			t.Errorf("case %d, %s: %s", i, pyval.Repr(c), d)
		}
	}
}
