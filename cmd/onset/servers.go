package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/onset-eval/onset/backends"
	"github.com/onset-eval/onset/backends/openai"
	"github.com/onset-eval/onset/backends/process"
)

// serverProvider opens models in a server of onset's own.
func serverProvider(name, doc, example string) provider {
	return provider{
		name: name, doc: doc, example: example, served: true,
		open: func(ctx context.Context, m backends.Model) (backends.Backend, error) {
			o, err := serverOptions(name, m)
			if err != nil {
				return nil, usage(err)
			}
			return process.OpenServer(ctx, o)
		},
		describe: func(ctx context.Context, m backends.Model) (backends.Info, error) {
			o, err := serverOptions(name, m)
			if err != nil {
				return backends.Info{}, usage(err)
			}
			return process.Describe(ctx, o)
		},
	}
}

func serverOptions(name string, m backends.Model) (process.ServerOptions, error) {
	all := process.Kinds()
	kind := all[slices.IndexFunc(all, func(k process.Kind) bool { return k.Name == name })]
	o := process.ServerOptions{
		Kind: kind, Model: m.Ref.Model, Args: m.Args, Log: serverLog(name),
		Say: func(format string, args ...any) { fmt.Fprintf(os.Stderr, "onset: "+format+"\n", args...) },
		Connect: func(ctx context.Context, base, served string) (backends.Backend, error) {
			return connectServer(ctx, name, base, served, m)
		},
	}
	if m.BaseURL != "" {
		return o, withHint(fmt.Errorf("%s: onset starts this server itself, and base_url names another", m.Ref), "write openai/%s for a server that is running", m.Ref.Model)
	}
	var err error
	if line := os.Getenv(kind.Variable); line != "" {
		if o.Command, err = process.SplitCommand(line); err != nil {
			return o, fmt.Errorf("%s: %w", kind.Variable, err)
		}
	}
	return o, nil
}

// connectServer asks a server of onset's own by the OpenAI protocol. It has the key that the server may have taken from the
// environment, and that of no other API.
func connectServer(ctx context.Context, name, base, served string, m backends.Model) (backends.Backend, error) {
	args := maps.Clone(m.Args)
	if args == nil {
		args = make(map[string]string)
	}
	for _, own := range process.ServerArgs {
		delete(args, own)
	}
	args["server"] = name
	if _, given := args["tokenizer"]; !given && m.Ref.IsPath() {
		if _, err := os.Stat(filepath.Join(m.Ref.Model, "tokenizer.json")); err == nil {
			args["tokenizer"] = m.Ref.Model
		}
	}
	model := m
	model.Ref.Model, model.BaseURL, model.Args = served, base+"/v1", args
	return openai.Open(ctx, openai.Options{Model: model, Getenv: func(variable string) string {
		if variable == "OPENAI_API_KEY" {
			return os.Getenv(map[string]string{"vllm": "VLLM_API_KEY", "llama-server": "LLAMA_API_KEY"}[name])
		}
		return ""
	}})
}

// keptLogs is the number of logs of each kind of server that are kept.
const keptLogs = 20

// serverLog gives a new log file in the user's cache folder at each call, and removes old ones.
func serverLog(name string) func() (process.LogFile, error) {
	return func() (process.LogFile, error) {
		cache, err := os.UserCacheDir()
		if err != nil {
			cache = os.TempDir()
		}
		dir := filepath.Join(cache, "onset", "servers")
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return nil, err
		}
		old, err := filepath.Glob(filepath.Join(dir, name+"-*.log"))
		if err != nil {
			return nil, err
		}
		slices.Sort(old)
		for _, f := range old[:max(0, len(old)-keptLogs+1)] {
			err = errors.Join(err, os.Remove(f))
		}
		if err != nil && !errors.Is(err, os.ErrNotExist) { // another process may have removed it
			return nil, err
		}
		file := fmt.Sprintf("%s-%s-%d.log", name, time.Now().UTC().Format("20060102-150405.000"), os.Getpid())
		return os.OpenFile(filepath.Join(dir, file), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	}
}
