package openai

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

	"github.com/google/go-cmp/cmp"

	"github.com/onset-eval/onset/backends"
)

// say starts a server that answers every call in the same way, and keeps the bodies it is sent.
func say(t *testing.T, answer func(call int, body map[string]any) (int, string)) (base string, bodies *[]map[string]any) {
	t.Helper()
	bodies = new([]map[string]any)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		if r.Method == http.MethodGet {
			w.WriteHeader(http.StatusNotFound)
			return
		}
		data, _ := io.ReadAll(r.Body)
		var body map[string]any
		if err := json.Unmarshal(data, &body); err != nil {
			t.Errorf("%s: %v", data, err)
		}
		*bodies = append(*bodies, body)
		status, text := answer(len(*bodies), body)
		w.WriteHeader(status)
		_, _ = io.WriteString(w, text)
	}))
	t.Cleanup(s.Close)
	return s.URL + "/v1", bodies
}

func openAt(t *testing.T, base, model string, args map[string]string) *Backend {
	t.Helper()
	b, err := Open(t.Context(), Options{Model: backends.Model{Ref: backends.Ref{Provider: "openai", Model: model}, BaseURL: base, Args: args}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = b.Close() })
	return b
}

const plainAnswer = `{"choices":[{"index":0,"message":{"role":"assistant","content":"hi"},"text":"hi","finish_reason":"stop"}]}`

func TestBodies(t *testing.T) {
	base, bodies := say(t, func(int, map[string]any) (int, string) { return 200, plainAnswer })
	user := []any{map[string]any{"role": "user", "content": "q\n\"\u2028ü�"}}
	sampled := backends.Request{Kind: backends.Generate, Prompt: "q\n\"\u2028ü\xff", Draw: 3, Sampling: backends.Sampling{
		MaxTokens: 7, Temperature: 0.5, TopP: 0.9, TopK: 40, MinP: 0.1, Stop: []string{"", "a", "b", "c", "d", "e"}, Seed: 5,
	}}
	stops := []any{"a", "b", "c", "d"}
	for name, tc := range map[string]struct {
		model    string
		args     map[string]string
		official bool
		req      backends.Request
		want     map[string]any
	}{
		"greedy chat": {"m", nil, false, backends.Request{Kind: backends.Generate, Prompt: sampled.Prompt},
			map[string]any{"model": "m", "messages": user, "temperature": 0.0}},
		"greedy text": {"m", map[string]string{"api": "completions", "self_test": "off", "server": "ollama"}, false, backends.Request{Kind: backends.Generate, Prompt: "q"},
			map[string]any{"model": "m", "prompt": "q", "temperature": 0.0, "max_tokens": 256.0}},
		"all of it": {"m", nil, false, sampled, map[string]any{"model": "m", "messages": user, "temperature": 0.5, "top_p": 0.9, "top_k": 40.0, "min_p": 0.1,
			"stop": stops, "max_tokens": 7.0, "seed": float64(seedOf(5, 3))}},
		"official": {"gpt-4o", nil, true, backends.Request{Kind: backends.Generate, Prompt: sampled.Prompt, Sampling: backends.Sampling{MaxTokens: 7}},
			map[string]any{"model": "gpt-4o", "messages": user, "temperature": 0.0, "max_completion_tokens": 7.0}},
		"reasoning by name": {"o3-mini", map[string]string{"reasoning_effort": "low"}, true, backends.Request{Kind: backends.Generate, Prompt: sampled.Prompt,
			Sampling: backends.Sampling{MaxTokens: 7, Stop: []string{"a"}}},
			map[string]any{"model": "o3-mini", "messages": user, "max_completion_tokens": 7.0 + defaultReasoningBudget, "reasoning_effort": "low"}},
		"reasoning by argument": {"m", map[string]string{"reasoning": "true", "reasoning_budget": "100", "extra": `{"a":{"b":[1]}}`}, false,
			backends.Request{Kind: backends.Generate, Prompt: sampled.Prompt, Sampling: backends.Sampling{MaxTokens: 7}},
			map[string]any{"model": "m", "messages": user, "max_completion_tokens": 107.0, "a": map[string]any{"b": []any{1.0}}}},
	} {
		t.Run(name, func(t *testing.T) {
			*bodies = nil
			b := openAt(t, base, tc.model, tc.args)
			b.server.official = tc.official
			if _, err := b.Do(t.Context(), tc.req); err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff([]map[string]any{tc.want}, *bodies); d != "" {
				t.Error(d)
			}
		})
	}
	if seedOf(5, 3) == seedOf(5, 4) || seedOf(5, 3) == seedOf(6, 3) || seedOf(5, 3) < 0 || seedOf(5, 3) >= 1<<31 {
		t.Error("seeds of draws")
	}
	b := openAt(t, base, "m", nil)
	b.server.official = true
	if _, err := b.Do(t.Context(), sampled); backends.KindOf(err) != backends.KindUnsupported {
		t.Errorf("top_k at OpenAI: %v", err)
	}
}

