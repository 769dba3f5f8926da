package process

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"time"
	"unicode/utf8"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	jsonv1 "github.com/go-json-experiment/json/v1"

	"github.com/onset-eval/onset/backends"
)

// Protocol is the version of the plug-in protocol that this package speaks. docs/plugins.md describes it for those who write
// plug-ins.
const Protocol = 1

// maxParallel bounds what a plug-in may ask to have in hand.
const maxParallel = 4096

// toPlugin is a line that onset writes: a hello, a request, a cancel or a shutdown.
type toPlugin struct {
	Type          string             `json:"type"`
	Protocol      int                `json:"protocol,omitempty"`
	Args          map[string]string  `json:"args,omitempty"`
	ID            int64              `json:"id,omitempty"`
	Kind          backends.Kind      `json:"kind,omitempty"`
	Prompt        *string            `json:"prompt,omitempty"`
	Messages      []backends.Message `json:"messages,omitempty"`
	Continuations []string           `json:"continuations,omitempty"`
	Sampling      *backends.Sampling `json:"sampling,omitempty"`
	Draw          int                `json:"draw,omitempty"`
}

// fromPlugin is a line that a plug-in writes: a hello, a response, an error or a heartbeat.
type fromPlugin struct {
	Type     string      `json:"type"`
	Protocol int         `json:"protocol"`
	Info     *pluginInfo `json:"info"`

	ID             int64          `json:"id"`
	Text           *string        `json:"text"`
	Stop           string         `json:"stop"`
	LogProbs       []wireLogProb  `json:"logprobs"`
	Usage          backends.Usage `json:"usage"`
	ContextDropped int            `json:"context_dropped"`

	Kind       backends.ErrorKind `json:"kind"`
	Message    string             `json:"message"`
	RetryAfter float64            `json:"retry_after"` // seconds
	Hint       string             `json:"hint"`        // what to do, of an error that stands in the place of a hello
}

// pluginInfo is what a plug-in says of its model; the fields are those of backends.Info.
type pluginInfo struct {
	Revision      string            `json:"revision"`
	WeightsHash   string            `json:"weights_hash"`
	Kinds         []backends.Kind   `json:"kinds"`
	Messages      bool              `json:"messages"`
	ChatTemplate  string            `json:"chat_template"`
	Params        int64             `json:"params"`
	NonEmbedding  int64             `json:"params_non_embedding"`
	ContextLength int               `json:"context_length"`
	Parallel      int               `json:"parallel"`
	Details       map[string]string `json:"details"`
}

type wireLogProb struct {
	Sum    *wireSum `json:"sum"`
	Tokens int      `json:"tokens"`
	Greedy bool     `json:"greedy"`
}

// wireSum is a log-probability; "-inf" stands for a probability of 0, which JSON's numbers cannot say.
type wireSum float64

func (s *wireSum) UnmarshalJSON(data []byte) error {
	if string(data) == `"-inf"` {
		*s = wireSum(math.Inf(-1))
		return nil
	}
	return json.Unmarshal(data, (*float64)(s))
}

// MarshalJSON writes what UnmarshalJSON reads.
func (s wireSum) MarshalJSON() ([]byte, error) {
	if math.IsInf(float64(s), -1) {
		return []byte(`"-inf"`), nil
	}
	return json.Marshal(float64(s))
}

// lineOptions say how lines are read and written: strictly, since a misspelt name must not become a default, and with empty
// members left out as encoding/json does.
var lineOptions = json.JoinOptions(json.RejectUnknownMembers(true), jsonv1.OmitEmptyWithLegacySemantics(true), jsontext.AllowInvalidUTF8(true))

// decodeLine reads one line of a plug-in.
func decodeLine(line []byte) (fromPlugin, error) {
	var m fromPlugin
	err := json.Unmarshal(line, &m, lineOptions)
	var semantic *json.SemanticError
	if errors.As(err, &semantic) { // its own text names Go's types
		what := fmt.Errorf("a JSON %v stands where none may", semantic.JSONKind)
		if semantic.Err != nil {
			what = semantic.Err
		}
		err = fmt.Errorf("%w (at %q)", what, semantic.JSONPointer)
	}
	return m, err
}

// info gives what the plug-in says of its model.
func (m *fromPlugin) info(model string) (backends.Info, error) {
	i := m.Info
	switch {
	case m.Type == "error":
		return backends.Info{}, m.refusal()
	case m.Type != "hello":
		return backends.Info{}, fmt.Errorf("its first line has the type %q and not hello", m.Type)
	case m.Protocol != Protocol:
		return backends.Info{}, hintf(fmt.Errorf("it speaks version %d of the plug-in protocol, and this onset version %d", m.Protocol, Protocol),
			"write \"protocol\": %d into its hello if it does", Protocol)
	case i == nil || len(i.Kinds) == 0:
		return backends.Info{}, errors.New(`its hello has no "info" with "kinds"`)
	case i.Params < 0 || i.NonEmbedding < 0 || i.ContextLength < 0 || i.Parallel < 0:
		return backends.Info{}, errors.New("its hello has a negative number")
	}
	for n, k := range i.Kinds {
		if !slices.Contains(backends.Kinds[:], k) || slices.Contains(i.Kinds[:n], k) {
			return backends.Info{}, fmt.Errorf("its hello names the kind %q, which is unknown or named twice; there are %v", k, backends.Kinds)
		}
	}
	return backends.Info{
		Provider: "exec", Model: model, Revision: i.Revision, WeightsHash: i.WeightsHash, Kinds: i.Kinds, Messages: i.Messages,
		ChatTemplate: i.ChatTemplate, Params: i.Params, ParamsNonEmbedding: i.NonEmbedding, ContextLength: i.ContextLength, Parallel: min(max(1, i.Parallel), maxParallel), Details: i.Details,
	}, nil
}

