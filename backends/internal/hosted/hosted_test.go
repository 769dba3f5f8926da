package hosted_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/onset-eval/onset/backends"
	"github.com/onset-eval/onset/backends/anthropic"
	"github.com/onset-eval/onset/backends/backendtest"
	"github.com/onset-eval/onset/backends/faultserver"
	"github.com/onset-eval/onset/backends/gemini"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// canary is a key that must show nowhere.
const canary = "sk-canary-7f3a+91=c2"

// api is one of the APIs, with its place in a fault server.
type api struct {
	name string
	open func(base string, args map[string]string, key string, timeout time.Duration) (backends.Backend, error)
}

func apis() []api {
	env := func(name, key string) func(string) string {
		return func(v string) string {
			if v == name {
				return key
			}
			return ""
		}
	}
	model := func(provider, base string, args map[string]string) backends.Model {
		return backends.Model{Ref: backends.Ref{Provider: provider, Model: "some-model"}, BaseURL: base, Args: args}
	}
	return []api{
		{"anthropic", func(base string, args map[string]string, key string, timeout time.Duration) (backends.Backend, error) {
			return anthropic.Open(context.Background(), anthropic.Options{Model: model("anthropic", base, args), Getenv: env("ANTHROPIC_API_KEY", key), Timeout: timeout})
		}},
		{"gemini", func(base string, args map[string]string, key string, timeout time.Duration) (backends.Backend, error) {
			return gemini.Open(context.Background(), gemini.Options{Model: model("gemini", base, args), Getenv: env("GEMINI_API_KEY", key), Timeout: timeout})
		}},
	}
}

func start(t testing.TB, o faultserver.Options) *faultserver.Server {
	t.Helper()
	s, err := faultserver.Start(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

func (a api) must(t testing.TB, base string, args map[string]string, timeout time.Duration) backends.Backend {
	t.Helper()
	b, err := a.open(base, args, canary, timeout)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = b.Close() })
	return b
}

func TestConformance(t *testing.T) {
	for _, a := range apis() {
		t.Run(a.name, func(t *testing.T) {
			s := start(t, faultserver.Options{})
			backendtest.Run(t, func(t testing.TB) backends.Backend { return a.must(t, s.URL(), nil, 0) }, backendtest.Options{
				Prompts: []string{"say something long", "another prompt", "a third one"}, Unseeded: a.name == "anthropic", StopHidden: a.name == "gemini",
				Temperature: 1,
			})
		})
	}
}

var ask = backends.Request{
	Kind: backends.Generate, Sampling: backends.Sampling{MaxTokens: 20},
	Messages: []backends.Message{{Role: "system", Content: "be brief"}, {Role: "user", Content: "what follows 41"}},
}

// outcome is what becomes of a request that a fault hits, when it is tried up to three times.
type outcome struct {
	fault faultserver.Fault
	only  string // the API that has this; "" is both
	text  string
	stop  backends.StopReason
	kind  backends.ErrorKind // of one that fails
	words string
	calls int
	wait  time.Duration // that the error asks for
}

