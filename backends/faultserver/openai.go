package faultserver

import (
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/onset-eval/onset/backends"
)

// OpenAI is the face of OpenAI's API: chat completions, completions and the list of models, under /v1 and without it. Models
// named o1, o3, o4 and gpt-5 behave as reasoning models: they refuse max_tokens, temperature and stop.
func OpenAI() Face { return openAI{} }

type openAI struct{}

func (openAI) Name() string { return "openai" }

func (openAI) Serves(method, path string) bool {
	switch strings.TrimPrefix(path, "/v1") {
	case "/chat/completions", "/completions":
		return method == http.MethodPost
	}
	return false
}

func (openAI) Key(r *http.Request) string {
	return strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")
}

// openAIAsk is the body of a call, as far as it is heeded.
type openAIAsk struct {
	Model    string          `json:"model"`
	Messages []openAIMessage `json:"messages"`
	Prompt   jsontext.Value  `json:"prompt"`

	MaxTokens           int            `json:"max_tokens"`
	MaxCompletionTokens int            `json:"max_completion_tokens"`
	Temperature         *float64       `json:"temperature"`
	Stop                jsontext.Value `json:"stop"`
	Seed                *int64         `json:"seed"`
	N                   int            `json:"n"`
	Stream              bool           `json:"stream"`
	Logprobs            jsontext.Value `json:"logprobs"`
	Echo                bool           `json:"echo"`
	ReasoningEffort     string         `json:"reasoning_effort"`
}

type openAIMessage struct {
	Role    string         `json:"role"`
	Content jsontext.Value `json:"content"`
}

// openAIParamError is the refusal of a parameter.
type openAIParamError struct{ param, message string }

func (e *openAIParamError) Error() string { return e.message }

func (openAI) Read(r *http.Request, body []byte) (Call, error) {
	var ask openAIAsk
	if err := json.Unmarshal(body, &ask); err != nil {
		return Call{}, fmt.Errorf("could not parse the JSON body of your request: %w", err)
	}
	c := Call{Model: ask.Model, MaxTokens: max(ask.MaxTokens, ask.MaxCompletionTokens), Detail: &ask}
	if ask.Model == "" {
		return c, errors.New("you must provide a model parameter")
	}
	if ask.Stream {
		return c, errors.New("this server does not stream")
	}
	var err error
	if c.Stop, err = oneOrMore(ask.Stop); err != nil {
		return c, fmt.Errorf("stop: %w", err)
	}
	c.Sampled = ask.Temperature == nil || *ask.Temperature > 0
	if ask.Seed != nil {
		c.Seed = uint64(*ask.Seed)
	}
	if reasons(ask.Model) {
		if err := ask.checkReasoning(); err != nil {
			return c, err
		}
	}
	if strings.HasSuffix(r.URL.Path, "/chat/completions") {
		c.Prompt, err = chatText(ask.Messages)
		return c, err
	}
	prompts, err := promptTexts(ask.Prompt)
	if err != nil || len(prompts) == 0 {
		return c, fmt.Errorf("prompt: %w", err)
	}
	c.Prompt, c.Others = prompts[0], prompts[1:]
	if c.MaxTokens == 0 {
		c.MaxTokens = 16 // the API's own default
	}
	return c, nil
}

// reasons tells whether a model is one of those that reason, by its name.
func reasons(model string) bool {
	for _, p := range []string{"o1", "o3", "o4", "gpt-5"} {
		if strings.HasPrefix(model, p) {
			return true
		}
	}
	return false
}

func (a *openAIAsk) checkReasoning() error {
	switch {
	case a.MaxTokens > 0:
		return &openAIParamError{"max_tokens", "Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead."}
	case a.Temperature != nil && *a.Temperature != 1:
		return &openAIParamError{"temperature", "Unsupported value: 'temperature' does not support " + strconv.FormatFloat(*a.Temperature, 'g', -1, 64) + " with this model. Only the default (1) value is supported."}
	case a.Stop.Kind() == '[' || a.Stop.Kind() == '"':
		return &openAIParamError{"stop", "Unsupported parameter: 'stop' is not supported with this model."}
	}
	return nil
}

