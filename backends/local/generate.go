package local

import (
	"bytes"
	"slices"
	"strings"

	"github.com/onset-eval/onset/backends"
)

// generate appends a token to a text, and decides whether the text ends.
func (b *Backend) generate(t *text, token int) {
	g := t.gen
	g.tokens++
	if slices.Contains(b.model.eos, token) {
		g.stop = backends.StopEOS
		return
	}
	before := len(g.out)
	if g.stream == nil {
		g.stream = b.tok.Stream(true)
	}
	g.out = g.stream.Push(token)
	if at := firstStop(g.out, before, g.sampler.Stop); at >= 0 {
		g.out = g.out[:at]
		g.stop = backends.StopString
		return
	}
	t.ids = append(t.ids, token)
	if g.tokens >= t.w.maxTokens || len(t.ids) >= b.model.context {
		g.stop = backends.StopLength
	}
}

// firstStop finds where the first stop string begins, in text of which the bytes from fresh on are new; -1 where none
// occurs. An empty stop string stops nothing.
func firstStop(text []byte, fresh int, stops []string) int {
	first := -1
	for _, s := range stops {
		if s == "" {
			continue
		}
		from := max(0, fresh-len(s)+1)
		if at := bytes.Index(text[from:], []byte(s)); at >= 0 && (first < 0 || from+at < first) {
			first = from + at
		}
	}
	return first
}

// response puts together the answer to a request whose parts are done.
func (b *Backend) response(t *text) backends.Response {
	resp := backends.Response{Attempts: 1, ContextDropped: t.w.dropped}
	if g := t.gen; g != nil {
		resp.Text = strings.ToValidUTF8(string(g.out), "\uFFFD")
		if g.stream != nil && g.stop != backends.StopString {
			resp.Text = g.stream.Text()
		}
		resp.Stop = g.stop
		resp.Usage = backends.Usage{PromptTokens: len(t.w.parts[0].ids), CompletionTokens: g.tokens}
		return resp
	}
	resp.LogProbs = make([]backends.LogProb, max(1, len(t.w.req.Continuations)))
	for i := range resp.LogProbs {
		resp.LogProbs[i].Greedy = true
	}
	for i, s := range t.state.scores {
		p := &resp.LogProbs[t.w.parts[i].into]
		p.Sum += s.sum
		p.Tokens += s.tokens
		p.Greedy = p.Greedy && s.greedy
		resp.Usage.PromptTokens += len(t.w.parts[i].ids)
	}
	return resp
}