func outcomes() map[string]outcome {
	ms := func(n int) faultserver.Duration { return faultserver.Duration(time.Duration(n) * time.Millisecond) }
	status := func(code, count int, word string) faultserver.Fault {
		return faultserver.Fault{Do: faultserver.Status, Status: code, Count: count, Word: word}
	}
	once := func(do string) faultserver.Fault { return faultserver.Fault{Do: do, Count: 1} }
	always := func(do string) faultserver.Fault { return faultserver.Fault{Do: do} }
	ok := func(f faultserver.Fault, calls int) outcome {
		return outcome{fault: f, text: "42", stop: backends.StopEOS, calls: calls}
	}
	fails := func(f faultserver.Fault, kind backends.ErrorKind, words string, calls int) outcome {
		return outcome{fault: f, kind: kind, words: words, calls: calls}
	}
	on := func(api string, o outcome) outcome { o.only = api; return o }
	waits := func(d time.Duration, o outcome) outcome { o.wait = d; return o }
	hinted := status(429, 0, "")
	hinted.RetryAfter = ms(5)
	return map[string]outcome{
		"429":                 ok(status(429, 2, ""), 3),
		"429 without end":     waits(5*time.Millisecond, fails(hinted, backends.KindRateLimit, "scripted failure", 3)),
		"503":                 ok(status(503, 1, ""), 2),
		"529":                 ok(status(529, 2, ""), 3),
		"529 without end":     fails(status(529, 0, ""), backends.KindOverloaded, "529", 3),
		"500":                 ok(status(500, 1, ""), 2),
		"502 without end":     fails(status(502, 0, ""), backends.KindServer, "502", 3),
		"401":                 fails(status(401, 0, ""), backends.KindAuth, "401", 1),
		"403":                 fails(status(403, 0, ""), backends.KindAuth, "403", 1),
		"404":                 fails(status(404, 0, ""), backends.KindNotFound, "404", 1),
		"400":                 fails(status(400, 0, ""), backends.KindInvalid, "400", 1),
		"402":                 fails(status(402, 0, ""), backends.KindQuota, "402", 1),
		"413":                 fails(status(413, 0, ""), backends.KindTooLong, "413", 1),
		"overloaded as 500":   on("anthropic", fails(status(500, 0, "overloaded_error"), backends.KindOverloaded, "500", 3)),
		"spent":               on("anthropic", fails(status(400, 0, "billing_error"), backends.KindQuota, "400", 1)),
		"retry info":          on("gemini", waits(30*time.Millisecond, fails(status(429, 0, "RETRY_INFO"), backends.KindRateLimit, "429", 3))),
		"spent for a day":     on("gemini", fails(status(429, 0, "PER_DAY"), backends.KindQuota, "429", 1)),
		"key not valid":       on("gemini", fails(status(400, 0, "API_KEY_INVALID"), backends.KindAuth, "not valid", 1)),
		"stall":               ok(faultserver.Fault{Do: faultserver.Stall, Delay: ms(40)}, 1),
		"stall once":          ok(once(faultserver.Stall), 2),
		"stall without end":   fails(always(faultserver.Stall), backends.KindTimeout, "no whole answer within 400ms", 3),
		"slow body":           ok(faultserver.Fault{Do: faultserver.SlowBody, Delay: ms(60)}, 1),
		"slow body, too slow": fails(faultserver.Fault{Do: faultserver.SlowBody, Delay: ms(4000)}, backends.KindTimeout, "within 400ms", 3),
		"reset":               ok(once(faultserver.Reset), 2),
		"reset in the body":   fails(always(faultserver.ResetBody), backends.KindNetwork, "broke off after", 3),
		"truncated":           ok(once(faultserver.Truncated), 2),
		"truncated always":    fails(always(faultserver.Truncated), backends.KindNetwork, "cannot be read", 3),
		"malformed":           fails(always(faultserver.Malformed), backends.KindNetwork, "cannot be read", 3),
		"wrong type":          fails(always(faultserver.WrongType), backends.KindNetwork, "no JSON: a web page titled Sign in", 3),
		"wrong shape":         fails(always(faultserver.WrongShape), backends.KindNetwork, "cannot be read", 3),
		"no answer in it":     on("anthropic", fails(always(faultserver.NoChoices), backends.KindNetwork, "no content", 3)),
		"no candidate":        on("gemini", fails(always(faultserver.NoChoices), backends.KindNetwork, "no candidate", 3)),
		"two candidates":      on("gemini", fails(always(faultserver.Duplicate), backends.KindNetwork, "2 candidates", 3)),
		"two blocks":          on("anthropic", outcome{fault: always(faultserver.Duplicate), text: "42 or not", stop: backends.StopEOS, calls: 1}),
		"null content":        {fault: always(faultserver.NullContent), stop: backends.StopEOS, calls: 1},
		"empty content":       {fault: always(faultserver.EmptyContent), stop: backends.StopEOS, calls: 1},
		"refusal":             {fault: always(faultserver.Refusal), stop: backends.StopRefusal, calls: 1},
		"filtered":            on("gemini", outcome{fault: always(faultserver.Filtered), stop: backends.StopRefusal, calls: 1}),
		"refused within":      on("anthropic", outcome{fault: always(faultserver.Filtered), text: "42", stop: backends.StopRefusal, calls: 1}),
		"length":              {fault: always(faultserver.Length), text: "42", stop: backends.StopLength, calls: 1},
	}
}

