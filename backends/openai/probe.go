package openai

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/onset-eval/onset/backends"
	"github.com/onset-eval/onset/backends/internal/httpapi"
)

// server is what serves a model: what it is called, what it can do, and what it says of the model.
type server struct {
	name     string
	official bool // OpenAI itself
	chat     bool // chat is the API to use where none is named
	ids      bool // completions take token ids
	route    func(*Backend) route

	version string
	context int // the most tokens that it takes; 0 is unknown
	params  int64
	slots   int    // calls that it works on at once; 0 is unknown
	bosText string // the token that begins texts, as text
}

// The names of servers.
const (
	serverOpenAI = "openai"
	serverVLLM   = "vllm"
	serverSGLang = "sglang"
	serverLlama  = "llama-server"
	serverTGI    = "tgi"
	serverOllama = "ollama"
	serverOther  = "other"
)

// servers lists the servers that are known, and what is known of each beforehand.
func servers() []server {
	return []server{
		{name: serverOpenAI, chat: true, ids: true, route: func(b *Backend) route { return &echoRoute{b: b} }},
		{name: serverVLLM, ids: true, route: func(b *Backend) route { return &vllmRoute{b} }},
		{name: serverSGLang, ids: true, route: func(b *Backend) route { return &sglangRoute{b} }},
		{name: serverLlama, ids: true, route: newLlamaRoute},
		{name: serverTGI, route: func(b *Backend) route { return &tgiRoute{b} }},
		{name: serverOllama, chat: true},
		{name: serverOther, chat: true, route: func(b *Backend) route { return &echoRoute{b: b} }},
	}
}

func serverNames() []string {
	var names []string
	for _, s := range servers() {
		names = append(names, s.name)
	}
	return names
}

func serverNamed(name string) server {
	for _, s := range servers() {
		if s.name == name {
			return s
		}
	}
	return server{name: name}
}

// rootOf is the address of a server's own paths: its base without the /v1 of the OpenAI protocol.
func rootOf(base string) string { return strings.TrimSuffix(strings.TrimRight(base, "/"), "/v1") }

// models is the list of a server's models, as far as it is read.
type models struct {
	Data []struct {
		ID          string `json:"id"`
		OwnedBy     string `json:"owned_by"`
		MaxModelLen int    `json:"max_model_len"`
		Meta        *struct {
			Params int64 `json:"n_params"`
		} `json:"meta"`
	} `json:"data"`
}

func (m models) names() []string {
	var names []string
	for _, d := range m.Data {
		names = append(names, d.ID)
	}
	return names
}

func (m models) has(name string) bool { return slices.Contains(m.names(), name) }

// owners are the servers by the owner that their lists of models name.
var owners = map[string]string{"vllm": serverVLLM, "sglang": serverSGLang, "llamacpp": serverLlama, "library": serverOllama}

// probe finds out what serves the model: by the argument, by OpenAI's own host, by the owner in the list of models, or by a
// path that one server alone has.
func (b *Backend) probe(ctx context.Context) (server, error) {
	if b.official() {
		s := serverNamed(serverOpenAI)
		s.official = true
		return s, nil
	}
	name := b.args.server
	var list models
	err := patiently(ctx, func() error { _, err := b.client.Get(ctx, "/models", &list); return err })
	switch kind := backends.KindOf(err); {
	case err != nil && kind == "":
		return server{}, err // the context's end
	case kind == backends.KindAuth:
		return server{}, err
	case kind.Temporary() && !answered(err):
		return server{}, httpapi.WithHint(err, "is the server running at "+b.client.Endpoint()+"?")
	}
	for _, m := range list.Data {
		if known, ok := owners[m.OwnedBy]; ok && name == "" {
			name = known
		}
	}
	if name == "" {
		name = b.byPath(ctx)
	}
	s := serverNamed(name)
	if name == serverVLLM && len(list.Data) > 0 && !list.has(b.model) {
		return server{}, httpapi.WithHint(&backends.Error{Kind: backends.KindNotFound, Op: "look for the model",
			Err: fmt.Errorf("%s does not serve %q", b.client.Endpoint(), b.model)}, "it serves "+strings.Join(list.names(), ", "))
	}
	for i, m := range list.Data {
		if m.ID == b.model || i == 0 {
			s.context = m.MaxModelLen
			if m.Meta != nil {
				s.params = m.Meta.Params
			}
		}
	}
	b.ask(ctx, &s)
	return s, nil
}

// answered tells whether a server was reached at all, so that the path, and not the server, is what failed.
func answered(err error) bool {
	var e *backends.Error
	return errors.As(err, &e) && e.Status > 0
}

// byPath tells servers by paths that only they have.
func (b *Backend) byPath(ctx context.Context) string {
	for _, p := range []struct {
		path, member, name string
	}{
		{"/props", "total_slots", serverLlama}, {"/info", "max_total_tokens", serverTGI}, {"/get_model_info", "model_path", serverSGLang},
		{"/api/version", "version", serverOllama}, {"/version", "version", serverVLLM},
	} {
		var body map[string]any
		if _, err := b.root.Get(ctx, p.path, &body); err == nil && body[p.member] != nil {
			return p.name
		}
	}
	return serverOther
}

// ask lets a server say what it is and how much it takes. What it does not say stays unknown.
func (b *Backend) ask(ctx context.Context, s *server) {
	var said struct {
		Version         string `json:"version"`
		BuildInfo       string `json:"build_info"`
		TotalSlots      int    `json:"total_slots"`
		BOS             string `json:"bos_token"`
		MaxTotalTokens  int    `json:"max_total_tokens"`
		ContextLength   int    `json:"context_length"`
		DefaultSettings struct {
			Context int `json:"n_ctx"`
		} `json:"default_generation_settings"`
	}
	paths := map[string]string{
		serverVLLM: "/version", serverSGLang: "/get_server_info", serverLlama: "/props", serverTGI: "/info", serverOllama: "/api/version",
	}
	path, ok := paths[s.name]
	if !ok {
		return
	}
	if _, err := b.root.Get(ctx, path, &said); err != nil {
		return // it is of another version than those that have the path
	}
	s.version, s.slots, s.bosText = first(said.Version, said.BuildInfo), said.TotalSlots, said.BOS
	for _, n := range []int{said.DefaultSettings.Context, said.MaxTotalTokens, said.ContextLength} {
		if n > 0 && s.name != serverSGLang || n > 0 && s.context == 0 {
			s.context = n
		}
	}
}

// patiently makes a call up to four times where what fails passes, as a server that is just starting does.
func patiently(ctx context.Context, call func() error) error {
	wait := 250 * time.Millisecond
	for attempt := 1; ; attempt++ {
		err := call()
		var e *backends.Error
		if err == nil || !errors.As(err, &e) || !e.Kind.Temporary() || attempt == 4 {
			return err
		}
		timer := time.NewTimer(min(max(wait, e.RetryAfter), 30*time.Second))
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return errors.Join(ctx.Err(), err)
		}
		wait *= 3
	}
}
