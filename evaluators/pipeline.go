package evaluators

import (
	"fmt"

	"github.com/onset-eval/onset/tasks"
)

// Pipeline is a named sequence of filters, ready to use. The zero value takes the first response as it is.
type Pipeline struct {
	// Name is the task's name for it; "" is the default pipeline, of a task that has no filter_list.
	Name  string
	steps []Step
}

// ResolvePipelines makes the pipelines that a task states, or the default one where it states none. An unknown
// filter or option is an error with a hint.
func ResolvePipelines(specs []tasks.PipelineSpec) ([]Pipeline, error) {
	if len(specs) == 0 {
		return []Pipeline{{}}, nil
	}
	filters := Filters()
	names := make([]string, len(filters))
	for i, f := range filters {
		names[i] = f.Name
	}
	seen := make(map[string]bool)
	out := make([]Pipeline, 0, len(specs))
	for _, spec := range specs {
		if seen[spec.Name] {
			return nil, fmt.Errorf("filter pipeline %q is given twice", spec.Name)
		}
		seen[spec.Name] = true
		p := Pipeline{Name: spec.Name}
		for _, f := range spec.Filters {
			step, err := makeStep(filters, names, f)
			if err != nil {
				return nil, fmt.Errorf("filter pipeline %q: %w", spec.Name, err)
			}
			p.steps = append(p.steps, step)
		}
		out = append(out, p)
	}
	return out, nil
}

func makeStep(filters []Filter, names []string, spec tasks.FilterSpec) (Step, error) {
	for _, f := range filters {
		if f.Name != spec.Function {
			continue
		}
		step, err := f.Make(spec.Options)
		if err != nil {
			return nil, fmt.Errorf("filter %s: %w", f.Name, err)
		}
		return step, nil
	}
	return nil, unknown("filter", spec.Function, names)
}

// Apply gives the answer in the texts of a sample's draws; there is mostly one. Where filters leave several, it is
// the first; where they leave none, it is not parsed.
func (p Pipeline) Apply(texts ...string) Answer {
	answers := make([]Answer, len(texts))
	for i, t := range texts {
		answers[i] = Answer{Text: t, Parsed: true}
	}
	for _, step := range p.steps {
		answers = step(answers)
	}
	if len(answers) == 0 {
		return Answer{}
	}
	return answers[0]
}
