package openai_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/onset-eval/onset/backends"
	"github.com/onset-eval/onset/backends/backendtest"
	"github.com/onset-eval/onset/backends/faultserver"
	"github.com/onset-eval/onset/backends/local/tokens"
	"github.com/onset-eval/onset/backends/openai"
)

// scoreCase is a server, and how its tokens are known.
type scoreCase struct {
	kind      string
	tokenizer bool
	lies      []string
	args      map[string]string
}

func scoreCases() map[string]scoreCase {
	return map[string]scoreCase{
		"vllm, tokenizer":   {kind: "vllm", tokenizer: true, lies: []string{noTok}},
		"vllm":              {kind: "vllm"},
		"sglang, tokenizer": {kind: "sglang", tokenizer: true, lies: []string{noTok}},
		"sglang":            {kind: "sglang"},
		"llama-server":      {kind: "llama-server"},
		"llama, tokenizer":  {kind: "llama-server", tokenizer: true, lies: []string{noTok}},
		"tgi":               {kind: "tgi"},
		"tgi, tokenizer":    {kind: "tgi", tokenizer: true, lies: []string{noTok}},
		"other":             {kind: "other", args: map[string]string{"api": "completions"}},
		"openai, tokenizer": {kind: "other", tokenizer: true, args: map[string]string{"api": "completions", "server": "openai"}},
		"other, one prompt": {kind: "other", lies: []string{oneOnly}, args: map[string]string{"api": "completions"}},
		"other, tokenizer":  {kind: "other", tokenizer: true, args: map[string]string{"api": "completions"}},
	}
}

func (c scoreCase) open(t testing.TB, extra ...string) (*fake, *openai.Backend, error) {
	f, url := startFake(t, c.kind, append(c.lies, extra...)...)
	args := map[string]string{}
	for k, v := range c.args {
		args[k] = v
	}
	if c.tokenizer {
		args["tokenizer"] = f.checkpoint(t)
	}
	b, err := openai.Open(t.Context(), openai.Options{Model: backends.Model{Ref: backends.Ref{Provider: "openai", Model: "m"}, BaseURL: url + "/v1", Args: args}})
	if err == nil {
		t.Cleanup(func() { _ = b.Close() })
	}
	return f, b, err
}

// TestScores holds each server's log-likelihoods against the toy's own, computed here: sums, numbers of tokens, and greed,
// with white space at the prompt's end, an empty prompt, and tokens across the boundary.
func TestScores(t *testing.T) {
	prompts := []string{"", "the", "one the ", "1", "a b c 1 2 3", "x\n"}
	continuations := []string{" a", "b", " cat in the", "12", "\n"}
	for name, tc := range scoreCases() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f, b, err := tc.open(t)
			if err != nil {
				t.Fatal(err)
			}
			if !b.Info().Serves(backends.LogLikelihood) {
				t.Fatalf("%+v", b.Info())
			}
			for _, prompt := range prompts {
				all := slices.Clone(continuations)
				if text := f.toy.Text(faultserver.Best(f.toy.LogProbs(f.toy.Encode(strings.TrimSpace(prompt), true)), 1)[0]); strings.TrimSpace(prompt) == prompt {
					all = append(all, text)
				}
				resp, err := b.Do(t.Context(), backends.Request{Kind: backends.LogLikelihood, Prompt: prompt, Continuations: all})
				if err != nil {
					t.Errorf("%q: %v", prompt, err)
					continue
				}
				for i, c := range all {
					want := f.want(prompt, c)
					got := resp.LogProbs[i]
					if tc.kind == "tgi" {
						want.Greedy = false // it does not tell
					}
					if math.Abs(got.Sum-want.Sum) > 1e-9 || got.Tokens != want.Tokens || got.Greedy != want.Greedy {
						t.Errorf("%q after %q: %+v, want %+v", c, prompt, got, want)
					}
				}
			}
		})
	}
}

// want is the log-likelihood by the toy itself, cut as lm-evaluation-harness cuts.
func (f *fake) want(prompt, continuation string) backends.LogProb {
	before := len(f.toy.Encode(strings.TrimRight(prompt, " \n"), true))
	ids := f.toy.Encode(prompt+continuation, true)
	out := backends.LogProb{Greedy: true}
	for k := before; k < len(ids); k++ {
		out.Sum += f.toy.Score(ids, k)
		out.Tokens++
		out.Greedy = out.Greedy && faultserver.Best(f.toy.LogProbs(ids[:k]), 1)[0] == ids[k]
	}
	return out
}

