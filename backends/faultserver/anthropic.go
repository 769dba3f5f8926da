package faultserver

import (
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/onset-eval/onset/backends"
)

// Anthropic is the face of Anthropic's Messages API. It refuses what the API refuses: no max_tokens, no message, an empty
// text, a temperature above 1, and any from API version 2026-10-21 on, stop sequences of white space alone, and what does not
// go with thinking. It has no seeds: each sampled call is another draw.
func Anthropic() Face { return &anthropic{} }

type anthropic struct{ draws atomic.Uint64 }

func (*anthropic) Name() string { return "anthropic" }

func (*anthropic) Serves(method, path string) bool {
	return method == http.MethodPost && path == "/v1/messages"
}

// Key takes both forms: the SDKs send Bearer from API version 2026-10-21 on.
func (*anthropic) Key(r *http.Request) string {
	if key := r.Header.Get("X-Api-Key"); key != "" {
		return key
	}
	return strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")
}

// anthropicAsk is the body of a call, as far as it is heeded.
type anthropicAsk struct {
	Model       string             `json:"model"`
	Messages    []anthropicMessage `json:"messages"`
	System      jsontext.Value     `json:"system"`
	MaxTokens   int                `json:"max_tokens"`
	Temperature *float64           `json:"temperature"`
	TopP        *float64           `json:"top_p"`
	TopK        *int               `json:"top_k"`
	Stop        []string           `json:"stop_sequences"`
	Stream      bool               `json:"stream"`
	Thinking    *struct {
		Type   string `json:"type"`
		Budget int    `json:"budget_tokens"`
	} `json:"thinking"`
}

type anthropicMessage struct {
	Role    string         `json:"role"`
	Content jsontext.Value `json:"content"`
}

func (a *anthropic) Read(r *http.Request, body []byte) (Call, error) {
	var ask anthropicAsk
	if err := json.Unmarshal(body, &ask); err != nil {
		return Call{}, fmt.Errorf("the request body is not valid JSON: %w", err)
	}
	c := Call{Model: ask.Model, MaxTokens: ask.MaxTokens, Stop: ask.Stop, Detail: &ask}
	switch version := r.Header.Get("Anthropic-Version"); {
	case version == "":
		return c, errors.New("anthropic-version: header is required")
	case version >= "2026" && ask.Temperature != nil:
		return c, errors.New("temperature: Extra inputs are not permitted")
	}
	if err := ask.check(); err != nil {
		return c, err
	}
	var lines []string
	if system, err := anthropicText(ask.System); err != nil {
		return c, fmt.Errorf("system: %w", err)
	} else if system != "" {
		lines = append(lines, "system: "+system)
	}
	for i, m := range ask.Messages {
		text, err := anthropicText(m.Content)
		switch {
		case err != nil:
			return c, fmt.Errorf("messages.%d.content: %w", i, err)
		case m.Role != "user" && m.Role != "assistant":
			return c, fmt.Errorf("messages.%d.role: Input should be 'user' or 'assistant'", i)
		case text == "" && (i < len(ask.Messages)-1 || m.Role == "user"):
			return c, fmt.Errorf("messages.%d: all messages must have non-empty content except for the optional final assistant message", i)
		}
		lines = append(lines, m.Role+": "+text)
	}
	c.Prompt = strings.Join(lines, "\n")
	if c.Sampled = ask.Temperature == nil || *ask.Temperature > 0; c.Sampled {
		c.Seed = a.draws.Add(1)
	}
	return c, nil
}

func (a *anthropicAsk) check() error {
	switch {
	case a.Model == "":
		return errors.New("model: Field required")
	case a.MaxTokens < 1:
		return errors.New("max_tokens: Field required")
	case len(a.Messages) == 0:
		return errors.New("messages: at least one message is required")
	case a.Messages[0].Role != "user":
		return errors.New("messages: first message must use the \"user\" role")
	case a.Temperature != nil && (*a.Temperature < 0 || *a.Temperature > 1):
		return errors.New("temperature: range: 0..1")
	case a.Stream:
		return errors.New("stream: this server does not stream")
	}
	for _, s := range a.Stop {
		if strings.TrimSpace(s) == "" {
			return errors.New("stop_sequences: each stop sequence must contain non-whitespace")
		}
	}
	if t := a.Thinking; t != nil && t.Type == "enabled" {
		switch {
		case t.Budget < 1024:
			return errors.New("thinking.enabled.budget_tokens: Input should be greater than or equal to 1024")
		case t.Budget >= a.MaxTokens:
			return errors.New("`max_tokens` must be greater than `thinking.budget_tokens`")
		case a.Temperature != nil && *a.Temperature != 1:
			return errors.New("`temperature` may only be set to 1 when thinking is enabled")
		case a.TopK != nil:
			return errors.New("`top_k` must be unset when thinking is enabled")
		}
	}
	return nil
}

