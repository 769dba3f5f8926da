package local

import (
	"fmt"

	"github.com/onset-eval/onset/backends/local/gpu"
	"github.com/onset-eval/onset/backends/local/internal/kernels"
)

// gpuPlan says what a model takes of a device's memory. It is made before anything is placed there.
type gpuPlan struct {
	t      gpu.DType
	tokens int // in a step at most
	rows   int // for which there is room: a masked model computes a text at once
	pages  int // of keys and values
	logits int // numbers of the head's output that are held at once
	live   int // texts under way
	// graphRows is the most rows of a step that a graph is made of.
	graphRows int
	partials  int64 // bytes of partial results of attention
	weights   int64 // bytes of matrices, norms, biases and angles
	kv        int64 // of pages, with the one that is written for nothing
	work      int64 // of activations, logits and what is sent for a step
	reserve   int64 // left to the driver, the kernels' code and their own room
}

// The sizes of a card's steps, and what is left free of its memory.
const (
	gpuTokens      = 1 << 13 // so that products are bound by arithmetic and a step takes long beside its launches
	gpuSmallTokens = 1 << 14 // of models that are done so soon that launches show
	gpuSmallModel  = 2 << 30 // bytes of weights
	gpuLeastTokens = 64
	gpuLive        = 2048
	gpuLogits      = 1 << 25 // numbers
	gpuReserve     = 512 << 20
	// gpuTextPages bounds the pages to those of so many texts of the whole context.
	gpuTextPages = 4096
	// gpuStepRow is about what is sent to the device for a row of a step, and twice, and what comes back.
	gpuStepRow = 1 << 9
	// gpuPartials is the most room for partial results of attention, and gpuSegments the number that a row may have of them on
	// average; where there is no room rows are not divided, which is slower.
	gpuPartials = 32 << 20
	gpuSegments = 64
)

// planGPU divides a device's free memory. most, if above zero, bounds what may be taken of it, and kv what keys and values
// may take. tokens, if above zero, is the number in a step.
func planGPU(m *model, t gpu.DType, weights, free int64, o Options) (gpuPlan, error) {
	p := gpuPlan{t: t, weights: weights, live: gpuLive, reserve: min(gpuReserve, free/8)}
	room := free - p.reserve
	if o.MemoryBytes > 0 {
		room = min(room, o.MemoryBytes)
	}
	p.tokens = gpuTokens
	if weights <= gpuSmallModel {
		p.tokens = gpuSmallTokens
	}
	if o.StepTokens > 0 {
		p.tokens = min(o.StepTokens, maxStepTokens)
	}
	s := &m.spec
	least := s.leastPages()
	for {
		p.measure(m)
		left := room - p.weights - p.work
		fits := left >= p.pageBytes(s)*int64(least+1)
		if fits && (o.StepTokens > 0 || p.work <= (room-p.weights)/4 || p.tokens <= gpuLeastTokens) {
			p.pages = p.pagesIn(s, left, o.CacheBytes)
			p.kv = p.pageBytes(s) * int64(p.pages+1)
			return p, nil
		}
		if p.tokens <= gpuLeastTokens {
			return p, p.refuse(s, room, least)
		}
		p.tokens /= 2
	}
}

// measure sets the bytes that a step of the planned number of tokens takes.
func (p *gpuPlan) measure(m *model) {
	p.logits = max(roundUp(m.head.N, kernels.LogBlock), min(gpuLogits, p.tokens*roundUp(m.head.N, kernels.LogBlock)))
	if p.rows = p.tokens; !m.causal {
		p.rows = max(p.rows, m.context)
	}
	p.graphRows = min(gpuGraphRows, p.tokens)
	segment := 4 * int64(m.heads) * int64(roundUp(m.headDim, 4)+4) // about what a row's partial result takes
	p.partials = min(gpuPartials, gpuSegments*segment*int64(p.rows))
	p.work = aligned(4*int64(p.logits)) + aligned(gpuStepRow*int64(p.rows)) + aligned(p.partials) + p.graphBytes(&m.spec)
	for _, b := range m.gpuBuffers(p.t) {
		p.work += aligned(b.bytes * int64(p.rows))
	}
}

// leastPages is the number without which the model cannot be run: those of a few-shot prompt, or of all that a masked
// model's text may need at once.
func (s *spec) leastPages() int {
	if !s.causal {
		return pagesFor(s.context)
	}
	return pagesFor(min(s.context, minContext)+1) + sparePages
}