func TestReasoningNames(t *testing.T) {
	for model, want := range map[string]bool{
		"o1": true, "o3-mini-2025-01-31": true, "o4-mini": true, "gpt-5": true, "gpt-5.1-mini": true, "ft:o4-mini:me": true,
		"gpt-5-chat-latest": false, "gpt-4o": false, "omni": false, "davinci-002": false,
	} {
		b := &Backend{model: model, server: server{official: true}}
		if b.reasons() != want {
			t.Errorf("%s: %v", model, b.reasons())
		}
	}
}

func TestAnswers(t *testing.T) {
	message := func(fields, reason string) string {
		return `{"choices":[{"index":0,"message":{"role":"assistant",` + fields + `},"finish_reason":"` + reason + `"}],` +
			`"usage":{"prompt_tokens":5,"completion_tokens":10}}`
	}
	used := backends.Usage{PromptTokens: 5, CompletionTokens: 10}
	thought := func(n int) backends.Usage { u := used; u.ReasoningTokens = n; return u }
	for name, tc := range map[string]struct {
		body  string
		stops []string
		think string
		want  backends.Response
		kind  backends.ErrorKind
	}{
		"plain":             {message(`"content":"four"`, "stop"), nil, "", backends.Response{Text: "four", Stop: backends.StopEOS, Usage: used}, ""},
		"parts":             {message(`"content":[{"type":"text","text":"fo"},{"type":"text","text":"ur"}]`, "stop"), nil, "", backends.Response{Text: "four", Stop: backends.StopEOS, Usage: used}, ""},
		"null":              {message(`"content":null`, "stop"), nil, "", backends.Response{Stop: backends.StopEOS, Usage: used}, ""},
		"length":            {message(`"content":"fo"`, "length"), nil, "", backends.Response{Text: "fo", Stop: backends.StopLength, Usage: used}, ""},
		"cut here":          {message(`"content":"four\n\nfive"`, "stop"), []string{"x", "\n\n", "v"}, "", backends.Response{Text: "four", Stop: backends.StopString, Usage: used}, ""},
		"refusal":           {message(`"content":null,"refusal":"I can't"`, "stop"), nil, "", backends.Response{Text: "I can't", Stop: backends.StopRefusal, Usage: used}, ""},
		"no refusal":        {message(`"content":"four","refusal":null`, "stop"), nil, "", backends.Response{Text: "four", Stop: backends.StopEOS, Usage: used}, ""},
		"filter":            {message(`"content":"fo"`, "content_filter"), nil, "", backends.Response{Text: "fo", Stop: backends.StopRefusal, Usage: used}, ""},
		"reasoning_content": {message(`"content":"four","reasoning_content":"twotwo"`, "stop"), nil, "", backends.Response{Text: "four", Stop: backends.StopEOS, Usage: thought(6)}, ""},
		"reasoning":         {message(`"content":"four","reasoning":"twotwo"`, "stop"), nil, "", backends.Response{Text: "four", Stop: backends.StopEOS, Usage: thought(6)}, ""},
		"think block":       {message(`"content":"<think>\ntwotwo\n</think>\n\nfour"`, "stop"), nil, "", backends.Response{Text: "four", Stop: backends.StopEOS, Usage: thought(6)}, ""},
		"think, stop in it": {message(`"content":"<think>two\n\ntwo</think>four\n\nno"`, "stop"), []string{"\n\n"}, "", backends.Response{Text: "four", Stop: backends.StopString, Usage: thought(7)}, ""},
		"think begun before": {message(`"content":"twotwo</think>four"`, "stop"), nil, "",
			backends.Response{Text: "four", Stop: backends.StopEOS, Usage: thought(6)}, ""},
		"think without end": {message(`"content":"<think>two"`, "length"), nil, "", backends.Response{Stop: backends.StopLength, Usage: thought(10)}, ""},
		"think kept":        {message(`"content":"<think>a</think>b"`, "stop"), nil, "keep", backends.Response{Text: "<think>a</think>b", Stop: backends.StopEOS, Usage: used}, ""},
		"counted": {`{"choices":[{"message":{"content":"four"},"finish_reason":"stop"}],"usage":{"prompt_tokens":5,"completion_tokens":10,"prompt_tokens_details":{"cached_tokens":4},"completion_tokens_details":{"reasoning_tokens":7}}}`,
			nil, "", backends.Response{Text: "four", Stop: backends.StopEOS, Usage: backends.Usage{PromptTokens: 5, CachedTokens: 4, CompletionTokens: 10, ReasoningTokens: 7}}, ""},
		"no usage":        {`{"choices":[{"message":{"content":"four"}}]}`, nil, "", backends.Response{Text: "four", Stop: backends.StopEOS}, ""},
		"twice the same":  {`{"choices":[{"message":{"content":"four"}},{"message":{"content":"four"}}]}`, nil, "", backends.Response{Text: "four", Stop: backends.StopEOS}, ""},
		"twice different": {`{"choices":[{"message":{"content":"four"}},{"message":{"content":"five"}}]}`, nil, "", backends.Response{}, backends.KindNetwork},
		"no message":      {`{"choices":[{"text":"four"}]}`, nil, "", backends.Response{}, backends.KindNetwork},
		"no choices":      {`{"id":"x"}`, nil, "", backends.Response{}, backends.KindNetwork},
		"error inside":    {`{"error":{"message":"upstream is busy","code":429}}`, nil, "", backends.Response{}, backends.KindRateLimit},
		"error inside, no code": {`{"error":{"message":"upstream is broken"},"choices":[{"message":{"content":""}}]}`, nil, "",
			backends.Response{}, backends.KindServer},
		"error null": {`{"error":null,"choices":[{"message":{"content":"four"}}]}`, nil, "", backends.Response{Text: "four", Stop: backends.StopEOS}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			base, _ := say(t, func(int, map[string]any) (int, string) { return 200, tc.body })
			args := map[string]string{}
			if tc.think != "" {
				args["think"] = tc.think
			}
			got, err := openAt(t, base, "m", args).Do(t.Context(), backends.Request{Kind: backends.Generate, Prompt: "q", Sampling: backends.Sampling{Stop: tc.stops}})
			if backends.KindOf(err) != tc.kind {
				t.Fatal(err)
			}
			if tc.kind == "" {
				tc.want.Attempts = 1
			}
			got.Latency = 0
			if d := cmp.Diff(tc.want, got); d != "" {
				t.Error(d)
			}
		})
	}
}