// TestBoundary takes a continuation whose first letter joins the context's last token, "1" and "2": by the number of tokens
// of the context, nothing is left of "12", and of "123" one token.
func TestBoundary(t *testing.T) {
	for name, tc := range scoreCases() {
		_, b, err := tc.open(t)
		if err != nil {
			t.Fatal(name, err)
		}
		_, err = b.Do(t.Context(), backends.Request{Kind: backends.LogLikelihood, Prompt: "x1", Continuations: []string{"2"}})
		if backends.KindOf(err) != backends.KindInvalid {
			t.Errorf("%s: %v", name, err)
		}
		resp, err := b.Do(t.Context(), backends.Request{Kind: backends.LogLikelihood, Prompt: "x1", Continuations: []string{"2y"}})
		if err != nil || resp.LogProbs[0].Tokens != 1 {
			t.Errorf("%s: %+v, %v", name, resp, err)
		}
	}
}

func TestRolling(t *testing.T) {
	for name, tc := range scoreCases() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f, b, err := tc.open(t)
			if err != nil {
				t.Fatal(err)
			}
			text := strings.Repeat("the cat sat on a mat. ", 30) // longer than the context
			resp, err := b.Do(t.Context(), backends.Request{Kind: backends.LogLikelihoodRolling, Prompt: text})
			if !b.Info().Serves(backends.LogLikelihoodRolling) {
				if backends.KindOf(err) != backends.KindUnsupported {
					t.Errorf("not served: %v", err)
				}
				return
			}
			limit := faultserver.ToyContext - 1 // one token must be generated
			if tc.kind == "llama-server" {
				limit++ // and here it is the last one
			}
			if b.Info().ContextLength == 0 {
				limit = 0
			}
			ids, want := f.toy.Encode(text, false), 0.0
			windows := tokens.Windows(ids, faultserver.ToyBOS, limit)
			for _, w := range windows {
				for k := w.From; k < len(w.IDs); k++ {
					want += f.toy.Score(w.IDs, k)
				}
			}
			if err != nil || len(windows) < 2 || resp.LogProbs[0].Tokens != len(ids) || math.Abs(resp.LogProbs[0].Sum-want) > 1e-9 {
				t.Errorf("%+v of %d tokens, want %v in %d windows: %v", resp, len(ids), want, len(windows), err)
			}
		})
	}
}

