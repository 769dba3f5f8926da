//go:build cuda

package local

import (
	"cmp"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"testing"
	"time"

	concpool "github.com/sourcegraph/conc/pool"

	"github.com/onset-eval/onset/backends"
)

// TestDeviceMixedLoad asks all kinds of requests at once for as long as ONSET_TEST_LOAD says (10m), or two seconds: answers
// stay what they were, and the device's free memory is at the end what it was when all had been asked once.
func TestDeviceMixedLoad(t *testing.T) {
	long, err := time.ParseDuration(cmp.Or(os.Getenv("ONSET_TEST_LOAD"), "2s"))
	if err != nil {
		t.Fatal(err)
	}
	dev := testDevice(t)
	rng := rand.New(rand.NewPCG(6, 6))
	reqs := make([]backends.Request, 40)
	for i := range reqs {
		reqs[i] = randomRequest(rng)
	}
	b := openLadder(t, "s1", Options{Device: dev, CacheBytes: 1 << 20})
	ask := func() []backends.Response {
		out := make([]backends.Response, len(reqs))
		group := concpool.New().WithErrors()
		for _, i := range rng.Perm(len(reqs)) {
			group.Go(func() (err error) {
				out[i], err = b.Do(context.Background(), reqs[i])
				out[i].Latency = 0
				return err
			})
		}
		if err := group.Wait(); err != nil {
			t.Fatal(err)
		}
		return out
	}
	want := ask()
	before, _, err := dev.Memory()
	if err != nil {
		t.Fatal(err)
	}
	rounds := 0
	for end := time.Now().Add(long); time.Now().Before(end); rounds++ {
		if got := ask(); !reflect.DeepEqual(got, want) {
			t.Fatalf("round %d: other answers", rounds)
		}
	}
	after, _, err := dev.Memory()
	// Rooms for a step's numbers may grow by a piece or two with the order of the requests.
	if most := int64(1 << 22); err != nil || before-after > most {
		t.Errorf("after %d rounds %d bytes are free, and %d before: %v", rounds, after, before, err)
	}
	if err := b.Close(); err != nil {
		t.Error(err)
	}
	t.Logf("%d rounds", rounds)
}

// BenchmarkDeviceFiveShotSuite scores five-shot questions of four choices on random checkpoints of the shapes that
// ONSET_BENCH_SHAPE names (pythia-1.4b, llama-2-7b), in bf16, with cuBLASLt where there is one and with the engine's own
// products: what testdata/bench/fiveshot.py measures lm-evaluation-harness on. The checkpoints are kept in ONSET_BENCH_DIR.
func BenchmarkDeviceFiveShotSuite(b *testing.B) {
	dev := testDevice(b)
	if dev.Info().Emulated {
		b.Skip("the emulator's speed says nothing")
	}
	shape := cmp.Or(os.Getenv("ONSET_BENCH_SHAPE"), "pythia-1.4b")
	dir, suite := benchCheckpoint(b, shape, "BF16"), fiveShotSuite(200)
	if root := os.Getenv("ONSET_BENCH_DIR"); root != "" {
		if err := writeSuite(filepath.Join(root, "fiveshot.jsonl"), suite); err != nil {
			b.Fatal(err)
		}
	}
	for _, own := range []bool{false, true} {
		b.Run(fmt.Sprintf("%s/own=%v", shape, own), func(b *testing.B) {
			var unique, total int64
			var seconds float64
			for b.Loop() {
				m, err := Open(context.Background(), dir, Options{Device: dev, OwnProducts: own})
				if err != nil {
					b.Fatal(err)
				}
				start := time.Now()
				_, fed := askQuestions(b, m, suite)
				seconds += time.Since(start).Seconds()
				total += fed
				unique += m.scheds[0].tree.computed
				b.Log(m.Info().Details["products"])
				if err := m.Close(); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(unique)/seconds, "unique-tokens/s")
			b.ReportMetric(float64(total)/seconds, "total-tokens/s")
			b.ReportMetric(float64(len(suite)*b.N)/seconds, "samples/s")
		})
	}
}

// BenchmarkDeviceSpeed measures prefill and decoding of the shape that ONSET_BENCH_SHAPE names, as onset model bench does.
func BenchmarkDeviceSpeed(b *testing.B) {
	dev := testDevice(b)
	if dev.Info().Emulated {
		b.Skip("the emulator's speed says nothing")
	}
	dir := benchCheckpoint(b, cmp.Or(os.Getenv("ONSET_BENCH_SHAPE"), "pythia-1.4b"), "BF16")
	for _, o := range []Options{{}, {NoGraphs: true}, {OwnProducts: true}} {
		b.Run(fmt.Sprintf("graphs=%v/own=%v", !o.NoGraphs, o.OwnProducts), func(b *testing.B) {
			o.Device = dev
			for b.Loop() {
				s, err := Measure(context.Background(), dir, o, SpeedOptions{Texts: 256})
				if err != nil {
					b.Fatal(err)
				}
				b.ReportMetric(s.PrefillTokens, "prefill-tok/s")
				b.ReportMetric(s.PrefillFLOPs/1e12, "prefill-TFLOP/s")
				b.ReportMetric(s.DecodeTokens, "decode-tok/s")
				b.ReportMetric(s.DecodeManyTokens, "decode-256-tok/s")
			}
		})
	}
}
