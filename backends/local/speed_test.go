package local

import (
	"context"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/onset-eval/onset/backends/local/internal/peak"
	"github.com/onset-eval/onset/backends/local/internal/randmodel"
)

func TestMeasure(t *testing.T) {
	size := tinySize
	size.Width, size.Context = 48, 512
	dir := writeTiny(t, size, randmodel.Options{DType: "BF16"})
	for _, threads := range []int{1, 2} {
		s, err := Measure(context.Background(), dir, Options{Threads: threads}, SpeedOptions{Prompt: 100, Decode: 10, Repeat: 1, Texts: 3})
		if err != nil {
			t.Fatal(err)
		}
		if s.Threads != threads || s.PrefillTokens <= 0 || s.DecodeTokens <= 0 || s.DecodeManyTokens <= 0 || s.PeakBytes <= 0 || s.PrefillShare < 0 || s.PrefillShare > 1 {
			t.Errorf("%d threads: %+v", threads, s)
		}
		if s.Kernels != "generic" && s.PeakFLOPs <= 0 {
			t.Errorf("%d threads: no peak for %s", threads, s.Kernels)
		}
	}
	if _, err := Measure(context.Background(), filepath.Join(dir, "none"), Options{}, SpeedOptions{}); err == nil {
		t.Error("a folder that there is not is measured")
	}
}

func TestText(t *testing.T) {
	b, err := Open(context.Background(), writeTiny(t, tinySize, randmodel.Options{}), Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = b.Close() }()
	for _, n := range []int{1, 10, 300} {
		text := b.text(n, n)
		if got := len(b.encode(text)); got < n || got > 2*n+8 {
			t.Errorf("%d tokens, want about %d: %q", got, n, text)
		}
	}
}

func TestInspect(t *testing.T) {
	dir := writeTiny(t, tinySize, randmodel.Options{DType: "BF16", Shards: 2, DTypes: map[string]string{"model.norm.weight": "F32"}})
	_, _, info := scores(t, dir, Options{})
	cache := t.TempDir()
	for i, want := range []string{"to be packed into", "mapped"} {
		in, err := Inspect(context.Background(), dir, Options{CacheDir: cache, smallest: 1})
		if err != nil {
			t.Fatal(err)
		}
		if i == 0 && !strings.Contains(in.Packed, want) || i == 1 && !strings.Contains(in.Packed, cache) {
			t.Errorf("look %d: %s", i, in.Packed)
		}
		if in.WeightsHash != info.WeightsHash || in.Params != info.Params || in.ParamsNonEmbedding != info.ParamsNonEmbedding || in.Context != info.ContextLength {
			t.Errorf("look %d: %+v, want as in %+v", i, in, info)
		}
		if in.DTypes["f32"] != 36 || in.DTypes["bf16"] != info.Params-36 || len(in.Files) != 2 || in.Tokenizer != "byte-level BPE" || in.Tokens != 300 {
			t.Errorf("look %d: %+v", i, in)
		}
		if in.Memory.Total != in.Memory.Weights+in.Memory.KV+in.Memory.Activations || in.Memory.Weights < 2*in.Params || in.Memory.Read >= in.Memory.Weights {
			t.Errorf("look %d: memory %+v", i, in.Memory)
		}
		scores(t, dir, Options{CacheDir: cache, smallest: 1})
	}
	all, nonEmbedding, err := Count(dir)
	if err != nil || all != info.Params || nonEmbedding != info.ParamsNonEmbedding {
		t.Errorf("counted %d and %d, %v", all, nonEmbedding, err)
	}
}

// benchModel gives the folder of a random checkpoint of a real model's shape: below ONSET_BENCH_MODELS where that is set, so
// that it is written once.
func benchModel(b *testing.B, shape, dtype string) string {
	b.Helper()
	if testing.Short() {
		b.Skip("writes a checkpoint of a gigabyte")
	}
	dir := os.Getenv("ONSET_BENCH_MODELS")
	if dir == "" {
		dir = b.TempDir()
	}
	dir = filepath.Join(dir, shape+"-"+strings.ToLower(dtype))
	if _, err := os.Stat(filepath.Join(dir, "tokenizer_config.json")); err == nil {
		return dir
	}
	m, err := randmodel.Named(shape)
	if err == nil {
		err = m.Write(dir, randmodel.Options{DType: dtype, Seed: 1})
	}
	if err != nil {
		b.Fatal(err)
	}
	return dir
}

// benchSpeed runs a benchmark for every shape and type, on one thread and on all.
func benchSpeed(b *testing.B, run func(b *testing.B, m *Backend, threads int)) {
	for _, c := range []struct{ shape, dtype string }{
		{"pythia-160m", "F32"}, {"pythia-160m", "BF16"}, {"qwen2.5-0.5b", "F32"}, {"qwen2.5-0.5b", "BF16"}, {"llama-160m", "F32"}, {"llama-160m", "BF16"},
	} {
		b.Run(c.shape+"-"+strings.ToLower(c.dtype), func(b *testing.B) {
			dir := benchModel(b, c.shape, c.dtype)
			threads := []int{1}
			if n := runtime.GOMAXPROCS(0); n > 1 {
				threads = append(threads, n)
			}
			for _, n := range threads {
				b.Run(map[bool]string{true: "threads=1", false: "threads=all"}[n == 1], func(b *testing.B) {
					m, err := Open(context.Background(), dir, Options{Threads: n, NoPrefixCache: true})
					if err != nil {
						b.Skip(err) // an architecture that is not supported
					}
					defer func() { _ = m.Close() }()
					run(b, m, n)
				})
			}
		})
	}
}

// BenchmarkPrefill processes prompts of 512 tokens, one a thread. It reports tokens a second and the share of the
// multiply-add peak that was measured just before.
func BenchmarkPrefill(b *testing.B) {
	benchSpeed(b, func(b *testing.B, m *Backend, threads int) {
		so := SpeedOptions{}.orDefault(m.model.context)
		top, best := peak.FMA(m.kernels.Name(), threads, nil), 0.0
		for b.Loop() {
			rate, err := m.prefill(context.Background(), threads, so)
			if err != nil {
				b.Fatal(err)
			}
			best = max(best, rate)
		}
		b.ReportMetric(best, "best-tok/s")
		b.ReportMetric(100*share(best*2*float64(m.weights.nonEmbedding), max(top, peak.FMA(m.kernels.Name(), threads, nil))), "%peak")
	})
}

// BenchmarkDecode generates 32 tokens of one text. It reports tokens a second and, as the median, the share of the memory's
// bandwidth, measured just before and after each, that reading the weights takes.
func BenchmarkDecode(b *testing.B) {
	benchSpeed(b, func(b *testing.B, m *Backend, threads int) {
		so := SpeedOptions{Decode: 32, Prompt: 64}.orDefault(m.model.context)
		best := 0.0
		var shares []float64
		for b.Loop() {
			rate, read, err := m.decodeBeside(context.Background(), threads, so, nil)
			if err != nil {
				b.Fatal(err)
			}
			best = max(best, rate)
			shares = append(shares, share(rate*m.decodeBytes(so), read))
		}
		slices.Sort(shares)
		b.ReportMetric(best, "best-tok/s")
		b.ReportMetric(100*shares[len(shares)/2], "%bandwidth")
	})
}
