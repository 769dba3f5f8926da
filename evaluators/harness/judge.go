package harness

import (
	"math"

	"github.com/onset-eval/onset/backends"
	"github.com/onset-eval/onset/evaluators"
	"github.com/onset-eval/onset/evaluators/lmeval"
	"github.com/onset-eval/onset/tasks"
)

// Version is that of the scores below, for a run's header.
const Version = 1

// Scorers lists the task's metrics as scorers that are judged together.
func (t *Task) Scorers() []evaluators.Scorer {
	var out []evaluators.Scorer
	for _, name := range t.Metrics() {
		out = append(out, evaluators.Scorer{Name: name, Version: Version, Doc: "as lm-evaluation-harness judges it"})
	}
	return out
}

// Judge gives the scores of one sample and draw: of each filter pipeline and metric that has a value for one sample. A
// metric that only a whole task has, as F1 or BLEU, has none: its outcome says whether the answer is exactly the target.
func (t *Task) Judge(s tasks.Sample, responses []backends.Response, err error) []evaluators.Score {
	switch {
	case backends.KindOf(err) == backends.KindRefused:
		return t.all(evaluators.Score{Outcome: evaluators.Refused, Explanation: err.Error()})
	case err != nil:
		return t.all(evaluators.Score{Outcome: evaluators.Failed, Explanation: err.Error()})
	}
	samples, err := t.judge(&s, responses)
	if err != nil {
		return t.all(evaluators.Score{Outcome: evaluators.Failed, Explanation: err.Error()})
	}
	var out []evaluators.Score
	for _, j := range samples {
		for _, name := range j.Metrics.Keys() {
			v, _ := j.Metrics.Get(name)
			score := evaluators.Score{Metric: name, Filter: j.Filter, Outcome: evaluators.Wrong}
			if x, ok := number(v); ok && !math.IsNaN(x) && !math.IsInf(x, 0) {
				score.Value = &x
				if x > 0 {
					score.Outcome = evaluators.Correct
				}
			}
			if s.Kind() == backends.Generate && len(j.Filtered) > 0 {
				score.Answer, _ = j.Filtered[0].(string)
			}
			if s.Kind() == backends.Generate && len(responses) > 0 {
				score.Outcome, score.Explanation = evaluators.Empty(responses[0], score.Outcome, score.Explanation)
			}
			out = append(out, score)
		}
	}
	return out
}

// judge scores one sample by itself.
func (t *Task) judge(s *tasks.Sample, responses []backends.Response) ([]lmeval.Sample, error) {
	item, err := t.Item(s, [][]backends.Response{responses})
	if err != nil {
		return nil, err
	}
	task, err := t.of(typingOf(s))
	if err != nil {
		return nil, err
	}
	scores, err := task.Score([]lmeval.Item{item})
	return scores.Samples, err
}

// all gives every metric and pipeline the same score.
func (t *Task) all(score evaluators.Score) []evaluators.Score {
	filters := []string{"none"}
	if len(t.config.Filters) > 0 {
		filters = nil
		for _, f := range t.config.Filters {
			filters = append(filters, f.Name)
		}
	}
	names := t.Metrics()
	if len(names) == 0 {
		names = []string{"acc"}
	}
	var out []evaluators.Score
	for _, f := range filters {
		for _, m := range names {
			s := score
			s.Metric, s.Filter = m, f
			out = append(out, s)
		}
	}
	return out
}
