package local

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	concpool "github.com/sourcegraph/conc/pool"

	"github.com/onset-eval/onset/backends"
	"github.com/onset-eval/onset/backends/local/internal/randmodel"
)

// benchCheckpoint gives the folder of a random checkpoint of a shape: in the folder that ONSET_BENCH_DIR names, where it
// stays for other programs to be measured on it, or in one that is removed.
func benchCheckpoint(b *testing.B, shape, dtype string) string {
	b.Helper()
	root := os.Getenv("ONSET_BENCH_DIR")
	if root == "" {
		root = b.TempDir()
	}
	dir := filepath.Join(root, shape+"-"+strings.ToLower(dtype))
	if _, err := os.Stat(filepath.Join(dir, "model.safetensors")); err == nil {
		return dir
	}
	m, err := randmodel.Named(shape)
	if err == nil {
		err = m.Write(dir, randmodel.Options{DType: dtype})
	}
	if err != nil {
		b.Fatal(err)
	}
	return dir
}

// BenchmarkFiveShotSuite scores five-shot questions of four choices on a random checkpoint of Pythia-160M's shape, all in
// flight together and nothing kept from before. unique tokens are those that are computed, total tokens those of all
// texts, each fed alone. testdata/bench/fiveshot.py measures lm-evaluation-harness on the same checkpoint and requests,
// which ONSET_BENCH_DIR keeps; ONSET_BENCH_QUESTIONS is the number of questions a task.
func BenchmarkFiveShotSuite(b *testing.B) {
	dir := benchCheckpoint(b, "pythia-160m", "F32")
	n := 16
	if s := os.Getenv("ONSET_BENCH_QUESTIONS"); s != "" {
		var err error
		if n, err = strconv.Atoi(s); err != nil || n < 1 {
			b.Fatalf("ONSET_BENCH_QUESTIONS is %q", s)
		}
	}
	suite := randmodel.FiveShot(n)
	if root := os.Getenv("ONSET_BENCH_DIR"); root != "" {
		if err := randmodel.WriteQuestions(filepath.Join(root, "fiveshot.jsonl"), suite); err != nil {
			b.Fatal(err)
		}
	}
	for _, task := range []string{"letters", "texts", "own", ""} {
		var some []randmodel.Question
		for _, q := range suite {
			if task == "" || q.Task == task {
				some = append(some, q)
			}
		}
		b.Run(cmp.Or(task, "all"), func(b *testing.B) {
			sums := benchQuestions(b, dir, some)
			if root := os.Getenv("ONSET_BENCH_DIR"); root != "" && task == "" {
				data, err := json.Marshal(sums)
				if err == nil {
					err = os.WriteFile(filepath.Join(root, "fiveshot-onset.json"), data, 0o600)
				}
				if err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// benchQuestions gives the log-probabilities of the choices.
func benchQuestions(b *testing.B, dir string, suite []randmodel.Question) (sums [][]float64) {
	var unique, total int64
	var seconds float64
	for b.Loop() {
		b.StopTimer()
		m, err := Open(context.Background(), dir, Options{})
		if err != nil {
			b.Fatal(err)
		}
		b.StartTimer()
		start := time.Now()
		var fed int64
		sums, fed = askQuestions(b, m, suite)
		total += fed
		seconds += time.Since(start).Seconds()
		b.StopTimer()
		if err := m.Close(); err != nil {
			b.Fatal(err)
		}
		for _, s := range m.scheds {
			unique += s.tree.computed
		}
		b.StartTimer()
	}
	b.ReportMetric(float64(len(suite)*b.N)/seconds, "samples/s")
	b.ReportMetric(float64(unique)/seconds, "unique-tokens/s")
	b.ReportMetric(float64(total)/seconds, "total-tokens/s")
	b.ReportMetric(0, "ns/op")
	return sums
}

// askQuestions gives the log-probabilities of the choices, and the number of tokens that would be fed if each text were
// alone.
func askQuestions(b *testing.B, m *Backend, suite []randmodel.Question) (sums [][]float64, total int64) {
	sums = make([][]float64, len(suite))
	fed := make([]int, len(suite))
	group := concpool.New().WithErrors().WithMaxGoroutines(m.Info().Parallel)
	for i, q := range suite {
		group.Go(func() error {
			resp, err := m.Do(context.Background(), backends.Request{Kind: backends.LogLikelihood, Prompt: q.Prompt, Continuations: q.Choices})
			for _, p := range resp.LogProbs {
				sums[i] = append(sums[i], p.Sum)
			}
			fed[i] = resp.Usage.PromptTokens - len(q.Choices)
			return err
		})
	}
	if err := group.Wait(); err != nil {
		b.Fatal(err)
	}
	for _, n := range fed {
		total += int64(n)
	}
	return sums, total
}

// BenchmarkThreads generates and scores with the largest embedded model, each thread having texts of its own or all
// sharing each kernel, which smallModel decides between.
func BenchmarkThreads(b *testing.B) {
	for _, c := range []struct {
		name  string
		apart int
	}{{"apart", 1}, {"shared", -1}} {
		for _, kind := range []backends.Kind{backends.Generate, backends.LogLikelihoodRolling} {
			b.Run(fmt.Sprintf("%s/%s", kind, c.name), func(b *testing.B) {
				m := openLadder(b, "s7", Options{apart: c.apart, NoPrefixCache: true})
				defer func() { _ = m.Close() }()
				tokens := 0
				for b.Loop() {
					group := concpool.New().WithErrors()
					for i := range 128 {
						r := backends.Request{Kind: kind, Prompt: fmt.Sprintf("%03d abcd efg abcd efg abcd efg abcd efg", i), Sampling: backends.Sampling{
							MaxTokens: 32, Temperature: 20, Seed: 1,
						}}
						group.Go(func() error {
							_, err := m.Do(context.Background(), r)
							return err
						})
					}
					if err := group.Wait(); err != nil {
						b.Fatal(err)
					}
					tokens += 128
				}
				b.ReportMetric(float64(tokens)/b.Elapsed().Seconds(), "samples/s")
			})
		}
	}
}
