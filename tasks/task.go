package tasks

import (
	"fmt"
	"maps"
	"slices"

	"github.com/onset-eval/onset/backends"
	"github.com/onset-eval/onset/tasks/hooks"
	"github.com/onset-eval/onset/tasks/pyval"
)

// Task is one benchmark: its data, its prompts, and the names of what judges it. It does not change once
// loaded and may be used concurrently.
type Task struct {
	name, version, digest string
	source                string // stands before the file names in messages; may be empty
	extras                extras
	styles                []Style
	layouts               map[Style]*layout
	eval                  *split
	pools                 map[string]*pool // by fewshot.key
	document              document
	process               *hooks.Found                   // process_docs; nil for none
	custom                *hooks.Found                   // custom_dataset, which gives the rows; nil for none
	inputs                map[Style]func() (bool, error) // whether its questions depend on the choice
	testSplit             string                         // the split of test_split; "" where the task states none
}

// Name gives the task's name.
func (t *Task) Name() string { return t.name }

// Doc says in one line what the task measures; it may be empty.
func (t *Task) Doc() string { return t.extras.doc }

// Ability names what the task needs: "in-context learning", …; it may be empty.
func (t *Task) Ability() string { return t.extras.ability }

// Version gives metadata.version, or "" without one.
func (t *Task) Version() string { return t.version }

// Digest gives "sha256:" and the hex digest of all that decides a prompt, a target or a judgement: the
// task's keys with what they include, and the bytes of its data files.
func (t *Task) Digest() string { return t.digest }

// Chance gives the probability that a guess is right where the task states one for all of its samples. A
// sample's own is in Sample.Chance and may be higher, for instance when a shown answer is the better guess.
func (t *Task) Chance() (float64, bool) { return t.extras.chance.value, t.extras.chance.stated }

// Styles lists the styles that the task can be asked in, direct first.
func (t *Task) Styles() []Style { return slices.Clone(t.styles) }

// DefaultStyle is the style of a suite that names none: direct where the task has it.
func (t *Task) DefaultStyle() Style { return t.styles[0] }

// Kind gives the kind of the main request of a sample; "" for a style that the task does not have.
func (t *Task) Kind(s Style) backends.Kind {
	if l := t.layouts[s]; l != nil {
		return l.output.kind()
	}
	return ""
}

// Foreign reports whether the task's file states none of onset's own keys: it was written for lm-evaluation-harness.
func (t *Task) Foreign() bool { return !t.document.field("onset").Set() }

// Unsafe reports whether the task is judged by running what the model writes, and nothing may run it.
func (t *Task) Unsafe() bool {
	unsafe, _ := t.Config().Get("unsafe_code")
	return unsafe == true && !t.document.tree.sandboxed
}

// Metrics gives the style's metric_list; nil where the task states none. The caller changes nothing in it.
func (t *Task) Metrics(s Style) []MetricSpec {
	if l := t.layouts[s]; l != nil {
		return l.metrics
	}
	return nil
}

// Filters gives the style's filter_list; nil where the task states none, and then the answer is the
// response as it is. The caller changes nothing in it.
func (t *Task) Filters(s Style) []PipelineSpec {
	if l := t.layouts[s]; l != nil {
		return l.pipelines
	}
	return nil
}

// Results gives process_results, the function that judges instead of the metrics' own rules; nil without one.
func (t *Task) Results(s Style) *hooks.Found {
	if l := t.layouts[s]; l != nil {
		return l.results
	}
	return nil
}

// Kwargs gives generation_kwargs as lm-evaluation-harness has them, defaults included; nil where nothing is
// generated. The caller changes nothing in them.
func (t *Task) Kwargs(s Style) *pyval.Dict {
	if l := t.layouts[s]; l != nil {
		return l.kwargs
	}
	return nil
}

// Sampling gives how the style's text is generated, before a suite's changes.
func (t *Task) Sampling(s Style) backends.Sampling {
	if l := t.layouts[s]; l != nil {
		return l.sampling
	}
	return backends.Sampling{}
}

// Repeats gives the number of draws that the style asks for, at least 1.
func (t *Task) Repeats(s Style) int {
	if l := t.layouts[s]; l != nil {
		return l.repeats
	}
	return 1
}

// Shots says how many worked examples a task's prompts may hold.
type Shots struct {
	// Default is what a suite gets that asks for no number: the task's num_fewshot, else the least there is.
	Default int
	// Available lists the numbers that there are samples for, rising, where rows bring their own examples;
	// nil where examples are drawn, and then each number from 0 to Max is available.
	Available []int
	Max       int
}

// Has reports whether n worked examples are available.
func (s Shots) Has(n int) bool {
	if s.Available != nil {
		return slices.Contains(s.Available, n)
	}
	return n >= 0 && n <= s.Max
}

func (s Shots) String() string {
	if s.Available != nil {
		return joinWords(s.Available)
	}
	return fmt.Sprintf("0 to %d", s.Max)
}

// Shots says how many worked examples the style's prompts may hold.
func (t *Task) Shots(style Style) Shots {
	l := t.layouts[style]
	switch {
	case l == nil:
		return Shots{}
	case t.extras.examples != "":
		have := slices.Sorted(maps.Keys(t.eval.byShots))
		s := Shots{Default: have[0], Available: have, Max: have[len(have)-1]}
		if l.shotsStated {
			s.Default = l.shots
		}
		return s
	case l.output == logLikelihoodRolled:
		return Shots{}
	}
	p := t.pools[l.fewshot.key()]
	most := min(p.size(), maxPool)
	if p.split == t.eval {
		most = max(0, most-1) // a sample is no example for itself
	}
	return Shots{Default: l.shots, Max: most}
}

// VariantError says that a task cannot be asked in this way.
type VariantError struct {
	Task string
	// Field is the part of the variant that is wrong: "style" or "shots".
	Field  string
	Msg    string
	Advice string
}

func (e *VariantError) Error() string { return fmt.Sprintf("task %s: %s", e.Task, e.Msg) }

// Hint says what may be asked instead.
func (e *VariantError) Hint() string { return e.Advice }

// Check gives a *VariantError where the task cannot be asked in this way.
func (t *Task) Check(v Variant) error {
	if t.layouts[v.Style] == nil {
		return &VariantError{Task: t.name, Field: "style", Msg: fmt.Sprintf("there is no style %q", v.Style),
			Advice: "its styles are " + joinWords(t.styles)}
	}
	if shots := t.Shots(v.Style); !shots.Has(v.Shots) {
		return &VariantError{Task: t.name, Field: "shots", Msg: fmt.Sprintf("no sample has %d worked examples", v.Shots),
			Advice: "there are samples with " + shots.String()}
	}
	return nil
}

func joinWords[T any](words []T) string {
	s := ""
	for i, w := range words {
		if i > 0 {
			s += ", "
		}
		s += fmt.Sprint(w)
	}
	return s
}