// TestAdapts learns the field for the bound and that stop strings are not taken from the server's refusals, once.
func TestAdapts(t *testing.T) {
	base, bodies := say(t, func(_ int, body map[string]any) (int, string) {
		switch {
		case body["max_tokens"] != nil:
			return 400, `{"error":{"message":"Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead.","code":"unsupported_parameter"}}`
		case body["stop"] != nil:
			return 400, `{"error":{"message":"Unsupported parameter: 'stop' is not supported with this model.","code":"unsupported_parameter"}}`
		}
		return 200, strings.Replace(plainAnswer, `"hi"`, `"a|b"`, 1)
	})
	b := openAt(t, base, "m", nil)
	req := backends.Request{Kind: backends.Generate, Prompt: "q", Sampling: backends.Sampling{MaxTokens: 5, Stop: []string{"|"}}}
	for range 2 {
		if resp, err := b.Do(t.Context(), req); err != nil || resp.Text != "a" || resp.Stop != backends.StopString {
			t.Errorf("%+v, %v", resp, err)
		}
	}
	if len(*bodies) != 4 {
		t.Errorf("%d calls: %v", len(*bodies), *bodies)
	}
}

func TestBadArguments(t *testing.T) {
	for _, args := range []map[string]string{
		{"apii": "chat"}, {"api": "talk"}, {"server": "x"}, {"context_length": "-1"}, {"reasoning": "maybe"}, {"timeout": "5"}, {"extra": "[1]"}, {"extra": "{"},
		{"tokenizer": "/does/not/exist"}, {"think": "x"},
	} {
		if b, err := Open(t.Context(), Options{Model: backends.Model{Ref: backends.Ref{Provider: "openai", Model: "m"}, BaseURL: "http://127.0.0.1:1", Args: args}}); err == nil {
			_ = b.Close()
			t.Errorf("%v is taken", args)
		}
	}
}

