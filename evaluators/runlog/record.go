// Package runlog is the durable record of a run: its schema, an append-only writer, and a forgiving reader.
//
// A run directory holds header.json and append-only segments, one writer each. Everything that onset
// reports is computed from it later, so what is not here cannot be reported.
package runlog

import (
	"cmp"
	"time"

	"github.com/onset-eval/onset/backends"
	"github.com/onset-eval/onset/evaluators"
	"github.com/onset-eval/onset/tasks"
)

// Key names one record of a run. Records with equal keys say the same; the reader keeps one.
type Key struct {
	Model  string      `json:"model"`
	Task   string      `json:"task"`
	Style  tasks.Style `json:"style"`
	Shots  int         `json:"shots"`
	Seed   uint64      `json:"seed"`
	Sample string      `json:"sample"`
	Draw   int         `json:"draw"`
}

// Compare orders keys by model, task, style, shots, seed, sample and draw.
func (k Key) Compare(o Key) int {
	return cmp.Or(
		cmp.Compare(k.Model, o.Model), cmp.Compare(k.Task, o.Task), cmp.Compare(k.Style, o.Style),
		cmp.Compare(k.Shots, o.Shots), cmp.Compare(k.Seed, o.Seed), cmp.Compare(k.Sample, o.Sample),
		cmp.Compare(k.Draw, o.Draw))
}

// Record is what a run keeps of one sample and draw under one model.
type Record struct {
	Key
	// Prompt and Target are the digests ("sha256:" and hex) of the main request's prompt and of the targets; the
	// prompt's text stands once in the segment that first uses it.
	Prompt string `json:"prompt"`
	Target string `json:"target"`
	// Index is the sample's place in its variant, which lets a report keep the task's order.
	Index int `json:"index"`
	// Chance is the sample's, see tasks.Sample.
	Chance float64 `json:"chance,omitempty"`
	// Responses answer the sample's requests, in order; none where the request failed.
	Responses []backends.Response `json:"responses,omitempty"`
	// Error says why there is no response.
	Error  *Failure           `json:"error,omitempty"`
	Scores []evaluators.Score `json:"scores"`
	// Attempts counts calls, retries included, over all requests of the sample. It, Latency and At differ
	// between runs that are otherwise equal.
	Attempts int           `json:"attempts,omitempty"`
	Latency  time.Duration `json:"latency_ns,omitempty"`
	At       time.Time     `json:"at,omitzero"`
}

// Failure is the end of a sample whose request failed for good.
type Failure struct {
	Kind    backends.ErrorKind `json:"kind"`
	Message string             `json:"message"`
}
