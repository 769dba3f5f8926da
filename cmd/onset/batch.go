package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/onset-eval/onset/backends"
	"github.com/onset-eval/onset/backends/openai"
	"github.com/onset-eval/onset/evaluators/runner"
)

// batchRuns asks a run's models by their batch interface and keeps the batches in a file of the run.
type batchRuns struct {
	file string
	out  io.Writer

	mu   sync.Mutex // guards last
	last string     // what was said last
}

// batchFile is where the batches of a run's shard are kept.
func batchFile(dir string, shard runner.Shard) string {
	if shard.Count > 1 {
		return filepath.Join(dir, fmt.Sprintf("batches-%dof%d.jsonl", shard.Index, shard.Count))
	}
	return filepath.Join(dir, "batches.jsonl")
}

// wrap makes b answer by batches.
func (r *batchRuns) wrap(b backends.Backend) (backends.Backend, error) {
	own, ok := b.(*openai.Backend)
	if !ok {
		return nil, errors.Join(usage(withHint(fmt.Errorf("--batch: %s has no batch interface", b.Info().Provider),
			"only models of OpenAI's API, and of servers that have its batches, can be asked so")), b.Close())
	}
	interval := time.Minute
	if loopback(b.Info().Details["endpoint"]) {
		interval = time.Second // a server of one's own does not mind
	}
	return openai.Batched(own, openai.BatchedOptions{Journal: r, Told: r.tell, Interval: interval})
}

// tell says how far a batch is, where that is news.
func (r *batchRuns) tell(s openai.BatchStatus) {
	text := fmt.Sprintf("onset: batch %s is %s: %d of %d requests done, %d failed\n", s.ID, s.State, s.Counts.Completed, s.Counts.Total, s.Counts.Failed)
	r.mu.Lock()
	defer r.mu.Unlock()
	if text != r.last {
		fmt.Fprint(r.out, text)
	}
	r.last = text
}

// Batches gives the batches of a model that are in the file. A torn line is of a process that ended while it wrote; its batch
// is found at the server, by what is in it.
func (r *batchRuns) Batches(model string) ([]openai.BatchEntry, error) {
	f, err := os.Open(r.file)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }() // it was read only
	var out []openai.BatchEntry
	in := bufio.NewReader(f)
	for {
		line, err := in.ReadBytes('\n')
		if errors.Is(err, io.EOF) {
			return out, nil
		}
		if err != nil {
			return nil, err
		}
		var e openai.BatchEntry
		if err := json.Unmarshal(line, &e); err == nil && e.Model == model {
			out = append(out, e)
		}
	}
}

// Add keeps a batch in the file.
func (r *batchRuns) Add(e openai.BatchEntry) error {
	line, err := json.Marshal(e)
	if err != nil {
		return err
	}
	f, err := os.OpenFile(r.file, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	_, err = f.Write(slices.Concat([]byte("\n"), line, []byte("\n"))) // the first ends a torn line
	return errors.Join(err, f.Sync(), f.Close())
}
