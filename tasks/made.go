package tasks

import (
	"fmt"
	"maps"
	"path"
	"regexp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v4"

	"github.com/onset-eval/onset/backends/yamlfile"
	"github.com/onset-eval/onset/tasks/dataset"
	"github.com/onset-eval/onset/tasks/hooks"
	"github.com/onset-eval/onset/tasks/pyval"
)

// customSplits calls custom_dataset, with metadata and dataset_kwargs as its arguments, and keeps the rows in memory.
func (t *Task) customSplits() (map[string][]dataset.File, error) {
	options := new(pyval.Dict)
	for _, key := range []string{"metadata", "dataset_kwargs"} {
		f := t.document.field(key)
		if !f.Set() || f.IsNull() {
			continue
		}
		v, err := f.Plain(0)
		if err != nil {
			return nil, err
		}
		if d, ok := pyval.FromPlain(v).(*pyval.Dict); ok {
			options.Update(d)
		}
	}
	rows, err := t.custom.Func.Data(options)
	if err != nil {
		f := t.document.field("custom_dataset")
		return nil, f.Errorf("custom_dataset: %s: %v", t.custom.Name(), err)
	}
	out := make(map[string][]dataset.File)
	for _, split := range rows.Keys() {
		v, _ := rows.Get(split)
		items, _ := pyval.Items(v)
		docs := make([]*pyval.Dict, len(items))
		for i, item := range items {
			var ok bool
			if docs[i], ok = item.(*pyval.Dict); !ok {
				return nil, fmt.Errorf("custom_dataset: row %d of %q is no dictionary but %s", i, split, pyval.TypeName(item))
			}
		}
		file, err := memoryFile(split+".jsonl", docs)
		if err != nil {
			return nil, fmt.Errorf("custom_dataset: split %q: %w", split, err)
		}
		out[split] = []dataset.File{file}
	}
	return out, nil
}

// OnRows gives an outlined task with rows in place of its data, the same in each of its splits, for trying it out.
func (t *Task) OnRows(rows []*pyval.Dict) (*Task, error) {
	file, err := memoryFile("made-up.jsonl", rows)
	if err != nil {
		return nil, err
	}
	splits := make(map[string][]dataset.File)
	for _, name := range t.splitNames() {
		splits[name] = []dataset.File{file}
	}
	u := *t
	u.pools = make(map[string]*pool)
	if err := u.useSplits(splits); err != nil {
		return nil, err
	}
	return &u, nil
}

// splitNames lists the splits that the task names.
func (t *Task) splitNames() []string {
	names := make(map[string]bool)
	for _, key := range []string{"test_split", "validation_split", "training_split", "fewshot_split"} {
		if f := t.document.field(key); f.Set() && !f.IsNull() {
			if s, err := f.Name(); err == nil {
				names[s] = true
			}
		}
	}
	for _, l := range t.layouts {
		if l.fewshot.split != "" {
			names[l.fewshot.split] = true
		}
	}
	return slices.Sorted(maps.Keys(names))
}

var (
	quoted    = regexp.MustCompile(`"([^"\\\n]{1,60})"|'([^'\\\n]{1,60})'`)
	plainName = regexp.MustCompile(`^[\p{L}_][\p{L}\p{N}_ -]*$`)
)

// Columns lists names that may be columns: those that stand alone where a document's value is asked for, and, as
// variables, those that templates use.
func (t *Task) Columns() (alone, variables []string) {
	for _, l := range t.layouts {
		for _, e := range []expr{l.eval.text, l.eval.target, l.eval.choice, l.eval.prefix, l.description, l.shot.text, l.shot.target, l.shot.choice} {
			switch {
			case !e.isSet || e.hook != nil:
			case plainName.MatchString(e.source):
				alone = append(alone, e.source)
			default:
				for _, tag := range tags.FindAllString(e.source, -1) {
					variables = append(variables, names.FindAllString(inQuotes.ReplaceAllString(tag, "''"), -1)...)
				}
			}
		}
	}
	var seen []string
	once := func(name string) bool {
		again := slices.Contains(seen, name) || strings.HasPrefix(name, ".") || strings.Contains(templateWords, " "+name+" ")
		seen = append(seen, name)
		return again
	}
	return slices.DeleteFunc(alone, once), slices.DeleteFunc(variables, once)
}

