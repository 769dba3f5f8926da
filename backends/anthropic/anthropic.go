// Package anthropic speaks Anthropic's Messages API (docs.anthropic.com, API reference, Messages), over onset's thin client.
//
// The API generates and gives no log-likelihoods. It takes no seed, so a draw cannot be made again. Of the API's versions it
// speaks 2023-06-01, the last in which older models take a temperature.
package anthropic

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/onset-eval/onset/backends"
	"github.com/onset-eval/onset/backends/internal/hosted"
	"github.com/onset-eval/onset/backends/internal/httpapi"
)

// Options say which model to open, and where. Model is required.
type Options struct {
	Model backends.Model
	// Getenv gives environment variables: ANTHROPIC_API_KEY, ANTHROPIC_BASE_URL, SSL_CERT_FILE. nil is an empty environment.
	Getenv func(string) string
	// Timeout bounds one call; 0 is 10 minutes, or the argument timeout.
	Timeout time.Duration
}

const (
	officialBase = "https://api.anthropic.com"
	apiVersion   = "2023-06-01"
	// defaultMaxTokens bounds an answer that names no bound itself: the API demands one.
	defaultMaxTokens = 4096
	// defaultThinkingBudget is added to the bound of an answer with thought, which counts towards it.
	defaultThinkingBudget = 8192
)

// The values of the argument thinking that are no numbers.
const (
	thinkingOff      = "off"
	thinkingAdaptive = "adaptive"
)

// The values of the argument sampling.
const (
	samplingSend = "send"
	samplingOmit = "omit"
)

// client is what is known of the model.
type client struct {
	http     *httpapi.Client
	model    string
	max      int
	thinking string // "" leaves it to the model; off, adaptive, or budget
	budget   int    // tokens for thought, beside those for the answer
	sampling string // whether temperature, top_p and top_k are sent; "" goes by the model's name
	effort   string
	extra    map[string]jsontext.Value
	base     string
	keyName  string
	beta     string
	timeout  time.Duration
}

// Open makes a backend of a model; it sends nothing. The caller closes it.
//
// Arguments: max_tokens, the bound of answers that name none; thinking, off, adaptive or a number of tokens; thinking_budget, the
// tokens for thought beside the answer's; sampling, send or omit, whether temperature, top_p and top_k are sent, where the
// model's name does not tell; effort; beta, the anthropic-beta header; extra, a JSON object whose members are sent with every
// request; base_url, key_env, timeout.
func Open(_ context.Context, o Options) (backends.Backend, error) {
	if o.Getenv == nil {
		o.Getenv = func(string) string { return "" }
	}
	c := &client{model: o.Model.Ref.Model, max: defaultMaxTokens, budget: defaultThinkingBudget, timeout: o.Timeout, keyName: "ANTHROPIC_API_KEY"}
	if err := c.readArgs(o.Model.Args); err != nil {
		return nil, fmt.Errorf("open %s: %w", o.Model.Ref, err)
	}
	base := strings.TrimRight(hosted.First(o.Model.BaseURL, c.base, o.Getenv("ANTHROPIC_BASE_URL"), officialBase), "/")
	key := httpapi.NewKey(o.Getenv(c.keyName))
	headers := map[string]string{"anthropic-version": apiVersion}
	if c.beta != "" {
		headers["anthropic-beta"] = c.beta
	}
	var err error
	c.http, err = httpapi.New(httpapi.Options{
		BaseURL: strings.TrimSuffix(base, "/v1") + "/v1", Key: key, KeyHeader: "X-Api-Key", KeyHint: "set " + c.keyName + " to the API's key",
		CAFile: o.Getenv("SSL_CERT_FILE"), Timeout: c.timeout, Header: headers, Refine: refine,
	})
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", o.Model.Ref, err)
	}
	if base == officialBase && !key.IsSet() {
		return nil, httpapi.WithHint(&backends.Error{Kind: backends.KindAuth, Op: fmt.Sprintf("open %s", o.Model.Ref), Err: fmt.Errorf("%s is not set", c.keyName)}, "set "+c.keyName)
	}
	return hosted.New(c.http, backends.Info{Provider: hosted.First(o.Model.Ref.Provider, "anthropic"), Model: c.model, Details: c.details()}, c.generate), nil
}

func (c *client) readArgs(given map[string]string) error {
	return hosted.Readers{
		"base_url": hosted.Text(&c.base), "key_env": hosted.Text(&c.keyName), "timeout": hosted.Time(&c.timeout),
		"max_tokens": hosted.Number(&c.max), "effort": hosted.Text(&c.effort), "beta": hosted.Text(&c.beta), "extra": hosted.Object(&c.extra),
		"thinking_budget": hosted.Number(&c.budget), "sampling": hosted.OneOf(&c.sampling, samplingSend, samplingOmit),
		"thinking": func(s string) error {
			if s == thinkingOff || s == thinkingAdaptive {
				c.thinking = s
				return nil
			}
			n, err := strconv.Atoi(s)
			if err != nil || n < 1024 {
				return errors.New("it is neither off nor adaptive nor a number from 1024 on")
			}
			c.thinking, c.budget = "budget", n
			return nil
		},
	}.Read("Anthropic's API", given)
}