// TestFaults sees what each fault becomes, through backends.Retry, of a server that repeats the key wherever it can.
func TestFaults(t *testing.T) {
	for _, a := range apis() {
		for name, want := range outcomes() {
			if want.only != "" && want.only != a.name {
				continue
			}
			t.Run(a.name+" "+name, func(t *testing.T) {
				s := start(t, faultserver.Options{Script: faultserver.Script{EchoKey: true, Faults: []faultserver.Fault{want.fault}}})
				b := a.must(t, s.URL(), nil, 400*time.Millisecond)
				tried := backends.Retry(b, backends.RetryOptions{MaxAttempts: 3, MinWait: time.Millisecond, MaxWait: 5 * time.Millisecond})
				resp, err := tried.Do(t.Context(), ask)
				var e *backends.Error
				switch {
				case want.kind == "" && (err != nil || resp.Text != want.text || resp.Stop != want.stop):
					t.Errorf("%+v, %v", resp, err)
				case want.kind != "" && (!errors.As(err, &e) || e.Kind != want.kind || !strings.Contains(e.Error(), want.words) || e.RetryAfter != want.wait):
					t.Errorf("%+v, %v, wait %+v", resp, err, e)
				}
				if n := s.Counts().Calls; n != want.calls {
					t.Errorf("the server saw %d calls, want %d", n, want.calls)
				}
				clean(t, resp, err, b, b.Info())
			})
		}
	}
}

// clean fails where a value, printed in any way, shows the key.
func clean(t *testing.T, values ...any) {
	t.Helper()
	for _, v := range values {
		data, _ := json.Marshal(v)
		if text := fmt.Sprintf("%v %+v %#v", v, v, v) + string(data); strings.Contains(text, "canary") {
			t.Errorf("the key shows: %s", text)
		}
	}
}

// TestReasoning sees that hidden thought stays out of the text and is counted, and that the bound leaves room for it.
func TestReasoning(t *testing.T) {
	model := func(c faultserver.Call) faultserver.Reply {
		return faultserver.Reply{Text: fmt.Sprint(c.MaxTokens), Reasoning: strings.Repeat("hm ", 30), ReasoningTokens: 90, CompletionTokens: 92, PromptTokens: 5, Stop: backends.StopEOS}
	}
	for _, a := range apis() {
		s := start(t, faultserver.Options{Model: model})
		args := map[string]map[string]string{"anthropic": {"thinking": "2048"}, "gemini": {"thinking_budget": "2048", "reasoning_budget": "2048"}}[a.name]
		resp, err := a.must(t, s.URL(), args, 0).Do(t.Context(), ask)
		if err != nil || resp.Text != "2068" || resp.Usage.CompletionTokens != 92 || resp.Usage.PromptTokens != 5 || resp.Usage.ReasoningTokens < 85 || resp.Usage.ReasoningTokens > 91 {
			t.Errorf("%s: %+v, %v", a.name, resp, err)
		}
	}
}

