package tasks

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io/fs"

	"github.com/onset-eval/onset/backends/yamlfile"
)

// layoutVersion rises when the same task file and data give other prompts or targets.
const layoutVersion = 1

// loadTask reads a task file, checks it whole, and reads its data once.
func loadTask(fsys fs.FS, file, name string) (*Task, error) {
	d, err := readDocument(fsys, file, nil)
	if err != nil {
		return nil, err
	}
	if err := checkKeys(d); err != nil {
		return nil, err
	}
	t := &Task{name: name, layouts: make(map[Style]*layout), pools: make(map[string]*pool)}
	if t.extras, err = readExtras(d.field("onset")); err != nil {
		return nil, err
	}
	if t.version, err = readVersion(d.field("metadata")); err != nil {
		return nil, err
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
	if err := t.readData(fsys, d); err != nil {
		return nil, fmt.Errorf("task %s: %w", name, err)
	}
	for _, s := range t.styles {
		if err := t.Check(Variant{Style: s, Shots: t.Shots(s).Default}); err != nil {
			return nil, fmt.Errorf("%s: num_fewshot: %w", d.file, err)
		}
	}
	t.digest, err = t.makeDigest(d)
	return t, err
}

// readData surveys the asked split and those that examples come from, each once.
func (t *Task) readData(fsys fs.FS, d document) error {
	splits, err := readSplits(fsys, d)
	if err != nil {
		return err
	}
	name, err := splitNamed(d, splits, "test_split", "validation_split")
	if err != nil {
		return err
	}
	if t.eval, err = survey(name, splits[name], t.extras); err != nil {
		return err
	}
	if t.eval.rows == 0 {
		return &yamlfile.Error{File: d.file, Msg: fmt.Sprintf("the split %q has no rows", name)}
	}
	if c := t.extras.examples; c != "" && !t.eval.columns[c] {
		return d.field("onset").Errorf("examples: no row has the column %q", c)
	}
	for _, style := range t.styles {
		l := t.layouts[style]
		if t.extras.examples != "" || t.pools[l.pool] != nil {
			continue
		}
		if l.pool == name {
			t.pools[name] = &pool{split: t.eval}
			continue
		}
		f := d.field("fewshot_config")
		if !f.Set() {
			f = d.field("task")
		}
		if err := checkSplit(f, l.pool, splits); err != nil {
			return err
		}
		s, err := survey(l.pool, splits[l.pool], extras{})
		if err != nil {
			return err
		}
		t.pools[l.pool] = &pool{split: s}
	}
	return nil
}

func readVersion(f yamlfile.Field) (string, error) {
	if !f.Set() {
		return "", nil
	}
	pairs, err := f.Pairs()
	if err != nil {
		return "", err
	}
	for _, p := range pairs {
		if p.Key == "version" {
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
		case "tag", "task_alias", "dataset_kwargs":
			continue
		}
		v, err := p.Plain(0)
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
		data[name] = p.split.digests
	}
	text, err := json.Marshal(map[string]any{"layout": layoutVersion, "keys": keys, "data": data})
	if err != nil {
		return "", fmt.Errorf("%s: a value has no digest: %w", d.file, err)
	}
	sum := sha256.Sum256(text)
	return "sha256:" + hex.EncodeToString(sum[:]), nil
}
