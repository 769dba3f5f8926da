package faultserver_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/onset-eval/onset/backends/faultserver"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func start(t *testing.T, o faultserver.Options) *faultserver.Server {
	t.Helper()
	s, err := faultserver.Start(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// answer is what came of a call: a status, a header, a body, or an error.
type answer struct {
	status int
	header http.Header
	body   string
	err    error
}

func post(t *testing.T, s *faultserver.Server, path, body string) answer {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, s.URL()+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer sk-shown")
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := client.Do(req)
	if err != nil {
		return answer{err: err}
	}
	defer func() { _ = resp.Body.Close() }()
	data, err := io.ReadAll(resp.Body)
	return answer{resp.StatusCode, resp.Header, string(data), err}
}

const chat = `{"model":"m","messages":[{"role":"user","content":"what follows 41"}]}`

func TestOpenAIFace(t *testing.T) {
	s := start(t, faultserver.Options{})
	for name, tc := range map[string]struct {
		path, body string
		status     int
		want       []string
	}{
		"chat":        {"/v1/chat/completions", chat, 200, []string{`"object":"chat.completion"`, `"role":"assistant","content":"42"`, `"finish_reason":"stop"`, `"total_tokens":`}},
		"parts":       {"/v1/chat/completions", `{"model":"m","messages":[{"role":"user","content":[{"type":"text","text":"n 9"}]}]}`, 200, []string{`"content":"10"`}},
		"text":        {"/completions", `{"model":"m","prompt":"n 9"}`, 200, []string{`"text":"10"`, `"object":"text_completion"`}},
		"several":     {"/v1/completions", `{"model":"m","prompt":["n 9","n 11"],"n":2}`, 200, []string{`"index":3,"text":"12"`}},
		"ids":         {"/v1/completions", `{"model":"m","prompt":[[1,2],[3]],"max_tokens":1}`, 200, []string{`"index":1,`, `"finish_reason":"length"`}},
		"stop":        {"/v1/chat/completions", strings.Replace(chat, "{", `{"stop":"2",`, 1), 200, []string{`"content":"4"`}},
		"reasoning":   {"/v1/chat/completions", strings.Replace(chat, `"m"`, `"o3","max_tokens":5`, 1), 400, []string{"max_completion_tokens"}},
		"no model":    {"/v1/chat/completions", `{"messages":[{"role":"user","content":"x"}]}`, 400, []string{"model"}},
		"no messages": {"/v1/chat/completions", `{"model":"m"}`, 400, []string{"messages"}},
		"no JSON":     {"/v1/chat/completions", `{`, 400, []string{"JSON"}},
		"no path":     {"/v1/other", `{}`, 404, nil},
	} {
		got := post(t, s, tc.path, tc.body)
		if got.status != tc.status {
			t.Errorf("%s: %+v", name, got)
		}
		for _, want := range tc.want {
			if !strings.Contains(got.body, want) {
				t.Errorf("%s: %s lacks %s", name, got.body, want)
			}
		}
	}
}

// TestFaults sees that each fault does what it is called.
func TestFaults(t *testing.T) {
	whole := func(a answer) bool {
		return a.err == nil && a.status == 200 && json.Valid([]byte(a.body)) && strings.Contains(a.body, `"42"`)
	}
	for name, tc := range map[string]struct {
		fault faultserver.Fault
		ok    func(answer) bool
	}{
		"status": {faultserver.Fault{Do: "status", Status: 529}, func(a answer) bool {
			return a.status == 529 && json.Valid([]byte(a.body)) && a.header.Get("Retry-After") == ""
		}},
		"seconds": {faultserver.Fault{Do: "status", Status: 429, RetryAfter: faultserver.Duration(89 * time.Second)},
			func(a answer) bool { return a.status == 429 && a.header.Get("Retry-After") == "89" }},
		"date": {faultserver.Fault{Do: "status", Status: 503, RetryAfter: faultserver.Duration(time.Minute), RetryForm: "date"},
			func(a answer) bool {
				at, err := http.ParseTime(a.header.Get("Retry-After"))
				return err == nil && time.Until(at) > 50*time.Second
			}},
		"ms": {faultserver.Fault{Do: "status", Status: 429, RetryAfter: faultserver.Duration(time.Second), RetryForm: "ms"},
			func(a answer) bool { return a.header.Get("Retry-After-Ms") == "1000" }},
		"word":       {faultserver.Fault{Do: "status", Status: 429, Word: "insufficient_quota"}, func(a answer) bool { return strings.Contains(a.body, `"code":"insufficient_quota"`) }},
		"stall":      {faultserver.Fault{Do: "stall", Delay: faultserver.Duration(50 * time.Millisecond)}, whole},
		"stall long": {faultserver.Fault{Do: "stall"}, func(a answer) bool { return errors.Is(a.err, context.DeadlineExceeded) }},
		"slow body":  {faultserver.Fault{Do: "slow_body", Delay: faultserver.Duration(50 * time.Millisecond)}, whole},
		"reset":      {faultserver.Fault{Do: "reset"}, func(a answer) bool { return a.err != nil && a.status == 0 }},
		"reset body": {faultserver.Fault{Do: "reset_body"}, func(a answer) bool { return a.err != nil && a.status == 200 && len(a.body) > 20 }},
		"truncated":  {faultserver.Fault{Do: "truncated"}, func(a answer) bool { return a.err == nil && a.status == 200 && !json.Valid([]byte(a.body)) }},
		"malformed":  {faultserver.Fault{Do: "malformed"}, func(a answer) bool { return a.err == nil && a.status == 200 && !json.Valid([]byte(a.body)) }},
		"wrong type": {faultserver.Fault{Do: "wrong_type"}, func(a answer) bool {
			return a.status == 200 && strings.HasPrefix(a.header.Get("Content-Type"), "text/html")
		}},
		"wrong shape": {faultserver.Fault{Do: "wrong_shape"}, func(a answer) bool {
			return a.status == 200 && json.Valid([]byte(a.body)) && !strings.Contains(a.body, "42")
		}},
		"null":       {faultserver.Fault{Do: "null_content"}, func(a answer) bool { return strings.Contains(a.body, `"content":null,"refusal":null`) }},
		"empty":      {faultserver.Fault{Do: "empty_content"}, func(a answer) bool { return strings.Contains(a.body, `"content":""`) }},
		"no choices": {faultserver.Fault{Do: "no_choices"}, func(a answer) bool { return strings.Contains(a.body, `"choices":[]`) }},
		"duplicate": {faultserver.Fault{Do: "duplicate"}, func(a answer) bool {
			return strings.Count(a.body, `"index"`) == 2 && strings.Contains(a.body, "42 or not")
		}},
		"refusal":  {faultserver.Fault{Do: "refusal"}, func(a answer) bool { return strings.Contains(a.body, `"content":null,"refusal":"I cannot`) }},
		"filtered": {faultserver.Fault{Do: "filtered"}, func(a answer) bool { return strings.Contains(a.body, `"finish_reason":"content_filter"`) }},
		"length":   {faultserver.Fault{Do: "length"}, func(a answer) bool { return strings.Contains(a.body, `"finish_reason":"length"`) }},
	} {
		t.Run(name, func(t *testing.T) {
			tc.fault.First, tc.fault.Count = 2, 1
			s := start(t, faultserver.Options{Script: faultserver.Script{Faults: []faultserver.Fault{tc.fault}}})
			before, got, after := post(t, s, "/v1/chat/completions", chat), post(t, s, "/v1/chat/completions", chat), post(t, s, "/v1/chat/completions", chat)
			if !tc.ok(got) {
				t.Errorf("%+v", got)
			}
			if !whole(before) || !whole(after) {
				t.Errorf("before it %+v, after it %+v", before, after)
			}
			if c := s.Counts(); c.Calls != 3 || c.Did[tc.fault.Do] != 1 || c.Answered != 2 {
				t.Errorf("counts: %+v", c)
			}
		})
	}
}

func TestWhen(t *testing.T) {
	var mu sync.Mutex
	var hit []int
	s := start(t, faultserver.Options{
		Script: faultserver.Script{Seed: 3, Faults: []faultserver.Fault{
			{Do: "status", Face: "other"}, {Do: "null_content", Every: 10, First: 11}, {Do: "length", Share: 0.25}, {Do: "filtered", Period: faultserver.Duration(time.Hour)},
		}},
		Observe: func(e faultserver.Event) {
			mu.Lock()
			defer mu.Unlock()
			if e.Did == "null_content" {
				hit = append(hit, e.Number)
			}
		},
	})
	for range 400 {
		post(t, s, "/v1/chat/completions", chat)
	}
	c := s.Counts()
	if c.Did["status"] != 0 || c.Did["null_content"] != 39 || c.Did["length"] < 60 || c.Did["length"] > 130 || c.Did["filtered"] != 1 {
		t.Errorf("%+v", c)
	}
	mu.Lock()
	defer mu.Unlock()
	if len(hit) != 39 || hit[0] != 20 || hit[1] != 30 {
		t.Errorf("every tenth from the eleventh: %v", hit)
	}
}

func TestLimitsAndSlots(t *testing.T) {
	s := start(t, faultserver.Options{Script: faultserver.Script{RequestsPerWindow: 5, TokensPerWindow: 1000, Window: faultserver.Duration(time.Minute)}})
	for i := range 5 {
		a := post(t, s, "/v1/chat/completions", chat)
		if want := string(rune('4' - i)); a.status != 200 || a.header.Get("X-Ratelimit-Remaining-Requests") != want || a.header.Get("X-Ratelimit-Limit-Tokens") != "1000" {
			t.Errorf("call %d: %+v", i, a)
		}
	}
	if a := post(t, s, "/v1/chat/completions", chat); a.status != 429 || a.header.Get("Retry-After") == "" || a.header.Get("X-Ratelimit-Remaining-Requests") != "0" {
		t.Errorf("over the limit: %+v", a)
	}
	s = start(t, faultserver.Options{Script: faultserver.Script{TokensPerWindow: 20, HideRetryAfter: true}})
	first, second := post(t, s, "/v1/chat/completions", chat), post(t, s, "/v1/chat/completions", chat)
	for range 2 {
		second = post(t, s, "/v1/chat/completions", chat)
	}
	if first.status != 200 || second.status != 429 || second.header.Get("Retry-After") != "" {
		t.Errorf("tokens: %+v, then %+v", first, second)
	}

	s = start(t, faultserver.Options{Script: faultserver.Script{Slots: 3, Latency: faultserver.Duration(20 * time.Millisecond)}})
	var all sync.WaitGroup
	begun := time.Now()
	for range 12 {
		all.Go(func() {
			if a := post(t, s, "/v1/chat/completions", chat); a.status != 200 {
				t.Errorf("%+v", a)
			}
		})
	}
	all.Wait()
	if c := s.Counts(); c.MaxWorking != 3 || c.MaxInFlight < 4 || time.Since(begun) < 70*time.Millisecond {
		t.Errorf("12 calls through 3 slots took %v: %+v", time.Since(begun), c)
	}
}

func TestKeyAndTLS(t *testing.T) {
	s := start(t, faultserver.Options{Script: faultserver.Script{Key: "sk-right", EchoKey: true}})
	if a := post(t, s, "/v1/chat/completions", chat); a.status != 401 || !strings.Contains(a.body, "sk-shown") {
		t.Errorf("a wrong key: %+v", a)
	}
	s = start(t, faultserver.Options{TLS: true})
	if a := post(t, s, "/v1/chat/completions", chat); a.err == nil || !strings.Contains(a.err.Error(), "certificate") {
		t.Errorf("TLS: %+v", a)
	}
	if !bytes.Contains(s.Cert(), []byte("BEGIN CERTIFICATE")) {
		t.Errorf("no certificate")
	}
}

func TestReadScript(t *testing.T) {
	file := filepath.Join(t.TempDir(), "s.json")
	write := func(text string) {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(`{"slots":4,"latency":"50ms","faults":[{"do":"status","status":429,"retry_after":"89s","period":"2s"}]}`)
	s, err := faultserver.ReadScript(file)
	if err != nil || s.Slots != 4 || time.Duration(s.Faults[0].RetryAfter) != 89*time.Second || time.Duration(s.Latency) != 50*time.Millisecond {
		t.Errorf("%+v, %v", s, err)
	}
	for _, bad := range []string{`{"slot":4}`, `{"latency":"x"}`, `{"faults":[{"do":"dance"}]}`, `{`} {
		write(bad)
		if _, err := faultserver.ReadScript(file); err == nil {
			t.Errorf("%s is taken", bad)
		}
	}
}
