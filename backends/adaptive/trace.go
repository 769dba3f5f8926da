package adaptive

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"
)

// Event is one change of a limiter, as it is written to a run's trace. Counts are those since the limiter began, over
// all processes that share it.
type Event struct {
	At time.Time `json:"at"`
	// Limit names the server, as "openai https://api.example.com", never its key.
	Limit    string `json:"limit"`
	Level    int    `json:"level"`
	Previous int    `json:"previous"`
	// Reason says why: "refused", "more in flight brings more", …
	Reason   string `json:"reason"`
	Phase    string `json:"phase"`
	InFlight int    `json:"in_flight"`
	Waiting  int    `json:"waiting"`
	Answered int64  `json:"answered"`
	Refused  int64  `json:"refused"`
	Failed   int64  `json:"failed"`
	// Closed is how long nothing is sent from then on, where the server asked for it, in nanoseconds.
	Closed time.Duration `json:"closed_ns,omitempty"`
	// Processes is the number that share the limit; 0 where none is shared.
	Processes int `json:"processes,omitempty"`
}

// TraceFile is the name of the trace in a run directory.
const TraceFile = "trace.jsonl"

// TraceWriter writes events as JSON lines. A line that cannot be written is lost, and Err tells so: a trace is worth no
// run. It is safe for concurrent use.
type TraceWriter struct {
	mu  sync.Mutex // guards what follows
	w   io.Writer
	err error
}

// NewTraceWriter makes a writer.
func NewTraceWriter(w io.Writer) *TraceWriter { return &TraceWriter{w: w} }

// Write writes one event in one write, so that several processes may append to one file.
func (t *TraceWriter) Write(e Event) {
	line, err := json.Marshal(e)
	t.mu.Lock()
	defer t.mu.Unlock()
	if err == nil {
		_, err = t.w.Write(append(line, '\n'))
	}
	if t.err == nil {
		t.err = err
	}
}

// Err is the first error of writing.
func (t *TraceWriter) Err() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.err
}

// ReadTrace reads events. Lines that were torn by a crash are left out; a text without a single event in it is an error.
func ReadTrace(r io.Reader) ([]Event, error) {
	var out []Event
	var bad error
	in := bufio.NewReader(r)
	for n := 1; ; n++ {
		line, err := in.ReadBytes('\n')
		if err != nil && !errors.Is(err, io.EOF) {
			return out, fmt.Errorf("read trace: %w", err)
		}
		var e Event
		if line = bytes.TrimSpace(line); len(line) > 0 {
			if broken := json.Unmarshal(line, &e); broken == nil {
				out = append(out, e)
			} else if bad == nil {
				bad = fmt.Errorf("read trace, line %d: %w", n, broken)
			}
		}
		if err == nil {
			continue
		}
		if len(out) == 0 {
			return nil, bad
		}
		return out, nil
	}
}
