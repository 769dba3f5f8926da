package evaluators

import (
	"fmt"
	"slices"

	"github.com/onset-eval/onset/backends"
	"github.com/onset-eval/onset/tasks"
)

// Scorers lists the scorers, by the names that lm-evaluation-harness has for them where it has them.
func Scorers() []Scorer {
	return []Scorer{
		exactMatch(), containsTarget(), tokenF1(),
		acc(), accNorm(), accBytes(), brierScore(), accLetter(),
		perplexity(), wordPerplexity(), bytePerplexity(), bitsPerByte(),
	}
}

// defaultMetrics are the metrics of a task that states none.
func defaultMetrics(kind backends.Kind) []tasks.MetricSpec {
	switch kind {
	case backends.LogLikelihood:
		return []tasks.MetricSpec{{Name: "acc"}}
	case backends.LogLikelihoodRolling:
		return []tasks.MetricSpec{{Name: "word_perplexity"}, {Name: "byte_perplexity"}, {Name: "bits_per_byte"}}
	}
	return []tasks.MetricSpec{{Name: "exact_match"}}
}

// Bound is a scorer with its options and the pipeline whose answers it judges.
type Bound struct {
	Scorer   Scorer
	Pipeline Pipeline
	score    func(Input) Score
}

// Resolve binds the metrics that a task states, or those usual for kind where it states none, to each of the
// pipelines; log-likelihoods have no text to filter and use the default pipeline. An unknown metric or option, and
// a metric that cannot judge the kind, is an error with a hint.
func Resolve(specs []tasks.MetricSpec, pipelines []Pipeline, kind backends.Kind) ([]Bound, error) {
	if len(specs) == 0 {
		specs = defaultMetrics(kind)
	}
	if len(pipelines) == 0 || kind != backends.Generate {
		pipelines = []Pipeline{{}}
	}
	scorers := Scorers()
	var out []Bound
	for i, spec := range specs {
		if slices.ContainsFunc(specs[:i], func(o tasks.MetricSpec) bool { return o.Name == spec.Name }) {
			return nil, fmt.Errorf("metric %q is given twice", spec.Name)
		}
		scorer, err := find(scorers, spec.Name, kind)
		if err != nil {
			return nil, err
		}
		score, err := scorer.Bind(spec.Options)
		if err != nil {
			return nil, fmt.Errorf("metric %s: %w", spec.Name, err)
		}
		for _, p := range pipelines {
			out = append(out, Bound{Scorer: scorer, Pipeline: p, score: score})
		}
	}
	return out, nil
}

func find(scorers []Scorer, name string, kind backends.Kind) (Scorer, error) {
	var all, fit []string
	for _, s := range scorers {
		all = append(all, s.Name)
		if slices.Contains(s.Kinds, kind) {
			fit = append(fit, s.Name)
		}
	}
	at := slices.Index(all, name)
	if at < 0 {
		return Scorer{}, unknown("metric", name, all)
	}
	if !slices.Contains(fit, name) {
		return Scorer{}, &hintedError{
			err:  fmt.Errorf("metric %s judges %v requests, not %s ones", name, scorers[at].Kinds, kind),
			hint: fmt.Sprintf("for %s there are %v", kind, fit),
		}
	}
	return scorers[at], nil
}