// details gives what decides the answers beside the model.
func (c *client) details() map[string]string {
	d := map[string]string{"api": "messages " + apiVersion, "seed": "none: draws cannot be made again"}
	for name, value := range map[string]string{"thinking": c.thinking, "effort": c.effort, "beta": c.beta} {
		if value != "" {
			d[name] = value
		}
	}
	if c.thinks() {
		d["thinking_budget"] = strconv.Itoa(c.budget)
	}
	if !c.samples() {
		d["temperature"] = "the model's own"
	}
	if len(c.extra) > 0 {
		if text, err := json.Marshal(c.extra, json.Deterministic(true)); err == nil {
			d["extra"] = string(text)
		}
	}
	return d
}

// thinks tells whether the model thinks before it answers: as it is told, else as the models from Claude 5 on do.
func (c *client) thinks() bool {
	if c.thinking == "" {
		major, _ := generation(c.model)
		return major >= 5
	}
	return c.thinking != thinkingOff
}

// samples tells whether temperature, top_p and top_k are sent. Models after Claude 4.6 refuse them, and so does thought.
func (c *client) samples() bool {
	major, minor := generation(c.model)
	switch {
	case c.thinks() || c.sampling == samplingOmit:
		return false
	case c.sampling == samplingSend:
		return true
	}
	return major < 4 || major == 4 && minor <= 6
}

// version matches the version in a model's name, as claude-sonnet-4-5-20250929 and claude-3-5-haiku-latest have it.
var version = regexp.MustCompile(`claude-(?:[a-z]+-)?(\d{1,2})(?:[-.](\d{1,2}))?(?:$|[-@:])`)

// generation gives the version of a Claude by its name; one without a version is newer than any, and what is no Claude has
// version 0.
func generation(model string) (major, minor int) {
	m := version.FindStringSubmatch(model)
	switch {
	case m != nil:
		major, _ = strconv.Atoi(m[1]) // digits, by the pattern
		minor, _ = strconv.Atoi(m[2]) // digits or nothing, which is 0
		return major, minor
	case strings.Contains(model, "claude"):
		return 99, 0
	}
	return 0, 0
}

// body writes a request.
func (c *client) body(req *backends.Request) ([]byte, error) {
	s := &req.Sampling
	if s.MinP > 0 {
		return nil, backends.Errorf(backends.KindUnsupported, "ask "+c.model, "the API has no min_p")
	}
	system, turns := hosted.Turns(req)
	most := s.MaxTokens
	if most == 0 {
		most = c.max
	}
	m := map[string]any{"model": c.model, "messages": turns, "max_tokens": most}
	if system != "" {
		m["system"] = system
	}
	if c.thinks() {
		m["max_tokens"] = most + c.budget
	}
	switch c.thinking {
	case thinkingAdaptive:
		m["thinking"] = map[string]any{"type": "adaptive"}
	case "budget":
		m["thinking"] = map[string]any{"type": "enabled", "budget_tokens": c.budget}
	case thinkingOff:
		m["thinking"] = map[string]any{"type": "disabled"}
	}
	c.sample(m, s)
	if stops := sendable(s.Stop); len(stops) > 0 {
		m["stop_sequences"] = stops
	}
	if c.effort != "" {
		m["output_config"] = map[string]any{"effort": c.effort}
	}
	for name, value := range c.extra {
		m[name] = value
	}
	data, err := json.Marshal(m, jsontext.AllowInvalidUTF8(true), json.Deterministic(true))
	if err != nil {
		return nil, &backends.Error{Kind: backends.KindInternal, Op: "write a request", Err: err}
	}
	return data, nil
}

// sample puts temperature, top_p and top_k into a request.
func (c *client) sample(m map[string]any, s *backends.Sampling) {
	if !c.samples() {
		return
	}
	topP := s.TopP > 0 && s.TopP < 1
	if topP {
		m["top_p"] = s.TopP
	}
	if !topP || s.Temperature != 1 { // newer ones of these models take one of the two only, and 1 is the usual temperature
		m["temperature"] = s.Temperature
	}
	if s.TopK > 0 {
		m["top_k"] = s.TopK
	}
}

// sendable gives the stop strings that the API takes: those with something beside white space. The others are heeded here.
func sendable(stops []string) []string {
	var out []string
	for _, s := range stops {
		if strings.TrimSpace(s) != "" {
			out = append(out, s)
		}
	}
	return out
}

