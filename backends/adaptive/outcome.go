package adaptive

import (
	"math"
	"sync"
	"time"

	"github.com/onset-eval/onset/backends"
)

// ending says how a call ended, as far as it tells of the server.
type ending string

const (
	answered ending = "answered"
	refused  ending = "refused"  // turned away: too many requests or tokens, or too busy
	timedOut ending = "timeout"  // no answer in time, which load may have caused or not
	failed   ending = "failed"   // the server or the network broke
	rejected ending = "rejected" // the request is at fault; the server is well
	lost     ending = "lost"     // nothing is known: cancelled, answered by a cache, the asker died
)

// bad says that the server did not answer, which may pass.
func (e ending) bad() bool { return e == refused || e == timedOut || e == failed }

// outcome is what came of a call. It travels between processes.
type outcome struct {
	Kind       ending             `json:"kind"`
	Hint       time.Duration      `json:"hint,omitempty"` // what the server asks to wait
	Signals    *backends.Signals  `json:"signals,omitempty"`
	Prompt     int                `json:"prompt,omitempty"` // tokens
	Completion int                `json:"completion,omitempty"`
	Duration   time.Duration      `json:"duration,omitempty"`
	Why        backends.ErrorKind `json:"why,omitempty"`
	Status     int                `json:"status,omitempty"`
}

// estimator guesses how many tokens a request takes, and learns from what others took.
type estimator struct {
	mu       sync.Mutex // guards what follows
	perByte  float64    // tokens a byte of prompt
	answer   float64    // tokens an answer, and how far answers stray from it
	strays   float64
	measured bool
}

// estimate gives about how many tokens a server will count for a request. It errs to the high side, since too few mean a
// refusal and too many a short wait.
func (e *estimator) estimate(req backends.Request) int {
	e.mu.Lock()
	defer e.mu.Unlock()
	perByte, answer := 0.25, 256.0
	if e.measured {
		perByte, answer = e.perByte, e.answer+2*e.strays
	}
	if req.Kind != backends.Generate {
		answer = 1
	} else if most := req.Sampling.MaxTokens; most > 0 {
		answer = min(answer, float64(most))
	}
	return int(math.Ceil(perByte*float64(promptBytes(req)) + answer))
}

// learning is the weight of a new measurement.
const learning = 0.1

// correct learns from a request's true count.
func (e *estimator) correct(req backends.Request, u backends.Usage) {
	n := promptBytes(req)
	e.mu.Lock()
	defer e.mu.Unlock()
	if !e.measured {
		e.perByte, e.answer, e.measured = 0.25, float64(u.CompletionTokens), true
		e.strays = e.answer / 2
	}
	if n > 0 && u.PromptTokens > 0 {
		e.perByte += learning * (float64(u.PromptTokens)/float64(n) - e.perByte)
	}
	if req.Kind == backends.Generate {
		off := float64(u.CompletionTokens) - e.answer
		e.answer += learning * off
		e.strays += learning * (math.Abs(off) - e.strays)
	}
}

// promptBytes is the length of all texts that a request sends.
func promptBytes(req backends.Request) int {
	n := len(req.Prompt)
	for _, m := range req.Messages {
		n += len(m.Content) + len(m.Role)
	}
	for _, c := range req.Continuations {
		n += len(c) + len(req.Prompt)*min(1, len(req.Continuations)-1)
	}
	return n
}
