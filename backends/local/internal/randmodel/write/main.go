// Command write writes checkpoints with random weights of the shapes of real models, for benchmarks and for comparing with
// other engines:
//
//	go run ./backends/local/internal/randmodel/write -o DIR -dtype F32 pythia-160m qwen2.5-0.5b
//
// A checkpoint lies in DIR/NAME-DTYPE, with the type in lower case; one that is there is left as it is.
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
	flag.Parse()
	if *out == "" {
		return fmt.Errorf("name a folder with -o")
	}
	names := flag.Args()
	if len(names) == 0 {
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
		if err := m.Write(dir, randmodel.Options{DType: *dtype, Seed: *seed}); err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(dir, "complete"), nil, 0o644); err != nil {
			return err
		}
		fmt.Println(dir)
	}
	return nil
}
