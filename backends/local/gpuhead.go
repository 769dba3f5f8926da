package local

import (
	"github.com/onset-eval/onset/backends/local/gpu"
	"github.com/onset-eval/onset/backends/local/internal/kernels"
)

// gpuHeadRows is the most rows that the head is given at once, and headChunk the number of its outputs that are computed at
// once: the same for all numbers of rows, because a library's product may give a row other bits as another's part.
const (
	gpuHeadRows = 1 << 11
	headChunk   = 1 << 14
)

// score enqueues the scoring of kept rows: some rows and some outputs of the head at a time, and no logits are stored.
func (e *gpuExecutor) score(rows []kernels.Scores, from int) {
	most := max(1, min(gpuHeadRows, e.plan.logits/min(headChunk, e.model.head.n)))
	for len(rows) > 0 {
		n := min(most, len(rows))
		e.scoreSome(rows[:n], from)
		rows, from = rows[n:], from+n
	}
}

func (e *gpuExecutor) scoreSome(rows []kernels.Scores, from int) {
	s, n, targets := e.under(), len(rows), 0
	for i := range rows {
		targets += len(rows[i].Targets)
	}
	h := gpu.HeadReduce{Logits: e.logits, Scale: e.model.logits.Scale, Cap: e.model.logits.Cap}
	found := gpuScored{rows: rows}
	host, at := s.back.ints(3*n + targets)
	result := bytesOf(host)
	found.top, found.sum, found.best = floats(result[:4*n]), floats(result[4*n:8*n]), host[2*n:3*n]
	found.targets = floats(result[12*n:])
	h.Max, h.Sum, h.ArgMax = at, at.Add(4*int64(n)), at.Add(8*int64(n))
	if targets > 0 {
		lists, lat := s.to.ints(n + 1 + targets)
		next := 0
		for i := range rows {
			lists[i] = int32(next)
			for _, t := range rows[i].Targets {
				lists[n+1+next] = int32(t)
				next++
			}
		}
		lists[n] = int32(next)
		s.to.move()
		h.Starts, h.Targets, h.TargetLogits = lat, lat.Add(4*int64(n+1)), at.Add(12*int64(n))
	}
	if e.ops.Err() != nil {
		return
	}
	e.reduce(h, s.head, from, n)
	s.back.move()
	s.scored = append(s.scored, found)
}

// reduce computes the outputs of the head for n kept rows from one on, chunk by chunk, and what is asked of them.
func (e *gpuExecutor) reduce(h gpu.HeadReduce, in gpu.Ptr, from, n int) {
	w := &e.model.head
	in = in.Add(int64(from) * int64(w.k) * int64(e.plan.t.Size()))
	for h.Base = 0; h.Base < w.n; h.Base += headChunk {
		h.Width = min(headChunk, w.n-h.Base)
		h.LD, h.First = h.Width, h.Base == 0
		e.outputs(e.logits, h.Width, in, n, h.Base, h.Width)
		e.ops.HeadReduce(h, n)
	}
}

// outputs computes width outputs of the head from one on, for n rows, into rows of y that are ld apart.
func (e *gpuExecutor) outputs(y gpu.Ptr, ld int, in gpu.Ptr, n, from, width int) {
	w := &e.model.head
	bias := w.bias
	if bias != 0 {
		bias = bias.Add(4 * int64(from))
	}
	e.ops.LinearF32(y, in, w.weight.Add(int64(from)*int64(w.k)*int64(e.plan.t.Size())), bias, n, width, w.k, w.k, ld)
}

// draw enqueues the drawing of tokens. Rows of which several texts draw are given to the head as often.
func (e *gpuExecutor) draw(draws []drawn) {
	most := max(1, min(gpuHeadRows, e.plan.rows, e.plan.logits/e.model.head.n))
	for len(draws) > 0 {
		n := min(most, len(draws))
		e.drawSome(draws[:n])
		draws = draws[n:]
	}
}

func (e *gpuExecutor) drawSome(draws []drawn) {
	s, w, n := e.under(), &e.model.head, len(draws)
	s.samples = s.samples[:0]
	index, iat := s.to.ints(n)
	for i, d := range draws {
		index[i] = int32(d.row)
		s.samples = append(s.samples, d.t.gen.sampler.row())
	}
	packed, rat := s.to.take(n * gpu.SampleRowBytes)
	gpu.PackSamples(packed[:0], s.samples)
	s.to.move()
	tokens, out := s.back.ints(n)
	if e.ops.Err() != nil {
		return
	}
	in := e.buffers[bufX] // the stream is not needed any more
	e.ops.Gather(in, s.head, w.k, iat, n, w.k)
	for base := 0; base < w.n; base += headChunk {
		e.outputs(e.logits.Add(4*int64(base)), w.n, in, n, base, min(headChunk, w.n-base))
	}
	e.ops.FinishLogits(e.logits, int64(n)*int64(w.n), e.model.logits.Scale, e.model.logits.Cap)
	e.ops.Sample(e.logits, w.n, n, w.n, rat, out)
	s.back.move()
	s.drawn = append(s.drawn, gpuDrawn{draws, tokens})
}

// row draws the next number of the generation's stream, one a token, and says how the token is to be drawn by it.
func (s *sampler) row() gpu.SampleRow {
	r := gpu.SampleRow{Temperature: s.Temperature, TopK: max(0, s.TopK), U: s.rng.Float64()}
	if s.TopP > 0 && s.TopP < 1 {
		r.TopP = s.TopP
	}
	if s.MinP > 0 {
		r.MinP = s.MinP
	}
	return r
}
