// Package hosted is what models behind large APIs have in common: one kind of request, in turns, over the thin client.
package hosted

import (
	"context"
	"fmt"
	"hash/fnv"
	"math"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/onset-eval/onset/backends"
	"github.com/onset-eval/onset/backends/internal/httpapi"
)

// Backend is a model behind an API that only generates. It implements backends.Backend.
type Backend struct {
	client   *httpapi.Client
	info     backends.Info
	generate func(ctx context.Context, req *backends.Request) (backends.Response, error)
}

var _ backends.Backend = (*Backend)(nil)

// New makes a backend of a client, which it closes, and a function that makes one call. info has its provider, model and
// details; the rest is what such an API is.
func New(client *httpapi.Client, info backends.Info, generate func(context.Context, *backends.Request) (backends.Response, error)) *Backend {
	info.Kinds, info.Messages, info.Parallel = []backends.Kind{backends.Generate}, true, 64
	if info.Details == nil {
		info.Details = make(map[string]string)
	}
	info.Details["endpoint"] = client.Endpoint()
	return &Backend{client, info, generate}
}

// Info says what the model is.
func (b *Backend) Info() backends.Info { return b.info }

// Do answers a request.
func (b *Backend) Do(ctx context.Context, req backends.Request) (backends.Response, error) {
	op := "ask " + b.info.Model
	if err := ctx.Err(); err != nil {
		return backends.Response{}, fmt.Errorf("%s: %w", op, err)
	}
	if err := b.client.Begin(); err != nil {
		return backends.Response{}, err
	}
	defer b.client.End()
	if req.Kind != backends.Generate {
		return backends.Response{}, backends.Errorf(backends.KindUnsupported, op, "the API generates, and gives no log-likelihoods of texts that it is given")
	}
	begun := time.Now()
	resp, err := b.generate(ctx, &req)
	if err != nil {
		return backends.Response{}, err
	}
	resp.Attempts, resp.Latency = 1, time.Since(begun)
	return resp, nil
}

// Close waits for the calls under way and closes the connections.
func (b *Backend) Close() error { return b.client.Close() }

// Turns parts a request's messages into the instruction that stands before them and the turns. A prompt that is text is
// one turn of the user.
func Turns(req *backends.Request) (system string, turns []backends.Message) {
	if len(req.Messages) == 0 {
		return "", []backends.Message{{Role: "user", Content: req.Prompt}}
	}
	var instructions []string
	for _, m := range req.Messages {
		if m.Role == "system" {
			instructions = append(instructions, m.Content)
			continue
		}
		turns = append(turns, m)
	}
	return strings.Join(instructions, "\n\n"), turns
}

// CutStop ends a text at its first stop string, and tells whether there was one. APIs do so themselves with the stop strings
// that they take; this is for the others.
func CutStop(text string, stops []string) (string, bool) {
	at := -1
	for _, s := range stops {
		if i := strings.Index(text, s); s != "" && i >= 0 && (at < 0 || i < at) {
			at = i
		}
	}
	if at < 0 {
		return text, false
	}
	return text[:at], true
}

// Share gives how many of a number of tokens a hidden thought took, by its share of the characters, for APIs that do not
// count it apart.
func Share(tokens int, thought, text string) int {
	n, all := utf8.RuneCountInString(thought), utf8.RuneCountInString(thought)+utf8.RuneCountInString(text)
	if n == 0 {
		return 0
	}
	return int(math.Round(float64(tokens) * float64(n) / float64(all)))
}

// Seed gives the seed of a draw: 31 bits, which every API takes.
func Seed(seed uint64, draw int) int64 {
	h := fnv.New64a()
	_, _ = h.Write(strconv.AppendInt(strconv.AppendUint(nil, seed, 36), -int64(draw)-1, 36))
	return int64(h.Sum64() >> 33)
}

// First gives the first text that is not empty.
func First(texts ...string) string {
	for _, t := range texts {
		if t != "" {
			return t
		}
	}
	return ""
}
