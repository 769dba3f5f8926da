package local

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"time"

	"github.com/onset-eval/onset/backends/local/internal/kernels"
	"github.com/onset-eval/onset/backends/local/internal/memory"
	"github.com/onset-eval/onset/backends/local/internal/packcache"
)

// packLayout names the form of packed weights: panels of kernels.PanelWidth outputs, bf16 in pairs. It changes with that
// form, and files of another layout are not opened.
const packLayout = "panels32_2"

// layout is packLayout for a checkpoint as it is stored, or another name for one held as bfloat16.
func (o Options) layout() string {
	if o.Compute == computeBF16 {
		return packLayout + "_" + computeBF16
	}
	return packLayout
}

// held is the type of all matrices in memory, nil for their own.
func (o Options) held() *kernels.DType {
	if o.Compute != computeBF16 {
		return nil
	}
	as := kernels.BF16
	return &as
}

// smallest is the size in bytes from which a checkpoint's packed form is kept on disk: smaller ones pack in the time that
// looking them up takes.
const smallest = 64 << 20

// Storage says where a model's packed weights lie, which decides no result.
type Storage struct {
	// Place is "memory", "disk", from where they are mapped, or the name of the device in whose memory they are.
	Place string `json:"place"`
	// Bytes is their size.
	Bytes int64 `json:"bytes"`
	// Path is the file on disk, "" in memory.
	Path string `json:"path,omitempty"`
	// Why says why they are not on disk, "" where they are.
	Why string `json:"why,omitempty"`
	// Made is true where this opening packed them, false where it found them.
	Made bool `json:"made"`
	// Hashed is true where this opening read the checkpoint's files in full for their hash, false where it knew it.
	Hashed bool `json:"hashed"`
}

// String says it for people.
func (s Storage) String() string {
	size := memory.Text(s.Bytes)
	switch {
	case s.Place != "disk" && s.Place != "memory":
		return fmt.Sprintf("%s on %s", size, s.Place)
	case s.Place != "disk":
		return fmt.Sprintf("%s in memory (%s)", size, s.Why)
	case s.Made:
		return fmt.Sprintf("%s, packed now into %s", size, s.Path)
	}
	return fmt.Sprintf("%s mapped from %s", size, s.Path)
}

// opened is a model with what it rests on.
type opened struct {
	model                *model
	hash                 string
	params, nonEmbedding int64
	need                 Memory
	storage              Storage
	file                 *packcache.File // nil in memory
	device               *gpuExecutor    // nil for a model that this machine's processors compute
}

// opening is one opening of a model.
type opening struct {
	*checkpoint
	build   func(source) (*model, error)
	o       Options
	need    Memory
	planned spec   // as the model built of it has it
	placed  *model // on a device
	hashed  bool
}

// hash reads the files in full.
func (p *opening) hash() string {
	p.hashed = true
	return p.sum()
}

// openModel builds a model of the checkpoint in a file system; build is called several times over. The checkpoint's own
// files are not read after it.
func openModel(ctx context.Context, fsys fs.FS, build func(source) (*model, error), o Options) (m *opened, err error) {
	c, err := readCheckpoint(fsys)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, c.release()) }()
	p := &opening{checkpoint: c, build: build, o: o}
	if o.Device != nil {
		return p.onDevice()
	}
	c.as = o.held()
	if err := p.plan(); err != nil {
		return nil, err
	}
	if why := p.noCache(); why != "" {
		return p.inMemory(why)
	}
	m, err = p.onDisk(ctx)
	if errors.Is(err, errCache) {
		return p.inMemory(err.Error())
	}
	return m, err
}

// plan sees that the model can be built and has room, before any weight is read.
func (p *opening) plan() error {
	var err error
	if p.need, err = p.needs(); err != nil {
		return err
	}
	return p.need.check(p.o.MemoryBytes)
}

// needs builds the model without its numbers, to count what it takes.
func (p *opening) needs() (Memory, error) {
	store := new(planStore)
	p.restart(store)
	m, err := p.build(p.checkpoint)
	if err != nil {
		return Memory{}, err
	}
	p.planned = m.spec
	need := memoryOf(m.spec, store.bytes, p.o)
	need.Read = p.read()
	return need, nil
}

