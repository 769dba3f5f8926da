// Package openai speaks the OpenAI protocol, chat and completions, to OpenAI and to the servers that speak it too: vLLM,
// SGLang, llama-server, TGI, Ollama and others. Each server's own way to log-likelihoods is its route (route.go), which a
// self-test compares with what the server says when it generates, before anything is measured with it.
package openai

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"time"

	"github.com/onset-eval/onset/backends"
	"github.com/onset-eval/onset/backends/internal/httpapi"
	"github.com/onset-eval/onset/backends/local/tokens"
)

// Options say which model to open, and where. Model is required.
type Options struct {
	Model backends.Model
	// Getenv gives environment variables: OPENAI_API_KEY, OPENAI_BASE_URL, OPENAI_ORG_ID, OPENAI_PROJECT_ID, SSL_CERT_FILE.
	// nil is an empty environment.
	Getenv func(string) string
	// Provider is Info.Provider; "" is the model reference's.
	Provider string
	// Timeout bounds one call; 0 is 10 minutes, or the argument timeout.
	Timeout time.Duration
}

// officialBase is the API of OpenAI itself.
const officialBase = "https://api.openai.com/v1"

// Backend is a model behind the OpenAI protocol. It implements backends.Backend.
type Backend struct {
	client *httpapi.Client
	root   *httpapi.Client // the server's paths outside /v1; nil where it has none
	model  string
	args   args
	server server
	info   backends.Info
	chat   bool
	codec  *tokens.Codec // nil where no tokenizer is at hand
	route  route         // nil where there is no way to log-likelihoods

	firstID int   // the token that begins texts; -1 where it is not known
	around  []int // what the server puts around every text

	// newField is set once the server has said that it wants max_completion_tokens for max_tokens, noStop once it takes no stop
	// strings. Neither changes an answer.
	newField, noStop atomic.Bool
}

var _ backends.Backend = (*Backend)(nil)

// Open finds out what serves the model, how it gives log-likelihoods, and whether those are true. The caller closes the
// backend. A server that cannot be reached, or whose log-likelihoods contradict themselves, is an error.
func Open(ctx context.Context, o Options) (*Backend, error) {
	if o.Getenv == nil {
		o.Getenv = func(string) string { return "" }
	}
	a, err := readArgs(o.Model.Args)
	if err != nil {
		return nil, err
	}
	b := &Backend{model: o.Model.Ref.Model, args: a}
	if err := b.connect(o); err != nil {
		return nil, fmt.Errorf("open %s: %w", o.Model.Ref, err)
	}
	if err := b.find(ctx, o); err != nil {
		return nil, errors.Join(fmt.Errorf("open %s: %w", o.Model.Ref, err), b.Close())
	}
	return b, nil
}

// connect makes the clients, which sends nothing.
func (b *Backend) connect(o Options) error {
	base := first(o.Model.BaseURL, b.args.baseURL, o.Getenv("OPENAI_BASE_URL"), officialBase)
	keyName := first(b.args.keyEnv, "OPENAI_API_KEY")
	opts := httpapi.Options{
		BaseURL: base, Key: httpapi.NewKey(o.Getenv(keyName)), KeyHint: "set " + keyName + " to the server's key",
		KeyHeader: b.args.keyHeader, CAFile: o.Getenv("SSL_CERT_FILE"), Timeout: o.Timeout, Header: make(map[string]string),
	}
	if b.args.timeout > 0 {
		opts.Timeout = b.args.timeout
	}
	for header, name := range map[string]string{"OpenAI-Organization": "OPENAI_ORG_ID", "OpenAI-Project": "OPENAI_PROJECT_ID"} {
		if v := o.Getenv(name); v != "" {
			opts.Header[header] = v
		}
	}
	var err error
	if b.client, err = httpapi.New(opts); err != nil {
		return err
	}
	if b.official() && !opts.Key.IsSet() {
		return httpapi.WithHint(&backends.Error{Kind: backends.KindAuth, Op: "ask " + b.client.Endpoint(), Err: fmt.Errorf("%s is not set", keyName)},
			"set "+keyName+"; for a server of your own, give its address as base_url")
	}
	b.root, err = b.client.At(rootOf(base))
	return err
}

// official tells whether the server is OpenAI itself, in any of its regions.
func (b *Backend) official() bool {
	host, ok := strings.CutPrefix(b.client.Endpoint(), "https://")
	return ok && (host == "api.openai.com" || strings.HasSuffix(host, ".api.openai.com"))
}

