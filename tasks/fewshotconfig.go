package tasks

import (
	"github.com/onset-eval/onset/backends/yamlfile"
	"github.com/onset-eval/onset/tasks/hooks"
	"github.com/onset-eval/onset/tasks/pyval"
)

// The ways to choose worked examples.
const (
	sampleRandom = "default" // at random, a stream of its own for each sample
	sampleFirst  = "first_n" // the first of the split
)

// fewshot says where worked examples come from.
type fewshot struct {
	sampler string
	split   string        // the split that they are drawn from; "" for none
	named   string        // the split that fewshot_split or fewshot_config states; "" where another key decides
	samples []*pyval.Dict // examples that are written out, instead of a split
	process *hooks.Found  // what is made of the split's rows; nil for nothing
	own     bool          // process is not the task's own
}

// key tells pools of examples apart.
func (f fewshot) key() string {
	switch {
	case f.samples != nil:
		return "\x00samples"
	case f.own:
		return f.split + "\x00own"
	}
	return f.split
}

// readFewshot reads how many worked examples there are, where they come from and how they look, which is
// like the asked document unless fewshot_config says otherwise.
func (l *layout) readFewshot(d document) error {
	l.shot = l.eval
	l.fewshot.sampler = sampleRandom
	for _, key := range []string{"test_split", "validation_split", "training_split", "fewshot_split"} {
		if f := d.field(key); f.Set() && !f.IsNull() {
			s, err := f.Name()
			if err != nil {
				return err
			}
			l.fewshot.split = s // the last of these is the first choice
			if key == "fewshot_split" {
				l.fewshot.named = s
			}
		}
	}
	var err error
	if f := d.field("num_fewshot"); f.Set() && !f.IsNull() {
		if l.shots, err = f.Integer(0); err != nil {
			return err
		}
		l.shotsStated = true
	}
	if l.fewshot.process, err = d.hook(d.field("process_docs"), hooks.Docs); err != nil {
		return err
	}
	f := d.field("fewshot_config")
	if !f.Set() || f.IsNull() {
		return nil
	}
	pairs, err := f.Pairs()
	if err != nil {
		return err
	}
	given := document{file: d.file, tree: d.tree}.with(pairs)
	for _, p := range given.sorted() {
		if err := l.readFewshotKey(d, p); err != nil {
			return err
		}
	}
	if l.fewshot.named != "" {
		l.fewshot.samples = nil // a split takes precedence
		l.fewshot.split = l.fewshot.named
	}
	return l.shot.read(d, given.field)
}

func (l *layout) readFewshotKey(d document, p yamlfile.Pair) error {
	var err error
	switch p.Key {
	case "sampler":
		if l.fewshot.sampler, err = p.Text(); err == nil && l.fewshot.sampler != sampleFirst && l.fewshot.sampler != sampleRandom {
			err = unknownWord(p.Field, l.fewshot.sampler, []string{sampleRandom, sampleFirst})
		}
	case "split":
		if !p.IsNull() {
			l.fewshot.named, err = p.Name()
		}
	case "samples":
		err = l.readSamples(d, p.Field)
	case "process_docs":
		l.fewshot.own = true
		l.fewshot.process, err = d.hook(p.Field, hooks.Docs)
	case "fewshot_indices": // the harness reads them and does nothing with them
	case "doc_to_text", "doc_to_target", "doc_to_choice", "target_delimiter", "fewshot_delimiter", "gen_prefix":
	default:
		err = p.Unknown([]string{"sampler", "split", "samples", "process_docs", "doc_to_text", "doc_to_target", "doc_to_choice",
			"target_delimiter", "fewshot_delimiter", "gen_prefix"})
	}
	return err
}

// readSamples reads worked examples that the task file writes out, or the function that gives them.
func (l *layout) readSamples(d document, f yamlfile.Field) error {
	if f.IsNull() {
		return nil
	}
	found, err := d.hook(f, hooks.Samples)
	if err != nil {
		return err
	}
	if found != nil && found.Func.Samples != nil {
		if l.fewshot.samples, err = found.Func.Samples(); err != nil {
			return f.Errorf("%s: %s: %v", f.Key, found.Name(), err)
		}
		return nil
	}
	if found != nil {
		return nil
	}
	items, err := f.Items()
	if err != nil {
		return err
	}
	l.fewshot.samples = []*pyval.Dict{}
	for _, item := range items {
		v, err := pythonValue(item)
		if err != nil {
			return err
		}
		doc, ok := v.(*pyval.Dict)
		if !ok {
			return item.Wrong("a mapping")
		}
		l.fewshot.samples = append(l.fewshot.samples, doc)
	}
	return nil
}