var (
	tags     = regexp.MustCompile(`(?s)\{[{%].*?[%}]\}`)
	names    = regexp.MustCompile(`\.?[\p{L}_][\p{L}\p{N}_]*`)
	inQuotes = regexp.MustCompile(`'[^']*'|"[^"]*"`)
)

// templateWords are names in templates that are no columns.
const templateWords = " if else elif endif for endfor in set endset not and or is defined undefined none None True False true false range loop string length join "

// Sources gives the templates of a task, and what its functions do, as far as their sources are there: text in which the
// use of a column may be looked up.
func (t *Task) Sources() []string {
	var out []string
	for _, l := range t.layouts {
		for _, e := range []expr{l.eval.text, l.eval.target, l.eval.choice, l.eval.prefix, l.description, l.shot.text, l.shot.target, l.shot.choice} {
			if e.isSet && e.hook == nil && e.tmpl != nil {
				out = append(out, e.source)
			}
		}
	}
	t.eachFunction(func(c hooks.Call, base string) {
		if c.Module == nil {
			return
		}
		if source, err := c.Module.Source(base); err == nil && !slices.Contains(out, source) {
			out = append(out, source)
		}
	})
	return out
}

// eachFunction visits the functions that the task names, with what each of them is a partial of.
func (t *Task) eachFunction(fn func(c hooks.Call, base string)) {
	var visit func(f yamlfile.Field)
	visit = func(f yamlfile.Field) {
		if isFunction(f) {
			c := t.document.call(f)
			base := c.Name
			if c.Module != nil {
				if of, _, ok := c.Module.Partial(c.Name); ok {
					base = of
				}
			}
			fn(c, base)
			return
		}
		if f.Value().Kind == yaml.SequenceNode || f.Value().Kind == yaml.MappingNode {
			for _, n := range f.Value().Content {
				inner := f
				inner.Node = n
				visit(inner)
			}
		}
	}
	for _, key := range []string{"process_docs", "custom_dataset", "doc_to_text", "doc_to_target", "doc_to_choice", "process_results", "fewshot_config"} {
		if f := t.document.field(key); f.Set() {
			visit(f)
		}
	}
}

// Words lists texts that a column may need to hold so that the task keeps a row: those in the functions that it names,
// their arguments and names, and the name of its data.
func (t *Task) Words() []string {
	var out []string
	add := func(words ...string) {
		for _, w := range words {
			if w != "" && len(out) < 250 && !slices.Contains(out, w) {
				out = append(out, w)
			}
		}
	}
	t.eachFunction(func(c hooks.Call, base string) {
		if c.Module != nil {
			if _, args, ok := c.Module.Partial(c.Name); ok {
				for _, k := range args.Keys() {
					v, _ := args.Get(k)
					add(pyval.Str(v), path.Base(path.Dir(c.File))+"_chat."+pyval.Str(v))
				}
			}
			if source, err := c.Module.Source(base); err == nil {
				for _, m := range quoted.FindAllStringSubmatch(source, -1) {
					add(m[1], m[2])
				}
			}
		}
		for i, part := 0, strings.Split(c.Name, "_"); i < len(part); i++ {
			add(strings.Join(part[i:], "_"), strings.Join(part[i:], " "))
		}
	})
	if f := t.document.field("dataset_name"); f.Set() {
		if s, err := f.Name(); err == nil {
			add(s)
		}
	}
	return out
}

// Folder gives the folder of the task's file, with slashes.
func (t *Task) Folder() string { return path.Dir(t.document.file) }