// anthropicText reads a text or a list of blocks of text.
func anthropicText(v jsontext.Value) (string, error) {
	switch v.Kind() {
	case '"':
		var s string
		err := json.Unmarshal(v, &s)
		return s, err
	case '[':
		var blocks []struct {
			Type string `json:"type"`
			Text string `json:"text"`
		}
		if err := json.Unmarshal(v, &blocks); err != nil {
			return "", err
		}
		var b strings.Builder
		for _, block := range blocks {
			b.WriteString(block.Text)
		}
		return b.String(), nil
	case 'n', jsontext.KindInvalid:
		return "", nil
	}
	return "", errors.New("Input should be a valid string or list") //nolint:staticcheck // the API's own words
}

type anthropicAnswer struct {
	ID           string            `json:"id"`
	Type         string            `json:"type"`
	Role         string            `json:"role"`
	Model        string            `json:"model"`
	Content      *[]anthropicBlock `json:"content,omitzero"`
	StopReason   string            `json:"stop_reason"`
	StopSequence *string           `json:"stop_sequence"`
	Usage        struct {
		Input         int    `json:"input_tokens"`
		CacheCreation int    `json:"cache_creation_input_tokens"`
		CacheRead     int    `json:"cache_read_input_tokens"`
		Output        int    `json:"output_tokens"`
		Tier          string `json:"service_tier"`
	} `json:"usage"`
}

type anthropicBlock struct {
	Type      string  `json:"type"`
	Text      *string `json:"text,omitzero"`
	Thinking  string  `json:"thinking,omitzero"`
	Signature string  `json:"signature,omitzero"`
}

func (*anthropic) Answer(c Call, r Reply) any {
	a := anthropicAnswer{ID: "msg_" + strconv.FormatUint(digest(c.Prompt, c.Seed), 36), Type: "message", Role: "assistant", Model: c.Model, StopReason: "end_turn"}
	blocks := []anthropicBlock{}
	if r.Reasoning != "" {
		blocks = append(blocks, anthropicBlock{Type: "thinking", Thinking: r.Reasoning, Signature: "c2lnbmVk"})
	}
	if !r.Null && r.Refusal == "" {
		blocks = append(blocks, anthropicBlock{Type: "text", Text: &r.Text})
	}
	if r.Twice {
		more := " or not"
		blocks = append(blocks, anthropicBlock{Type: "text", Text: &more})
	}
	if !r.None {
		a.Content = &blocks
	}
	switch r.Stop {
	case backends.StopLength:
		a.StopReason = "max_tokens"
	case backends.StopRefusal:
		a.StopReason = "refusal"
	case backends.StopString:
		a.StopReason = "stop_sequence"
		for _, s := range c.Stop { // which it was, the model does not tell
			a.StopSequence = &s
			break
		}
	case backends.StopEOS:
	}
	a.Usage.Input, a.Usage.Output, a.Usage.Tier = r.PromptTokens, r.CompletionTokens, "standard"
	return a
}

func (*anthropic) Failure(status int, word, message string) any {
	if word == "" {
		word = map[int]string{
			http.StatusUnauthorized: "authentication_error", http.StatusForbidden: "permission_error", http.StatusNotFound: "not_found_error",
			http.StatusPaymentRequired: "billing_error", http.StatusRequestEntityTooLarge: "request_too_large",
			http.StatusTooManyRequests: "rate_limit_error", http.StatusServiceUnavailable: "overloaded_error", 529: "overloaded_error",
			http.StatusGatewayTimeout: "timeout_error",
		}[status]
	}
	if word == "" {
		word = "invalid_request_error"
		if status >= 500 {
			word = "api_error"
		}
	}
	return map[string]any{"type": "error", "error": map[string]string{"type": word, "message": message}, "request_id": "req_011"}
}

func (*anthropic) Limits(h http.Header, s backends.Signals, now time.Time) {
	set := func(what string, limit, remaining int, reset time.Duration) {
		if limit >= 0 {
			h.Set("Anthropic-Ratelimit-"+what+"-Limit", strconv.Itoa(limit))
			h.Set("Anthropic-Ratelimit-"+what+"-Remaining", strconv.Itoa(remaining))
			h.Set("Anthropic-Ratelimit-"+what+"-Reset", now.Add(reset).UTC().Format(time.RFC3339))
		}
	}
	set("Requests", s.RequestsLimit, s.RequestsRemaining, s.RequestsReset)
	set("Tokens", s.TokensLimit, s.TokensRemaining, s.TokensReset)
}
