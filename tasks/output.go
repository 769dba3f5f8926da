package tasks

import "github.com/onset-eval/onset/tasks/pyval"

// configKeys are the keys of a task's configuration in the order in which lm-evaluation-harness writes them
// (config/task.py, TaskConfig).
var configKeys = [...]string{"task", "task_alias", "tag", "custom_dataset", "dataset_path", "dataset_name", "dataset_kwargs",
	"training_split", "validation_split", "test_split", "fewshot_split", "process_docs", "doc_to_text", "doc_to_target", "doc_to_image",
	"doc_to_audio", "unsafe_code", "doc_to_choice", "process_results", "use_prompt", "description", "target_delimiter", "fewshot_delimiter",
	"fewshot_config", "num_fewshot", "metric_list", "output_type", "generation_kwargs", "repeats", "filter_list", "should_decontaminate",
	"doc_to_decontamination_query", "gen_prefix", "metadata"}

// Config gives the task's keys as its file and what it includes state them, in the harness's order. A function stands
// there by its name.
func (t *Task) Config() *pyval.Dict {
	out := new(pyval.Dict)
	for _, key := range configKeys {
		f := t.document.field(key)
		if !f.Set() {
			continue
		}
		v, err := f.Plain(0)
		if err != nil { // a function
			out.Set(key, f.Node.Value)
			continue
		}
		out.Set(key, pyval.FromPlain(v))
	}
	if name, ok := out.Get("task"); !ok || name != t.name {
		out.Set("task", t.name)
	}
	return out
}

// Outline reads a task's keys and none of its data: what judges it can be resolved, and nothing asked.
func (x *Index) Outline(name string) (*Task, error) {
	e := x.tasks[name]
	if e == nil {
		return nil, x.unknown(name)
	}
	t, err := x.readNamed(e, name, nil)
	return t, e.tree.source.wrap(err)
}
