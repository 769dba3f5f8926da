package interop

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"github.com/onset-eval/onset/tasks"
	"github.com/onset-eval/onset/tasks/pyval"
)

// unsafeInNames is what the harness replaces in file names (utils.py, sanitize_model_name).
var unsafeInNames = regexp.MustCompile(`["<>:/|\\?*\[\]]+`)

// WriteOptions say what stands in the files beside the results.
type WriteOptions struct {
	// At is when the run was made: it names the files.
	At time.Time
	// Version is onset's.
	Version string
	// Limit, System, ChatTemplate and Multiturn are the run's.
	Limit                   int
	System                  string
	ChatTemplate, Multiturn bool
}

// Write writes results_TIME.json and a samples_TASK_TIME.jsonl for each task into DIR/MODEL as the harness does with
// --log_samples, and gives their paths. Keys and their order are the harness's; what only its own program knows (its
// commit, its environment) is left out or says onset.
func (l *LMEval) Write(dir string, o WriteOptions) ([]string, error) {
	name := l.Model.Name
	folder := filepath.Join(dir, unsafeInNames.ReplaceAllString(name, "__"))
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return nil, err
	}
	stamp := strings.ReplaceAll(o.At.UTC().Format("2006-01-02T15:04:05.000000"), ":", "-")
	var paths []string
	hashes := new(pyval.Dict)
	for i := range l.Tasks {
		lines, hash, err := l.Tasks[i].sampleLines()
		if err != nil {
			return paths, err
		}
		hashes.Set(l.Tasks[i].Task.Name(), hash)
		path := filepath.Join(folder, "samples_"+unsafeInNames.ReplaceAllString(l.Tasks[i].Task.Name(), "__")+"_"+stamp+".jsonl")
		if err := os.WriteFile(path, []byte(lines), 0o644); err != nil {
			return paths, fmt.Errorf("write samples: %w", err)
		}
		paths = append(paths, path)
	}
	text, err := pyval.JSON(l.results(o, hashes), true)
	if err != nil {
		return paths, err
	}
	path := filepath.Join(folder, "results_"+stamp+".json")
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		return paths, fmt.Errorf("write results: %w", err)
	}
	return append(paths, path), nil
}

func dict(pairs ...any) *pyval.Dict {
	d := new(pyval.Dict)
	for i := 0; i+1 < len(pairs); i += 2 {
		d.Set(pairs[i].(string), pairs[i+1])
	}
	return d
}

// results is the results file's content, in the harness's order of keys (evaluator.py, simple_evaluate).
func (l *LMEval) results(o WriteOptions, hashes *pyval.Dict) *pyval.Dict {
	results, groups, subtasks := new(pyval.Dict), new(pyval.Dict), new(pyval.Dict)
	configs, versions, shots := new(pyval.Dict), new(pyval.Dict), new(pyval.Dict)
	higher, counts := new(pyval.Dict), new(pyval.Dict)
	for i := range l.Tasks {
		t := &l.Tasks[i]
		name := t.Task.Name()
		results.Set(name, t.entry())
		config := t.Task.Config()
		configs.Set(name, config)
		alias, ok := config.Get("task_alias")
		if entry, _ := results.Get(name); ok {
			entry.(*pyval.Dict).Set("alias", alias)
		}
		versions.Set(name, version(t.Task.Version()))
		shots.Set(name, int64(t.Variant.Shots))
		higher.Set(name, t.Harness.HigherIsBetter())
		n := int64(len(t.Samples))
		counts.Set(name, dict("original", n+int64(t.Failed), "effective", n))
	}
	for _, g := range l.Groups {
		entry := dict("name", g.Group.Name, "alias", orName(g.Group.Alias, g.Group.Name), "sample_len", int64(g.SampleLen))
		for _, m := range g.Metrics {
			setMetric(entry, m.Metric, m.Filter, m.Value, m.Stderr)
		}
		results.Set(g.Group.Name, entry)
		groups.Set(g.Group.Name, entry)
		versions.Set(g.Group.Name, version(g.Group.Version))
		var members pyval.List
		for _, m := range g.Group.Members {
			if m.Group != nil {
				members = append(members, m.Group.Name)
			} else {
				members = append(members, m.Task.Name)
			}
		}
		subtasks.Set(g.Group.Name, members)
	}
	out := dict("results", results)
	if groups.Len() > 0 {
		out.Set("groups", groups)
	}
	for _, p := range [][2]any{{"group_subtasks", subtasks}, {"configs", configs}, {"versions", versions}, {"n-shot", shots},
		{"higher_is_better", higher}, {"n-samples", counts}} {
		out.Set(p[0].(string), p[1])
	}
	info := l.Model.Info
	var limit, system, template pyval.Value
	if o.Limit > 0 {
		limit = float64(o.Limit)
	}
	if o.System != "" {
		system = o.System
	}
	if o.ChatTemplate && info.ChatTemplate != "" {
		template = info.ChatTemplate
	}
	out.Set("config", dict("model", info.Provider, "model_args", info.Model, "batch_size", nil, "batch_sizes", pyval.List{}, "device", nil,
		"use_cache", nil, "limit", limit, "bootstrap_iters", int64(defaultIters), "gen_kwargs", nil,
		"random_seed", int64(0), "numpy_seed", int64(1234), "torch_seed", int64(1234), "fewshot_seed", int64(1234)))
	for _, p := range [][2]any{
		{"git_hash", nil}, {"date", float64(o.At.UnixNano()) / 1e9}, {"pretty_env_info", "onset " + o.Version}, {"transformers_version", nil},
		{"lm_eval_version", "onset " + o.Version}, {"upper_git_hash", nil}, {"task_hashes", hashes},
		{"model_source", info.Provider}, {"model_name", l.Model.Name}, {"model_name_sanitized", unsafeInNames.ReplaceAllString(l.Model.Name, "__")},
		{"system_instruction", system}, {"system_instruction_sha", digest(system)}, {"fewshot_as_multiturn", o.Multiturn},
		{"chat_template", template}, {"chat_template_sha", digest(template)},
	} {
		out.Set(p[0].(string), p[1])
	}
	return out
}

