// Package scripted is a deterministic model from a function or a table, for tests and for trying onset out.
//
// Its tokens are characters: MaxTokens counts them, and log-likelihoods are sums over them, so the log-probability of
// "ab" is that of "a" plus that of "b" after "a". It keeps every promise of the Backend contract and computes nothing,
// so what a test sees is what the code around a model does.
package scripted

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"sync"
	"unicode/utf8"

	"github.com/onset-eval/onset/backends"
)

// Answer gives a model's whole text for a prompt, before stop strings and MaxTokens cut it. It must be safe for
// concurrent use and depend on its arguments alone.
type Answer func(prompt string, draw int) (string, error)

// Options describe a scripted model. Answer is required.
type Options struct {
	Name   string // Info.Model; "" is "scripted"
	Answer Answer
	// Before is called before each request is answered; its error is the request's. nil does nothing.
	Before func(ctx context.Context, req backends.Request) error
	// Parallel is Info.Parallel; 0 is 64.
	Parallel int
	// Kinds are those served; nil is all.
	Kinds []backends.Kind
}

// Backend is a scripted model.
type Backend struct {
	opts Options

	mu     sync.RWMutex // guards closed; held for reading during a call
	closed bool
}

var _ backends.Backend = (*Backend)(nil)

// New makes a scripted model. The caller closes it.
func New(o Options) *Backend {
	if o.Answer == nil {
		panic("scripted: no Answer")
	}
	if o.Name == "" {
		o.Name = "scripted"
	}
	if o.Parallel == 0 {
		o.Parallel = 64
	}
	if o.Kinds == nil {
		o.Kinds = backends.Kinds[:]
	}
	return &Backend{opts: o}
}

// mode is a model that Open knows by name.
type mode struct {
	doc  string
	args []string // the arguments that it takes
	make func(args map[string]string) (Answer, error)
}

// modes lists the models that Open knows.
func modes() map[string]mode {
	return map[string]mode{
		"echo": {"answers with the prompt's last line", nil, func(map[string]string) (Answer, error) {
			return func(prompt string, _ int) (string, error) {
				return prompt[strings.LastIndexByte(prompt, '\n')+1:], nil
			}, nil
		}},
		"constant": {"answers with args text", []string{"text"}, func(args map[string]string) (Answer, error) {
			return func(string, int) (string, error) { return args["text"], nil }, nil
		}},
		"digit": {"answers with a digit that depends on the prompt alone", nil, func(map[string]string) (Answer, error) {
			return func(prompt string, draw int) (string, error) {
				return strconv.Itoa(int(hash(prompt, strconv.Itoa(draw)) % 10)), nil
			}, nil
		}},
		"failing": {"fails every request for a reason that passes, as an overloaded server does", nil, func(map[string]string) (Answer, error) {
			return func(string, int) (string, error) {
				return "", backends.Errorf(backends.KindOverloaded, "answer", "it always is")
			}, nil
		}},
	}
}

// Open makes one of the models that are known by name: echo, constant (argument text), digit, failing.
// An argument that the model does not take is an error.
func Open(name string, args map[string]string) (*Backend, error) {
	m, ok := modes()[name]
	if !ok {
		return nil, &UnknownError{name}
	}
	for _, key := range slices.Sorted(maps.Keys(args)) {
		if !slices.Contains(m.args, key) {
			return nil, fmt.Errorf("scripted model %s takes no argument %q", name, key)
		}
	}
	answer, err := m.make(args)
	if err != nil {
		return nil, err
	}
	return New(Options{Name: name, Answer: answer}), nil
}

// UnknownError says that no scripted model has a name.
type UnknownError struct{ Name string }

func (e *UnknownError) Error() string { return fmt.Sprintf("no scripted model is named %q", e.Name) }

// Hint says what to do.
func (e *UnknownError) Hint() string {
	return "the scripted models are " + strings.Join(slices.Sorted(maps.Keys(modes())), ", ")
}

// Info says what the model is.
func (b *Backend) Info() backends.Info {
	return backends.Info{Provider: "scripted", Model: b.opts.Name, Kinds: b.opts.Kinds, Parallel: b.opts.Parallel}
}

// Close waits for the calls in flight.
func (b *Backend) Close() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.closed = true
	return nil
}