// pagesIn is the number of pages for which there is room and use.
func (p *gpuPlan) pagesIn(s *spec, left, kv int64) int {
	if kv > 0 {
		left = min(left, max(kv, p.pageBytes(s)*int64(s.leastPages()+1)))
	}
	n := left/p.pageBytes(s) - 1
	most := int64(gpuTextPages) * int64(pagesFor(s.context))
	if !s.causal {
		most = int64(p.rows + pagesFor(s.context))
	}
	return int(min(n, most, 1<<31/kernels.PageSize-1))
}

// pageBytes is the size of a page in all layers.
func (p *gpuPlan) pageBytes(s *spec) int64 {
	return int64(p.t.Size()) * 2 * int64(s.layers) * int64(s.kv()) * kernels.PageSize
}

// refuse says what does not fit.
func (p *gpuPlan) refuse(s *spec, room int64, least int) error {
	kv := p.pageBytes(s) * int64(least+1)
	hint := "end what else uses the card (nvidia-smi lists it), take a card with more memory, or run the model on the processor"
	if p.t == gpu.F32 {
		hint = "compute in bf16, which halves all of it, or " + hint
	}
	return &hintError{
		fmt.Errorf("the model takes %s in %v (%s of weights, %s for keys and values of %d tokens, %s for steps of %d), and the card leaves %s",
			gpu.Bytes(p.weights+kv+p.work), p.t, gpu.Bytes(p.weights), gpu.Bytes(kv), least*kernels.PageSize, gpu.Bytes(p.work), p.tokens, gpu.Bytes(room)),
		hint,
	}
}

func roundUp(n, to int) int { return (n + to - 1) / to * to }

// The buffers of a step on a device, of which each has a row for each token.
const (
	bufX         = iota // float32, the stream
	bufKeptX            // float32, the stream of the kept rows
	bufEmbed            // float32, embeddings narrower than the stream
	bufY                // the normed stream, and what the head is given
	bufKeptY            // of the kept rows
	bufQKV              // queries, keys and values
	bufAtt              // what the attention gives
	bufUp               // what the feed-forward layer comes to, and the kept rows' queries before it
	bufHidden           // gated
	bufZ                // what is added to the stream
	bufHead             // between the stream and the head: its projection
	bufTransform        // and its transform
	bufZero             // int32 zeros, the type of all tokens
	bufAngles           // float32, cosines and sines of all ropes
	bufCount
)

// gpuBuffer is a buffer's bytes for each row.
type gpuBuffer struct {
	name  int
	bytes int64
}

// gpuBuffers lists the buffers that a model's steps need.
func (m *model) gpuBuffers(t gpu.DType) []gpuBuffer {
	size, half := int64(t.Size()), 0
	for i := range m.ropes {
		half += m.ropes[i].dim / 2
	}
	all := []gpuBuffer{
		{bufX, max(4*int64(m.width), size*int64(m.head.K))}, {bufKeptX, 4 * int64(m.width)}, {bufY, size * int64(max(m.width, m.embedWidth))},
		{bufQKV, size * int64(m.q()+2*m.kv())}, {bufAtt, size * int64(m.q())}, {bufUp, size * int64(max(m.block[0].up.N, m.q()))},
		{bufZ, size * int64(m.width)},
	}
	for _, maybe := range []struct {
		have bool
		gpuBuffer
	}{
		{m.embedProj != nil, gpuBuffer{bufEmbed, 4 * int64(m.embedWidth)}},
		{m.parallel, gpuBuffer{bufKeptY, size * int64(m.width)}},
		{m.gated, gpuBuffer{bufHidden, size * int64(m.ff)}},
		{m.headProj != nil, gpuBuffer{bufHead, size * int64(outputsOf(m.headProj))}},
		{m.transform != nil, gpuBuffer{bufTransform, size * int64(outputsOf(m.transform))}},
		{m.spec.types > 0, gpuBuffer{bufZero, 4}},
		{half > 0, gpuBuffer{bufAngles, 2 * 4 * int64(half)}},
	} {
		if maybe.have {
			all = append(all, maybe.gpuBuffer)
		}
	}
	return all
}

func outputsOf(w *kernels.Weight) int {
	if w == nil {
		return 0
	}
	return w.N
}
