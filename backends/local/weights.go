package local

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/onset-eval/onset/backends/local/internal/kernels"
	"github.com/onset-eval/onset/backends/local/internal/mapfile"
	"github.com/onset-eval/onset/backends/local/internal/safetensors"
)

// checkpoint is a checkpoint's tensors, and what a model that is built of them takes.
type checkpoint struct {
	tensors map[string]safetensors.Tensor
	files   []weightFile
	bytes   int64 // of the files
	store   store
	as      *kernels.DType // of every matrix; nil for its own

	made        map[string]kernels.Weight // by their recipes' names
	used        map[string]int64          // elements of the tensors that were asked for
	embedding   map[string]bool           // those that are no weights of layers
	multiplied  map[string]int64          // packed bytes of linear layers, by their recipes' names
	rows, width int                       // of the first table
}

// weightFile is a file of tensors.
type weightFile struct {
	name    string
	path    string // in the system; "" for a file of another kind of file system
	data    []byte
	mapping *mapfile.Mapping // nil where the file was read
}

// readCheckpoint opens model.safetensors, or the shards that its index names. Its tensors are valid until release.
func readCheckpoint(fsys fs.FS) (*checkpoint, error) {
	files, index, err := weightFiles(fsys)
	if err != nil {
		return nil, err
	}
	c := &checkpoint{tensors: make(map[string]safetensors.Tensor)}
	for _, name := range files {
		f, err := openWeightFile(fsys, name)
		if err != nil {
			return nil, errors.Join(err, c.release())
		}
		c.files = append(c.files, f)
		c.bytes += int64(len(f.data))
		if err := c.add(name, f.data, index); err != nil {
			return nil, errors.Join(err, c.release())
		}
	}
	return c, nil
}

// restart lets a model be built, or built anew, with its packed weights in a store; that of a new checkpoint is memory.
func (c *checkpoint) restart(s store) {
	c.store = s
	c.made, c.used, c.embedding = make(map[string]kernels.Weight), make(map[string]int64), make(map[string]bool)
	c.multiplied = make(map[string]int64)
	c.rows, c.width = 0, 0
}

func (c *checkpoint) release() error {
	var errs []error
	for _, f := range c.files {
		errs = append(errs, f.mapping.Close())
	}
	c.tensors, c.files = nil, nil
	return errors.Join(errs...)
}

// drop lets the system take back the pages of a tensor that was packed.
func (c *checkpoint) drop(name string) {
	data := c.tensors[name].Data
	for _, f := range c.files {
		if f.mapping != nil && within(f.data, data) {
			f.mapping.Drop(data)
		}
	}
}

// openWeightFile maps a file of the system, and reads one of another kind.
func openWeightFile(fsys fs.FS, name string) (weightFile, error) {
	file, err := fsys.Open(name)
	if err != nil {
		return weightFile{}, err
	}
	defer func() { _ = file.Close() }() // what was read or mapped stays
	f, ok := file.(*os.File)
	if !ok {
		data, err := io.ReadAll(file)
		return weightFile{name: name, data: data}, err
	}
	m, err := mapfile.Map(f)
	if err != nil {
		return weightFile{}, err
	}
	path, err := filepath.Abs(f.Name())
	if err != nil {
		path = f.Name()
	}
	return weightFile{name: name, path: path, data: m.Data, mapping: m}, nil
}

// sum hashes the files, in name order, one behind the other: "sha256:" and hexadecimal digits.
func (c *checkpoint) sum() string {
	h := sha256.New()
	for _, f := range c.files {
		h.Write(f.data)
	}
	return "sha256:" + hex.EncodeToString(h.Sum(nil))
}

// paths lists the files in the system; it is nil where one is elsewhere.
func (c *checkpoint) paths() []string {
	var all []string
	for _, f := range c.files {
		if f.path == "" {
			return nil
		}
		all = append(all, f.path)
	}
	return all
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
	}
	return nil
}

// weightFiles lists a checkpoint's safetensors files in name order, with the index where there is one.
func weightFiles(fsys fs.FS) ([]string, *safetensors.Index, error) {
	const single, index = "model.safetensors", "model.safetensors.index.json"
	if _, err := fs.Stat(fsys, single); err == nil {
		return []string{single}, nil, nil
	}
	data, err := readBounded(fsys, index, safetensors.MaxIndex)
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
	for _, kind := range []string{"*.bin", "*.pt", "*.pth", "*.ckpt", "*.gguf"} {
		found, _ := fs.Glob(fsys, kind) // its one error is of a bad pattern
		switch {
		case len(found) == 0:
		case kind == "*.gguf":
			return &hintError{
				fmt.Errorf("%s is a GGUF file, and there is no model.safetensors", found[0]),
				"name the folder of the checkpoint that it was made of, or serve it with llama-server and use that",
			}
		default:
			return &hintError{
				fmt.Errorf("%s is a PyTorch pickle, which can run any code when read, and there is no model.safetensors", found[0]),
				`convert it once, where you trust it: python -c "import sys, transformers as t; t.AutoModelForCausalLM.from_pretrained(sys.argv[1]).save_pretrained(sys.argv[1])" DIR`,
			}
		}
	}
	return &hintError{
		&fs.PathError{Op: "open", Path: "model.safetensors", Err: fs.ErrNotExist},
		"name the folder of a Hugging Face checkpoint: config.json, tokenizer.json and model.safetensors",
	}
}

// within reports whether part is a part of the memory of all.
func within(all, part []byte) bool {
	if len(all) == 0 || len(part) == 0 {
		return false
	}
	lo, at := addr(all), addr(part)
	return at >= lo && at < lo+uintptr(len(all))
}