// TestBodies holds what is sent against the APIs' references.
func TestBodies(t *testing.T) {
	var path, body string
	var header http.Header
	s := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		data, _ := io.ReadAll(r.Body)
		path, body, header = r.URL.Path, string(data), r.Header
	}))
	defer s.Close()
	req := backends.Request{
		Kind: backends.Generate, Draw: 1, Sampling: backends.Sampling{MaxTokens: 7, Temperature: 0.5, TopP: 0.9, TopK: 3, Seed: 4, Stop: []string{"\n", "Q:"}},
		Messages: []backends.Message{{Role: "system", Content: "s"}, {Role: "user", Content: "a"}, {Role: "assistant", Content: "b"}, {Role: "user", Content: "c"}},
	}
	want := map[string][2]string{
		"anthropic": {"/v1/messages", `{"max_tokens":7,"messages":[{"role":"user","content":"a"},{"role":"assistant","content":"b"},{"role":"user","content":"c"}],` +
			`"model":"some-model","stop_sequences":["Q:"],"system":"s","temperature":0.5,"top_k":3,"top_p":0.9}`},
		"gemini": {"/v1beta/models/some-model:generateContent", `{"contents":[{"role":"user","parts":[{"text":"a"}]},{"role":"model","parts":[{"text":"b"}]},{"role":"user","parts":[{"text":"c"}]}],` +
			`"generationConfig":{"temperature":0.5,"topP":0.9,"topK":3,"maxOutputTokens":7,"stopSequences":["\n","Q:"],"seed":SEED},"systemInstruction":{"parts":[{"text":"s"}]}}`},
	}
	for _, a := range apis() {
		b := a.must(t, s.URL, nil, 0)
		_, _ = b.Do(t.Context(), req)
		expected := want[a.name][1]
		if at := strings.Index(body, `"seed":`); at >= 0 {
			seed, _, _ := strings.Cut(body[at+len(`"seed":`):], "}")
			expected = strings.ReplaceAll(expected, "SEED", seed)
		}
		if path != want[a.name][0] || body != expected {
			t.Errorf("%s: %s %s, want %s %s", a.name, path, body, want[a.name][0], expected)
		}
		if key := header.Get("X-Api-Key") + header.Get("X-Goog-Api-Key"); key != canary || header.Get("Authorization") != "" {
			t.Errorf("%s: the key is sent as %v", a.name, header)
		}
		req.Sampling.MinP = 0.1
		if _, err := b.Do(t.Context(), req); backends.KindOf(err) != backends.KindUnsupported {
			t.Errorf("%s: min_p gives %v", a.name, err)
		}
		req.Sampling.MinP = 0
	}
}

// TestArguments sees that a misspelt argument and a missing key are errors that say what to do, before anything is sent.
func TestArguments(t *testing.T) {
	for _, a := range apis() {
		for _, args := range []map[string]string{{"max_token": "5"}, {"thinking": "a lot"}, {"thinking_level": "x"}, {"extra": "[]"}, {"timeout": "5"}} {
			if _, err := a.open("http://127.0.0.1:1", args, canary, 0); err == nil {
				t.Errorf("%s takes %v", a.name, args)
			}
		}
		_, err := a.open("", nil, "", 0)
		var h interface{ Hint() string }
		if backends.KindOf(err) != backends.KindAuth || !errors.As(err, &h) || !strings.Contains(h.Hint(), strings.ToUpper(a.name)+"_API_KEY") {
			t.Errorf("%s without a key: %v", a.name, err)
		}
	}
}

// TestLimits sees that Anthropic's limits travel with answers and refusals.
func TestLimits(t *testing.T) {
	s := start(t, faultserver.Options{Script: faultserver.Script{RequestsPerWindow: 1, TokensPerWindow: 1000}})
	b := apis()[0].must(t, s.URL(), nil, 0)
	resp, err := b.Do(t.Context(), ask)
	if err != nil || resp.Signals == nil || resp.Signals.RequestsLimit != 1 || resp.Signals.RequestsRemaining != 0 || resp.Signals.TokensLimit != 1000 {
		t.Fatalf("%+v %+v, %v", resp, resp.Signals, err)
	}
	var e *backends.Error
	_, err = b.Do(t.Context(), ask)
	if !errors.As(err, &e) || e.Kind != backends.KindRateLimit || e.RetryAfter <= 0 || e.Signals == nil || e.Signals.RequestsReset <= 0 {
		t.Errorf("%+v", e)
	}
}
