package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/onset-eval/onset/backends"
	"github.com/onset-eval/onset/backends/anthropic"
	"github.com/onset-eval/onset/backends/gemini"
	"github.com/onset-eval/onset/backends/local/ladder"
	"github.com/onset-eval/onset/backends/openai"
	"github.com/onset-eval/onset/backends/process"
	"github.com/onset-eval/onset/backends/scripted"
)

// provider opens the models of one first part of a model reference.
type provider struct {
	name, doc, example string
	open               func(ctx context.Context, m backends.Model) (backends.Backend, error)
	// describe says what open's backend would say of itself, where that is known without opening it; nil is nothing.
	describe func(ctx context.Context, m backends.Model) (backends.Info, error)
}

// providers lists all providers, in the order in which they are shown.
func providers() []provider {
	return []provider{
		{
			name: "builtin", doc: "the checkpoints that ship in the binary", example: "builtin/seed0/s3",
			open: func(ctx context.Context, m backends.Model) (backends.Backend, error) {
				return ladder.Open(ctx, m.Ref.Model)
			},
		},
		{
			name: "local", doc: "a Hugging Face checkpoint folder, run in this process on the CPU", example: "local/checkpoints/pythia-70m",
			open: openLocal,
		},
		{
			name: "openai", doc: "OpenAI's API, and servers that speak it: vLLM, SGLang, llama-server, TGI, Ollama (--base-url)", example: "openai/gpt-4o",
			open: func(ctx context.Context, m backends.Model) (backends.Backend, error) {
				return openai.Open(ctx, openai.Options{Model: m, Getenv: os.Getenv})
			},
		},
		{
			name: "anthropic", doc: "Anthropic's API", example: "anthropic/claude-sonnet-4-5",
			open: func(ctx context.Context, m backends.Model) (backends.Backend, error) {
				return anthropic.Open(ctx, anthropic.Options{Model: m, Getenv: os.Getenv})
			},
		},
		{
			name: "gemini", doc: "the Gemini API", example: "gemini/gemini-2.5-flash",
			open: func(ctx context.Context, m backends.Model) (backends.Backend, error) {
				return gemini.Open(ctx, gemini.Options{Model: m, Getenv: os.Getenv})
			},
		},
		serverProvider("vllm", "a vLLM server that onset starts and stops", "vllm/Qwen/Qwen3-0.6B"),
		serverProvider("sglang", "an SGLang server that onset starts and stops", "sglang/Qwen/Qwen3-0.6B"),
		serverProvider("llama-server", "a llama.cpp server that onset starts and stops", "llama-server/model.gguf"),
		serverProvider("tgi", "a Text Generation Inference server that onset starts and stops", "tgi/Qwen/Qwen3-0.6B"),
		{
			name: "exec", doc: "a program of yours that answers JSON lines (docs/plugins.md)", example: "exec/./mine",
			open: func(ctx context.Context, m backends.Model) (backends.Backend, error) {
				o, err := process.PluginFor(m.Ref.Model, m.Args)
				if err != nil {
					return nil, usage(err)
				}
				return process.OpenPlugin(ctx, o)
			},
		},
		{
			name: "scripted", doc: "a deterministic fake, for tests and for trying things out", example: "scripted/echo",
			open: func(_ context.Context, m backends.Model) (backends.Backend, error) {
				return scripted.Open(m.Ref.Model, m.Args)
			},
		},
	}
}

// parseModel reads a model reference of the command line.
func parseModel(ref string) (backends.Model, error) {
	r, err := backends.ParseRef(ref)
	if err != nil {
		return backends.Model{}, withHint(err, "for example local/checkpoints/pythia-70m; onset list backends shows the providers")
	}
	if r.IsPath() {
		r.Model = absolute([]string{r.Model})[0]
	}
	return backends.Model{Name: ref, Ref: r}, nil
}

// opener opens models by their provider, wrapped in the policies of the run.
type opener struct {
	providers []provider
	retry     backends.RetryOptions
	spend     *spending  // nil asks without prices and cache
	batches   *batchRuns // nil asks each request by itself
}

// Describe asks what the model is, which may open and close it.
func (o opener) Describe(ctx context.Context, m backends.Model) (backends.Info, error) {
	p, err := findProvider(o.providers, m.Ref.Provider)
	if err != nil {
		return backends.Info{}, err
	}
	if p.describe != nil && o.batches == nil {
		return p.describe(ctx, m)
	}
	b, err := o.openBatched(ctx, m)
	if err != nil {
		return backends.Info{}, err
	}
	info := b.Info()
	return info, b.Close()
}

// Open opens the model, retried, charged for and cached.
func (o opener) Open(ctx context.Context, m backends.Model) (backends.Backend, error) {
	b, err := o.openBatched(ctx, m)
	if err != nil {
		return nil, err
	}
	b = backends.Retry(b, o.retry)
	if o.spend == nil {
		return b, nil
	}
	wrapped, err := o.spend.wrap(ctx, b, m, o.batches != nil)
	if err != nil {
		return nil, errors.Join(err, b.Close())
	}
	return wrapped, nil
}

// openBatched opens the model, and has it answer by batches where the run is to.
func (o opener) openBatched(ctx context.Context, m backends.Model) (backends.Backend, error) {
	b, err := o.open(ctx, m)
	if err != nil || o.batches == nil {
		return b, err
	}
	return o.batches.wrap(b)
}

func (o opener) open(ctx context.Context, m backends.Model) (backends.Backend, error) {
	p, err := findProvider(o.providers, m.Ref.Provider)
	if err != nil {
		return nil, err
	}
	return p.open(ctx, m)
}

func findProvider(all []provider, name string) (provider, error) {
	i := slices.IndexFunc(all, func(p provider) bool { return p.name == name })
	if i < 0 {
		names := make([]string, len(all))
		for i, p := range all {
			names[i] = p.name
		}
		return provider{}, usage(withHint(fmt.Errorf("no backend is named %q", name),
			"a model is provider/model, with one of these providers: %s", strings.Join(names, ", ")))
	}
	return all[i], nil
}