// Do answers a request.
func (b *Backend) Do(ctx context.Context, req backends.Request) (backends.Response, error) {
	b.mu.RLock()
	defer b.mu.RUnlock()
	if err := b.admit(ctx, req); err != nil {
		return backends.Response{}, err
	}
	switch req.Kind {
	case backends.Generate:
		return b.generate(req)
	case backends.LogLikelihood:
		return score(req)
	}
	lp := logProb("", req.Prompt)
	return backends.Response{LogProbs: []backends.LogProb{lp}, Attempts: 1, Usage: backends.Usage{PromptTokens: lp.Tokens}}, nil
}

func (b *Backend) admit(ctx context.Context, req backends.Request) error {
	if b.closed {
		return backends.Errorf(backends.KindClosed, "ask scripted model", "it was closed")
	}
	if !b.Info().Serves(req.Kind) || len(req.Messages) > 0 {
		return backends.Errorf(backends.KindUnsupported, "ask scripted model", "it does not serve %s requests of this form", req.Kind)
	}
	if b.opts.Before != nil {
		if err := b.opts.Before(ctx, req); err != nil {
			return err
		}
	}
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("ask scripted model: %w", err)
	}
	return nil
}

func (b *Backend) generate(req backends.Request) (backends.Response, error) {
	draw := -1 // greedy decoding gives every draw the same text
	if req.Sampling.Temperature > 0 {
		draw = int(hash(strconv.FormatUint(req.Sampling.Seed, 10), strconv.Itoa(req.Draw)) >> 1)
	}
	text, err := b.opts.Answer(req.Prompt, draw)
	if err != nil {
		return backends.Response{}, err
	}
	text, stop := cut(text, req.Sampling)
	return backends.Response{Text: text, Stop: stop, Attempts: 1, Usage: backends.Usage{
		PromptTokens: utf8.RuneCountInString(req.Prompt), CompletionTokens: utf8.RuneCountInString(text),
	}}, nil
}

// cut ends a text as a model would that writes it character by character: at the stop string that is complete first,
// and of several that are complete at once at the one that begins first.
func cut(text string, s backends.Sampling) (string, backends.StopReason) {
	stop := backends.StopEOS
	if s.MaxTokens > 0 {
		tokens := 0
		for at := range text {
			if tokens++; tokens > s.MaxTokens {
				text, stop = text[:at], backends.StopLength
				break
			}
		}
	}
	begin, end := -1, 0
	for _, str := range s.Stop {
		at := strings.Index(text, str)
		if str == "" || at < 0 {
			continue
		}
		if done := at + len(str); begin < 0 || done < end || done == end && at < begin {
			begin, end = at, done
		}
	}
	if begin >= 0 {
		return text[:begin], backends.StopString
	}
	return text, stop
}

func score(req backends.Request) (backends.Response, error) {
	if len(req.Continuations) == 0 {
		return backends.Response{}, backends.Errorf(backends.KindInvalid, "score continuations", "there is none")
	}
	resp := backends.Response{Attempts: 1, LogProbs: make([]backends.LogProb, len(req.Continuations))}
	for i, c := range req.Continuations {
		if c == "" {
			return backends.Response{}, backends.Errorf(backends.KindInvalid, "score continuations", "continuation %d is empty", i)
		}
		resp.LogProbs[i] = logProb(req.Prompt, c)
		resp.Usage.PromptTokens += utf8.RuneCountInString(req.Prompt) + resp.LogProbs[i].Tokens
	}
	return resp, nil
}

// logProb sums the log-probabilities of a text's characters, each of which depends on all that stands before it and is
// between 2⁻⁸ and 1.
func logProb(prompt, text string) backends.LogProb {
	h := sha256.New()
	h.Write([]byte(prompt))
	var lp backends.LogProb
	var state [sha256.Size]byte
	for _, r := range text {
		h.Write([]byte(string(r)))
		v := binary.LittleEndian.Uint16(h.Sum(state[:0]))
		lp.Sum -= float64(v) / (1 << 16) * 8 * math.Ln2
		lp.Tokens++
	}
	return lp
}

// hash mixes texts into a number.
func hash(parts ...string) uint64 {
	sum := sha256.Sum256([]byte(strings.Join(parts, "\x00")))
	return binary.LittleEndian.Uint64(sum[:])
}