// TestLies refuses servers whose numbers contradict themselves, with both numbers, or does without what they do not have.
func TestLies(t *testing.T) {
	for _, tc := range []struct {
		server, lie string
		words       string // of the refusal; "" is a server that is used for generation alone
	}{
		{"vllm", lieZeros, "0.0000 nats when scored, -"},
		{"vllm", lieOne, "1 log-probabilities for"},
		{"vllm", lieCache, "nats when scored, -"},
		{"vllm", lieShift, "nats when scored, -"},
		{"sglang", lieZeros, "0.0000 nats when scored, -"},
		{"sglang", lieOne, "log-probabilities for"},
		{"sglang", lieCache, "nats when scored, -"},
		{"sglang, tokenizer", lieShift, "nats when scored, -"},
		{"llama-server", lieBias, "nats when scored, -"},
		{"llama-server", lieZeros, "0.0000 nats when scored, -"},
		{"tgi", lieZeros, "0.0000 nats when scored, -"},
		{"tgi", lieOne, "1 log-probabilities for"},
		{"tgi", lieCache, "nats when scored, -"},
		{"tgi", noPrefill, ""},
		{"other", lieZeros, "0.0000 nats when scored, -"},
		{"other", lieCache, "nats when scored, -"},
		{"openai, tokenizer", lieShift, "nats when scored, -"},
		{"other", noEcho, ""},
		{"vllm", noTok, ""},
		{"sglang", noTok, ""},
		{"llama-server", noTok, ""},
	} {
		t.Run(tc.server+" "+tc.lie, func(t *testing.T) {
			t.Parallel()
			_, b, err := scoreCases()[tc.server].open(t, tc.lie)
			if tc.words != "" {
				var hint interface{ Hint() string }
				if err == nil || !strings.Contains(err.Error(), tc.words) || !strings.Contains(err.Error(), "contradicts itself") || !errors.As(err, &hint) {
					t.Errorf("%v", err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			info := b.Info()
			if info.Serves(backends.LogLikelihood) || !strings.HasPrefix(info.Details["loglikelihood"], "none: ") {
				t.Errorf("%+v", info)
			}
			_, err = b.Do(t.Context(), backends.Request{Kind: backends.LogLikelihood, Prompt: "a", Continuations: []string{"b"}})
			if backends.KindOf(err) != backends.KindUnsupported {
				t.Error(err)
			}
			if resp, err := b.Do(t.Context(), backends.Request{Kind: backends.Generate, Prompt: "a", Sampling: backends.Sampling{MaxTokens: 3}}); err != nil || resp.Text == "" {
				t.Errorf("%+v, %v", resp, err)
			}
		})
	}
}

func TestSelfTestOff(t *testing.T) {
	c := scoreCases()["vllm"]
	c.args = map[string]string{"self_test": "off"}
	if _, b, err := c.open(t, lieZeros); err != nil || !b.Info().Serves(backends.LogLikelihood) {
		t.Errorf("%v", err)
	}
}

// TestFound sees which server is found, and which API is used of it.
func TestFound(t *testing.T) {
	for kind, want := range map[string]string{
		"vllm": "vllm completions 256", "sglang": "sglang completions 256", "llama-server": "llama-server completions 256",
		"tgi": "tgi completions 256", "ollama": "ollama chat 0", "other": "other chat 0",
	} {
		_, url := startFake(t, kind)
		info := open(t, url, nil, openai.Options{}).Info()
		if got := fmt.Sprint(info.Details["server"], " ", info.Details["api"], " ", info.ContextLength); got != want {
			t.Errorf("%s is taken for %s", kind, got)
		}
		if info.Messages != (info.Details["api"] == "chat") || info.Details["endpoint"] != url {
			t.Errorf("%+v", info)
		}
	}
	_, url := startFake(t, "vllm")
	_, err := openai.Open(t.Context(), openai.Options{Model: backends.Model{Ref: backends.Ref{Provider: "openai", Model: "other"}, BaseURL: url + "/v1"}})
	if backends.KindOf(err) != backends.KindNotFound {
		t.Errorf("a model that is not served: %v", err)
	}
}

// TestChatTemplate takes the checkpoint's template, for completions of rendered turns, and no second token at the beginning.
func TestChatTemplate(t *testing.T) {
	f, url := startFake(t, "vllm")
	dir := f.checkpoint(t)
	config := `{"bos_token":"<s>","chat_template":"{{ bos_token }}{{ messages[0].content }}"}`
	if err := os.WriteFile(filepath.Join(dir, "tokenizer_config.json"), []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	b := open(t, url, map[string]string{"tokenizer": dir}, openai.Options{})
	if info := b.Info(); !strings.Contains(info.ChatTemplate, "messages[0]") || info.Details["bos_token"] != "<s>" {
		t.Errorf("%+v", info)
	}
	req := backends.Request{Kind: backends.Generate, Prompt: "<s>the", Sampling: backends.Sampling{MaxTokens: 4}}
	rendered, err1 := b.Do(t.Context(), req)
	req.Prompt = "the"
	plain, err2 := b.Do(t.Context(), req)
	if err1 != nil || err2 != nil || rendered.Text != plain.Text || rendered.Usage.PromptTokens != plain.Usage.PromptTokens {
		t.Errorf("%+v, %+v, %v %v", rendered, plain, err1, err2)
	}
	if info := open(t, url, map[string]string{"tokenizer": dir, "api": "chat"}, openai.Options{}).Info(); info.ChatTemplate != "" || !info.Messages {
		t.Errorf("chat: %+v", info)
	}
}

func TestTooLong(t *testing.T) {
	long := strings.Repeat("z ", 400)
	for name, tc := range scoreCases() {
		_, b, err := tc.open(t)
		if err != nil {
			t.Fatal(name, err)
		}
		resp, err := b.Do(t.Context(), backends.Request{Kind: backends.LogLikelihood, Prompt: long, Continuations: []string{" ab"}})
		switch {
		case tc.kind == "tgi":
		case tc.kind == "other" && b.Info().ContextLength == 0 || name == "other, tokenizer":
			if backends.KindOf(err) != backends.KindTooLong {
				t.Errorf("%s: %+v, %v", name, resp, err)
			}
		default:
			if err != nil || resp.ContextDropped == 0 || resp.LogProbs[0].Tokens < 2 {
				t.Errorf("%s: %+v, %v", name, resp, err)
			}
		}
	}
}

// TestConformance holds every server's backend against the promises of backends.Backend.
func TestConformance(t *testing.T) {
	for name, tc := range scoreCases() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			backendtest.Run(t, func(t testing.TB) backends.Backend {
				_, b, err := tc.open(t)
				if err != nil {
					t.Fatal(err)
				}
				return b
			}, backendtest.Options{Prompts: []string{"the cat", "a b c"}, OneModel: tc.kind != "tgi", Tolerance: 1e-9})
		})
	}
}

// TestChatConformance holds chat against the promises, with a model of words.
func TestChatConformance(t *testing.T) {
	s := startServer(t, faultserver.Options{})
	backendtest.Run(t, func(t testing.TB) backends.Backend { return open(t, s.URL(), nil, openai.Options{}) },
		backendtest.Options{Prompts: []string{"tell me", "and more"}})
}

func TestCancelled(t *testing.T) {
	_, b, err := scoreCases()["llama-server"].open(t)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Microsecond)
	defer cancel()
	<-ctx.Done()
	if _, err := b.Do(ctx, backends.Request{Kind: backends.LogLikelihood, Prompt: "a", Continuations: []string{"b"}}); !errors.Is(err, context.DeadlineExceeded) {
		t.Error(err)
	}
}
