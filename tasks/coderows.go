package tasks

import (
	"maps"
	"slices"

	"github.com/onset-eval/onset/tasks/dataset"
	"github.com/onset-eval/onset/tasks/pyval"
)

// rowsFrom gives functions of task files the data sets that a provider finds; nil without one.
func rowsFrom(data Provider) func(path, name string, options *pyval.Dict) ([]string, map[string][]*pyval.Dict, error) {
	if data == nil {
		return nil
	}
	return func(path, name string, options *pyval.Dict) ([]string, map[string][]*pyval.Dict, error) {
		kwargs := make(Options)
		for _, k := range options.Keys() {
			v, _ := options.Get(k)
			kwargs[k] = plainValue(v)
		}
		delete(kwargs, "trust_remote_code") // as the harness drops it
		files, err := data(path, name, kwargs)
		if err != nil {
			return nil, nil, err
		}
		splits := slices.Sorted(maps.Keys(files))
		rows := make(map[string][]*pyval.Dict)
		for _, s := range splits {
			for row, err := range dataset.Rows(files[s]...) {
				if err != nil {
					return nil, nil, err
				}
				rows[s] = append(rows[s], row.Values)
			}
		}
		return splits, rows, nil
	}
}

// plainValue is a Python value as decoded YAML has it.
func plainValue(v pyval.Value) any {
	if items, ok := pyval.Items(v); ok {
		out := make([]any, len(items))
		for i, item := range items {
			out[i] = plainValue(item)
		}
		return out
	}
	if d, ok := v.(*pyval.Dict); ok {
		out := make(map[string]any)
		for _, k := range d.Keys() {
			item, _ := d.Get(k)
			out[k] = plainValue(item)
		}
		return out
	}
	return v
}
