package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync/atomic"

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
	// keys are the environment variables that may hold the key; a server's limits are those of a key.
	keys []string
	// served says that the model is in a server of this process's own, which has limits as remote ones have.
	served bool
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
			name: "local", doc: "a Hugging Face checkpoint folder, run in this process on the CPU, or on GPUs (--device)", example: "local/checkpoints/pythia-70m",
			open: openLocal,
		},
		{
			name: "openai", keys: []string{"OPENAI_API_KEY"}, doc: "OpenAI's API, and servers that speak it: vLLM, SGLang, llama-server, TGI, Ollama (--base-url)", example: "openai/gpt-4o",
			open: func(ctx context.Context, m backends.Model) (backends.Backend, error) {
				return openai.Open(ctx, openai.Options{Model: m, Getenv: os.Getenv})
			},
		},
		{
			name: "anthropic", keys: []string{"ANTHROPIC_API_KEY"}, doc: "Anthropic's API", example: "anthropic/claude-sonnet-4-5",
			open: func(ctx context.Context, m backends.Model) (backends.Backend, error) {
				return anthropic.Open(ctx, anthropic.Options{Model: m, Getenv: os.Getenv})
			},
		},
		{
			name: "gemini", keys: []string{"GEMINI_API_KEY", "GOOGLE_API_KEY"}, doc: "the Gemini API", example: "gemini/gemini-2.5-flash",
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
	limits    *limits    // nil bounds nothing
	spend     *spending  // nil asks without prices and cache
	batches   *batchRuns // nil asks each request by itself
	live      *liveModel // nil is told of no model
	devices   *devices   // nil has local models on the CPU
}

// liveModel is the model that a run is asking now, for displays.
type liveModel struct {
	b atomic.Pointer[backends.Backend]
}

// stats gives the state of the policies around the model, and false where there is none.
func (l *liveModel) stats() (backends.Stats, bool) {
	if b := l.b.Load(); b != nil {
		return backends.StatsOf(*b)
	}
	return backends.Stats{}, false
}

// Describe asks what the model is, which may open and close it.
func (o opener) Describe(ctx context.Context, m backends.Model) (backends.Info, error) {
	p, err := findProvider(o.providers, m.Ref.Provider)
	if err != nil {
		return backends.Info{}, err
	}
	if p.describe != nil && o.batches == nil {
		info, err := p.describe(ctx, m)
		info.Parallel = o.parallel(info, p)
		return info, err
	}
	if o.devices.on(m) && o.batches == nil {
		if info, ok, err := o.devices.describe(ctx, m); ok {
			return info, err
		}
	}
	b, err := o.openBatched(ctx, m)
	if err != nil {
		return backends.Info{}, err
	}
	info := b.Info()
	info.Parallel = o.parallel(info, p)
	return info, b.Close()
}

// parallel is the number of requests worth having in flight.
func (o opener) parallel(info backends.Info, p provider) int {
	if o.limits == nil || o.batches != nil {
		return info.Parallel
	}
	return o.limits.parallel(info, p)
}

// Open opens the model, limited, retried, charged for and cached.
func (o opener) Open(ctx context.Context, m backends.Model) (backends.Backend, error) {
	b, err := o.openBatched(ctx, m)
	if err != nil {
		return nil, err
	}
	if b, err = o.retried(b, m); err != nil {
		return nil, err
	}
	if o.spend == nil {
		return b, nil
	}
	wrapped, err := o.spend.wrap(ctx, b, m, o.batches != nil)
	if err != nil {
		return nil, errors.Join(err, b.Close())
	}
	if o.live != nil {
		o.live.b.Store(&wrapped)
	}
	return wrapped, nil
}

// retried has failed requests tried again, and keeps to what a server takes at once. Batches wait by themselves.
func (o opener) retried(b backends.Backend, m backends.Model) (backends.Backend, error) {
	if o.limits == nil || o.batches != nil {
		return backends.Retry(b, o.retry), nil
	}
	p, err := findProvider(o.providers, m.Ref.Provider)
	if err != nil {
		return nil, errors.Join(err, b.Close())
	}
	limited, err := o.limits.wrap(b, p, m, o.retry)
	if err != nil {
		return nil, errors.Join(err, b.Close())
	}
	return limited, nil
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
	if o.devices.on(m) {
		if b, ok, err := o.devices.open(ctx, m); ok {
			return b, err
		}
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
