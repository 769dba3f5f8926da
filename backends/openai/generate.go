package openai

import (
	"context"
	"encoding/binary"
	"errors"
	"hash/fnv"
	"math/bits"
	"strconv"
	"strings"
	"unicode/utf8"
	"unsafe"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/onset-eval/onset/backends"
	"github.com/onset-eval/onset/backends/internal/httpapi"
)

// defaultMaxTokens bounds a completion that names no bound itself, as the local engine and lm-evaluation-harness do. A chat
// model has the server's own bound then.
const defaultMaxTokens = 256

// mostStops is the number of stop strings that OpenAI takes. All are heeded here, whatever is sent.
const mostStops = 4

// generate asks for one text.
func (b *Backend) generate(ctx context.Context, req *backends.Request) (backends.Response, error) {
	if b.server.official && (req.Sampling.TopK > 0 || req.Sampling.MinP > 0) {
		return backends.Response{}, backends.Errorf(backends.KindUnsupported, "ask "+b.model, "OpenAI has no top_k and no min_p")
	}
	path := "/completions"
	if b.chat {
		path = "/chat/completions"
	}
	for {
		form := b.form()
		body := httpapi.NewBody(b.bodySize(req))
		var dropped int
		body.Bytes, dropped = b.generateBody(body.Bytes, req, form)
		var a answer
		meta, err := b.client.PostBody(ctx, path, body, &a)
		if err != nil {
			if b.adapt(err, form) {
				continue
			}
			return backends.Response{}, err
		}
		resp, err := b.read(&a, req)
		if err != nil {
			return backends.Response{}, err
		}
		resp.ContextDropped = dropped
		resp.Signals = b.client.Signals(meta.Header)
		return resp, nil
	}
}

// form is how a request is put where servers differ.
type form struct{ newField, noStop bool }

func (b *Backend) form() form {
	return form{newField: b.newField.Load() || b.chat && (b.server.official || b.reasons()), noStop: b.noStop.Load() || b.reasons()}
}

// adapt takes from a refusal how the server wants its requests, and tells whether that is news. It changes nothing that
// decides the answer: another name for a bound, and stop strings, which are heeded here too.
func (b *Backend) adapt(err error, sent form) bool {
	var e *backends.Error
	if !errors.As(err, &e) || e.Kind != backends.KindInvalid {
		return false
	}
	words := e.Error()
	switch {
	case !sent.newField && strings.Contains(words, "'max_completion_tokens' instead"):
		b.newField.Store(true)
		return true
	case !sent.noStop && strings.Contains(words, "'stop' is not supported"):
		b.noStop.Store(true)
		return true
	}
	return false
}

// reasons tells whether the model reasons before it answers, in tokens that are not shown: by the argument, or by the names
// of OpenAI's own.
func (b *Backend) reasons() bool {
	if b.args.reasoning != nil {
		return *b.args.reasoning
	}
	if !b.server.official {
		return false
	}
	name := b.model[strings.LastIndexByte(b.model, '/')+1:]
	name = strings.TrimPrefix(name, "ft:")
	return len(name) > 1 && name[0] == 'o' && name[1] >= '0' && name[1] <= '9' || strings.HasPrefix(name, "gpt-5") && !strings.Contains(name, "chat")
}

// bodySize is about as long as a request becomes.
func (b *Backend) bodySize(req *backends.Request) int {
	size := 256 + len(req.Prompt) + len(b.args.extra)
	for _, m := range req.Messages {
		size += len(m.Content) + 64
	}
	return size + size/16 // for what is escaped
}

// generateBody writes a request behind what body has, and tells how many tokens of the prompt had no room.
func (b *Backend) generateBody(body []byte, req *backends.Request, form form) (_ []byte, dropped int) {
	body = quote(append(body, `{"model":`...), b.model)
	if b.chat {
		body = appendMessages(append(body, `,"messages":`...), req)
	} else {
		body, dropped = b.appendPrompt(append(body, `,"prompt":`...), req)
	}
	return b.appendSampling(body, &req.Sampling, req.Draw, form), dropped
}

func appendMessages(body []byte, req *backends.Request) []byte {
	messages := req.Messages
	if len(messages) == 0 {
		messages = []backends.Message{{Role: "user", Content: req.Prompt}}
	}
	body = append(body, '[')
	for i, m := range messages {
		if i > 0 {
			body = append(body, ',')
		}
		body = quote(append(body, `{"role":`...), m.Role)
		body = quote(append(body, `,"content":`...), m.Content)
		body = append(body, '}')
	}
	return append(body, ']')
}

// appendPrompt writes a prompt as token ids where the tokenizer is at hand and the server takes them, as the local engine
// would have them, cut from the left to leave room for the answer; else as text.
func (b *Backend) appendPrompt(body []byte, req *backends.Request) ([]byte, int) {
	if b.codec == nil || !b.server.ids {
		return quote(body, req.Prompt), 0
	}
	ids, dropped := b.codec.Fit(b.codec.Prompt(req.Prompt), b.context(), b.maxTokens(&req.Sampling))
	return appendIDs(body, ids), dropped
}

