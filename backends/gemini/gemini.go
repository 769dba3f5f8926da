// Package gemini speaks the Gemini API's generateContent (ai.google.dev, API reference), over onset's thin client.
//
// The API generates; log-likelihoods of given texts it has none. It does not tell whether a text ended at a stop string or
// by itself.
package gemini

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	jsonx "github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/onset-eval/onset/backends"
	"github.com/onset-eval/onset/backends/internal/hosted"
	"github.com/onset-eval/onset/backends/internal/httpapi"
)

// Options say which model to open, and where. Model is required.
type Options struct {
	Model backends.Model
	// Getenv gives environment variables: GEMINI_API_KEY or GOOGLE_API_KEY, GEMINI_BASE_URL (or GOOGLE_GEMINI_BASE_URL),
	// SSL_CERT_FILE. nil is an empty environment.
	Getenv func(string) string
	// Timeout bounds one call; 0 is 10 minutes, or the argument timeout.
	Timeout time.Duration
}

const (
	officialBase = "https://generativelanguage.googleapis.com"
	apiVersion   = "v1beta"
	// mostStops is the number of stop strings that the API takes. All are heeded here, whatever is sent.
	mostStops = 5
	// defaultReasoningBudget is added to the bound of a thinking model's answer, since its thoughts count towards it.
	defaultReasoningBudget = 8192
)

type client struct {
	http      *httpapi.Client
	model     string
	thinking  int    // thinkingBudget; -1 is not sent
	level     string // thinkingLevel
	reasoning string // "", true, false
	budget    int
	extra     map[string]jsontext.Value
	base      string
	keyName   string
	timeout   time.Duration
}

// Open makes a backend of a model; it sends nothing. The caller closes it.
//
// Arguments: thinking_budget, a number of tokens, 0 for none; thinking_level, low or high; reasoning, true or false, whether the
// model thinks, where its name does not tell; reasoning_budget, the tokens for thought beside those for the answer; extra, a
// JSON object whose members are sent with every request; base_url, key_env, timeout.
func Open(_ context.Context, o Options) (backends.Backend, error) {
	if o.Getenv == nil {
		o.Getenv = func(string) string { return "" }
	}
	c := &client{model: strings.TrimPrefix(o.Model.Ref.Model, "models/"), timeout: o.Timeout, thinking: -1, budget: defaultReasoningBudget}
	if err := c.readArgs(o.Model.Args); err != nil {
		return nil, fmt.Errorf("open %s: %w", o.Model.Ref, err)
	}
	if c.keyName == "" {
		c.keyName = "GEMINI_API_KEY"
		if o.Getenv(c.keyName) == "" && o.Getenv("GOOGLE_API_KEY") != "" {
			c.keyName = "GOOGLE_API_KEY"
		}
	}
	base := strings.TrimRight(hosted.First(o.Model.BaseURL, c.base, o.Getenv("GEMINI_BASE_URL"), o.Getenv("GOOGLE_GEMINI_BASE_URL"), officialBase), "/")
	key := httpapi.NewKey(o.Getenv(c.keyName))
	if base == officialBase && !key.IsSet() {
		return nil, httpapi.WithHint(&backends.Error{Kind: backends.KindAuth, Op: fmt.Sprintf("open %s", o.Model.Ref), Err: fmt.Errorf("%s is not set", c.keyName)}, "set "+c.keyName)
	}
	var err error
	c.http, err = httpapi.New(httpapi.Options{
		BaseURL: strings.TrimSuffix(base, "/"+apiVersion) + "/" + apiVersion, Key: key, KeyHeader: "X-Goog-Api-Key",
		KeyHint: "set " + c.keyName + " to the API's key", CAFile: o.Getenv("SSL_CERT_FILE"), Timeout: c.timeout, Refine: refine,
	})
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", o.Model.Ref, err)
	}
	return hosted.New(c.http, backends.Info{Provider: hosted.First(o.Model.Ref.Provider, "gemini"), Model: c.model, Details: c.details()}, c.generate), nil
}

func (c *client) readArgs(given map[string]string) error {
	return hosted.Readers{
		"base_url": hosted.Text(&c.base), "key_env": hosted.Text(&c.keyName), "timeout": hosted.Time(&c.timeout),
		"thinking_budget": hosted.Number(&c.thinking), "thinking_level": hosted.OneOf(&c.level, "minimal", "low", "medium", "high"),
		"reasoning": hosted.OneOf(&c.reasoning, "true", "false"), "reasoning_budget": hosted.Number(&c.budget), "extra": hosted.Object(&c.extra),
	}.Read("the Gemini API", given)
}

