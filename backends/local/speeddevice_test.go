package local

import (
	"context"
	"math"
	"sync"
	"testing"

	"github.com/onset-eval/onset/backends"
	"github.com/onset-eval/onset/backends/local/gpu"
	"github.com/onset-eval/onset/backends/local/internal/randmodel"
)

// asked is a model that remembers its prompts.
type asked struct {
	*Backend
	mu   sync.Mutex
	seen map[string]int
}

func (a *asked) Do(ctx context.Context, req backends.Request) (backends.Response, error) {
	a.mu.Lock()
	a.seen[req.Prompt]++
	a.mu.Unlock()
	return a.Backend.Do(ctx, req)
}

// TestMeasureDevice measures the processor as if it were a device, and sees that what is stated follows from the speeds.
func TestMeasureDevice(t *testing.T) {
	size := tinySize
	size.Context = 256
	dir := writeTiny(t, size, randmodel.Options{DType: "BF16"})
	b, err := Open(context.Background(), dir, Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = b.Close() }()
	model := &asked{Backend: b, seen: make(map[string]int)}
	peak := &gpu.Peak{Product: 1e12, Copy: 1e9}
	s, err := MeasureDevice(context.Background(), dir, model, SpeedOptions{Prompt: 64, Decode: 8, Repeat: 2, Prompts: 5, Texts: 3}, peak)
	if err != nil {
		t.Fatal(err)
	}
	if want := 2 * (5 + 2*1 + 2*3); len(model.seen) != want {
		t.Errorf("%d prompts, want %d that are all different", len(model.seen), want)
	}
	// Of each of the 3 layers: queries and output 36×36, keys and values 12×36, three matrices of the feed-forward layer 75×36,
	// two norms of 36; and the last norm.
	const weights, attention, head = 3*(2*36*36+2*12*36+3*75*36+2*36) + 36, 3 * 36, 300 * 36
	near := func(what string, got, want float64) {
		if math.Abs(got-want) > 1e-9*want || !(got > 0) {
			t.Errorf("%s is %g, want %g", what, got, want)
		}
	}
	near("operations", s.PrefillFLOPs, s.PrefillTokens*(2*weights+4*attention*32))
	near("the share of the product's peak", s.PrefillShare, s.PrefillFLOPs/1e12)
	if len(s.Decode) != 2 || s.Decode[0].Texts != 1 || s.Decode[1].Texts != 3 {
		t.Fatalf("%+v", s.Decode)
	}
	for _, d := range s.Decode { // keys and values of 12 numbers each, behind 8 tokens of prompt and half of 8; float32 as the processor computes
		near("bytes", d.Bytes, d.Tokens*4*((weights+head)/float64(d.Texts)+3*2*12*12))
		near("the share of the copy", d.Share, d.Bytes/1e9)
	}
	if _, err := MeasureDevice(context.Background(), t.TempDir(), model, SpeedOptions{}, nil); err == nil {
		t.Error("a folder without a checkpoint is measured")
	}
}