// oneOrMore reads a string or a list of them.
func oneOrMore(v jsontext.Value) ([]string, error) {
	switch v.Kind() {
	case '"':
		var s string
		err := json.Unmarshal(v, &s)
		return []string{s}, err
	case '[':
		var list []string
		err := json.Unmarshal(v, &list)
		return list, err
	case 'n', jsontext.KindInvalid:
		return nil, nil
	}
	return nil, errors.New("it is neither a string nor a list")
}

// promptTexts reads the prompts of a completion: a text, texts, token ids or lists of them. Ids are told as text.
func promptTexts(v jsontext.Value) ([]string, error) {
	if v.Kind() != '[' {
		return oneOrMore(v)
	}
	var parts []jsontext.Value
	if err := json.Unmarshal(v, &parts); err != nil {
		return nil, err
	}
	if len(parts) > 0 && parts[0].Kind() == '0' {
		return []string{"ids " + string(v)}, nil
	}
	out := make([]string, len(parts))
	for i, p := range parts {
		if p.Kind() == '[' {
			out[i] = "ids " + string(p)
			continue
		}
		if err := json.Unmarshal(p, &out[i]); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// chatText writes messages as lines; a content may be a text or a list of parts.
func chatText(messages []openAIMessage) (string, error) {
	if len(messages) == 0 {
		return "", errors.New("messages: there is none")
	}
	var b strings.Builder
	for i, m := range messages {
		if i > 0 {
			b.WriteByte('\n')
		}
		b.WriteString(m.Role + ": ")
		if m.Content.Kind() == '[' {
			var parts []struct {
				Text string `json:"text"`
			}
			if err := json.Unmarshal(m.Content, &parts); err != nil {
				return "", err
			}
			for _, p := range parts {
				b.WriteString(p.Text)
			}
			continue
		}
		var text string
		if err := json.Unmarshal(m.Content, &text); err != nil {
			return "", err
		}
		b.WriteString(text)
	}
	return b.String(), nil
}

type openAIAnswer struct {
	ID      string         `json:"id"`
	Object  string         `json:"object"`
	Created int64          `json:"created"`
	Model   string         `json:"model"`
	Choices []openAIChoice `json:"choices"`
	Usage   openAIUsage    `json:"usage"`
}

type openAIChoice struct {
	Index        int              `json:"index"`
	Message      *openAIReply     `json:"message,omitempty"`
	Text         *string          `json:"text,omitzero"`
	Logprobs     *openAITextScore `json:"logprobs"`
	FinishReason string           `json:"finish_reason"`
	StopReason   string           `json:"stop_reason,omitempty"` // as vLLM says it; OpenAI does not
}

type openAIReply struct {
	Role      string  `json:"role"`
	Content   *string `json:"content"`
	Refusal   *string `json:"refusal"`
	Reasoning string  `json:"reasoning_content,omitempty"`
}

type openAIUsage struct {
	PromptTokens     int `json:"prompt_tokens"`
	CompletionTokens int `json:"completion_tokens"`
	TotalTokens      int `json:"total_tokens"`
	Details          struct {
		ReasoningTokens int `json:"reasoning_tokens"`
	} `json:"completion_tokens_details"`
}

// openAITextScore is the logprobs member of a completion.
type openAITextScore struct {
	Tokens        []string             `json:"tokens"`
	TokenLogprobs []*float64           `json:"token_logprobs"`
	TopLogprobs   []map[string]float64 `json:"top_logprobs"`
	TextOffset    []int                `json:"text_offset"`
}

func (openAI) Answer(c Call, r Reply) any {
	chat := strings.HasSuffix(c.Path, "/chat/completions")
	a := openAIAnswer{ID: "cmpl-" + strconv.FormatUint(digest(c.Prompt, c.Seed), 36), Object: "text_completion", Created: time.Now().Unix(), Model: c.Model}
	if chat {
		a.Object = "chat.completion"
	}
	n := max(1, c.Detail.(*openAIAsk).N)
	for _, reply := range append([]Reply{r}, r.Others...) {
		for range n {
			a.add(chat, reply)
		}
		if reply.Twice {
			reply.Text += " or not"
			a.add(chat, reply)
		}
	}
	if r.None {
		a.Choices = []openAIChoice{}
	}
	a.Usage.TotalTokens = a.Usage.PromptTokens + a.Usage.CompletionTokens
	return a
}

func (a *openAIAnswer) add(chat bool, r Reply) {
	choice := openAIChoice{Index: len(a.Choices), FinishReason: openAIReason(r), StopReason: r.StopString}
	text := &r.Text
	if r.Null {
		text = nil
	}
	if chat {
		choice.Message = &openAIReply{Role: "assistant", Content: text, Reasoning: r.Reasoning}
		if r.Refusal != "" {
			choice.Message.Content, choice.Message.Refusal = nil, &r.Refusal
		}
	} else {
		choice.Text = text
	}
	a.Choices = append(a.Choices, choice)
	a.Usage.PromptTokens += r.PromptTokens
	a.Usage.CompletionTokens += r.CompletionTokens
	a.Usage.Details.ReasoningTokens += r.ReasoningTokens
}

func openAIReason(r Reply) string {
	switch {
	case r.Filtered:
		return "content_filter"
	case r.Stop == backends.StopLength:
		return "length"
	}
	return "stop" // a refusal of the model's own, too
}

// openAIError is the body of a failure.
type openAIError struct {
	Error struct {
		Message string  `json:"message"`
		Type    string  `json:"type"`
		Param   *string `json:"param"`
		Code    *string `json:"code"`
	} `json:"error"`
}

func (openAI) Failure(status int, word, message string) any {
	var e openAIError
	e.Error.Message = message
	if word == "" {
		switch status {
		case http.StatusUnauthorized:
			word = "invalid_api_key"
		case http.StatusTooManyRequests:
			word = "rate_limit_exceeded"
		case http.StatusNotFound:
			word = "model_not_found"
		}
	}
	if word != "" {
		e.Error.Code = &word
	}
	switch {
	case status == http.StatusTooManyRequests && word == "insufficient_quota":
		e.Error.Type = word
	case status == http.StatusTooManyRequests:
		e.Error.Type = "requests"
	case status >= 500:
		e.Error.Type = "server_error"
	default:
		e.Error.Type = "invalid_request_error"
	}
	return e
}

func (openAI) Limits(h http.Header, s backends.Signals, _ time.Time) {
	set := func(what string, limit, remaining int, reset time.Duration) {
		if limit >= 0 {
			h.Set("X-Ratelimit-Limit-"+what, strconv.Itoa(limit))
			h.Set("X-Ratelimit-Remaining-"+what, strconv.Itoa(remaining))
			h.Set("X-Ratelimit-Reset-"+what, reset.Round(time.Millisecond).String())
		}
	}
	set("Requests", s.RequestsLimit, s.RequestsRemaining, s.RequestsReset)
	set("Tokens", s.TokensLimit, s.TokensRemaining, s.TokensReset)
}

// Route answers the list of models, and the paths of files and batches.
func (openAI) Route(s *Server, w http.ResponseWriter, r *http.Request, body []byte) bool {
	if r.Method != http.MethodGet || strings.TrimPrefix(r.URL.Path, "/v1") != "/models" {
		return s.routeBatch(w, r, body)
	}
	type model struct {
		ID      string `json:"id"`
		Object  string `json:"object"`
		Created int64  `json:"created"`
		OwnedBy string `json:"owned_by"`
	}
	s.writeJSON(w, http.StatusOK, map[string]any{"object": "list", "data": []model{{"fault-model", "model", 1, "onset"}}})
	return true
}
