package tokenizer_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/onset-eval/onset/backends/local/internal/tokenizer"
)

// benchTexts are the texts of the benchmarks, which testdata/bench.py makes too: source code with comments, of which
// most words come again, and the hard strings, of which few do.
func benchTexts(b *testing.B) map[string]string {
	b.Helper()
	root := os.Getenv("GOROOT")
	if root == "" {
		b.Skip("GOROOT is not set: the text is Go's net/http")
	}
	files, err := filepath.Glob(filepath.Join(root, "src", "net", "http", "*.go"))
	if err != nil || len(files) == 0 {
		b.Skipf("no files of net/http in GOROOT (%v)", err)
	}
	slices.Sort(files)
	var code, hard strings.Builder
	for _, name := range files {
		data, err := os.ReadFile(name)
		if err != nil {
			b.Fatal(err)
		}
		code.Write(data)
	}
	h := readHard(b)
	for i := range 5000 {
		hard.WriteString(h.text(i))
		hard.WriteByte('\n')
	}
	return map[string]string{"code": code.String(), "hard": hard.String()}
}

// BenchmarkEncode encodes texts of 1 to 2 MB, one line at a time.
//
//	GOROOT=$(go env GOROOT) go test -run - -bench Encode .
//	GOROOT=$(go env GOROOT) python testdata/bench.py
func BenchmarkEncode(b *testing.B) {
	toks := make(map[string]*tokenizer.Tokenizer)
	names := []string{"gpt2", "llama3", "o200k", "llama2", "mistral", "t5", "bert"}
	for _, name := range names {
		toks[name] = family(b, name)
	}
	// A tokenizer of a size that models have, where there is one.
	if file := os.Getenv("ONSET_BENCH_TOKENIZER"); file != "" {
		data, err := os.ReadFile(file)
		if err != nil {
			b.Fatal(err)
		}
		if toks["large"], err = tokenizer.Parse(file, data); err != nil {
			b.Fatal(err)
		}
		names = append(names, "large")
	}
	texts := benchTexts(b)
	for _, kind := range []string{"code", "hard"} {
		lines := strings.SplitAfter(texts[kind], "\n")
		for _, name := range names {
			b.Run(kind+"/"+name, func(b *testing.B) {
				b.SetBytes(int64(len(texts[kind])))
				for b.Loop() {
					for _, line := range lines {
						toks[name].Encode(line, true)
					}
				}
			})
		}
	}
}
