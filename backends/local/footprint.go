package local

import (
	"errors"
	"fmt"
	"os"
)

// Footprint is what decides how much of a device's memory a checkpoint takes, read from its headers alone.
type Footprint struct {
	// Params counts the parameters, each shared tensor once, by the type that they are stored in.
	Params map[string]int64
	// KVValues is the number of values that a token's keys and values are, over all layers.
	KVValues int64
	// RowValues is the number of values that a row of a step takes, at its widest: stream, queries, keys, values and
	// feed-forward.
	RowValues int64
	// Vocab is the number of logits of a row.
	Vocab int64
	// Context is the most tokens of a text.
	Context int
}

// FootprintOf reads the footprint of the checkpoint in a folder.
func FootprintOf(dir string) (f Footprint, err error) {
	p, err := prepare(os.DirFS(dir), Options{})
	if err != nil {
		return f, fmt.Errorf("read checkpoint %s: %w", dir, err)
	}
	defer func() { err = errors.Join(err, p.release()) }()
	s := p.planned
	kv, q := int64(s.kvHeads)*int64(s.headDim), int64(s.heads)*int64(s.headDim)
	f = Footprint{
		Params: make(map[string]int64), KVValues: 2 * int64(s.layers) * kv, RowValues: 3*int64(s.width) + 2*q + 2*kv + 3*int64(s.ff),
		Vocab: int64(s.vocab), Context: s.context,
	}
	for name, n := range p.used {
		f.Params[string(p.tensors[name].DType)] += n
	}
	return f, nil
}
