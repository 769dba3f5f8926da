package openai_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/onset-eval/onset/backends"
	"github.com/onset-eval/onset/backends/faultserver"
	"github.com/onset-eval/onset/backends/openai"
)

// canary is a key that must show nowhere.
const canary = "sk-canary/7f3a+91=c2"

func env(pairs ...string) func(string) string {
	return func(name string) string {
		for i := 0; i < len(pairs); i += 2 {
			if pairs[i] == name {
				return pairs[i+1]
			}
		}
		return ""
	}
}

func startServer(t testing.TB, o faultserver.Options) *faultserver.Server {
	t.Helper()
	s, err := faultserver.Start(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

func open(t testing.TB, base string, args map[string]string, o openai.Options) *openai.Backend {
	t.Helper()
	o.Model = backends.Model{Ref: backends.Ref{Provider: "openai", Model: "m"}, BaseURL: base + "/v1", Args: args}
	if o.Getenv == nil {
		o.Getenv = env("OPENAI_API_KEY", canary)
	}
	b, err := openai.Open(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = b.Close() })
	return b
}

// clean fails where a value, printed in any way, shows the key.
func clean(t *testing.T, what string, values ...any) {
	t.Helper()
	for _, v := range values {
		data, _ := json.Marshal(v)
		if text := fmt.Sprintf("%v %+v %#v %q", v, v, v, v) + string(data); strings.Contains(text, "canary") {
			t.Errorf("%s shows the key: %s", what, text)
		}
	}
}

var ask = backends.Request{
	Kind: backends.Generate, Prompt: "what follows 41", Sampling: backends.Sampling{MaxTokens: 20},
	Messages: []backends.Message{{Role: "user", Content: "what follows 41"}},
}

// faultCase is a fault, what becomes of the request that it hits when it is tried up to three times, and how many calls the
// server sees.
type faultCase struct {
	fault faultserver.Fault
	// Of a request that is answered: its text, stop, and attempts.
	text     string
	stop     backends.StopReason
	attempts int
	// Of one that fails: its kind, and words of the message.
	kind  backends.ErrorKind
	words string
	calls int
}

func faultCases() map[string]faultCase {
	ms := func(n int) faultserver.Duration { return faultserver.Duration(time.Duration(n) * time.Millisecond) }
	status := func(code, count int, word string, after faultserver.Duration, form string) faultserver.Fault {
		return faultserver.Fault{Do: faultserver.Status, Status: code, Count: count, Word: word, RetryAfter: after, RetryForm: form}
	}
	once := func(do string) faultserver.Fault { return faultserver.Fault{Do: do, Count: 1} }
	ok := func(f faultserver.Fault, attempts int) faultCase {
		return faultCase{fault: f, text: "42", stop: backends.StopEOS, attempts: attempts, calls: attempts}
	}
	fails := func(f faultserver.Fault, kind backends.ErrorKind, words string, calls int) faultCase {
		return faultCase{fault: f, kind: kind, words: words, calls: calls}
	}
	always := func(do string) faultserver.Fault { return faultserver.Fault{Do: do} }
	return map[string]faultCase{
		"429":                  ok(status(429, 2, "", 0, ""), 3),
		"429 in seconds":       ok(status(429, 1, "", ms(30), ""), 2),
		"429 in ms":            ok(status(429, 1, "", ms(30), "ms"), 2),
		"429 by date":          ok(status(429, 1, "", ms(900), "date"), 2),
		"429 without end":      fails(status(429, 0, "", ms(5), ""), backends.KindRateLimit, "scripted failure", 3),
		"429 quota":            fails(status(429, 0, "insufficient_quota", 0, ""), backends.KindQuota, "scripted failure", 1),
		"503":                  ok(status(503, 1, "", 0, ""), 2),
		"529":                  ok(status(529, 2, "", ms(5), ""), 3),
		"500":                  ok(status(500, 1, "", 0, ""), 2),
		"502 without end":      fails(status(502, 0, "", 0, ""), backends.KindServer, "502", 3),
		"401":                  fails(status(401, 0, "", 0, ""), backends.KindAuth, "401", 1),
		"403":                  fails(status(403, 0, "", 0, ""), backends.KindAuth, "403", 1),
		"404":                  fails(status(404, 0, "", 0, ""), backends.KindNotFound, "404", 1),
		"400":                  fails(status(400, 0, "", 0, ""), backends.KindInvalid, "400", 1),
		"400 too long":         fails(status(400, 0, "context_length_exceeded", 0, ""), backends.KindTooLong, "400", 1),
		"400 filter":           fails(status(400, 0, "content_filter", 0, ""), backends.KindRefused, "400", 1),
		"stall":                ok(faultserver.Fault{Do: faultserver.Stall, Delay: ms(40)}, 1),
		"stall once":           ok(once(faultserver.Stall), 2),
		"stall without end":    fails(always(faultserver.Stall), backends.KindTimeout, "no whole answer within 500ms", 3),
		"slow body":            ok(faultserver.Fault{Do: faultserver.SlowBody, Delay: ms(60)}, 1),
		"slow body, too slow":  fails(faultserver.Fault{Do: faultserver.SlowBody, Delay: ms(5000)}, backends.KindTimeout, "within 500ms", 3),
		"reset":                ok(once(faultserver.Reset), 2),
		"reset without end":    fails(always(faultserver.Reset), backends.KindNetwork, "", 3),
		"reset in the body":    ok(once(faultserver.ResetBody), 2),
		"body without its end": fails(always(faultserver.ResetBody), backends.KindNetwork, "broke off after", 3),
		"truncated":            ok(once(faultserver.Truncated), 2),
		"truncated always":     fails(always(faultserver.Truncated), backends.KindNetwork, "cannot be read", 3),
		"malformed":            ok(once(faultserver.Malformed), 2),
		"malformed always":     fails(always(faultserver.Malformed), backends.KindNetwork, "cannot be read", 3),
		"wrong type":           ok(once(faultserver.WrongType), 2),
		"wrong type always":    fails(always(faultserver.WrongType), backends.KindNetwork, "no JSON: a web page titled Sign in", 3),
		"wrong shape":          fails(always(faultserver.WrongShape), backends.KindNetwork, "cannot be read", 3),
		"no choices":           fails(always(faultserver.NoChoices), backends.KindNetwork, "no choice", 3),
		"duplicate":            fails(always(faultserver.Duplicate), backends.KindNetwork, "2 choices that differ", 3),
		"null content":         {fault: always(faultserver.NullContent), stop: backends.StopEOS, attempts: 1, calls: 1},
		"empty content":        {fault: always(faultserver.EmptyContent), stop: backends.StopEOS, attempts: 1, calls: 1},
		"refusal":              {fault: always(faultserver.Refusal), text: "I cannot help with that.", stop: backends.StopRefusal, attempts: 1, calls: 1},
		"filtered":             {fault: always(faultserver.Filtered), text: "42", stop: backends.StopRefusal, attempts: 1, calls: 1},
		"length":               {fault: always(faultserver.Length), text: "42", stop: backends.StopLength, attempts: 1, calls: 1},
	}
}

// TestFaults sees what each fault becomes, through backends.Retry, for chat and for completions, of a server that repeats the
// key wherever it can.
func TestFaults(t *testing.T) {
	for name, tc := range faultCases() {
		for _, api := range []string{"chat", "completions"} {
			if api == "completions" && tc.fault.Do == faultserver.Refusal {
				continue // completions have no field for it
			}
			t.Run(name+" "+api, func(t *testing.T) {
				t.Parallel()
				s := startServer(t, faultserver.Options{Script: faultserver.Script{EchoKey: true, Faults: []faultserver.Fault{tc.fault}}})
				timeout := 10 * time.Second // on a busy machine anything may be slow
				if strings.Contains(name, "stall") || strings.Contains(name, "slow") {
					timeout = 500 * time.Millisecond
				}
				b := open(t, s.URL(), map[string]string{"api": api, "self_test": "off", "server": "ollama"}, openai.Options{Timeout: timeout})
				tried := backends.Retry(b, backends.RetryOptions{MaxAttempts: 3, MinWait: time.Millisecond, MaxWait: 5 * time.Millisecond})
				req := ask
				if api == "completions" {
					req.Messages = nil
				}
				begun := time.Now()
				resp, err := tried.Do(t.Context(), req)
				tc.check(t, resp, err)
				if c := s.Counts(); c.Calls != tc.calls {
					t.Errorf("the server saw %d calls, want %d: %v", c.Calls, tc.calls, c.Did)
				}
				if wait := time.Duration(tc.fault.RetryAfter); wait > 0 && tc.fault.RetryForm != "date" && time.Since(begun) < wait {
					t.Errorf("it did not wait for %v", wait)
				}
				clean(t, "the answer", resp, err, b, b.Info())
			})
		}
	}
}

func (tc faultCase) check(t *testing.T, resp backends.Response, err error) {
	t.Helper()
	if tc.kind == "" {
		if err != nil || resp.Text != tc.text || resp.Stop != tc.stop || resp.Attempts != tc.attempts {
			t.Errorf("%+v, %v", resp, err)
		}
		return
	}
	var e *backends.Error
	if !errors.As(err, &e) || e.Kind != tc.kind || !strings.Contains(e.Error(), tc.words) || e.Attempts != tc.calls || resp.Text != "" {
		t.Errorf("%+v, %v", resp, err)
		return
	}
	if want := time.Duration(tc.fault.RetryAfter); tc.fault.RetryForm == "" && e.RetryAfter != want {
		t.Errorf("it asks to wait %v, told %v", want, e.RetryAfter)
	}
	if tc.fault.Do == faultserver.Status && e.Status != tc.fault.Status {
		t.Errorf("status %d", e.Status)
	}
}

// TestLimitsAreTold sees that the limits travel with answers and with refusals.
func TestLimitsAreTold(t *testing.T) {
	s := startServer(t, faultserver.Options{Script: faultserver.Script{RequestsPerWindow: 2, TokensPerWindow: 1000}})
	b := open(t, s.URL(), nil, openai.Options{})
	for left := 1; left >= 0; left-- {
		resp, err := b.Do(t.Context(), ask)
		if err != nil || resp.Signals == nil || resp.Signals.RequestsLimit != 2 || resp.Signals.RequestsRemaining != left || resp.Signals.TokensLimit != 1000 {
			t.Fatalf("%+v %+v, %v", resp, resp.Signals, err)
		}
	}
	var e *backends.Error
	_, err := b.Do(t.Context(), ask)
	if !errors.As(err, &e) || e.Kind != backends.KindRateLimit || e.RetryAfter <= 0 || e.Signals == nil || e.Signals.RequestsRemaining != 0 || e.Signals.RequestsReset <= 0 {
		t.Errorf("%+v", e)
	}
}

// TestSustained is Inspect's issue 5137: a refusal every 2 s (here 20 ms) that asks to wait for 89 s. The client reports each
// with its wait, and what lies between is answered.
func TestSustained(t *testing.T) {
	s := startServer(t, faultserver.Options{Script: faultserver.Script{Faults: []faultserver.Fault{{
		Do: faultserver.Status, Status: 429, RetryAfter: faultserver.Duration(89 * time.Second), Period: faultserver.Duration(20 * time.Millisecond),
	}}}})
	b := open(t, s.URL(), nil, openai.Options{})
	refused, answered := 0, 0
	for begun := time.Now(); time.Since(begun) < 300*time.Millisecond; {
		_, err := b.Do(t.Context(), ask)
		var e *backends.Error
		switch {
		case err == nil:
			answered++
		case errors.As(err, &e) && e.Kind == backends.KindRateLimit && e.RetryAfter == 89*time.Second:
			refused++
		default:
			t.Fatal(err)
		}
	}
	if refused < 3 || refused > 16 || answered == 0 {
		t.Errorf("%d refused, %d answered", refused, answered)
	}
}

func TestKneeQueuesWithoutErrors(t *testing.T) {
	s := startServer(t, faultserver.Options{Script: faultserver.Script{Slots: 4, Latency: faultserver.Duration(5 * time.Millisecond)}})
	b := open(t, s.URL(), nil, openai.Options{})
	done := make(chan error)
	for range 32 {
		go func() { _, err := b.Do(t.Context(), ask); done <- err }()
	}
	for range 32 {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
	if c := s.Counts(); c.MaxWorking != 4 || c.Answered != 32 {
		t.Errorf("%+v", c)
	}
}

func TestTLSFailure(t *testing.T) {
	s := startServer(t, faultserver.Options{TLS: true})
	model := backends.Model{Ref: backends.Ref{Provider: "openai", Model: "m"}, BaseURL: s.URL() + "/v1"}
	_, err := openai.Open(t.Context(), openai.Options{Model: model, Getenv: env("OPENAI_API_KEY", canary)})
	if backends.KindOf(err) != backends.KindAuth || s.Counts().Calls != 0 {
		t.Errorf("%v", err)
	}
	clean(t, "the error", err)
	file := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(file, s.Cert(), 0o600); err != nil {
		t.Fatal(err)
	}
	b, err := openai.Open(t.Context(), openai.Options{Model: model, Getenv: env("OPENAI_API_KEY", canary, "SSL_CERT_FILE", file)})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = b.Close() }()
	if resp, err := b.Do(t.Context(), ask); err != nil || resp.Text != "42" {
		t.Errorf("%+v, %v", resp, err)
	}
}

func TestNoServer(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	_, err := openai.Open(ctx, openai.Options{Model: backends.Model{Ref: backends.Ref{Provider: "openai", Model: "m"}, BaseURL: "http://127.0.0.1:1/v1"}})
	if err == nil {
		t.Error("a server that is not there is opened")
	}
}