func (c *client) details() map[string]string {
	d := map[string]string{"api": "generateContent " + apiVersion}
	if c.thinking >= 0 {
		d["thinking_budget"] = strconv.Itoa(c.thinking)
	}
	if c.level != "" {
		d["thinking_level"] = c.level
	}
	if c.thinks() {
		d["reasoning_budget"] = strconv.Itoa(c.budget)
	}
	if len(c.extra) > 0 {
		if text, err := jsonx.Marshal(c.extra, jsonx.Deterministic(true)); err == nil {
			d["extra"] = string(text)
		}
	}
	return d
}

// thinks tells whether the model thinks before it answers: by the arguments, or by the names of those that do.
func (c *client) thinks() bool {
	switch {
	case c.reasoning != "":
		return c.reasoning == "true"
	case c.thinking >= 0:
		return c.thinking > 0
	}
	return c.level != "" || strings.HasPrefix(c.model, "gemini-2.5") || strings.HasPrefix(c.model, "gemini-3")
}

type content struct {
	Role  string `json:"role,omitempty"`
	Parts []part `json:"parts"`
}

type part struct {
	Text    string `json:"text"`
	Thought bool   `json:"thought,omitempty"`
}

type generationConfig struct {
	Temperature *float64        `json:"temperature,omitempty"`
	TopP        float64         `json:"topP,omitempty"`
	TopK        int             `json:"topK,omitempty"`
	MaxTokens   int             `json:"maxOutputTokens,omitempty"`
	Stop        []string        `json:"stopSequences,omitempty"`
	Seed        *int64          `json:"seed,omitempty"`
	Thinking    *thinkingConfig `json:"thinkingConfig,omitempty"`
}

type thinkingConfig struct {
	Budget *int   `json:"thinkingBudget,omitempty"`
	Level  string `json:"thinkingLevel,omitempty"`
}

// body writes a request.
func (c *client) body(req *backends.Request) ([]byte, error) {
	s := &req.Sampling
	if s.MinP > 0 {
		return nil, backends.Errorf(backends.KindUnsupported, "ask "+c.model, "the API has no min_p")
	}
	system, turns := hosted.Turns(req)
	contents := make([]content, len(turns))
	for i, m := range turns {
		role := m.Role
		if role == "assistant" {
			role = "model"
		}
		contents[i] = content{Role: role, Parts: []part{{Text: m.Content}}}
	}
	config := generationConfig{Temperature: &s.Temperature, TopK: s.TopK, MaxTokens: s.MaxTokens}
	if s.TopP > 0 && s.TopP < 1 {
		config.TopP = s.TopP
	}
	if s.MaxTokens > 0 && c.thinks() {
		config.MaxTokens += c.budget
	}
	for _, stop := range s.Stop {
		if stop != "" && len(config.Stop) < mostStops {
			config.Stop = append(config.Stop, stop)
		}
	}
	if s.Temperature > 0 {
		seed := hosted.Seed(s.Seed, req.Draw)
		config.Seed = &seed
	}
	if c.thinking >= 0 {
		config.Thinking = &thinkingConfig{Budget: &c.thinking}
	} else if c.level != "" {
		config.Thinking = &thinkingConfig{Level: c.level}
	}
	m := map[string]any{"contents": contents, "generationConfig": config}
	if system != "" {
		m["systemInstruction"] = content{Parts: []part{{Text: system}}}
	}
	for name, value := range c.extra {
		m[name] = json.RawMessage(value)
	}
	data, err := json.Marshal(m)
	if err != nil {
		return nil, &backends.Error{Kind: backends.KindInternal, Op: "write a request", Err: err}
	}
	return data, nil
}

// answer is the body of an answer, as far as it is read.
type answer struct {
	Candidates []candidate `json:"candidates"`
	Feedback   *struct {
		BlockReason string `json:"blockReason"`
		Message     string `json:"blockReasonMessage"`
	} `json:"promptFeedback"`
	Usage *struct {
		Prompt     int `json:"promptTokenCount"`
		ToolPrompt int `json:"toolUsePromptTokenCount"`
		Candidates int `json:"candidatesTokenCount"`
		Thoughts   int `json:"thoughtsTokenCount"`
	} `json:"usageMetadata"`
}

type candidate struct {
	Content      *content `json:"content"`
	FinishReason string   `json:"finishReason"`
	Message      string   `json:"finishMessage"`
}