func digest(v pyval.Value) pyval.Value {
	s, ok := v.(string)
	if !ok {
		return nil
	}
	return tasks.HashText(s)
}

func orName(alias, name string) string {
	if alias == "" {
		return name
	}
	return alias
}

// version is a number where it reads as one, as in the YAML that it is from.
func version(s string) pyval.Value {
	if s == "" {
		return "Yaml"
	}
	if f, err := pyval.ParseFloat(s); err == nil {
		if !strings.ContainsAny(s, ".eE") {
			return int64(f)
		}
		return f
	}
	return s
}

// entry is a task's part of results.
func (t *TaskResults) entry() *pyval.Dict {
	e := dict("name", t.Task.Name(), "alias", t.Task.Name(), "sample_len", int64(t.SampleLen))
	for _, m := range t.Metrics {
		setMetric(e, m.Metric, m.Filter, m.Value, m.Stderr)
	}
	return e
}

func setMetric(e *pyval.Dict, metric, filter string, value float64, stderr *float64) {
	e.Set(metric+","+filter, value)
	if stderr == nil {
		e.Set(metric+"_stderr,"+filter, "N/A")
		return
	}
	e.Set(metric+"_stderr,"+filter, *stderr)
}

// sampleLines are the task's sample records, one a filter pipeline and document, with the task's hash.
func (t *TaskResults) sampleLines() (lines, taskHash string, err error) {
	var b strings.Builder
	var records []tasks.Hashes
	for _, j := range t.Scores.Samples {
		s := &t.Samples[j.Item]
		h, err := s.Raw.Hashes()
		if err != nil {
			return "", "", err
		}
		records = append(records, h)
		record, err := t.record(s, j.Item, h)
		if err != nil {
			return "", "", err
		}
		record.Set("filtered_resps", texts(pyval.List(j.Filtered)))
		record.Set("filter", j.Filter)
		var names pyval.List
		for _, k := range j.Metrics.Keys() {
			names = append(names, k)
		}
		record.Set("metrics", names)
		record.Set("doc_hash", h.Doc)
		record.Set("prompt_hash", h.Prompt)
		record.Set("target_hash", h.Target)
		for _, k := range j.Metrics.Keys() {
			v, _ := j.Metrics.Get(k)
			record.Set(k, v)
		}
		line, err := pyval.JSON(record, false)
		if err != nil {
			return "", "", err
		}
		b.WriteString(line)
		b.WriteByte('\n')
	}
	return b.String(), tasks.TaskHash(records), nil
}

// record is the part of a sample record that no filter changes.
func (t *TaskResults) record(s *tasks.Sample, at int, _ tasks.Hashes) (*pyval.Dict, error) {
	instances, err := t.Task.Instances(t.Variant.Style, *s)
	if err != nil {
		return nil, err
	}
	arguments := new(pyval.Dict)
	for i, in := range instances {
		args := new(pyval.Dict)
		for k, a := range in.Args {
			args.Set(fmt.Sprintf("arg_%d", k), a)
		}
		arguments.Set(fmt.Sprintf("gen_args_%d", i), args)
	}
	item, err := t.Harness.Item(s, t.Draws[at])
	if err != nil {
		return nil, err
	}
	var resps pyval.List
	for _, r := range item.Responses {
		resps = append(resps, pyval.List(r))
	}
	return dict("doc_id", int64(s.Index), "doc", s.Raw.Doc, "target", pyval.Str(s.Raw.Target), "arguments", arguments, "resps", texts(resps)), nil
}

// texts turns every leaf into its text, as the harness's sanitize_list does.
func texts(v pyval.Value) pyval.Value {
	list, ok := v.(pyval.List)
	if !ok {
		return pyval.Str(v)
	}
	out := make(pyval.List, len(list))
	for i, e := range list {
		out[i] = texts(e)
	}
	return out
}
