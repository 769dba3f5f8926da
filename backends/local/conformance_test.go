package local_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/sourcegraph/conc/pool"
	"go.uber.org/goleak"

	"github.com/onset-eval/onset/backends"
	"github.com/onset-eval/onset/backends/backendtest"
	"github.com/onset-eval/onset/backends/local"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func open(t testing.TB, size string, o local.Options) *local.Backend {
	t.Helper()
	b, err := local.Open(context.Background(), filepath.Join("ladder", "checkpoints", "seed0", size), o)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestConformance(t *testing.T) {
	for _, c := range []struct {
		size string
		opts local.Options
	}{{"s2", local.Options{}}, {"s4", local.Options{Threads: 3}}, {"s2", local.Options{Kernels: "generic"}}} {
		t.Run(c.size+c.opts.Kernels, func(t *testing.T) {
			backendtest.Run(t, func(t testing.TB) backends.Backend { return open(t, c.size, c.opts) }, backendtest.Options{
				Prompts:  []string{"Reverse: abcd -> ", "Sum: 1+2+3 S:", "Map: ab cd ab c", "The old dog"},
				Additive: true, OneModel: true, Tolerance: 2e-4,
			})
		})
	}
}

// TestResultsDependOnNothingElse asks the same requests alone, in crowds of several sizes, on one lane and on four, with
// little memory for keys and values, and with each kernel set: all responses are equal to the bit.
func TestResultsDependOnNothingElse(t *testing.T) {
	var reqs []backends.Request
	for i := range 60 {
		prompt := fmt.Sprintf("Add: %02d+%02d+%02d S:", i, 2*i%100, 7*i%100)
		switch i % 3 {
		case 0:
			reqs = append(reqs, backends.Request{Kind: backends.Generate, Prompt: prompt, Draw: i, Sampling: backends.Sampling{
				MaxTokens: 5 + i%40, Temperature: float64(i%2) * 1.5, TopP: 0.95, Seed: 3,
			}})
		case 1:
			reqs = append(reqs, backends.Request{Kind: backends.LogLikelihood, Prompt: prompt, Continuations: []string{
				"12", "13 A:4", strings.Repeat("+", 1+i), "1",
			}})
		default:
			reqs = append(reqs, backends.Request{Kind: backends.LogLikelihoodRolling, Prompt: strings.Repeat(prompt, 1+i%12)})
		}
	}
	var want []backends.Response
	for _, c := range []struct {
		name   string
		opts   local.Options
		atOnce int
	}{
		{"alone", local.Options{Threads: 1}, 1},
		{"in a crowd", local.Options{Threads: 1}, 60},
		{"four lanes", local.Options{Threads: 4}, 17},
		{"little memory", local.Options{Threads: 2, CacheBytes: 1}, 60},
		{"generic kernels", local.Options{Kernels: "generic"}, 60},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := askAll(t, open(t, "s3", c.opts), reqs, c.atOnce)
			if want == nil {
				want = got
			}
			for i := range got {
				if !reflect.DeepEqual(got[i], want[i]) {
					t.Errorf("request %d gives %+v, alone %+v", i, got[i], want[i])
				}
			}
		})
	}
}

func askAll(t *testing.T, b *local.Backend, reqs []backends.Request, atOnce int) []backends.Response {
	t.Helper()
	out := make([]backends.Response, len(reqs))
	group := pool.New().WithErrors().WithMaxGoroutines(atOnce)
	for i, req := range reqs {
		group.Go(func() (err error) {
			out[i], err = b.Do(context.Background(), req)
			out[i].Latency = 0
			return err
		})
	}
	if err := group.Wait(); err != nil {
		t.Fatal(err)
	}
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	return out
}

func TestContextOverflow(t *testing.T) {
	b := open(t, "s2", local.Options{})
	defer func() { _ = b.Close() }()
	long := strings.Repeat("the old dog sees ", 20)
	resp, err := b.Do(context.Background(), backends.Request{Kind: backends.Generate, Prompt: long, Sampling: backends.Sampling{MaxTokens: 10}})
	if err != nil || resp.ContextDropped == 0 || resp.Usage.PromptTokens+resp.Usage.CompletionTokens > 128 {
		t.Errorf("a prompt that does not fit gives %+v, %v", resp, err)
	}
	resp, err = b.Do(context.Background(), backends.Request{Kind: backends.LogLikelihood, Prompt: long, Continuations: []string{"a man"}})
	if err != nil || resp.ContextDropped == 0 || resp.LogProbs[0].Tokens != 6 {
		t.Errorf("a prompt that does not fit is scored %+v, %v", resp, err)
	}
}

