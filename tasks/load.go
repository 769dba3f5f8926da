package tasks

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"sync"

	"go.yaml.in/yaml/v4"

	"github.com/onset-eval/onset/backends/yamlfile"
	"github.com/onset-eval/onset/tasks/dataset"
	"github.com/onset-eval/onset/tasks/hooks"
)

// layoutVersion rises when the same task file and data give other prompts or targets.
const layoutVersion = 1

// readTask checks a task file whole. It reads no data yet.
func readTask(d document, name string) (*Task, error) {
	if err := checkKeys(d); err != nil {
		return nil, err
	}
	t := &Task{name: name, document: d, layouts: make(map[Style]*layout), pools: make(map[string]*pool)}
	var err error
	if t.extras, err = readExtras(d, d.field("onset")); err != nil {
		return nil, err
	}
	if t.version, err = readVersion(d.field("metadata")); err != nil {
		return nil, err
	}
	if t.process, err = d.hook(d.field("process_docs"), hooks.Docs); err != nil {
		return nil, err
	}
	if f := d.field("process_docs"); f.Set() && !f.IsNull() && t.process == nil {
		return nil, f.Wrong("a !function")
	}
	if t.custom, err = d.hook(d.field("custom_dataset"), hooks.Data); err != nil {
		return nil, err
	}
	if f := d.field("test_split"); f.Set() && !f.IsNull() {
		if t.testSplit, err = f.Name(); err != nil {
			return nil, err
		}
	}
	for _, s := range t.extras.styles {
		l, err := readLayout(d.with(s.over))
		if err != nil {
			return nil, err
		}
		l.companion = s.companion
		t.styles = append(t.styles, s.style)
		t.layouts[s.style] = l
	}
	return t, nil
}

// readData surveys the asked split and those that examples come from, each once.
func (t *Task) readData(data Provider) error {
	d := t.document
	if err := t.readSplits(data); err != nil {
		return fmt.Errorf("task %s: %w", t.name, err)
	}
	for _, s := range t.styles {
		if err := t.Check(Variant{Style: s, Shots: t.Shots(s).Default}); err != nil {
			return fmt.Errorf("%s: num_fewshot: %w", d.file, err)
		}
	}
	var err error
	t.digest, err = t.makeDigest(d)
	return err
}

func (t *Task) readSplits(data Provider) error {
	if t.custom != nil {
		splits, err := t.customSplits()
		if err != nil {
			return err
		}
		return t.useSplits(splits)
	}
	splits, err := readSplits(t.document, data)
	if err != nil {
		return err
	}
	return t.useSplits(splits)
}

// useSplits surveys the splits that the task asks and draws worked examples from.
func (t *Task) useSplits(splits map[string][]dataset.File) error {
	d := t.document
	name, err := splitNamed(d, splits, "test_split", "validation_split")
	if err != nil {
		return err
	}
	if t.eval, err = survey(name, splits[name], t.process, t.extras); err != nil {
		return err
	}
	if t.eval.rows == 0 {
		return &yamlfile.Error{File: d.file, Msg: fmt.Sprintf("the split %q has no rows", name)}
	}
	if c := t.extras.examples; c != "" && !t.eval.columns[c] {
		return d.field("onset").Errorf("examples: no row has the column %q", c)
	}
	t.inputs = make(map[Style]func() (bool, error))
	for _, style := range t.styles {
		t.inputs[style] = sync.OnceValues(func() (bool, error) { return t.dependent(t.layouts[style]) })
		if err := t.readPool(t.layouts[style].fewshot, splits); err != nil {
			return err
		}
	}
	return nil
}

// readPool surveys what worked examples are drawn from.
func (t *Task) readPool(from fewshot, splits map[string][]dataset.File) error {
	d, key := t.document, from.key()
	switch {
	case t.extras.examples != "" || t.pools[key] != nil:
		return nil
	case from.samples != nil:
		t.pools[key] = &pool{docs: from.samples}
		return nil
	case from.split == t.eval.name && !from.own:
		t.pools[key] = &pool{split: t.eval}
		return nil
	}
	f := d.field("fewshot_config")
	if !f.Set() {
		f = d.field("task")
	}
	if f.Set() {
		if err := checkSplit(f, from.split, splits); err != nil {
			return err
		}
	}
	s, err := survey(from.split, splits[from.split], from.process, extras{})
	if err != nil {
		return err
	}
	t.pools[key] = &pool{split: s}
	return nil
}

func readVersion(f yamlfile.Field) (string, error) {
	if !f.Set() || f.IsNull() {
		return "", nil
	}
	pairs, err := lastPairs(f)
	if err != nil {
		return "", err
	}
	for _, p := range pairs {
		if p.Key == "version" {
			if p.IsNull() {
				return "", nil
			}
			return p.Name()
		}
	}
	return "", nil
}

// makeDigest covers the resolved keys and the data; where the data lies, and how the task is described and
// filed, decide nothing.
func (t *Task) makeDigest(d document) (string, error) {
	keys := make(map[string]any)
	for key, p := range d.entries {
		switch key {
		case "tag", "task_alias", "dataset_kwargs", "task_list", "group":
			continue
		}
		v, err := digestValue(d, p.Field, 0)
		if err != nil {
			return "", err
		}
		if own, ok := v.(map[string]any); ok && key == "onset" {
			delete(own, "doc")
			delete(own, "ability")
		}
		keys[key] = v
	}
	data := map[string][]string{t.eval.name: t.eval.digests}
	for name, p := range t.pools {
		if p.split != nil {
			data[name] = p.split.digests
		}
	}
	text, err := json.Marshal(map[string]any{"layout": layoutVersion, "keys": keys, "data": data})
	if err != nil {
		return "", fmt.Errorf("%s: a value has no digest: %w", d.file, err)
	}
	sum := sha256.Sum256(text)
	return "sha256:" + hex.EncodeToString(sum[:]), nil
}

// digestValue is the plain value of a key, with each function as its file, name and the digest of its source.
func digestValue(d document, f yamlfile.Field, depth int) (any, error) {
	if isFunction(f) {
		c := d.call(f)
		out := map[string]any{"function": c.Name}
		if c.Module != nil {
			digest, err := c.Module.Digest(c.Name)
			if err != nil {
				return nil, f.Errorf("%s: %s: %v", f.Key, c.Name, err)
			}
			out["digest"] = digest
		}
		return out, nil
	}
	switch n := f.Value(); {
	case depth > maxNesting || f.Node.Kind == yaml.AliasNode && depth > 0:
	case n.Kind == yaml.SequenceNode:
		items, err := f.Items()
		if err != nil {
			return nil, err
		}
		out := make([]any, len(items))
		for i, item := range items {
			if out[i], err = digestValue(d, item, depth+1); err != nil {
				return nil, err
			}
		}
		return out, nil
	case n.Kind == yaml.MappingNode:
		pairs, err := lastPairs(f)
		if err != nil {
			return nil, err
		}
		out := make(map[string]any, len(pairs))
		for _, p := range pairs {
			if out[p.Key], err = digestValue(d, p.Field, depth+1); err != nil {
				return nil, err
			}
		}
		return out, nil
	}
	return f.Plain(depth)
}