// answer is the body of an answer, as far as it is read.
type answer struct {
	Type       string   `json:"type"`
	Content    *[]block `json:"content"`
	StopReason string   `json:"stop_reason"`
	Usage      *usage   `json:"usage"`
	Error      *struct {
		Type    string `json:"type"`
		Message string `json:"message"`
	} `json:"error"`
}

// block is a part of an answer.
type block struct {
	Type     string `json:"type"`
	Text     string `json:"text"`
	Thinking string `json:"thinking"`
}

type usage struct {
	Input         int `json:"input_tokens"`
	CacheCreation int `json:"cache_creation_input_tokens"`
	CacheRead     int `json:"cache_read_input_tokens"`
	Output        int `json:"output_tokens"`
	Details       *struct {
		Thinking int `json:"thinking_tokens"`
	} `json:"output_tokens_details"`
}

func (c *client) generate(ctx context.Context, req *backends.Request) (backends.Response, error) {
	body, err := c.body(req)
	if err != nil {
		return backends.Response{}, err
	}
	var a answer
	meta, err := c.http.Post(ctx, "/messages", body, &a)
	if err != nil {
		return backends.Response{}, err
	}
	resp, err := c.read(&a, req)
	resp.Signals = c.http.Signals(meta.Header)
	return resp, err
}

// read makes a response of an answer. Thought stays out of the text, and is counted.
func (c *client) read(a *answer, req *backends.Request) (backends.Response, error) {
	op := "read the answer of " + c.model
	switch {
	case a.Error != nil: // a gateway's, with a status of success
		kind := kindOf(a.Error.Type, a.Error.Message)
		if kind == "" {
			kind = backends.KindServer
		}
		return backends.Response{}, backends.Errorf(kind, op, "an error came with it: %s", c.http.Redact(a.Error.Message))
	case a.Content == nil:
		return backends.Response{}, backends.Errorf(backends.KindNetwork, op, "it has no content")
	case a.StopReason == "":
		return backends.Response{}, backends.Errorf(backends.KindNetwork, op, "it does not say why it ended")
	}
	var text, thought strings.Builder
	for _, b := range *a.Content {
		switch b.Type {
		case "text":
			text.WriteString(b.Text)
		case "thinking":
			thought.WriteString(b.Thinking)
		}
	}
	resp := backends.Response{Text: text.String()}
	switch a.StopReason {
	case "max_tokens", "model_context_window_exceeded":
		resp.Stop = backends.StopLength
	case "stop_sequence":
		resp.Stop = backends.StopString
	case "refusal":
		resp.Stop = backends.StopRefusal
	default:
		resp.Stop = backends.StopEOS
	}
	if cut, ok := hosted.CutStop(resp.Text, req.Sampling.Stop); ok && resp.Stop != backends.StopRefusal {
		resp.Text, resp.Stop = cut, backends.StopString
	}
	resp.Text = c.http.Redact(resp.Text)
	if u := a.Usage; u != nil {
		resp.Usage = backends.Usage{PromptTokens: u.Input + u.CacheCreation + u.CacheRead, CompletionTokens: u.Output, ReasoningTokens: hosted.Share(u.Output, thought.String(), text.String())}
		if u.Details != nil && u.Details.Thinking > 0 {
			resp.Usage.ReasoningTokens = u.Details.Thinking
		}
	}
	return resp, nil
}

// kinds are the kinds of error by the API's own words for them.
var kinds = map[string]backends.ErrorKind{
	"rate_limit_error": backends.KindRateLimit, "overloaded_error": backends.KindOverloaded, "api_error": backends.KindServer,
	"timeout_error": backends.KindTimeout, "authentication_error": backends.KindAuth, "permission_error": backends.KindAuth,
	"not_found_error": backends.KindNotFound, "billing_error": backends.KindQuota, "request_too_large": backends.KindTooLong,
}

// kindOf gives the kind of an error by the API's words; "" where they do not tell more than the status.
func kindOf(word, message string) backends.ErrorKind {
	if word == "invalid_request_error" && strings.Contains(message, "content filtering policy") {
		return backends.KindRefused
	}
	return kinds[word]
}

// refine sets the kind of an error by the API's own word, which tells more than the status: overloaded_error comes with 529
// and, through gateways, with 500.
func refine(e *backends.Error, f httpapi.Failure, _ *httpapi.Answer) {
	if e.Kind == backends.KindInvalid && strings.Contains(f.Message, "temperature") {
		e.Err = httpapi.WithHint(e.Err, "where the model takes no temperature, leave it out with --model-args sampling=omit")
	}
	if kind := kindOf(f.Type, f.Message); kind != "" {
		e.Kind = kind
	}
}
