package openai

import (
	"math"
	"net/http"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/onset-eval/onset/backends"
	"github.com/onset-eval/onset/backends/internal/httpapi"
)

// answer is the body of an answer, of chat or completions, as far as it is read.
type answer struct {
	Choices []choice       `json:"choices"`
	Usage   *usage         `json:"usage"`
	Error   jsontext.Value `json:"error"` // gateways send it with status 200
}

type choice struct {
	Index        int      `json:"index"`
	Message      *message `json:"message"`
	Text         content  `json:"text"`
	FinishReason string   `json:"finish_reason"`
	// StopReason and MatchedStop are the stop string that ended the text, where the server says (vLLM; SGLang), or a token.
	StopReason  jsontext.Value `json:"stop_reason"`
	MatchedStop jsontext.Value `json:"matched_stop"`

	Logprobs       *textScore   `json:"logprobs"`
	PromptLogprobs []idLogprobs `json:"prompt_logprobs"`
}

type message struct {
	Content content `json:"content"`
	Refusal content `json:"refusal"`
	// Reasoning is the hidden thought, under the two names that are in use.
	ReasoningContent content `json:"reasoning_content"`
	Reasoning        content `json:"reasoning"`
}

type usage struct {
	PromptTokens     int           `json:"prompt_tokens"`
	CompletionTokens int           `json:"completion_tokens"`
	Details          *tokenDetails `json:"completion_tokens_details"`
	PromptDetails    *tokenDetails `json:"prompt_tokens_details"`
	ReasoningTokens  int           `json:"reasoning_tokens"`        // SGLang
	CachedTokens     int           `json:"prompt_cache_hit_tokens"` // DeepSeek
}

// tokenDetails are the details of prompt and completion.
type tokenDetails struct {
	ReasoningTokens int `json:"reasoning_tokens"`
	CachedTokens    int `json:"cached_tokens"`
}

// content is a text, or a list of parts with text, or null.
type content string

// UnmarshalJSONFrom reads any of the three.
func (c *content) UnmarshalJSONFrom(dec *jsontext.Decoder) error {
	switch dec.PeekKind() {
	case '"':
		return json.UnmarshalDecode(dec, (*string)(c))
	case 'n':
		*c = ""
		return dec.SkipValue()
	}
	var parts []struct {
		Text string `json:"text"`
	}
	if err := json.UnmarshalDecode(dec, &parts); err != nil {
		return err
	}
	var b strings.Builder
	for _, p := range parts {
		b.WriteString(p.Text)
	}
	*c = content(b.String())
	return nil
}

func (b *Backend) op() string { return "read the answer of " + b.model }

// read makes a response of an answer.
func (b *Backend) read(a *answer, req *backends.Request) (backends.Response, error) {
	c, err := b.onlyChoice(a)
	if err != nil {
		return backends.Response{}, err
	}
	text, thought := string(c.Text), ""
	refusal := ""
	if m := c.Message; m != nil {
		text, refusal = string(m.Content), string(m.Refusal)
		thought = first(string(m.ReasoningContent), string(m.Reasoning))
	}
	resp := backends.Response{Stop: stopOf(c)}
	if b.args.think == thinkStrip {
		var hidden string
		if text, hidden = cutThought(text, b.chat); hidden != "" {
			thought = strings.TrimSpace(thought + "\n" + hidden)
		}
	}
	text = cutStop(text, req.Sampling.Stop, &resp)
	if refusal != "" {
		resp.Stop = backends.StopRefusal
		text = first(text, refusal)
	}
	resp.Text = b.client.Redact(text)
	resp.Usage = b.usage(a.Usage, resp.Text, thought)
	return resp, nil
}