// TestKeyIsNeeded asks nobody where OpenAI's own API is meant and there is no key.
func TestKeyIsNeeded(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := Open(ctx, Options{Model: backends.Model{Ref: backends.Ref{Provider: "openai", Model: "gpt-4o"}}})
	var hint interface{ Hint() string }
	if backends.KindOf(err) != backends.KindAuth || !errors.As(err, &hint) || !strings.Contains(hint.Hint(), "OPENAI_API_KEY") {
		t.Errorf("%v", err)
	}
	b, err := Open(ctx, Options{Model: backends.Model{Ref: backends.Ref{Provider: "openai", Model: "gpt-4o"}}, Getenv: func(name string) string {
		return map[string]string{"OPENAI_API_KEY": "sk-secretsecret"}[name]
	}})
	if err != nil {
		t.Fatalf("with a key nothing is asked before the first request: %v", err)
	}
	defer func() { _ = b.Close() }()
	if info := b.Info(); !info.Messages || info.Details["endpoint"] != "https://api.openai.com" || strings.Contains(fmt.Sprintf("%+v %#v", b, info), "secretsecret") {
		t.Errorf("%+v", info)
	}
}

// TestQuote holds the writer of texts against the reader of JSON.
func TestQuote(t *testing.T) {
	all := make([]rune, 0, 0x300)
	for r := range rune(0x300) {
		all = append(all, r)
	}
	for _, text := range []string{"", "plain", string(all), "\"\\\"", "\u2028\u2029\U0001f600", "a\xffb", "\xed\xa0\x80"} {
		var got string
		if err := json.Unmarshal(quote(nil, text), &got); err != nil || got != strings.ToValidUTF8(text, "\ufffd") && len(text) > 4 && got != "\ufffd\ufffd\ufffd" {
			t.Errorf("%q is written as %s, read as %q, %v", text, quote(nil, text), got, err)
		}
	}
}

// TestPlainLen holds the search of eight bytes at a time against one of one.
func TestPlainLen(t *testing.T) {
	for c := range 256 {
		for at := range 20 {
			text := []byte(strings.Repeat("x\u00e9\u4e2d", 5))[:20]
			text[at] = byte(c)
			for _, second := range []byte{'"', 'z', 0, ' ', '!'} {
				text[19] = second
				want := len(text)
				for i, b := range text {
					if b < ' ' || b == '"' || b == '\\' {
						want = i
						break
					}
				}
				if got := plainLen(text); got != want {
					t.Fatalf("%q: %d, want %d", text, got, want)
				}
			}
		}
	}
}

// TestBatchTakesWhatFits leaves what is over for another batch.
func TestBatchTakesWhatFits(t *testing.T) {
	base, bodies := say(t, func(int, map[string]any) (int, string) { return 200, plainAnswer })
	batches := openAt(t, base, "m", nil).Batches()
	line := string(batches.line(&BatchRequest{ID: `a"b`, Request: backends.Request{Kind: backends.Generate, Prompt: "q"}}))
	want := `{"custom_id":"a\"b","method":"POST","url":"/v1/chat/completions","body":{"model":"m","messages":[{"role":"user","content":"q"}],"temperature":0}}` + "\n"
	if line != want || len(*bodies) != 0 {
		t.Errorf("%s", line)
	}
	for most, want := range map[int]int{1: 1, 2: 2, 3: 3, 9: 3} {
		batches.most = most
		var requests []BatchRequest
		for _, id := range []string{"a", "b", "c"} {
			requests = append(requests, BatchRequest{ID: id, Request: backends.Request{Kind: backends.Generate}})
		}
		if file, taken, err := batches.file(requests); err != nil || taken != want || strings.Count(string(file), "\n") != want {
			t.Errorf("of at most %d it takes %d, %v", most, taken, err)
		}
	}
}
