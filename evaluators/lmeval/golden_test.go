package lmeval_test

import (
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/onset-eval/onset/evaluators/lmeval"
	"github.com/onset-eval/onset/tasks/pyval"
)

// TestGoldenMetrics computes what lm-evaluation-harness recorded of each run from the documents and responses in the
// record: filtered responses, metrics of each sample, aggregates and standard errors.
func TestGoldenMetrics(t *testing.T) {
	files := goldenFiles(t)
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".json"), func(t *testing.T) {
			data, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			run := decode(t, data).(*pyval.Dict)
			if field(run, "results", "configs") == nil {
				borrowConfigs(t, file, run)
			}
			checkGolden(t, run)
		})
	}
}

func goldenFiles(t *testing.T) []string {
	t.Helper()
	dir := os.Getenv("ONSET_LMEVAL_DATA")
	if dir == "" {
		dir = filepath.Join("..", "..", "..", "shared", "lmeval")
		if _, err := os.Stat(dir); err != nil {
			t.Skipf("the runs of lm-evaluation-harness are not there: %v; set ONSET_LMEVAL_DATA to their folder", err)
		}
	}
	files, err := filepath.Glob(filepath.Join(dir, "golden", "*.json"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no *.json in %s/golden (%v)", dir, err)
	}
	return files
}

// borrowConfigs takes a task's configuration from another run of it, where there is one.
func borrowConfigs(t *testing.T, file string, run *pyval.Dict) {
	t.Helper()
	others, _ := filepath.Glob(strings.Split(file, "@")[0] + "@*.json")
	for _, other := range others {
		data, err := os.ReadFile(other)
		if err != nil {
			t.Fatal(err)
		}
		configs := field(decode(t, data), "results", "configs")
		if configs != nil {
			field(run, "results").(*pyval.Dict).Set("configs", configs)
			return
		}
	}
}

// field gives the value at a path of keys.
func field(v pyval.Value, path ...string) pyval.Value {
	for _, key := range path {
		d, ok := v.(*pyval.Dict)
		if !ok {
			return nil
		}
		v, _ = d.Get(key)
	}
	return v
}

func text(v pyval.Value) string { s, _ := v.(string); return s }

func list(v pyval.Value) pyval.List { l, _ := v.(pyval.List); return l }

// hookedTasks says how tasks are scored whose record holds no configuration.
var hookedTasks = map[string]lmeval.Config{
	"copa":                   {OutputType: lmeval.MultipleChoice},
	"hellaswag":              {OutputType: lmeval.MultipleChoice},
	"logiqa":                 {OutputType: lmeval.MultipleChoice},
	"mathqa":                 {OutputType: lmeval.MultipleChoice},
	"medqa_4options":         {OutputType: lmeval.MultipleChoice},
	"hendrycks_math_algebra": {OutputType: lmeval.GenerateUntil, Results: lmeval.HendrycksMath},
}

// goldenConfig reads a task's configuration from the record.
func goldenConfig(t *testing.T, run *pyval.Dict, name string) (c lmeval.Config, delimiter string) {
	t.Helper()
	config, _ := field(run, "results", "configs", name).(*pyval.Dict)
	if config == nil {
		c, ok := hookedTasks[name]
		if !ok {
			t.Skipf("the record holds no configuration of %s, and this test does not know it", name)
		}
		for _, m := range list(field(list(field(run, "samples", name))[0], "metrics")) {
			c.Metrics = append(c.Metrics, lmeval.MetricSpec{Name: text(m)})
		}
		c.Name, c.Rules = name, lmeval.Compat()
		return c, " "
	}
	c = lmeval.Config{Name: name, OutputType: lmeval.OutputType(text(field(config, "output_type"))), Rules: lmeval.Compat()}
	c.HasChoices = field(config, "doc_to_choice") != nil
	for _, m := range list(field(config, "metric_list")) {
		c.Metrics = append(c.Metrics, metricSpec(m.(*pyval.Dict)))
	}
	for _, f := range list(field(config, "filter_list")) {
		e := lmeval.EnsembleSpec{Name: text(field(f, "name"))}
		for _, step := range list(field(f, "filter")) {
			options := new(pyval.Dict)
			for _, key := range step.(*pyval.Dict).Keys() {
				if key != "function" {
					options.Set(key, field(step, key))
				}
			}
			e.Filters = append(e.Filters, lmeval.FilterSpec{Function: text(field(step, "function")), Options: options})
		}
		c.Filters = append(c.Filters, e)
	}
	return c, text(field(config, "target_delimiter"))
}

func metricSpec(m *pyval.Dict) lmeval.MetricSpec {
	spec := lmeval.MetricSpec{Name: text(field(m, "metric")), Aggregation: text(field(m, "aggregation")), Options: new(pyval.Dict)}
	for _, key := range m.Keys() {
		switch key {
		case "metric", "aggregation", "higher_is_better", "hf_evaluate":
		default:
			spec.Options.Set(key, field(m, key))
		}
	}
	return spec
}

// goldenItems gathers the documents and the responses to their requests.
func goldenItems(run *pyval.Dict, name string, c *lmeval.Config, delimiter string) []lmeval.Item {
	samples := list(field(run, "samples", name))
	var items []lmeval.Item
	for _, s := range samples {
		if text(field(s, "filter")) != text(field(samples[0], "filter")) {
			break
		}
		item := lmeval.Item{Doc: lmeval.Doc{Values: field(s, "doc").(*pyval.Dict), Target: field(s, "target")}}
		for _, r := range list(field(s, "resps")) {
			item.Responses = append(item.Responses, list(r))
		}
		for _, a := range list(field(s, "arguments")) {
			if c.OutputType == lmeval.MultipleChoice { // each request asks for one choice
				// With a chat template the choice stands without the delimiter.
				item.Doc.Choices = append(item.Doc.Choices, strings.TrimPrefix(text(list(a)[1]), delimiter))
			}
		}
		for _, choice := range list(field(run, "results", "configs", name, "doc_to_choice")) {
			if c.OutputType == lmeval.GenerateUntil {
				item.Doc.Choices = append(item.Doc.Choices, text(choice))
			}
		}
		items = append(items, item)
	}
	_, c.MultipleTargets = items[0].Doc.Target.(pyval.List)
	return items
}

func checkGolden(t *testing.T, run *pyval.Dict) {
	results := field(run, "results", "results").(*pyval.Dict)
	if results.Len() == 0 {
		t.Fatal("no tasks")
	}
	for _, name := range results.Keys() {
		c, delimiter := goldenConfig(t, run, name)
		items := goldenItems(run, name, &c, delimiter)
		task, err := lmeval.NewTask(c)
		if err != nil {
			t.Fatal(err)
		}
		scores, err := task.Score(items)
		if err != nil {
			t.Fatal(err)
		}
		wantSamples := list(field(run, "samples", name))
		if len(scores.Samples) != len(wantSamples) {
			t.Fatalf("%d samples, want %d", len(scores.Samples), len(wantSamples))
		}
		for i, want := range wantSamples {
			checkSample(t, scores.Samples[i], want)
		}
		checkResults(t, scores, field(results, name).(*pyval.Dict))
	}
}

func checkSample(t *testing.T, got lmeval.Sample, want pyval.Value) {
	t.Helper()
	if got.Filter != text(field(want, "filter")) || int64(got.Item) != field(want, "doc_id") {
		t.Fatalf("sample %d %s, want %v %v", got.Item, got.Filter, field(want, "doc_id"), field(want, "filter"))
	}
	if d := different(field(want, "filtered_resps"), pyval.List(got.Filtered)); d != "" {
		t.Errorf("document %d, filter %s: filtered responses: %s", got.Item, got.Filter, d)
	}
	var names pyval.List
	for _, name := range got.Metrics.Keys() {
		names = append(names, name)
		if d := different(field(want, name), field(got.Metrics, name)); d != "" {
			t.Errorf("document %d, filter %s: %s: %s", got.Item, got.Filter, name, d)
		}
	}
	if d := different(field(want, "metrics"), names); d != "" {
		t.Errorf("document %d, filter %s: metrics: %s", got.Item, got.Filter, d)
	}
}

func checkResults(t *testing.T, scores lmeval.Scores, want *pyval.Dict) {
	t.Helper()
	iters := 0 // unless there are standard errors, and then 2000
	for _, key := range want.Keys() {
		if strings.Contains(key, "_stderr,") && field(want, key) != "N/A" {
			iters = 2000
		}
	}
	got, err := scores.Results(t.Context(), iters)
	if err != nil {
		t.Fatal(err)
	}
	if d := different(field(want, "sample_len"), int64(got.SampleLen)); d != "" {
		t.Errorf("sample_len: %s", d)
	}
	flat := new(pyval.Dict)
	for _, r := range got.Metrics {
		flat.Set(r.Metric+","+r.Filter, r.Value)
		var stderr pyval.Value = "N/A"
		if r.Stderr != nil {
			stderr = *r.Stderr
		}
		flat.Set(r.Metric+"_stderr,"+r.Filter, stderr)
	}
	checked := 0
	for _, key := range want.Keys() {
		if !strings.Contains(key, ",") {
			continue
		}
		checked++
		if d := different(field(want, key), field(flat, key)); d != "" {
			t.Errorf("%s: %s", key, d)
		}
	}
	if checked == 0 || checked != flat.Len() {
		t.Errorf("%d results, want %d", flat.Len(), checked)
	}
}

// different says how got differs from want; numbers agree within 1e-12 of each other.
func different(want, got pyval.Value) string {
	if w, ok := want.(pyval.List); ok {
		g, ok := got.(pyval.List)
		if !ok || len(g) != len(w) {
			return pyval.Repr(got) + ", want " + pyval.Repr(want)
		}
		for i := range w {
			if d := different(w[i], g[i]); d != "" {
				return d
			}
		}
		return ""
	}
	w, isNumber := asFloat(want)
	if g, ok := asFloat(got); ok && isNumber && (math.IsNaN(w) && math.IsNaN(g) || math.Abs(w-g) <= 1e-12*math.Max(1, math.Abs(w))) {
		return ""
	}
	if pyval.Repr(want) == pyval.Repr(got) {
		return ""
	}
	return pyval.Repr(got) + ", want " + pyval.Repr(want)
}

func asFloat(v pyval.Value) (float64, bool) {
	switch v := v.(type) {
	case float64:
		return v, true
	case int64:
		return float64(v), true
	}
	return 0, false
}
