package local

import (
	"cmp"

	"github.com/sourcegraph/conc"

	"github.com/onset-eval/onset/backends/local/internal/kernels"
)

// The sizes of a processor's steps: the most tokens in one forward pass, texts under way, and rows whose logits are held
// at once.
const (
	stepTokens = 512
	maxLive    = 1024
	headRows   = 64
	maxLogits  = 1 << 22 // elements
	// maxStepTokens bounds Options.StepTokens, and so the memory for activations.
	maxStepTokens = 1 << 14
	// onceBytes is enough for the next requests to find what they have in common with those before, and little enough to
	// stay in a processor's cache.
	onceBytes = 16 << 20
)

// cpuExecutor computes with the kernels of this machine. A step is done when the calls return.
type cpuExecutor struct {
	model    *model
	kernels  kernels.Set
	threads  *kernels.Pool // what shares out the kernels; nil for none
	scratch  *scratch
	drawings []*drawing
	size     sizes
}

var _ executor = (*cpuExecutor)(nil)

func newCPUExecutor(m *model, set kernels.Set, threads *kernels.Pool, o Options) *cpuExecutor {
	tokens := min(cmp.Or(max(0, o.StepTokens), stepTokens), maxStepTokens)
	return &cpuExecutor{
		model: m, kernels: set, threads: threads, scratch: newScratch(m.spec, tokens),
		size: sizes{tokens: tokens, live: maxLive, pageBytes: m.pageBytes(), layers: m.layers, once: onceBytes},
	}
}

// pageBytes is the size of a page in all layers, of float32.
func (s *spec) pageBytes() int64 {
	return 2 * 4 * int64(s.layers) * int64(s.kvHeads) * int64(s.headDim) * kernels.PageSize
}

func (e *cpuExecutor) sizes() sizes { return e.size }

func (e *cpuExecutor) newPage() *page {
	pg := &page{layers: make([]kernels.Page, e.model.layers)}
	for l := range pg.layers {
		pg.layers[l] = kernels.NewPage(e.model.kvHeads, e.model.headDim)
	}
	return pg
}

func (e *cpuExecutor) copyPrefix(dst, src *page, n int) {
	for l := range dst.layers {
		dst.layers[l].CopyPrefix(src.layers[l], n, e.model.kvHeads, e.model.headDim)
	}
}

func (e *cpuExecutor) reset() {}

func (e *cpuExecutor) forward(rows []row, keep []int) {
	e.model.forward(e.kernels, e.scratch, rows, keep)
}

func (e *cpuExecutor) score(rows []kernels.Scores, from int) {
	m := e.model
	e.kernels.LogProbs(rows, m.headInput(e.kernels, e.scratch, from, len(rows)), m.head, m.spec.logits)
}

// draw holds the logits of a bounded number of rows at a time.
func (e *cpuExecutor) draw(draws []drawn) {
	group := max(1, min(headRows, maxLogits/e.model.vocab))
	for len(draws) > 0 {
		from, n := draws[0].row, 0
		for n < len(draws) && draws[n].row < from+group {
			n++
		}
		e.drawEach(draws[:n], from, e.model.logits(e.kernels, e.scratch, from, draws[n-1].row-from+1))
		draws = draws[n:]
	}
}

// sharedVocab is the vocabulary from which drawing a token takes so long that threads share the texts that draw.
const sharedVocab = 1 << 12

// drawEach lets texts draw from the logits of rows from a kept row on. Each draws by itself, so the threads do not show.
func (e *cpuExecutor) drawEach(draws []drawn, from int, logits []float32) {
	vocab, threads := e.model.vocab, 1
	if e.threads != nil && vocab >= sharedVocab {
		threads = min(e.threads.Workers(), len(draws))
	}
	for len(e.drawings) < threads {
		e.drawings = append(e.drawings, new(drawing))
	}
	work := func(first int) {
		for i := first; i < len(draws); i += threads {
			d := &draws[i]
			d.token = d.t.gen.sampler.next(logits[(d.row-from)*vocab:][:vocab], e.drawings[first])
		}
	}
	if threads == 1 {
		work(0)
		return
	}
	var group conc.WaitGroup
	for first := range threads {
		group.Go(func() { work(first) })
	}
	group.Wait()
}

func (e *cpuExecutor) collect() error { return nil }

func (e *cpuExecutor) close() error { return nil }