// response gives the answer to a request, or the error that the plug-in reports, or the one that its answer is.
func (m *fromPlugin) response(req *backends.Request) (backends.Response, error) {
	if m.Type == "error" {
		return backends.Response{}, m.failure()
	}
	r := backends.Response{Stop: backends.StopReason(m.Stop), Usage: m.Usage, ContextDropped: m.ContextDropped, Attempts: 1}
	for _, p := range m.LogProbs {
		if p.Sum == nil {
			return r, malformed("a log-probability has no sum")
		}
		r.LogProbs = append(r.LogProbs, backends.LogProb{Sum: float64(*p.Sum), Tokens: p.Tokens, Greedy: p.Greedy})
	}
	if req.Kind == backends.Generate {
		if m.Text == nil {
			return r, malformed("it has no text")
		}
		r.Text = *m.Text
		switch r.Stop {
		case backends.StopEOS, backends.StopString, backends.StopLength, backends.StopRefusal:
		default:
			return r, malformed("its stop is %q; it is eos, stop, length or refusal", m.Stop)
		}
		return r, nil
	}
	want := max(1, len(req.Continuations))
	if len(r.LogProbs) != want {
		return r, malformed("it has %d log-probabilities, not %d", len(r.LogProbs), want)
	}
	for _, p := range r.LogProbs {
		if !(p.Sum <= 0) || p.Tokens < 0 {
			return r, malformed("a log-probability has the sum %g over %d tokens", p.Sum, p.Tokens)
		}
	}
	r.Stop = ""
	return r, nil
}

func malformed(format string, args ...any) error {
	return backends.Errorf(backends.KindInternal, "read the plug-in's response", format, args...)
}

// failure gives the error that the plug-in reports.
func (m *fromPlugin) failure() error {
	kind := m.Kind
	switch kind {
	case backends.KindRateLimit, backends.KindOverloaded, backends.KindServer, backends.KindNetwork, backends.KindTimeout,
		backends.KindAuth, backends.KindNotFound, backends.KindInvalid, backends.KindTooLong, backends.KindUnsupported,
		backends.KindRefused, backends.KindQuota, backends.KindInternal:
	default:
		kind = backends.KindInternal
	}
	e := backends.Errorf(kind, "ask plug-in", "%s", hideSecrets(m.Message, environ()))
	if m.RetryAfter > 0 {
		e.RetryAfter = time.Duration(min(m.RetryAfter, 86400) * float64(time.Second))
	}
	return e
}

// RefusedError stands in the place of a hello: the plug-in works, and its model cannot be had.
type RefusedError struct {
	Kind    backends.ErrorKind
	Message string
	hint    string
}

func (e *RefusedError) Error() string { return e.Message }

// Hint says what to do, where the plug-in does.
func (e *RefusedError) Hint() string { return e.hint }

func (m *fromPlugin) refusal() error {
	return &RefusedError{Kind: m.Kind, Message: hideSecrets(m.Message, environ()), hint: hideSecrets(m.Hint, environ())}
}

// encodeRequest writes a request as a line. JSON holds valid UTF-8 only, so a text that is not is refused rather than
// changed on the way.
func encodeRequest(id int64, req *backends.Request) ([]byte, error) {
	texts := append([]string{req.Prompt}, req.Continuations...)
	texts = append(texts, req.Sampling.Stop...)
	for _, m := range req.Messages {
		texts = append(texts, m.Role, m.Content)
	}
	for _, t := range texts {
		if !utf8.ValidString(t) {
			return nil, backends.Errorf(backends.KindInvalid, "ask plug-in", "a text of the request is not valid UTF-8")
		}
	}
	m := toPlugin{Type: "request", ID: id, Kind: req.Kind, Continuations: req.Continuations, Draw: req.Draw, Messages: req.Messages}
	if len(req.Messages) == 0 {
		m.Prompt = &req.Prompt
	}
	if req.Kind == backends.Generate {
		m.Sampling = &req.Sampling
	}
	return encodeLine(m)
}

func encodeLine(m any) ([]byte, error) {
	data, err := json.Marshal(m, lineOptions)
	if err != nil {
		return nil, &backends.Error{Kind: backends.KindInternal, Op: "encode line for plug-in", Err: err}
	}
	return append(data, '\n'), nil
}
