// Package lmeval computes what lm-evaluation-harness reports, number for number: filters over responses, the
// metrics of each sample, their aggregates and standard errors, and the aggregates of groups of tasks.
//
// It follows commit 4e7e0d47f of the harness (August 2026). Where the harness raises an exception, there is an
// error. Values are those of package pyval, as the harness is written in Python: a response to a generate_until
// request is a string, to a loglikelihood request a List of the log-likelihood and whether the target was the
// greedy text, to a loglikelihood_rolling request a float64.
//
// The pipeline is NewTask → Task.Score → Scores.Results → Group.Aggregate. All of it is pure; a Task may be used
// concurrently.
package lmeval

// Rules choose between what the harness does and what it should do, where the two differ.
type Rules struct {
	// RebindResult keeps the harness's error in tasks with several targets: after exact_match, later metrics
	// are given a list of copies of the answer in place of the answer.
	RebindResult bool
	// PooledGroupStderr keeps the harness's error in groups that are not weighted by size: their standard error
	// is pooled by size all the same.
	PooledGroupStderr bool
	// LastSampleLen keeps the harness's habit of taking a task's size from its last metric, which may have been
	// scored on fewer samples than another; else it is the largest.
	LastSampleLen bool
	// NaiveSum adds floats one by one, as Python's sum did before 3.12; else with Neumaier's compensation.
	NaiveSum bool
}

// Compat gives the rules that reproduce the harness, errors included, as Python 3.12 and later runs it.
func Compat() Rules {
	return Rules{RebindResult: true, PooledGroupStderr: true, LastSampleLen: true}
}

// OutputType is the kind of a task's requests and of their scoring.
type OutputType string

// The output types.
const (
	LogLikelihood        OutputType = "loglikelihood"
	LogLikelihoodRolling OutputType = "loglikelihood_rolling"
	MultipleChoice       OutputType = "multiple_choice"
	GenerateUntil        OutputType = "generate_until"
)
