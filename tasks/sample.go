// Package tasks holds what is asked: suites, tasks and samples, few-shot selection and prompt layout.
//
// A task file is written in the lm-evaluation-harness dialect; onset's own keys live under one `onset:`
// key. A task knows prompts and targets and no scorer: its metrics and filters are names with options,
// which package evaluators resolves. A Task does not change once loaded, and its digest covers all that
// decides a prompt or a target.
package tasks

import "github.com/onset-eval/onset/backends"

// Style is how a prompt asks for an answer.
type Style string

// The styles.
const (
	Direct Style = "direct" // the answer at once
	CoT    Style = "cot"    // the steps first, then the answer (Wei et al. 2022, arXiv 2201.11903)
)

// Variant is one setting of what a suite varies in a task.
type Variant struct {
	Style Style  `json:"style"`
	Shots int    `json:"shots"`
	Seed  uint64 `json:"seed"` // selects the worked examples and the sampled draws
}

// Sample is one item of a task under one variant: what to ask the model, and what is right.
type Sample struct {
	// ID names the sample within the task and variant, and is stable over runs.
	ID string
	// Index counts the samples of the variant from 0.
	Index int
	// Requests are the calls that answer the sample, the main one first. A request after the first is a
	// companion: it measures the target's log-probability and decides no answer.
	Requests []backends.Request
	// Targets are the accepted answers, at least one but for rolling log-likelihoods.
	Targets []string
	// Choices are the options of a multiple-choice sample, in order, without the delimiter; Gold indexes
	// the right ones.
	Choices []string
	Gold    []int
	// Letters are the letters of the Choices, where the sample asks for one in generated text; else nil. Nothing is then
	// known of the choices' log-likelihoods.
	Letters []string
	// Text is the scored text of a rolling log-likelihood.
	Text string
	// Chance is the probability that a guess answers this sample right, in [0,1]; 0 is unknown. Of several
	// ways to guess that know nothing but the prompt's form, the task states the best.
	Chance float64
	// Inputs > 0 marks a sample whose question depends on the choice: the first so many requests each ask for the
	// one target after the question with one of the Choices, and Gold is the right question.
	Inputs int
	// Unconditional marks a sample whose last request scores the Choices alone, for mutual information.
	Unconditional bool
	// Raw is the sample as lm-evaluation-harness has it; nil unless it is asked for.
	Raw *Raw
}

// Kind is the kind of the sample's main request.
func (s Sample) Kind() backends.Kind { return s.Requests[0].Kind }