// onlyChoice gives the one choice of an answer.
func (b *Backend) onlyChoice(a *answer) (*choice, error) {
	if len(a.Error) > 0 && a.Error.Kind() != 'n' {
		return nil, b.errorInside(a.Error)
	}
	if len(a.Choices) == 0 {
		return nil, backends.Errorf(backends.KindNetwork, b.op(), "it has no choice")
	}
	c := &a.Choices[0]
	for i := range a.Choices[1:] {
		other := &a.Choices[i+1]
		same := other.Text == c.Text
		if c.Message != nil && other.Message != nil {
			same = *c.Message == *other.Message
		}
		if !same {
			return nil, backends.Errorf(backends.KindNetwork, b.op(), "it has %d choices that differ, to a request for one", len(a.Choices))
		}
	}
	if b.chat && c.Message == nil {
		return nil, backends.Errorf(backends.KindNetwork, b.op(), "its choice has no message")
	}
	return c, nil
}

// errorInside makes an error of one that came with a status of success, as some gateways send it.
func (b *Backend) errorInside(v jsontext.Value) error {
	f := httpapi.ReadFailure(http.Header{}, []byte(`{"error":`+string(v)+`}`))
	kind := backends.KindServer
	status, err := strconv.Atoi(f.Code)
	if err == nil && status >= 400 && status < 600 {
		kind = httpapi.KindOfStatus(status)
	}
	return backends.Errorf(kind, b.op(), "an error came with it: %s", b.client.Redact(first(f.Message, f.Code, f.Type)))
}

func stopOf(c *choice) backends.StopReason {
	switch c.FinishReason {
	case "length":
		return backends.StopLength
	case "content_filter":
		return backends.StopRefusal
	}
	if c.StopReason.Kind() == '"' || c.MatchedStop.Kind() == '"' {
		return backends.StopString
	}
	return backends.StopEOS
}

// cutStop ends a text at its first stop string. Most servers did so; some leave the string in, and some know none.
func cutStop(text string, stops []string, resp *backends.Response) string {
	at := -1
	for _, s := range stops {
		if i := strings.Index(text, s); s != "" && i >= 0 && (at < 0 || i < at) {
			at = i
		}
	}
	if at < 0 {
		return text
	}
	resp.Stop = backends.StopString
	return text[:at]
}

const thinkBegin, thinkEnd = "<think>", "</think>"

// cutThought parts hidden reasoning from an answer: a block at its beginning, or, of a chat model, everything up to the end
// mark, since templates may have written the beginning into the prompt. A block without an end is all thought.
func cutThought(text string, chat bool) (answer, thought string) {
	lead := strings.TrimLeft(text, " \t\r\n")
	begun := strings.HasPrefix(lead, thinkBegin)
	if !begun && !chat {
		return text, ""
	}
	before, after, ended := strings.Cut(text, thinkEnd)
	switch {
	case ended && (begun || !strings.Contains(before, thinkBegin)):
		return strings.TrimLeft(after, "\r\n"), strings.TrimSpace(strings.Replace(before, thinkBegin, "", 1))
	case begun && !ended:
		return "", strings.TrimSpace(strings.TrimPrefix(lead, thinkBegin))
	}
	return text, ""
}

// usage counts tokens as the server does. Where it does not count its reasoning apart, that is the share of the tokens
// that the thought has of the characters.
func (b *Backend) usage(u *usage, text, thought string) backends.Usage {
	if u == nil {
		return backends.Usage{}
	}
	out := backends.Usage{
		PromptTokens: u.PromptTokens, CachedTokens: u.CachedTokens, CompletionTokens: u.CompletionTokens, ReasoningTokens: u.ReasoningTokens,
	}
	if u.PromptDetails != nil && u.PromptDetails.CachedTokens > 0 {
		out.CachedTokens = u.PromptDetails.CachedTokens
	}
	if u.Details != nil && u.Details.ReasoningTokens > 0 {
		out.ReasoningTokens = u.Details.ReasoningTokens
	}
	if out.ReasoningTokens == 0 && thought != "" {
		share := float64(utf8.RuneCountInString(thought)) / float64(utf8.RuneCountInString(thought)+utf8.RuneCountInString(text))
		out.ReasoningTokens = int(math.Round(share * float64(out.CompletionTokens)))
	}
	return out
}