func (c *client) generate(ctx context.Context, req *backends.Request) (backends.Response, error) {
	body, err := c.body(req)
	if err != nil {
		return backends.Response{}, err
	}
	var a answer
	path := "/models/" + c.model
	if strings.Contains(c.model, "/") { // a tuned model, say
		path = "/" + c.model
	}
	meta, err := c.http.Post(ctx, path+":generateContent", body, &a)
	if err != nil {
		return backends.Response{}, err
	}
	resp, err := c.read(&a, req)
	resp.Signals = c.http.Signals(meta.Header)
	return resp, err
}

// read makes a response of an answer. A prompt that was blocked is an answer too: a refusal without text.
func (c *client) read(a *answer, req *backends.Request) (backends.Response, error) {
	op := "read the answer of " + c.model
	var resp backends.Response
	if u := a.Usage; u != nil {
		resp.Usage = backends.Usage{PromptTokens: u.Prompt + u.ToolPrompt, CompletionTokens: u.Candidates + u.Thoughts, ReasoningTokens: u.Thoughts}
	}
	if len(a.Candidates) == 0 {
		if a.Feedback != nil && a.Feedback.BlockReason != "" {
			resp.Stop = backends.StopRefusal
			return resp, nil
		}
		return backends.Response{}, backends.Errorf(backends.KindNetwork, op, "it has no candidate")
	}
	if n := len(a.Candidates); n > 1 {
		return backends.Response{}, backends.Errorf(backends.KindNetwork, op, "it has %d candidates, to a request for one", n)
	}
	got := a.Candidates[0]
	stop, ok := stopOf(got.FinishReason)
	if !ok {
		return backends.Response{}, backends.Errorf(backends.KindServer, op, "the text ended for the reason %q %s", c.http.Redact(got.FinishReason), c.http.Redact(got.Message))
	}
	resp.Stop = stop
	if got.Content != nil {
		var text strings.Builder
		for _, p := range got.Content.Parts {
			if !p.Thought {
				text.WriteString(p.Text)
			}
		}
		resp.Text = text.String()
	}
	if cut, ok := hosted.CutStop(resp.Text, req.Sampling.Stop); ok && stop != backends.StopRefusal {
		resp.Text, resp.Stop = cut, backends.StopString
	}
	resp.Text = c.http.Redact(resp.Text)
	return resp, nil
}

// stopOf gives why a text ended; ok is false for what is a failure of the server.
func stopOf(reason string) (stop backends.StopReason, ok bool) {
	switch reason {
	case "STOP":
		return backends.StopEOS, true
	case "MAX_TOKENS":
		return backends.StopLength, true
	case "SAFETY", "RECITATION", "BLOCKLIST", "PROHIBITED_CONTENT", "SPII", "LANGUAGE", "IMAGE_SAFETY":
		return backends.StopRefusal, true
	}
	return "", false
}

// failureDetails are the details of a failure, of which those are read that say when to come again and what was exhausted.
type failureDetails struct {
	Error struct {
		Details []struct {
			Reason     string `json:"reason"`
			RetryDelay string `json:"retryDelay"`
			Violations []struct {
				QuotaID string `json:"quotaId"`
			} `json:"violations"`
		} `json:"details"`
	} `json:"error"`
}

// refine reads what Google puts into a failure's body: how long to wait, that a day's allowance is spent, and that the key
// is the reason of a bad request.
func refine(e *backends.Error, f httpapi.Failure, a *httpapi.Answer) {
	var d failureDetails
	if err := jsonx.Unmarshal(a.Body, &d, jsontext.AllowInvalidUTF8(true)); err != nil {
		d = failureDetails{}
	}
	for _, detail := range d.Error.Details {
		if wait, err := time.ParseDuration(detail.RetryDelay); err == nil && wait > 0 && e.RetryAfter == 0 {
			e.RetryAfter = min(wait, 24*time.Hour)
		}
		if detail.Reason == "API_KEY_INVALID" {
			e.Kind = backends.KindAuth
			e.Err = httpapi.WithHint(errors.New("the key is not valid"), "set GEMINI_API_KEY to the API's key")
		}
		for _, v := range detail.Violations {
			if e.Kind == backends.KindRateLimit && strings.Contains(v.QuotaID, "PerDay") {
				e.Kind = backends.KindQuota
			}
		}
	}
	if f.Status == "DEADLINE_EXCEEDED" {
		e.Kind = backends.KindTimeout
	}
}
