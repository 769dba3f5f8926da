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

// BenchmarkEncode encodes a text of 1.9 MB (code) and one of 0.35 MB (hard), one line at a time. MB/s, the best of four
// runs on one of two cores that others used too (Go 1.26.8; tokenizers 0.23.3 on one thread, in the same hour); large
// has the form of Llama 3 and 60,000 tokens. As the texts are repeated, both find most words in their caches.
//
//	          gpt2 llama3 o200k llama2 mistral   t5 bert large
//	code       18.0   18.6   5.3   10.0    10.6  6.4  8.3  24.9
//	reference   1.7    1.5   1.7    2.5     2.5  1.4  1.1   1.8
//	hard       14.5   12.3   6.1   15.1    16.0 12.0  5.1  10.6
//	reference   1.5    1.5   1.7    2.0     1.8  1.7  1.6   1.5
//
// The code as one text: gpt2 7.5 against 0.9, llama2 4.0 against 1.0, bert 4.8 against 0.7, t5 3.7 against 2.0, large
// 12.1 against 2.4, with the machine busier than above.
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
