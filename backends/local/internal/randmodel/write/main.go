// Command write writes checkpoints with random weights of the shapes of real models, for benchmarks and for comparing with
// other engines:
//
//	go run ./backends/local/internal/randmodel/write -o DIR -dtype F32 pythia-160m qwen2.5-0.5b
//
// A checkpoint lies in DIR/NAME-DTYPE, with the type in lower case; one that is there is left as it is. With -questions N or
// -texts N it writes into DIR what there is to score: N five-shot questions for each of three tasks (fiveshot.jsonl), or N
// texts with nothing in common (apart.jsonl).
package main

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/onset-eval/onset/backends/local/internal/randmodel"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run() error {
	out := flag.String("o", "", "folder to write into")
	dtype := flag.String("dtype", "F32", "type of the weights: F32, BF16 or F16")
	seed := flag.Uint64("seed", 1, "seed of the weights")
	shards := flag.Int("shards", 0, "files of a checkpoint; 0 is one for each 5 GB")
	questions := flag.Int("questions", 0, "five-shot questions of each task to write")
	texts := flag.Int("texts", 0, "texts with nothing in common to write")
	words := flag.Int("words", 200, "words of such a text at most")
	flag.Parse()
	if *out == "" {
		return fmt.Errorf("name a folder with -o")
	}
	if err := os.MkdirAll(*out, 0o755); err != nil {
		return err
	}
	if *questions > 0 {
		if err := randmodel.WriteQuestions(filepath.Join(*out, "fiveshot.jsonl"), randmodel.FiveShot(*questions)); err != nil {
			return err
		}
	}
	if *texts > 0 {
		if err := randmodel.WriteQuestions(filepath.Join(*out, "apart.jsonl"), randmodel.Apart(*texts, *words)); err != nil {
			return err
		}
	}
	names := flag.Args()
	if len(names) == 0 && *questions+*texts == 0 {
		names = randmodel.Names()
	}
	for _, name := range names {
		m, err := randmodel.Named(name)
		if err != nil {
			return err
		}
		dir := filepath.Join(*out, name+"-"+strings.ToLower(*dtype))
		if _, err := os.Stat(filepath.Join(dir, "complete")); err == nil {
			continue
		}
		if err := m.Write(dir, randmodel.Options{DType: *dtype, Seed: *seed, Shards: *shards}); err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(dir, "complete"), nil, 0o644); err != nil {
			return err
		}
		fmt.Println(dir)
	}
	return nil
}
