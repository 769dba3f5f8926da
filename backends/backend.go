// Package backends is the contract between onset and a language model.
//
// A backend answers requests and knows nothing else: no task, no target, no score. The runner owns
// concurrency; a backend is synchronous, safe for concurrent use, and answers one request a call. An
// engine that batches coalesces concurrent calls itself. Policies wrap any backend as decorators,
// Cache(Retry(Limit(b))): a cache hit takes no slot and a back-off holds none.
package backends

import (
	"context"
	"time"
)

// Backend is a language model that answers requests.
//
// Do may be called by any number of goroutines at once, up to Info().Parallel usefully. It returns when
// the answer is there or ctx is done, whichever comes first, and then returns ctx's error, wrapped. Every
// other error is an *Error with a Kind. The response to a request depends on the model and the request
// alone: not on what else is in flight, on order, or on an earlier request.
//
// Close releases what the backend holds (memory maps, processes, connections); it waits for calls in
// flight and may be called twice. A Do after Close is an error of kind KindClosed.
type Backend interface {
	Info() Info
	Do(ctx context.Context, req Request) (Response, error)
	Close() error
}

// Kind is what a request asks of a model.
type Kind string

// The kinds of request.
const (
	// Generate continues the prompt.
	Generate Kind = "generate"
	// LogLikelihood gives log P(continuation | prompt) of each continuation.
	LogLikelihood Kind = "loglikelihood"
	// LogLikelihoodRolling gives log P(prompt), every token of it scored once.
	LogLikelihoodRolling Kind = "loglikelihood_rolling"
)

// Kinds lists all kinds, in the order in which they are shown.
var Kinds = [...]Kind{Generate, LogLikelihood, LogLikelihoodRolling}

// Info says what a backend is and what it can do. It is constant over the backend's life, and its
// identity fields are written to the run header.
type Info struct {
	Provider string `json:"provider"` // the first part of the model reference: "local", "openai", …
	Model    string `json:"model"`    // the rest of the reference
	Revision string `json:"revision,omitempty"`
	// WeightsHash is "sha256:" and the hex digest of the weights where the backend can read them, else "".
	WeightsHash string `json:"weights_hash,omitempty"`
	Kinds       []Kind `json:"kinds"`
	// Messages is true where the model takes messages, false where it takes text.
	Messages bool `json:"messages,omitempty"`
	// ChatTemplate is the model's Jinja chat template where it takes text and has one.
	ChatTemplate string `json:"chat_template,omitempty"`
	// Params counts the model's parameters, embeddings included, each shared tensor once; 0 is unknown.
	Params int64 `json:"params,omitempty"`
	// ParamsNonEmbedding counts those of Params that are in neither an embedding nor the head; 0 is unknown.
	ParamsNonEmbedding int64 `json:"params_non_embedding,omitempty"`
	// ContextLength is the most tokens of prompt and continuation together; 0 is unknown.
	ContextLength int `json:"context_length,omitempty"`
	// Parallel is the number of requests worth having in flight; 0 means 1. It is no part of the identity.
	Parallel int `json:"-"`
	// Details are further facts that decide the numbers (compute mode, engine layout version, server version).
	Details map[string]string `json:"details,omitempty"`
}

// Serves reports whether the backend serves requests of kind k.
func (i Info) Serves(k Kind) bool {
	for _, have := range i.Kinds {
		if have == k {
			return true
		}
	}
	return false
}

// Message is one turn of a conversation.
type Message struct {
	Role    string `json:"role"` // "system", "user" or "assistant"
	Content string `json:"content"`
}

