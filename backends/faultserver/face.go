package faultserver

import (
	"net/http"
	"strings"
	"time"

	"github.com/onset-eval/onset/backends"
)

// Face is the shape of one provider's protocol: how its calls are read and its answers, failures and limits written. A face
// is used by many goroutines at once.
type Face interface {
	// Name names the face in scripts and counts.
	Name() string
	// Serves reports whether a call of this method and path asks a model in this face's protocol.
	Serves(method, path string) bool
	// Key is the key that the caller shows.
	Key(r *http.Request) string
	// Read reads a call. Its error is answered with status 400 and the error's text.
	Read(r *http.Request, body []byte) (Call, error)
	// Answer gives the answer's body, to be written as JSON.
	Answer(c Call, r Reply) any
	// Failure gives an error's body, to be written as JSON. word is the protocol's word for the failure, "" for the usual one
	// of the status.
	Failure(status int, word, message string) any
	// Limits sets the headers that tell of the limits; a count of -1 is not told.
	Limits(h http.Header, s backends.Signals, now time.Time)
}

// Router is a Face with further paths: lists of models, files, batches. Route answers one, or reports that it has none. The
// script's faults do not hit these.
type Router interface {
	Route(s *Server, w http.ResponseWriter, r *http.Request, body []byte) bool
}

// Call is what a call asks for, in no protocol's words.
type Call struct {
	Path  string
	Model string
	// Prompt is the prompt, or the messages as "role: content" lines. Others are further prompts in the same call, where the
	// protocol has that.
	Prompt    string
	Others    []string
	MaxTokens int // 0 is not given
	Stop      []string
	// Sampled is true where the answer may differ between seeds.
	Sampled bool
	Seed    uint64
	// Detail is the face's own.
	Detail any
}

// Reply is a model's answer, in no protocol's words.
type Reply struct {
	Text             string
	Stop             backends.StopReason
	StopString       string // the stop string that ended the text
	PromptTokens     int
	CompletionTokens int
	// Reasoning is hidden thought that came before the text; ReasoningTokens of CompletionTokens are its.
	Reasoning       string
	ReasoningTokens int
	// Others are the answers to Call.Others; the server fills them in.
	Others []Reply
	// Null is true where the text is null, None where there is no choice at all, Twice where a second choice with another
	// text follows; Filtered where a filter cut it. Refusal is the model's own refusal, which stands apart from the text.
	Null, None, Twice, Filtered bool
	Refusal                     string
}

// faces are those that a server has.
func faces() []Face { return []Face{OpenAI(), Anthropic(), Gemini()} }

// Echo is the usual model: its text depends on the prompt, and on the seed where the call is sampled. It answers with the
// last line's number plus one where that ends in one, so that a test can know the answer, and else with words that a hash
// draws; the text ends at the first stop string and after MaxTokens words.
func Echo(c Call) Reply {
	words := strings.Fields(answerOf(c))
	r := Reply{Stop: backends.StopEOS, PromptTokens: countTokens(c.Prompt)}
	if c.MaxTokens > 0 && len(words) > c.MaxTokens {
		words, r.Stop = words[:c.MaxTokens], backends.StopLength
	}
	r.Text = strings.Join(words, " ")
	for _, stop := range c.Stop {
		if before, _, found := strings.Cut(r.Text, stop); found && stop != "" {
			r.Text, r.Stop, r.StopString = before, backends.StopString, stop
		}
	}
	r.CompletionTokens = len(strings.Fields(r.Text))
	return r
}

var vocabulary = strings.Fields("one two three four five six seven eight nine ten red green blue north south east west up down left right yes no")

func answerOf(c Call) string {
	line := strings.TrimSpace(c.Prompt[strings.LastIndexByte(strings.TrimRight(c.Prompt, "\n"), '\n')+1:])
	n, digits := 0, 0
	for i := len(line) - 1; i >= 0 && line[i] >= '0' && line[i] <= '9' && digits < 9; i-- {
		digits++
	}
	if digits > 0 {
		for _, d := range line[len(line)-digits:] {
			n = 10*n + int(d-'0')
		}
		return itoa(n + 1)
	}
	seed := uint64(0)
	if c.Sampled {
		seed = c.Seed + 1
	}
	x := digest(c.Prompt, seed)
	words := make([]string, 3+x%6)
	for i := range words {
		x = x*6364136223846793005 + 1442695040888963407
		words[i] = vocabulary[(x>>33)%uint64(len(vocabulary))]
	}
	return strings.Join(words, " ")
}

// countTokens counts what a text costs: a token for every four bytes begun, as rules of thumb have it.
func countTokens(text string) int { return (len(text) + 3) / 4 }
