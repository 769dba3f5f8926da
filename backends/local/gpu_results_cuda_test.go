//go:build cuda

package local

import (
	"context"
	"fmt"
	"math/rand/v2"
	"reflect"
	"testing"

	"github.com/onset-eval/onset/backends"
)

// deviceCase is one way of asking a device.
type deviceCase struct {
	o      Options
	atOnce int
}

// deviceCases are ways that are to give equal results: batches and orders, steps, with and without texts that are kept,
// with little memory, with and without graphs.
func deviceCases() []deviceCase {
	return []deviceCase{
		{Options{}, 1},
		{Options{}, 64},
		{Options{NoGraphs: true}, 1},
		{Options{NoGraphs: true, NoPrefixCache: true}, 64},
		{Options{StepTokens: 1}, 7},
		{Options{StepTokens: 16, NoPrefixCache: true}, 3},
		{Options{StepTokens: 16, CacheBytes: 1}, 64},
		{Options{CacheBytes: 1, NoGraphs: true}, 7},
	}
}

// TestDeviceResultsDependOnTheRequestAlone is D1 of determinism on a device, in each type: bits do not depend on what else
// is computed, when and how.
func TestDeviceResultsDependOnTheRequestAlone(t *testing.T) {
	dev := testDevice(t)
	rng := rand.New(rand.NewPCG(1, 2))
	var reqs []backends.Request
	for range 24 {
		reqs = append(reqs, randomRequest(rng))
	}
	for _, typ := range []string{"f32", "bf16", "f16"} {
		t.Run(typ, func(t *testing.T) {
			var want []backends.Response
			for _, c := range deviceCases() {
				c.o.Device, c.o.Compute = dev, typ
				b := openLadder(t, "s1", c.o)
				got := askShuffled(t, b, reqs, c.atOnce, rng)
				if want == nil {
					want = got
				}
				for i := range got {
					if !reflect.DeepEqual(got[i], want[i]) {
						t.Fatalf("%+v, %d at once: request %d gives %+v, want %+v", c.o, c.atOnce, i, got[i], want[i])
					}
				}
				if g := b.weights.device.graphs; !c.o.NoGraphs && g.off {
					t.Error("graphs cannot be made")
				}
			}
		})
	}
}

// TestDeviceMaskedResults is D1 for masked models, which keep nothing.
func TestDeviceMaskedResults(t *testing.T) {
	dev := testDevice(t)
	rng := rand.New(rand.NewPCG(3, 1))
	var reqs []backends.Request
	for i := range 6 {
		prompt := fmt.Sprintf("add %d to it and ", i)
		reqs = append(reqs,
			backends.Request{Kind: backends.LogLikelihoodRolling, Prompt: prompt[:1+rng.IntN(len(prompt))]},
			backends.Request{Kind: backends.LogLikelihood, Prompt: prompt, Continuations: []string{"a", "bcd", "efg hij"}})
	}
	exact := askShuffled(t, openMasked(t, Options{}), reqs, 12, rng)
	var want []backends.Response
	for _, c := range deviceCases() {
		c.o.Device, c.o.Compute = dev, "f32"
		got := askShuffled(t, openMasked(t, c.o), reqs, c.atOnce, rng)
		if want == nil {
			want = got
			near(t, got, exact, 1e-4)
		}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%+v, %d at once: other results", c.o, c.atOnce)
		}
	}
}

// near compares log-probabilities a token.
func near(t *testing.T, got, want []backends.Response, bound float64) {
	t.Helper()
	for i := range got {
		for j := range got[i].LogProbs {
			g, w := got[i].LogProbs[j], want[i].LogProbs[j]
			if d := g.Sum - w.Sum; !(d < bound*float64(w.Tokens) && -d < bound*float64(w.Tokens)) || g.Tokens != w.Tokens {
				t.Errorf("request %d, %d: %+v, want %+v", i, j, g, w)
			}
		}
	}
}

// TestDeviceAnswersAreTheProcessors asks the embedded ladder's checkpoints in float32 on a device and on the processor:
// greedy texts are the same, log-probabilities near, and tokens are drawn alike.
func TestDeviceAnswersAreTheProcessors(t *testing.T) {
	dev := testDevice(t)
	rng := rand.New(rand.NewPCG(8, 2))
	var reqs []backends.Request
	for range 40 {
		reqs = append(reqs, randomRequest(rng))
	}
	want := askShuffled(t, openLadder(t, "s2", Options{}), reqs, 64, rng)
	got := askShuffled(t, openLadder(t, "s2", Options{Device: dev, Compute: "f32"}), reqs, 64, rng)
	near(t, got, want, 1e-4)
	texts := 0
	for i, r := range got {
		if reqs[i].Kind == backends.Generate {
			texts++
			if r.Text != want[i].Text || r.Stop != want[i].Stop {
				t.Errorf("request %d (temperature %g): %q, want %q", i, reqs[i].Sampling.Temperature, r.Text, want[i].Text)
			}
		}
	}
	if texts < 5 {
		t.Errorf("%d texts were compared", texts)
	}
}

// TestDeviceInfo holds that what decides a device's numbers is in Info.
func TestDeviceInfo(t *testing.T) {
	b := openLadder(t, "s0", Options{Device: testDevice(t)})
	defer func() { _ = b.Close() }()
	d := b.Info().Details
	for _, name := range []string{"compute", "device", "driver", "engine", "products"} {
		if d[name] == "" {
			t.Errorf("Info has no %s: %v", name, d)
		}
	}
	if d["compute"] != "f16" {
		t.Errorf("a checkpoint in f16 is computed in %s", d["compute"])
	}
	if _, err := b.Do(context.Background(), backends.Request{Kind: backends.Generate, Prompt: "a"}); err != nil {
		t.Error(err)
	}
	t.Log(d)
}
