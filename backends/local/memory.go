package local

import (
	"fmt"
	"runtime"

	"github.com/onset-eval/onset/backends/local/internal/kernels"
	"github.com/onset-eval/onset/backends/local/internal/memory"
)

// Memory is what a model takes, in bytes.
type Memory struct {
	// Weights are the packed weights, in the checkpoint's types.
	Weights int64 `json:"weights"`
	// KV is the least that keys and values are given: those of one text of minContext tokens, or of the model's whole
	// context where that is less.
	KV int64 `json:"kv_least"`
	// KVToken is what a token's keys and values take.
	KVToken int64 `json:"kv_token"`
	// Activations are those of one step, and the tables of positions.
	Activations int64 `json:"activations"`
	// Read is what decoding one text reads for each token beside keys and values: the layers' weights and the head's.
	Read int64 `json:"read_token"`
	// Total is the sum that must be available: Weights, KV and Activations.
	Total int64 `json:"total"`
}

// minContext is the length in tokens for which keys and values must have room: a few-shot prompt. Longer texts take more
// when they come.
const minContext = 2048

// memoryOf counts what a model takes whose packed weights have a size.
func memoryOf(s spec, weights int64, o Options) Memory {
	threads, rows := int64(o.Threads), int64(o.StepTokens)
	if threads <= 0 {
		threads = int64(runtime.GOMAXPROCS(0))
	}
	if rows <= 0 {
		rows = stepTokens
	}
	kvWidth, qWidth := int64(s.kvHeads)*int64(s.headDim), int64(s.heads)*int64(s.headDim)
	pages := int64(pagesFor(min(s.context, minContext)))
	m := Memory{Weights: weights, KVToken: 2 * 4 * int64(s.layers) * kvWidth}
	m.KV = pages * kernels.PageSize * m.KVToken
	row := 3*int64(s.width) + 2*qWidth + 2*kvWidth + 3*int64(s.ff)
	m.Activations = threads * min(rows, maxStepTokens) * row * 4
	for _, r := range s.ropes {
		m.Activations += 2 * 4 * int64(min(s.context, tablePositions)) * int64(r.dim) / 2
	}
	m.Total = m.Weights + m.KV + m.Activations
	return m
}

// check refuses what has no room. most is what may be taken: 0 for what the system has available, below 0 for anything.
func (m Memory) check(most int64) error {
	a := memory.Available{Bytes: most, By: "the bound that was set"}
	if most == 0 {
		var known bool
		if a, known = memory.Now(); !known {
			return nil
		}
	}
	if most < 0 || m.Total <= a.Bytes {
		return nil
	}
	return &hintError{
		fmt.Errorf("the model takes %s (%s of weights, %s for keys and values of %d tokens, %s of activations), and %s leaves %s",
			memory.Text(m.Total), memory.Text(m.Weights), memory.Text(m.KV), m.KV/max(1, m.KVToken), memory.Text(m.Activations), a.By, memory.Text(a.Bytes)),
		"end other programs or raise the limit, take a smaller model, or convert an f32 checkpoint to bfloat16, which halves its weights",
	}
}
