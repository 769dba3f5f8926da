package openai_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/onset-eval/onset/backends"
	"github.com/onset-eval/onset/backends/faultserver"
	"github.com/onset-eval/onset/backends/openai"
)

func batchRequests(n int) []openai.BatchRequest {
	var out []openai.BatchRequest
	for i := range n {
		out = append(out, openai.BatchRequest{ID: fmt.Sprintf("sample %d/draw 0", i), Request: backends.Request{
			Kind: backends.Generate, Prompt: fmt.Sprintf("what follows %d", i), Sampling: backends.Sampling{MaxTokens: 9},
		}})
	}
	return out
}

// TestBatch runs batches of which all goes well, lines fail, time runs out, lines are lost, and the file is not taken.
func TestBatch(t *testing.T) {
	for name, tc := range map[string]struct {
		script faultserver.BatchScript
		state  string
		kinds  map[backends.ErrorKind]int // of the results; "" are answers
		whole  backends.ErrorKind
	}{
		"well":       {faultserver.BatchScript{}, "completed", map[backends.ErrorKind]int{"": 10}, ""},
		"slow":       {faultserver.BatchScript{Delay: faultserver.Duration(50 * time.Millisecond)}, "completed", map[backends.ErrorKind]int{"": 10}, ""},
		"some fail":  {faultserver.BatchScript{FailEvery: 3}, "completed", map[backends.ErrorKind]int{"": 7, backends.KindRateLimit: 3}, ""},
		"expires":    {faultserver.BatchScript{ExpireAfter: 4}, "expired", map[backends.ErrorKind]int{"": 4, backends.KindTimeout: 6}, ""},
		"lines lost": {faultserver.BatchScript{LoseEvery: 5}, "completed", map[backends.ErrorKind]int{"": 8, backends.KindNetwork: 2}, ""},
		"rejected":   {faultserver.BatchScript{Reject: true}, "failed", map[backends.ErrorKind]int{}, backends.KindInvalid},
	} {
		for _, api := range []string{"chat", "completions"} {
			t.Run(name+" "+api, func(t *testing.T) {
				t.Parallel()
				s := startServer(t, faultserver.Options{Script: faultserver.Script{Batch: tc.script, EchoKey: true}})
				args := map[string]string{"api": api, "self_test": "off", "server": "ollama"}
				requests := batchRequests(10)
				id, taken, err := open(t, s.URL(), args, openai.Options{}).Batches().Submit(t.Context(), requests)
				if err != nil || taken != 10 {
					t.Fatal(taken, err)
				}
				batches := open(t, s.URL(), args, openai.Options{}).Batches() // as another process would
				seen := 0
				st, err := batches.Wait(t.Context(), id, 5*time.Millisecond, func(openai.BatchStatus) { seen++ })
				if err != nil || st.State != tc.state || st.ID != id || seen == 0 || name == "slow" && seen < 3 {
					t.Fatalf("%+v after %d looks, %v", st, seen, err)
				}
				kinds := make(map[backends.ErrorKind]int)
				err = batches.Results(t.Context(), st, requests, func(r openai.BatchResult) error {
					kinds[backends.KindOf(r.Err)]++
					var n int
					if _, err := fmt.Sscanf(r.ID, "sample %d/draw 0", &n); err != nil || r.Err == nil && r.Response.Text != fmt.Sprint(n+1) {
						t.Errorf("%+v", r)
					}
					if r.Err != nil && !backends.KindOf(r.Err).Temporary() {
						t.Errorf("it cannot be asked again: %v", r.Err)
					}
					clean(t, "a result", r, r.Err)
					return nil
				})
				if backends.KindOf(err) != tc.whole || fmt.Sprint(kinds) != fmt.Sprint(tc.kinds) {
					t.Errorf("%v, %v", kinds, err)
				}
			})
		}
	}
}

// TestBatchIsNotPaidTwice submits the same requests again, as a process does that was killed before it could keep the id.
func TestBatchIsNotPaidTwice(t *testing.T) {
	s := startServer(t, faultserver.Options{Script: faultserver.Script{Batch: faultserver.BatchScript{Delay: faultserver.Duration(time.Hour)}}})
	batches := open(t, s.URL(), nil, openai.Options{}).Batches()
	first, _, err := batches.Submit(t.Context(), batchRequests(3))
	if err != nil {
		t.Fatal(err)
	}
	again, taken, err := batches.Submit(t.Context(), batchRequests(3))
	if err != nil || again != first || taken != 3 {
		t.Errorf("%s then %s (%d), %v", first, again, taken, err)
	}
	other, _, err := batches.Submit(t.Context(), batchRequests(4))
	if err != nil || other == first {
		t.Errorf("other requests are taken for the same batch %s: %v", other, err)
	}
	if err := batches.Cancel(t.Context(), first); err != nil {
		t.Fatal(err)
	}
	if st, err := batches.Status(t.Context(), first); err != nil || st.State != "cancelled" {
		t.Errorf("%+v, %v", st, err)
	}
	if anew, _, err := batches.Submit(t.Context(), batchRequests(3)); err != nil || anew == first {
		t.Errorf("a cancelled batch is taken up again: %s, %v", anew, err)
	}
}

func TestBatchRefuses(t *testing.T) {
	s := startServer(t, faultserver.Options{})
	batches := open(t, s.URL(), nil, openai.Options{}).Batches()
	twice := append(batchRequests(1), batchRequests(1)...)
	scores := []openai.BatchRequest{{ID: "x", Request: backends.Request{Kind: backends.LogLikelihood, Continuations: []string{"a"}}}}
	for _, bad := range [][]openai.BatchRequest{nil, twice, scores} {
		if id, _, err := batches.Submit(t.Context(), bad); err == nil {
			t.Errorf("%v is taken as %s", bad, id)
		}
	}
	stop := errors.New("enough")
	requests := batchRequests(3)
	id, _, err := batches.Submit(t.Context(), requests)
	if err != nil {
		t.Fatal(err)
	}
	st, err := batches.Wait(t.Context(), id, time.Millisecond, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := batches.Results(t.Context(), st, requests, func(openai.BatchResult) error { return stop }); !errors.Is(err, stop) {
		t.Errorf("%v", err)
	}
	if _, err := batches.Status(t.Context(), "batch_99"); backends.KindOf(err) != backends.KindNotFound || strings.Contains(fmt.Sprint(err), "canary") {
		t.Errorf("%v", err)
	}
	if openai.BatchCostFactor != 0.5 {
		t.Error("a batch costs half")
	}
}
