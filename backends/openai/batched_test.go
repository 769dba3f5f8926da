package openai_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/onset-eval/onset/backends"
	"github.com/onset-eval/onset/backends/faultserver"
	"github.com/onset-eval/onset/backends/openai"
)

// memoryJournal keeps batches in memory.
type memoryJournal struct{ entries []openai.BatchEntry }

func (j *memoryJournal) Batches(model string) ([]openai.BatchEntry, error) {
	for _, e := range j.entries {
		if e.Model != model {
			return nil, fmt.Errorf("a batch of %s", e.Model)
		}
	}
	return j.entries, nil
}

func (j *memoryJournal) Add(e openai.BatchEntry) error {
	j.entries = append(j.entries, e)
	return nil
}

func openBatched(t *testing.T, url string, j *memoryJournal) backends.Backend {
	t.Helper()
	b, err := openai.Batched(open(t, url, map[string]string{"api": "chat", "self_test": "off", "server": "ollama"}, openai.Options{}),
		openai.BatchedOptions{Quiet: 30 * time.Millisecond, Interval: 5 * time.Millisecond, Journal: j, Parallel: 40})
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func closeBackend(t *testing.T, b backends.Backend) {
	t.Helper()
	if err := b.Close(); err != nil {
		t.Error(err)
	}
}

// askAll asks every request at once, and gives the errors by index.
func askAll(ctx context.Context, t *testing.T, b backends.Backend, n int) []error {
	t.Helper()
	errs := make([]error, n)
	var calls sync.WaitGroup
	for i, r := range batchRequests(n) {
		calls.Go(func() {
			resp, err := b.Do(ctx, r.Request)
			errs[i] = err
			if err == nil && resp.Text != fmt.Sprint(i+1) {
				t.Errorf("request %d is answered with %q", i, resp.Text)
			}
		})
	}
	calls.Wait()
	return errs
}

// TestBatched sees that calls which come together share batches, of no more than are in flight.
func TestBatched(t *testing.T) {
	s := startServer(t, faultserver.Options{})
	j := new(memoryJournal)
	b := openBatched(t, s.URL(), j)
	defer closeBackend(t, b)
	if info := b.Info(); info.Parallel != 40 || len(info.Kinds) != 1 {
		t.Errorf("%+v", info)
	}
	for i, err := range askAll(t.Context(), t, b, 100) {
		if err != nil {
			t.Errorf("request %d: %v", i, err)
		}
	}
	if len(j.entries) != 3 {
		t.Errorf("%d batches, want 3 of 40, 40 and 20", len(j.entries))
	}
	if _, err := b.Do(t.Context(), backends.Request{Kind: backends.LogLikelihood}); backends.KindOf(err) != backends.KindUnsupported {
		t.Errorf("a log-likelihood: %v", err)
	}
}

// TestBatchedGoesOn drains a run whose batch is under way: another process waits for that batch and makes none of its own.
func TestBatchedGoesOn(t *testing.T) {
	s := startServer(t, faultserver.Options{Script: faultserver.Script{Batch: faultserver.BatchScript{Delay: faultserver.Duration(300 * time.Millisecond)}}})
	j := new(memoryJournal)
	b := openBatched(t, s.URL(), j)
	drain := make(chan struct{})
	time.AfterFunc(150*time.Millisecond, func() { close(drain) })
	for i, err := range askAll(backends.WithDrain(t.Context(), drain), t, b, 10) {
		if !errors.Is(err, backends.ErrDrained) {
			t.Errorf("request %d: %v", i, err)
		}
	}
	closeBackend(t, b)
	if _, err := b.Do(t.Context(), batchRequests(1)[0].Request); backends.KindOf(err) != backends.KindClosed {
		t.Errorf("after Close: %v", err)
	}
	if len(j.entries) != 1 || len(j.entries[0].Keys) != 10 {
		t.Fatalf("%+v", j.entries)
	}
	again := openBatched(t, s.URL(), j)
	defer closeBackend(t, again)
	var twice sync.WaitGroup // each request by two callers, and two requests more than before
	for range 2 {
		twice.Go(func() {
			for i, err := range askAll(t.Context(), t, again, 12) {
				if err != nil {
					t.Errorf("request %d: %v", i, err)
				}
			}
		})
	}
	twice.Wait()
	if len(j.entries) != 2 || len(j.entries[1].Keys) != 2 {
		t.Errorf("%+v", j.entries)
	}
}

// TestBatchedFailures gives the error of a batch that was not taken to each request, and of one that expired to those that
// it had no time for; these are asked again in a batch of their own.
func TestBatchedFailures(t *testing.T) {
	s := startServer(t, faultserver.Options{Script: faultserver.Script{Batch: faultserver.BatchScript{Reject: true}}})
	b := openBatched(t, s.URL(), new(memoryJournal))
	defer closeBackend(t, b)
	for i, err := range askAll(t.Context(), t, b, 3) {
		if backends.KindOf(err) != backends.KindInvalid {
			t.Errorf("request %d: %v", i, err)
		}
	}
	s = startServer(t, faultserver.Options{Script: faultserver.Script{Batch: faultserver.BatchScript{ExpireAfter: 4}}})
	j := new(memoryJournal)
	late := openBatched(t, s.URL(), j)
	defer closeBackend(t, late)
	for i, err := range askAll(t.Context(), t, backends.Retry(late, backends.RetryOptions{MinWait: time.Millisecond, MaxWait: time.Millisecond}), 10) {
		if err != nil {
			t.Errorf("request %d: %v", i, err)
		}
	}
	if len(j.entries) != 3 {
		t.Errorf("%d batches for 10 requests, 4 of which fit in each", len(j.entries))
	}
}
