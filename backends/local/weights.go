package local

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"slices"

	"github.com/onset-eval/onset/backends/local/internal/kernels"
	"github.com/onset-eval/onset/backends/local/internal/safetensors"
)

// checkpoint is a checkpoint's tensors and what identifies them.
type checkpoint struct {
	tensors map[string]safetensors.Tensor
	hash    string // "sha256:" and hex over the weight files in name order
	params  int64  // elements of all tensors
	release func() error
}

// readCheckpoint opens model.safetensors, or the shards that its index names.
func readCheckpoint(fsys fs.FS) (*checkpoint, error) {
	files, index, err := weightFiles(fsys)
	if err != nil {
		return nil, err
	}
	c := &checkpoint{tensors: make(map[string]safetensors.Tensor)}
	var releases []func() error
	c.release = func() error {
		var errs []error
		for _, r := range releases {
			errs = append(errs, r())
		}
		return errors.Join(errs...)
	}
	sum := sha256.New()
	for _, name := range files {
		data, release, err := mapFile(fsys, name)
		if err != nil {
			return nil, errors.Join(err, c.release())
		}
		releases = append(releases, release)
		sum.Write(data)
		if err := c.add(name, data, index); err != nil {
			return nil, errors.Join(err, c.release())
		}
	}
	c.hash = "sha256:" + hex.EncodeToString(sum.Sum(nil))
	return c, nil
}

// add adds a shard's tensors; index is nil where there is one file alone.
func (c *checkpoint) add(name string, data []byte, index *safetensors.Index) error {
	tensors, err := safetensors.Parse(name, data)
	if err == nil && index != nil {
		err = index.Check(name, tensors)
	}
	if err != nil {
		return err
	}
	for key, t := range tensors {
		if _, twice := c.tensors[key]; twice {
			return fmt.Errorf("%s: tensor %q stands in another shard too", name, key)
		}
		c.tensors[key] = t
		c.params += int64(t.Len())
	}
	return nil
}

// weightFiles lists a checkpoint's safetensors files in name order, with the index where there is one.
func weightFiles(fsys fs.FS) ([]string, *safetensors.Index, error) {
	const single, index = "model.safetensors", "model.safetensors.index.json"
	if _, err := fs.Stat(fsys, single); err == nil {
		return []string{single}, nil, nil
	}
	data, err := fs.ReadFile(fsys, index)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil, noWeights(fsys)
	}
	if err != nil {
		return nil, nil, err
	}
	x, err := safetensors.ParseIndex(index, data)
	if err != nil {
		return nil, nil, err
	}
	return x.Files(), x, nil
}

// noWeights says why a folder without safetensors cannot be run.
func noWeights(fsys fs.FS) error {
	var pickles []string
	for _, kind := range []string{"*.bin", "*.pt", "*.pth", "*.ckpt"} {
		found, _ := fs.Glob(fsys, kind) // its one error is of a bad pattern
		pickles = append(pickles, found...)
	}
	if len(pickles) > 0 {
		return &hintError{
			fmt.Errorf("%s is a PyTorch pickle, which can run any code when read, and there is no model.safetensors", pickles[0]),
			`convert it once, where you trust it: python -c "import sys, transformers as t; t.AutoModelForCausalLM.from_pretrained(sys.argv[1]).save_pretrained(sys.argv[1])" DIR`,
		}
	}
	return &hintError{
		&fs.PathError{Op: "open", Path: "model.safetensors", Err: fs.ErrNotExist},
		"name the folder of a Hugging Face checkpoint: config.json, tokenizer.json and model.safetensors",
	}
}

// tensor gives a tensor as float32, of the shape that the config asks for.
func (c *checkpoint) tensor(name string, shape ...int) ([]float32, error) {
	t, ok := c.tensors[name]
	if !ok {
		return nil, fmt.Errorf("the checkpoint has no tensor %q, which its config.json asks for", name)
	}
	if !slices.Equal(t.Shape, shape) {
		return nil, fmt.Errorf("tensor %q has the shape %v, and config.json asks for %v", name, t.Shape, shape)
	}
	return t.Float32s()
}

// packed reads matrices with k columns and packs them one below the other.
func (c *checkpoint) packed(k int, parts ...matrix) (kernels.Weight, error) {
	var all []float32
	rows := 0
	for _, p := range parts {
		data, err := c.tensor(p.name, p.rows, k)
		if err != nil {
			return kernels.Weight{}, err
		}
		all = append(all, data...)
		rows += p.rows
	}
	return kernels.Pack(rows, k, all), nil
}

// matrix names a tensor and how many rows it must have.
type matrix struct {
	name string
	rows int
}