// Request is one call to a model. Exactly one of Prompt and Messages is used, as Info.Messages says; an
// empty Prompt is a valid prompt. A Request is never changed once made, its slices included.
type Request struct {
	Kind     Kind
	Prompt   string
	Messages []Message
	// Continuations are the texts to score after the prompt, for LogLikelihood; at least one. A
	// multiple-choice sample is one request with one continuation a choice, so an engine computes the
	// prompt once.
	Continuations []string
	// Sampling says how to generate, for Generate.
	Sampling Sampling
	// Draw numbers the draws of one sample from 0. It takes part in the cache key and in the random
	// stream, so equal prompts give different draws.
	Draw int
}

// Sampling says how text is generated. The zero value is greedy decoding up to the backend's own limit.
type Sampling struct {
	// MaxTokens bounds the number of tokens generated; 0 is the backend's default.
	MaxTokens int `json:"max_tokens,omitempty"`
	// Temperature 0 is greedy decoding.
	Temperature float64 `json:"temperature,omitempty"`
	// TopP in (0,1) keeps the smallest set of most likely tokens with that much probability; 0 and 1 keep all.
	TopP float64 `json:"top_p,omitempty"`
	// TopK > 0 keeps the k most likely tokens; 0 keeps all.
	TopK int `json:"top_k,omitempty"`
	// MinP in (0,1) drops tokens less likely than MinP times the most likely one; 0 drops none.
	MinP float64 `json:"min_p,omitempty"`
	// Stop ends generation at the first occurrence of any of these strings, which may span tokens; the
	// text returned ends just before it.
	Stop []string `json:"stop,omitempty"`
	// Seed starts the random stream, which depends on (Seed, prompt, Draw) alone.
	Seed uint64 `json:"seed,omitempty"`
}

// StopReason says why generation ended.
type StopReason string

// The reasons for which generation ends.
const (
	StopEOS     StopReason = "eos"    // the model ended its text
	StopString  StopReason = "stop"   // a stop string occurred
	StopLength  StopReason = "length" // MaxTokens or the context were used up
	StopRefusal StopReason = "refusal"
)

// Response is a model's answer to one request.
type Response struct {
	// Text is what was generated, without the prompt, the stop string and special tokens.
	Text string `json:"text,omitempty"`
	// Stop says why generation ended; "" for log-likelihoods.
	Stop StopReason `json:"stop,omitempty"`
	// LogProbs has one entry a continuation, in order (LogLikelihood), or one in all (LogLikelihoodRolling).
	LogProbs []LogProb `json:"logprobs,omitempty"`
	Usage    Usage     `json:"usage,omitzero"`
	// ContextDropped counts the tokens dropped from the left of the prompt because it did not fit.
	ContextDropped int `json:"context_dropped,omitempty"`
	// Cached is true where a cache answered.
	Cached bool `json:"cached,omitempty"`
	// Attempts counts the calls that were made for this response, 1 without retries; 0 from a cache.
	Attempts int `json:"attempts,omitempty"`
	// Latency is the time from the last attempt's start to its answer.
	Latency time.Duration `json:"latency_ns,omitempty"`
	// Signals are what the server said of its limits beside this answer; nil where it said nothing. They decide no
	// result and are not recorded.
	Signals *Signals `json:"-"`
}

// LogProb is the log-probability of one text.
type LogProb struct {
	Sum    float64 `json:"sum"`    // nats, the sum over the text's tokens; at most 0
	Tokens int     `json:"tokens"` // number of tokens summed
	// Greedy is true where every token of the text is the most likely one at its place.
	Greedy bool `json:"greedy"`
}

// Usage counts tokens as the backend does, and what they cost.
type Usage struct {
	PromptTokens int `json:"prompt_tokens,omitempty"`
	// CachedTokens is the part of PromptTokens that the server had in its own cache, where it says so.
	CachedTokens     int `json:"cached_tokens,omitempty"`
	CompletionTokens int `json:"completion_tokens,omitempty"`
	ReasoningTokens  int `json:"reasoning_tokens,omitempty"` // part of CompletionTokens
	// CostUSD is what the answer cost when it was bought; 0 is free or unknown.
	CostUSD float64 `json:"cost_usd,omitempty"`
}