// noCache says why the packed form is not to be kept on disk, "" where it is.
func (p *opening) noCache() string {
	switch {
	case p.o.CacheDir == "":
		return "no cache folder is set"
	case p.bytes < cmp.Or(p.o.smallest, smallest):
		return "the checkpoint is small"
	case p.paths() == nil:
		return "the checkpoint is in no folder"
	case !littleEndian():
		return "this machine's numbers begin with their high bytes"
	}
	return ""
}

// inMemory builds the model with its weights in memory.
func (p *opening) inMemory(why string) (*opened, error) {
	p.restart(memoryStore{})
	m, err := p.build(p.checkpoint)
	if err != nil {
		return nil, err
	}
	return p.opened(m, p.hash(), Storage{Place: "memory", Bytes: p.need.Weights, Why: why, Made: true}), nil
}

func (p *opening) opened(m *model, hash string, s Storage) *opened {
	all, nonEmbedding := p.params()
	s.Hashed = p.hashed
	return &opened{model: m, hash: hash, params: all, nonEmbedding: nonEmbedding, need: p.need, storage: s}
}

// onDisk builds the model of its packed form in the cache, which it makes where it is not there. An error that is
// errCache is of the cache alone.
func (p *opening) onDisk(ctx context.Context) (*opened, error) {
	dir := packcache.Dir(p.o.CacheDir)
	read := time.Now()
	if p.o.now != nil {
		read = p.o.now()
	}
	files, err := packcache.IdentifyAll(p.paths())
	if err != nil {
		return nil, err
	}
	// The hash that is remembered is good for finding the packed form, which was made of files that were hashed in full.
	remembered, known := dir.Hash(files)
	if known {
		if m, err := p.fromFile(ctx, remembered); err == nil || ctx.Err() != nil {
			return m, err
		}
	}
	hash := p.hash()
	if hash != remembered {
		if m, err := p.fromFile(ctx, hash); err == nil || ctx.Err() != nil {
			_ = dir.RememberHash(files, hash, read) // else the next opening hashes again
			return m, err
		}
	}
	unlock, err := dir.Lock(ctx, hash, p.o.layout())
	if err != nil {
		return nil, cacheError(ctx, err)
	}
	defer unlock()
	if m, err := p.fromFile(ctx, hash); err == nil { // another process made it meanwhile
		return m, nil
	}
	if err := p.pack(ctx, dir, hash, files); err != nil {
		return nil, err
	}
	_ = dir.RememberHash(files, hash, read)
	m, err := p.fromFile(ctx, hash)
	if err != nil {
		return nil, cacheError(ctx, err)
	}
	m.storage.Made = true
	return m, nil
}

// cacheError marks an error as one of the cache, unless the opening was cancelled.
func cacheError(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return fmt.Errorf("%w: %w", errCache, err)
}

// fromFile builds the model of a packed form that is in the cache.
func (p *opening) fromFile(ctx context.Context, hash string) (*opened, error) {
	file, err := packcache.Dir(p.o.CacheDir).Open(ctx, hash, p.o.layout())
	if err != nil {
		return nil, err
	}
	p.restart(fileStore{file})
	m, err := p.build(p.checkpoint)
	if err != nil {
		return nil, errors.Join(err, file.Close())
	}
	o := p.opened(m, hash, Storage{Place: "disk", Bytes: file.Bytes(), Path: file.Path()})
	o.file = file
	return o, nil
}

// pack writes the packed form into the cache.
func (p *opening) pack(ctx context.Context, dir packcache.Dir, hash string, files []packcache.Identity) error {
	w, err := dir.Create(p.need.Weights)
	if err != nil {
		return cacheError(ctx, err)
	}
	p.restart(writeStore{w})
	if _, err := p.build(p.checkpoint); err != nil {
		w.Abort()
		return err
	}
	now, err := packcache.IdentifyAll(p.paths())
	if err != nil || !slices.Equal(now, files) {
		w.Abort()
		return &hintError{errors.Join(errors.New("its files changed while they were read"), err), "try again when what writes them is done"}
	}
	if ctx.Err() != nil {
		w.Abort()
		return ctx.Err()
	}
	if err := w.Commit(hash, p.o.layout()); err != nil {
		return cacheError(ctx, err)
	}
	return nil
}

// close ends the mapping of the packed weights.
func (m *opened) close() error {
	switch {
	case m.device != nil:
		return m.device.close()
	case m.file != nil:
		return m.file.Close()
	}
	return nil
}