// find decides the server, the API and the route, and describes them.
func (b *Backend) find(ctx context.Context, o Options) (err error) {
	if b.args.tokenizer != "" {
		if b.codec, err = tokens.Open(b.args.tokenizer); err != nil {
			return err
		}
	}
	if b.server, err = b.probe(ctx); err != nil {
		return err
	}
	b.chat = b.args.api == apiChat || b.args.api == "" && b.server.chat
	b.describe(o)
	if b.chat || b.server.route == nil {
		return nil
	}
	return b.findRoute(ctx)
}

func (b *Backend) describe(o Options) {
	provider := first(o.Provider, o.Model.Ref.Provider, "openai")
	api := apiCompletions
	if b.chat {
		api = apiChat
	}
	b.info = backends.Info{
		Provider: provider, Model: b.model, Kinds: []backends.Kind{backends.Generate}, Messages: b.chat, Parallel: 64,
		Params: b.server.params, ContextLength: b.context(),
		Details: map[string]string{"endpoint": b.client.Endpoint(), "api": api, "server": b.server.name},
	}
	for name, value := range map[string]string{
		"server_version": b.server.version, "reasoning_effort": b.args.effort, "extra": b.args.extra,
	} {
		if value != "" {
			b.info.Details[name] = value
		}
	}
	if b.reasons() {
		b.info.Details["temperature"] = "the server's own"
	}
	if b.codec == nil {
		return
	}
	b.info.Details["tokenizer"] = b.codec.Hash()
	if turns := b.codec.Chat(); turns.Template != "" && !b.chat {
		b.info.ChatTemplate = turns.Template
		for name, text := range turns.Tokens { // which a template names
			b.info.Details[name] = text
		}
	}
}

// context is the most tokens that the model takes; 0 is unknown.
func (b *Backend) context() int {
	switch {
	case b.args.context > 0:
		return b.args.context
	case b.server.context > 0:
		return b.server.context
	case b.codec != nil:
		return b.codec.Context()
	}
	return 0
}

// Info says what the model and its server are.
func (b *Backend) Info() backends.Info { return b.info }

// Do answers a request.
func (b *Backend) Do(ctx context.Context, req backends.Request) (backends.Response, error) {
	if err := ctx.Err(); err != nil {
		return backends.Response{}, fmt.Errorf("ask %s: %w", b.model, err)
	}
	if err := b.client.Begin(); err != nil {
		return backends.Response{}, err
	}
	defer b.client.End()
	if !b.info.Serves(req.Kind) {
		return backends.Response{}, b.notServed(req.Kind)
	}
	if len(req.Messages) > 0 && !b.chat {
		return backends.Response{}, backends.Errorf(backends.KindUnsupported, "ask "+b.model, "completions take text and no messages")
	}
	begun := time.Now()
	var resp backends.Response
	var err error
	switch req.Kind {
	case backends.Generate:
		resp, err = b.generate(ctx, &req)
	case backends.LogLikelihood:
		resp, err = b.score(ctx, &req)
	case backends.LogLikelihoodRolling:
		resp, err = b.rolling(ctx, &req)
	}
	if err != nil {
		return backends.Response{}, err
	}
	resp.Attempts, resp.Latency = 1, time.Since(begun)
	return resp, nil
}

func (b *Backend) notServed(kind backends.Kind) error {
	switch {
	case kind != backends.LogLikelihood && kind != backends.LogLikelihoodRolling:
		return backends.Errorf(backends.KindUnsupported, "ask "+b.model, "no requests of kind %q", kind)
	case b.chat:
		return backends.Errorf(backends.KindUnsupported, "ask "+b.model, "chat gives no log-likelihoods of texts that it is given")
	}
	why := first(b.info.Details["loglikelihood"], "this server has no way to them")
	return backends.Errorf(backends.KindUnsupported, "ask "+b.model, "no requests of kind %q: %s", kind, why)
}

// Close waits for the calls under way and closes the connections.
func (b *Backend) Close() error {
	err := b.client.Close()
	if b.root != nil {
		err = errors.Join(err, b.root.Close())
	}
	return err
}

// first gives the first text that is not empty.
func first(texts ...string) string {
	for _, t := range texts {
		if t != "" {
			return t
		}
	}
	return ""
}