func TestOpenRefuses(t *testing.T) {
	good := filepath.Join("ladder", "checkpoints", "seed0", "s1")
	for _, c := range []struct {
		name, file string
		edit       func([]byte) []byte
		want       string
	}{
		{"a truncated tensor", "model.safetensors", func(d []byte) []byte { return d[:len(d)-1] }, "outside of the file"},
		{"a truncated header", "model.safetensors", func(d []byte) []byte { return d[:100] }, "header claims"},
		{"an empty file", "model.safetensors", func([]byte) []byte { return nil }, "0 bytes"},
		{"another shape", "config.json", replace(`"intermediate_size": 40`, `"intermediate_size": 41`), "shape"},
		{"more layers", "config.json", replace(`"num_hidden_layers": 1`, `"num_hidden_layers": 2`), "no tensor"},
		{"an unknown architecture", "config.json", replace("LlamaForCausalLM", "FooForCausalLM"), `"FooForCausalLM"`},
		{"positions of an unknown kind", "config.json", replace(`"rope_scaling": null`, `"rope_scaling": {"type": "foo"}`), `rope_scaling.rope_type: "foo"`},
		{"positions without a factor", "config.json", replace(`"rope_scaling": null`, `"rope_scaling": {"type": "yarn"}`), "rope_scaling.factor"},
		{"no JSON", "config.json", func([]byte) []byte { return []byte("{") }, "config.json"},
		{"a huge model", "config.json", replace(`"hidden_size": 16`, `"hidden_size": 1600000000`), "hidden_size"},
		{"an unknown tokenizer", "tokenizer.json", replace(`"BPE"`, `"Unigram"`), `model "Unigram"`},
		{"a larger vocabulary", "config.json", replace(`"vocab_size": 100`, `"vocab_size": 99`), "vocabulary of 99"},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			for _, name := range []string{"config.json", "tokenizer.json", "model.safetensors"} {
				data, err := os.ReadFile(filepath.Join(good, name))
				if err != nil {
					t.Fatal(err)
				}
				if name == c.file {
					edited := c.edit(append([]byte(nil), data...))
					if string(edited) == string(data) {
						t.Fatal("the edit changes nothing")
					}
					data = edited
				}
				if err := os.WriteFile(filepath.Join(dir, name), data, 0o600); err != nil {
					t.Fatal(err)
				}
			}
			_, err := local.Open(context.Background(), dir, local.Options{})
			if err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), dir) {
				t.Errorf("Open gives %v, want an error of %s with %q", err, dir, c.want)
			}
		})
	}
}

func replace(from, to string) func([]byte) []byte {
	return func(d []byte) []byte { return []byte(strings.Replace(string(d), from, to, 1)) }
}

// BenchmarkScore scores prompts of 64 tokens, all in flight together, and reports tokens a second.
func BenchmarkScore(b *testing.B) {
	benchmark(b, 64, backends.Request{Kind: backends.LogLikelihoodRolling, Prompt: strings.Repeat("abcd efg", 8)})
}

// BenchmarkGenerate generates 32 tokens for each of 128 prompts in flight together, and reports tokens a second.
func BenchmarkGenerate(b *testing.B) {
	benchmark(b, 32, backends.Request{Kind: backends.Generate, Prompt: "Once", Sampling: backends.Sampling{
		MaxTokens: 32, Temperature: 5, Seed: 1,
	}})
}

func benchmark(b *testing.B, tokens int, req backends.Request) {
	m := open(b, "s7", local.Options{})
	defer func() { _ = m.Close() }()
	n := 0
	for b.Loop() {
		group := pool.New().WithErrors().WithMaxGoroutines(128)
		for draw := range 128 {
			r := req
			r.Draw = draw
			if r.Kind == backends.LogLikelihoodRolling { // texts that begin alike are computed once
				r.Prompt = string(rune('a'+draw%26)) + string(rune('a'+draw/26)) + r.Prompt[2:]
			}
			group.Go(func() error {
				_, err := m.Do(context.Background(), r)
				return err
			})
		}
		if err := group.Wait(); err != nil {
			b.Fatal(err)
		}
		n += 128 * tokens
	}
	b.ReportMetric(float64(n)/b.Elapsed().Seconds(), "tokens/s")
}