func appendIDs(body []byte, ids []int) []byte {
	body = append(body, '[')
	for i, id := range ids {
		if i > 0 {
			body = append(body, ',')
		}
		body = strconv.AppendInt(body, int64(id), 10)
	}
	return append(body, ']')
}

// maxTokens is the bound that is sent; 0 is none.
func (b *Backend) maxTokens(s *backends.Sampling) int {
	switch {
	case s.MaxTokens > 0 && b.reasons():
		return s.MaxTokens + b.args.budget
	case s.MaxTokens > 0:
		return s.MaxTokens
	case b.chat:
		return 0
	}
	return defaultMaxTokens
}

func (b *Backend) appendSampling(body []byte, s *backends.Sampling, draw int, form form) []byte {
	if n := b.maxTokens(s); n > 0 {
		field := `,"max_tokens":`
		if form.newField {
			field = `,"max_completion_tokens":`
		}
		body = strconv.AppendInt(append(body, field...), int64(n), 10)
	}
	if !b.reasons() {
		body = appendFloat(append(body, `,"temperature":`...), s.Temperature)
		if s.TopP > 0 && s.TopP < 1 {
			body = appendFloat(append(body, `,"top_p":`...), s.TopP)
		}
	}
	if s.TopK > 0 {
		body = strconv.AppendInt(append(body, `,"top_k":`...), int64(s.TopK), 10)
	}
	if s.MinP > 0 {
		body = appendFloat(append(body, `,"min_p":`...), s.MinP)
	}
	if s.Temperature > 0 {
		body = strconv.AppendInt(append(body, `,"seed":`...), seedOf(s.Seed, draw), 10)
	}
	body = appendStops(body, s.Stop, form)
	if b.args.effort != "" {
		body = quote(append(body, `,"reasoning_effort":`...), b.args.effort)
	}
	if extra := b.args.extra; len(extra) > 2 {
		body = append(append(body, ','), extra[1:len(extra)-1]...)
	}
	return append(body, '}')
}

func appendStops(body []byte, stops []string, form form) []byte {
	n := 0
	for _, stop := range stops {
		if stop == "" || form.noStop || n == mostStops {
			continue
		}
		if n++; n == 1 {
			body = append(body, `,"stop":[`...)
		} else {
			body = append(body, ',')
		}
		body = quote(body, stop)
	}
	if n > 0 {
		body = append(body, ']')
	}
	return body
}

func appendFloat(body []byte, v float64) []byte { return strconv.AppendFloat(body, v, 'g', -1, 64) }

// quote writes a text as JSON; bytes that are no UTF-8 become U+FFFD.
func quote(body []byte, s string) []byte {
	if utf8.ValidString(s) {
		return quoteValid(body, s)
	}
	body, _ = jsontext.AppendQuote(body, s) // the error says only that something became U+FFFD
	return body
}

// quoteValid writes a text of valid UTF-8 as JSON. Prompts are the most of what is sent, and this is the most of the work of
// sending them: stretches without anything to escape are copied whole.
func quoteValid(body []byte, text string) []byte {
	s := unsafe.Slice(unsafe.StringData(text), len(text)) // read only
	const hex = "0123456789abcdef"
	body = append(body, '"')
	for {
		n := plainLen(s)
		body = append(body, s[:n]...)
		if n == len(s) {
			return append(body, '"')
		}
		switch c := s[n]; c {
		case '"', '\\':
			body = append(body, '\\', c)
		case '\n':
			body = append(body, '\\', 'n')
		case '\t':
			body = append(body, '\\', 't')
		case '\r':
			body = append(body, '\\', 'r')
		default:
			body = append(body, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
		}
		s = s[n+1:]
	}
}

// plainLen is the length of the text before the first byte that JSON escapes, found eight bytes at a time: a byte of the sums
// has its high bit where the byte is less than a space, or is a quote or a backslash (Hacker's Delight, section 6-1). The
// sums may borrow from a byte above such a one, so that the first is right.
func plainLen(s []byte) int {
	const ones, highs = 0x0101010101010101, 0x8080808080808080
	i := 0
	for ; i+8 <= len(s); i += 8 {
		w := binary.LittleEndian.Uint64(s[i:])
		quotes, slashes := w^(ones*'"'), w^(ones*'\\')
		found := ((w - ones*' ') &^ w) | ((quotes - ones) &^ quotes) | ((slashes - ones) &^ slashes)
		if found &= highs; found != 0 {
			return i + bits.TrailingZeros64(found)/8
		}
	}
	for ; i < len(s); i++ {
		if c := s[i]; c < ' ' || c == '"' || c == '\\' {
			break
		}
	}
	return i
}

// seedOf gives the seed of a draw: 31 bits, which every server takes.
func seedOf(seed uint64, draw int) int64 {
	h := fnv.New64a()
	_, _ = h.Write(strconv.AppendInt(strconv.AppendUint(nil, seed, 36), -int64(draw)-1, 36))
	return int64(h.Sum64() >> 33)
}
