package tasks

import (
	"slices"

	"github.com/onset-eval/onset/backends/yamlfile"
)

// The keys of a task file, which is written in the lm-evaluation-harness dialect (its config/task.py).
var (
	// askKeys decide what is asked; a style may replace them.
	askKeys = [...]string{"description", "doc_to_text", "doc_to_target", "doc_to_choice", "target_delimiter",
		"fewshot_delimiter", "num_fewshot", "fewshot_config", "output_type", "generation_kwargs", "filter_list",
		"metric_list", "repeats", "gen_prefix", "process_results"}
	// dataKeys decide what the documents are.
	dataKeys = [...]string{"task", "tag", "task_alias", "dataset_path", "dataset_name", "dataset_kwargs", "test_split",
		"validation_split", "training_split", "fewshot_split", "metadata", "onset", "should_decontaminate",
		"doc_to_decontamination_query", "process_docs", "custom_dataset", "task_list", "unsafe_code", "group", "group_alias"}
	// laterKeys belong to the dialect and are refused, so that no task is run with half its meaning.
	laterKeys = [...]string{"class", "doc_to_image", "doc_to_audio", "use_prompt", "download_mode"}
)

// checkKeys refuses every key that has no meaning here.
func checkKeys(d document) error {
	known := slices.Concat(askKeys[:], dataKeys[:])
	for _, p := range d.sorted() {
		if slices.Contains(known, p.Key) {
			continue
		}
		if slices.Contains(laterKeys[:], p.Key) {
			return p.KeyAt.Hintf("remove the key, or leave the task to a later version", "the key %q is not supported yet", p.Key)
		}
		return p.Unknown(known)
	}
	return nil
}

// sorted gives the entries in the order of their places, so that the first error is the first in the file.
func (d document) sorted() []yamlfile.Pair {
	out := make([]yamlfile.Pair, 0, len(d.entries))
	for _, p := range d.entries {
		out = append(out, p)
	}
	slices.SortFunc(out, func(a, b yamlfile.Pair) int { return comparePlace(d.file, a.KeyAt, b.KeyAt) })
	return out
}
