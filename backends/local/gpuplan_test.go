package local

import (
	"errors"
	"math"
	"strings"
	"testing"

	"github.com/onset-eval/onset/backends/local/gpu"
	"github.com/onset-eval/onset/backends/local/internal/kernels"
)

// planned is a model's sizes as a planner sees them, and the bytes of its weights in 16 bits.
func planned(layers, width, heads, kvHeads, ff, vocab, context int, causal bool) (*model, int64) {
	s := spec{
		layers: layers, width: width, embedWidth: width, heads: heads, kvHeads: kvHeads, headDim: width / heads, ff: ff, vocab: vocab,
		context: context, causal: causal, gated: true, ropes: []rope{{dim: width / heads}},
	}
	m := &model{spec: s, head: kernels.Weight{N: vocab, K: width}, block: []block{{up: kernels.Weight{N: 2 * ff, K: width}}}}
	kv := width / heads * kvHeads
	matrices := layers*(width*(2*width+2*kv)+3*width*ff) + 2*vocab*width
	return m, 2 * int64(matrices)
}

const gib = 1 << 30

// TestPlanOfACard divides the memory of cards for models of real shapes.
func TestPlanOfACard(t *testing.T) {
	llama7, weights7 := planned(32, 4096, 32, 32, 11008, 32000, 4096, true)
	llama8, weights8 := planned(32, 4096, 32, 8, 14336, 128256, 131072, true)
	pythia, weights1 := planned(24, 2048, 16, 16, 8192*2/3, 50304, 2048, true)
	bert, weightsB := planned(24, 1024, 16, 16, 4096, 30522, 512, false)
	for _, c := range []struct {
		name        string
		m           *model
		t           gpu.DType
		weights     int64
		free        int64
		o           Options
		tokens      int // at least
		texts       int // of the whole context at least, that fit
		mostOfPages int64
		refused     string
	}{
		{name: "7B on 80 GB", m: llama7, t: gpu.BF16, weights: weights7, free: 79 * gib, tokens: 8192, texts: 25},
		{name: "7B on 24 GB", m: llama7, t: gpu.BF16, weights: weights7, free: 23 * gib, tokens: 4096, texts: 3},
		{name: "7B on 16 GB", m: llama7, t: gpu.F16, weights: weights7, free: 15 * gib, tokens: 512, texts: 0},
		{name: "7B on 12 GB", m: llama7, t: gpu.BF16, weights: weights7, free: 12 * gib, refused: "take a card with more memory"},
		{name: "7B in f32 on 24 GB", m: llama7, t: gpu.F32, weights: 2 * weights7, free: 23 * gib, refused: "compute in bf16"},
		{name: "8B with a long context", m: llama8, t: gpu.BF16, weights: weights8, free: 79 * gib, tokens: 8192, texts: 3},
		{name: "1.4B on 80 GB", m: pythia, t: gpu.BF16, weights: weights1, free: 79 * gib, tokens: 8192, texts: 100},
		{name: "masked", m: bert, t: gpu.F16, weights: weightsB, free: 8 * gib, tokens: 8192, texts: 1},
		{name: "bounded", m: llama7, t: gpu.BF16, weights: weights7, free: 79 * gib, o: Options{MemoryBytes: 20 * gib}, tokens: 2048, texts: 1},
		{name: "bounded to too little", m: llama7, t: gpu.BF16, weights: weights7, free: 79 * gib, o: Options{MemoryBytes: gib}, refused: "leaves 1.0 GiB"},
		{name: "few pages", m: llama7, t: gpu.BF16, weights: weights7, free: 79 * gib, o: Options{CacheBytes: 3 * gib}, tokens: 8192, texts: 1, mostOfPages: 3 * gib},
		{name: "steps as asked", m: llama7, t: gpu.BF16, weights: weights7, free: 79 * gib, o: Options{StepTokens: 100}, tokens: 100, texts: 25},
	} {
		t.Run(c.name, func(t *testing.T) {
			p, err := planGPU(c.m, c.t, c.weights, c.free, c.o)
			if c.refused != "" {
				var hint *hintError
				if !errors.As(err, &hint) || !strings.Contains(err.Error()+hint.Hint(), c.refused) || !strings.Contains(err.Error(), gpu.Bytes(c.weights)) {
					t.Fatalf("%v, want %q", err, c.refused)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			t.Logf("%d tokens, %d pages, %s of weights, %s of pages, %s for steps, %s left", p.tokens, p.pages, gpu.Bytes(p.weights),
				gpu.Bytes(p.kv), gpu.Bytes(p.work), gpu.Bytes(c.free-p.weights-p.kv-p.work))
			p.check(t, c.m, c.free)
			if p.tokens < c.tokens || p.pages < c.texts*pagesFor(c.m.context) || c.mostOfPages > 0 && p.kv > c.mostOfPages {
				t.Errorf("%d tokens and %d pages, want %d and %d", p.tokens, p.pages, c.tokens, c.texts*pagesFor(c.m.context))
			}
			if want := c.o.StepTokens; want > 0 && p.tokens != want {
				t.Errorf("%d tokens, asked for %d", p.tokens, want)
			}
		})
	}
}

// check holds a plan against what must be.
func (p *gpuPlan) check(t *testing.T, m *model, free int64) {
	t.Helper()
	if total := p.weights + p.kv + p.work; total > free-p.reserve || p.reserve <= 0 {
		t.Errorf("%d bytes are planned of %d, %d to be left", total, free, p.reserve)
	}
	if p.pages < m.leastPages() || p.kv != int64(p.pages+1)*p.pageBytes(&m.spec) || int64(p.pages)*kernels.PageSize > math.MaxInt32 {
		t.Errorf("%d pages of %d bytes in %d", p.pages, p.pageBytes(&m.spec), p.kv)
	}
	if p.logits < m.vocab || !m.causal && p.rows < m.context || p.rows < p.tokens {
		t.Errorf("room for %d logits and %d rows", p.logits, p.rows)
	}
}

// TestPlanUsesWhatThereIs goes through sizes of cards: a plan holds on each, and more memory gives no less.
func TestPlanUsesWhatThereIs(t *testing.T) {
	m, weights := planned(12, 768, 12, 12, 2048, 50304, 2048, true)
	made, before := 0, gpuPlan{}
	for free := int64(1 << 27); free < 96*gib; free += free / 7 {
		p, err := planGPU(m, gpu.F16, weights, free, Options{})
		if err != nil {
			if made > 0 {
				t.Fatalf("%s: %v, though it fits into less", gpu.Bytes(free), err)
			}
			continue
		}
		made++
		p.check(t, m, free)
		if p.tokens < before.tokens {
			t.Errorf("%s: %d tokens, and with less %d", gpu.Bytes(free), p.tokens, before.tokens)
		}
		before = p
	}
	if made < 20 || before.tokens != gpuSmallTokens {
		t.Errorf("%d plans, the last of %d tokens", made, before.tokens)
	}
}
