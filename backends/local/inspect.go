package local

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/onset-eval/onset/backends/local/internal/memory"
	"github.com/onset-eval/onset/backends/local/internal/packcache"
)

// Inspection is what a checkpoint says of itself, without its weights having been loaded.
type Inspection struct {
	Path         string `json:"path"`
	Architecture string `json:"architecture"`
	// Params counts the parameters, embeddings and head included, each shared tensor once; ParamsNonEmbedding those in
	// neither.
	Params             int64 `json:"params"`
	ParamsNonEmbedding int64 `json:"params_non_embedding"`
	// DTypes counts the parameters of each type of the weights.
	DTypes map[string]int64 `json:"dtypes"`
	Files  []string         `json:"files"`
	// Bytes is the files' size.
	Bytes  int64 `json:"bytes"`
	Layers int   `json:"layers"`
	Width  int   `json:"width"`
	// Heads is the number of attention heads, KVHeads of those for keys and values.
	Heads   int `json:"heads"`
	KVHeads int `json:"kv_heads"`
	Vocab   int `json:"vocab"`
	// Context is the most tokens of prompt and continuation together.
	Context int    `json:"context_length"`
	Memory  Memory `json:"memory"`
	// Available is what the system has left, 0 where it is not known.
	Available int64 `json:"memory_available,omitempty"`
	// WeightsHash is of the weight files; HashRead is true where they had to be read in full for it.
	WeightsHash string `json:"weights_hash,omitempty"`
	HashRead    bool   `json:"hash_read"`
	// Packed says where the packed weights lie, or will when the model is opened.
	Packed    string `json:"packed"`
	Tokenizer string `json:"tokenizer"`
	Tokens    int    `json:"tokens"`
	// ChatTemplate is the Jinja template for turns, "" for none.
	ChatTemplate string `json:"chat_template,omitempty"`
}

// Inspect tells what there is in the folder of a checkpoint. It checks that a model can be built of it, reads no weights
// but for their hash where that is not known, and writes no file but the cache's.
func Inspect(ctx context.Context, dir string, o Options) (Inspection, error) {
	in, err := inspect(ctx, os.DirFS(dir), o)
	in.Path = dir
	if err != nil {
		return in, fmt.Errorf("inspect checkpoint %s: %w", dir, err)
	}
	return in, nil
}

// Count counts the parameters of the checkpoint in a folder, all and those outside of embeddings and head, by the headers
// of its files.
func Count(dir string) (all, nonEmbedding int64, err error) {
	p, err := prepare(os.DirFS(dir), Options{})
	if err != nil {
		return 0, 0, fmt.Errorf("count parameters of %s: %w", dir, err)
	}
	defer func() { err = errors.Join(err, p.release()) }()
	all, nonEmbedding = p.params()
	return all, nonEmbedding, nil
}

// prepare gets a checkpoint ready to be opened: all but its weights are read, and what it needs is counted.
func prepare(fsys fs.FS, o Options) (*opening, error) {
	if err := refuseQuantized(fsys); err != nil {
		return nil, err
	}
	s, err := readSpec(fsys)
	if err != nil {
		return nil, err
	}
	c, err := readCheckpoint(fsys)
	if err != nil {
		return nil, err
	}
	c.as = o.held()
	p := &opening{checkpoint: c, build: func(from source) (*model, error) { return loadModel(s, from) }, o: o}
	if p.need, err = p.needs(); err != nil {
		return nil, errors.Join(err, c.release())
	}
	return p, nil
}

func inspect(ctx context.Context, fsys fs.FS, o Options) (in Inspection, err error) {
	p, err := prepare(fsys, o)
	if err != nil {
		return in, err
	}
	defer func() { err = errors.Join(err, p.release()) }()
	s := p.planned
	tok, err := readTokenizer(fsys, s)
	if err != nil {
		return in, err
	}
	turns, err := readChat(fsys)
	if err != nil {
		return in, err
	}
	in = Inspection{
		Architecture: s.architecture, DTypes: make(map[string]int64), Bytes: p.bytes, Layers: s.layers, Width: s.width,
		Heads: s.heads, KVHeads: s.kvHeads, Vocab: s.vocab, Context: s.context, Memory: p.need,
		Tokenizer: tok.Kind(), Tokens: tok.Size(), ChatTemplate: turns.template,
	}
	in.Params, in.ParamsNonEmbedding = p.params()
	for name, n := range p.used {
		in.DTypes[strings.ToLower(string(p.tensors[name].DType))] += n
	}
	for _, f := range p.files {
		in.Files = append(in.Files, f.name)
	}
	if a, known := memory.Now(); known {
		in.Available = a.Bytes
	}
	in.WeightsHash, in.Packed = p.find(ctx)
	in.HashRead = p.hashed
	return in, ctx.Err()
}

// find gives the weights' hash and says where the packed form is, or will be.
func (p *opening) find(ctx context.Context) (hash, packed string) {
	if why := p.noCache(); why != "" {
		return p.hash(), "in memory, when it is opened: " + why
	}
	dir, read := packcache.Dir(p.o.CacheDir), time.Now()
	files, err := packcache.IdentifyAll(p.paths())
	if err != nil {
		return p.hash(), "in memory, when it is opened: " + err.Error()
	}
	hash, known := dir.Hash(files)
	if !known {
		hash = p.hash()
		_ = dir.RememberHash(files, hash, read) // else the next one reads again
	}
	file, err := dir.Open(ctx, hash, p.o.layout())
	if err != nil {
		return hash, "to be packed into " + filepath.Join(p.o.CacheDir, "packed") + " when it is opened"
	}
	packed = memory.Text(file.Bytes()) + " in " + file.Path()
	_ = file.Close() // it was only looked at
	return hash, packed
}

// PackedFile is a packed form of weights that lies in a cache folder.
type PackedFile = packcache.Packed

// Packed lists the packed weights in a cache folder, those used longest ago first.
func Packed(cacheDir string) ([]PackedFile, error) {
	if cacheDir == "" {
		return nil, nil
	}
	return packcache.Dir(cacheDir).List()
}

// Prune deletes the packed weights in a cache folder that were last used before a time, and gives those that it deleted.
func Prune(cacheDir string, before time.Time) ([]PackedFile, error) {
	if cacheDir == "" {
		return nil, nil
	}
	return packcache.Dir(cacheDir).Prune(before)
}
