package faultserver

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/onset-eval/onset/backends"
)

// Gemini is the face of the Gemini API's generateContent, under /v1beta and /v1. It tells no limits in headers; of a failure
// the words RETRY_INFO (come again in 30 ms), PER_DAY and API_KEY_INVALID put the details into the body that the API has
// for them.
func Gemini() Face { return gemini{} }

type gemini struct{}

func (gemini) Name() string { return "gemini" }

func (gemini) Serves(method, path string) bool {
	return method == http.MethodPost && (strings.HasPrefix(path, "/v1beta/") || strings.HasPrefix(path, "/v1/")) && strings.HasSuffix(path, ":generateContent")
}

func (gemini) Key(r *http.Request) string {
	if key := r.Header.Get("X-Goog-Api-Key"); key != "" {
		return key
	}
	return r.URL.Query().Get("key")
}

// geminiAsk is the body of a call, as far as it is heeded.
type geminiAsk struct {
	Contents []geminiContent `json:"contents"`
	System   *geminiContent  `json:"systemInstruction"`
	Config   struct {
		Temperature *float64 `json:"temperature"`
		MaxTokens   int      `json:"maxOutputTokens"`
		Stop        []string `json:"stopSequences"`
		Seed        *int32   `json:"seed"`
		Candidates  int      `json:"candidateCount"`
	} `json:"generationConfig"`
}

type geminiContent struct {
	Role  string       `json:"role,omitzero"`
	Parts []geminiPart `json:"parts"`
}

type geminiPart struct {
	Text    string `json:"text"`
	Thought bool   `json:"thought,omitzero"`
}

func (c geminiContent) text() string {
	var b strings.Builder
	for _, p := range c.Parts {
		b.WriteString(p.Text)
	}
	return b.String()
}

func (gemini) Read(r *http.Request, body []byte) (Call, error) {
	var ask geminiAsk
	if err := json.Unmarshal(body, &ask); err != nil {
		return Call{}, fmt.Errorf("Invalid JSON payload received: %w", err) //nolint:staticcheck // the API's own words
	}
	path := strings.TrimSuffix(r.URL.Path, ":generateContent")
	c := Call{Model: path[strings.LastIndexByte(path, '/')+1:], MaxTokens: ask.Config.MaxTokens, Stop: ask.Config.Stop, Detail: &ask}
	switch {
	case len(ask.Contents) == 0:
		return c, errors.New("* GenerateContentRequest.contents: contents is not specified")
	case len(ask.Config.Stop) > 5:
		return c, errors.New("* GenerateContentRequest.generation_config.stop_sequences: the number of stop sequences must be at most 5")
	}
	var lines []string
	if ask.System != nil {
		lines = append(lines, "system: "+ask.System.text())
	}
	for _, m := range ask.Contents {
		if m.Role != "" && m.Role != "user" && m.Role != "model" {
			return c, errors.New("Please use a valid role: user, model.") //nolint:staticcheck // the API's own words
		}
		lines = append(lines, m.Role+": "+m.text())
	}
	c.Prompt = strings.Join(lines, "\n")
	c.Sampled = ask.Config.Temperature == nil || *ask.Config.Temperature > 0
	if ask.Config.Seed != nil {
		c.Seed = uint64(uint32(*ask.Config.Seed))
	}
	return c, nil
}

type geminiAnswer struct {
	Candidates []geminiCandidate `json:"candidates,omitempty"`
	Feedback   *geminiFeedback   `json:"promptFeedback,omitzero"`
	Usage      struct {
		Prompt     int `json:"promptTokenCount"`
		Candidates int `json:"candidatesTokenCount,omitzero"`
		Thoughts   int `json:"thoughtsTokenCount,omitzero"`
		Total      int `json:"totalTokenCount"`
	} `json:"usageMetadata"`
	Model string `json:"modelVersion"`
	ID    string `json:"responseId"`
}

type geminiCandidate struct {
	Content      *geminiContent `json:"content,omitzero"`
	FinishReason string         `json:"finishReason"`
	Index        int            `json:"index"`
}

type geminiFeedback struct {
	BlockReason string `json:"blockReason"`
}

func (gemini) Answer(c Call, r Reply) any {
	a := geminiAnswer{Model: c.Model, ID: itoa(int(digest(c.Prompt, c.Seed) >> 33))}
	a.Usage.Prompt, a.Usage.Thoughts = r.PromptTokens, r.ReasoningTokens
	a.Usage.Candidates = r.CompletionTokens - r.ReasoningTokens
	a.Usage.Total = r.PromptTokens + r.CompletionTokens
	if r.Refusal != "" {
		a.Feedback, a.Usage.Candidates = &geminiFeedback{"PROHIBITED_CONTENT"}, 0
		return a
	}
	if r.None {
		return a
	}
	got := geminiCandidate{FinishReason: "STOP", Content: &geminiContent{Role: "model"}}
	if r.Reasoning != "" {
		got.Content.Parts = append(got.Content.Parts, geminiPart{Text: r.Reasoning, Thought: true})
	}
	got.Content.Parts = append(got.Content.Parts, geminiPart{Text: r.Text})
	switch {
	case r.Filtered:
		got.FinishReason, got.Content = "SAFETY", nil
	case r.Null:
		got.Content = &geminiContent{Role: "model", Parts: []geminiPart{}}
	}
	if r.Stop == backends.StopLength {
		got.FinishReason = "MAX_TOKENS"
	}
	a.Candidates = []geminiCandidate{got}
	if r.Twice {
		got.Index, got.Content = 1, &geminiContent{Role: "model", Parts: []geminiPart{{Text: r.Text + " or not"}}}
		a.Candidates = append(a.Candidates, got)
	}
	return a
}

func (gemini) Failure(status int, word, message string) any {
	name := map[int]string{
		http.StatusBadRequest: "INVALID_ARGUMENT", http.StatusUnauthorized: "UNAUTHENTICATED", http.StatusForbidden: "PERMISSION_DENIED",
		http.StatusNotFound: "NOT_FOUND", http.StatusTooManyRequests: "RESOURCE_EXHAUSTED", http.StatusServiceUnavailable: "UNAVAILABLE",
		529: "UNAVAILABLE", http.StatusGatewayTimeout: "DEADLINE_EXCEEDED",
	}[status]
	if name == "" {
		name = "INTERNAL"
	}
	e := map[string]any{"code": status, "message": message, "status": name}
	const google = "type.googleapis.com/google.rpc."
	switch word {
	case "RETRY_INFO":
		e["details"] = []any{map[string]string{"@type": google + "RetryInfo", "retryDelay": "0.03s"}}
	case "PER_DAY":
		e["details"] = []any{map[string]any{"@type": google + "QuotaFailure", "violations": []any{map[string]string{"quotaId": "GenerateRequestsPerDayPerProjectPerModel"}}}}
	case "API_KEY_INVALID":
		e["details"] = []any{map[string]string{"@type": google + "ErrorInfo", "reason": word, "domain": "googleapis.com"}}
	}
	return map[string]any{"error": e}
}

func (gemini) Limits(http.Header, backends.Signals, time.Time) {}
