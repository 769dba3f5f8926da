// Package local runs a checkpoint in this process: tokenizer, weights, forward pass, batching and sampling, in Go.
//
// The answer to a request is a function of the checkpoint and the request alone. Requests that are in flight together
// are computed together, but each row of every product is computed as if it were alone, sums run in an order fixed by
// position, and the kernel sets give equal bits, so neither the batch, nor the threads, nor the instruction set shows.
package local

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sourcegraph/conc"

	"github.com/onset-eval/onset/backends"
	"github.com/onset-eval/onset/backends/local/gpu"
	"github.com/onset-eval/onset/backends/local/internal/kernels"
	"github.com/onset-eval/onset/backends/local/internal/memory"
	"github.com/onset-eval/onset/backends/local/internal/tokenizer"
)

// layoutVersion rises whenever the engine's numbers may change. It is part of a model's identity.
const layoutVersion = "2"

// Options are the engine's. The zero value is right for evaluation.
type Options struct {
	// Kernels names the kernel set ("generic", "avx2", "avx512"); "" is the best of this machine. All give the same
	// results.
	Kernels string
	// Compute is "f32", or "bf16" to hold every matrix as bfloat16 and to multiply it with activations that are rounded to
	// bfloat16, sums staying float32: machines with AVX512_BF16 prefill about twice as fast, and results differ from those
	// of f32. "" is "f32". On a device it is the type of all weights, activations, keys and values: "f32", "bf16" or "f16",
	// and "" is that of the checkpoint.
	Compute string
	// Device computes in place of this machine's processors, unless it is nil. It is used by one goroutine at a time until the
	// Backend is closed, which does not close it. Results are the same whatever shares a batch, on one kind of device and in
	// one type, and differ from those of other devices and of processors, as Info says.
	Device gpu.Device
	// NoGraphs launches a device's kernels one by one always. It decides speed and no result.
	NoGraphs bool
	// OwnProducts multiplies matrices on a device with the engine's own kernels, though the machine has cuBLASLt. Results may
	// differ from those of cuBLASLt.
	OwnProducts bool
	// Threads is the number of goroutines that compute; 0 is one a processor.
	Threads int
	// CacheBytes bounds the keys and values held, on a device too, where 0 is all that is free: of texts under way and of beginnings that further texts may have; 0 is a
	// quarter of the memory that is available, 4 GiB at most, and 64 MiB a thread for small models. One text, or one a
	// thread, is always held, however long.
	CacheBytes int64
	// StepTokens is the most tokens that are computed at once; 0 is 512, or thousands on a device. It decides memory and speed, and no result.
	StepTokens int
	// NoPrefixCache forgets texts once they are answered. Beginnings that requests in flight have in common are computed
	// once still. It decides speed and no result.
	NoPrefixCache bool
	// Provider names the provider in Info; "" is "local".
	Provider string
	// CacheDir is the folder that keeps large checkpoints' packed weights and the hashes of their files from one run to
	// the next; "" keeps nothing. It need not be there. One that cannot be written to is done without: see Storage.
	CacheDir string
	// MemoryBytes is what a model may take at most, or opening it is refused; 0 is what the system has available, and a
	// number below 0 lets anything pass. On a device it bounds what is taken of the device's memory, and is all that is free
	// where it is not above 0.
	MemoryBytes int64

	// For tests: the size from which CacheDir is used (0 is the constant), the clock (nil is the system's), and whether
	// threads have texts of their own (above 0), share kernels (below 0), or what suits the model.
	smallest int64
	now      func() time.Time
	apart    int
}

// Backend is a loaded checkpoint. It implements backends.Backend.
type Backend struct {
	info    backends.Info
	weights *opened
	model   *model
	tok     *tokenizer.Tokenizer
	kernels kernels.Set
	threads *kernels.Pool // shares out the kernels; nil where each scheduler has one thread
	specials
	queue   chan *work
	running conc.WaitGroup // the schedulers
	// schedulers share the queue; there are so many.
	scheds     []*scheduler
	schedulers int
	// steps counts the steps that were computed.
	steps atomic.Int64
	// inFlight counts requests from before they are queued until a scheduler is done with them.
	inFlight atomic.Int64

	mu     sync.RWMutex // guards closed; held for reading while a request is handed over
	closed bool
	calls  sync.WaitGroup
}

var _ backends.Backend = (*Backend)(nil)

var errCancelled = errors.New("the request was cancelled")

// Open loads the checkpoint in a folder: config.json, tokenizer.json and safetensors weights. The caller closes it.
func Open(ctx context.Context, dir string, o Options) (*Backend, error) {
	st, err := os.Stat(dir)
	if err != nil {
		return nil, &hintError{fmt.Errorf("open checkpoint: %w", err), "name the folder of a Hugging Face checkpoint"}
	}
	if !st.IsDir() {
		return nil, &hintError{fmt.Errorf("open checkpoint %s: it is a file", dir), "name the folder of a Hugging Face checkpoint"}
	}
	return OpenFS(ctx, os.DirFS(dir), dir, o)
}

// OpenFS loads the checkpoint in a file system; name stands for it in Info and in errors.
func OpenFS(ctx context.Context, fsys fs.FS, name string, o Options) (*Backend, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	b, err := load(ctx, fsys, name, o)
	if err != nil {
		return nil, fmt.Errorf("open checkpoint %s: %w", name, err)
	}
	b.start(o)
	return b, nil
}

// parallel is the number of requests worth having in flight.
const parallel = 512

// smallModel is the number of weights up to which a model is small: all of them stay in a processor's own cache, and the
// steps are so short that handing out the parts of each kernel would take longer than is won.
const smallModel = 8 << 20

// start starts the schedulers: for a small model one a thread, each with texts of its own, and else one that shares out
// each kernel, so that the weights are read once a step for all texts.
func (b *Backend) start(o Options) {
	if ex := b.weights.device; ex != nil {
		b.startDevice(ex, o)
		return
	}
	threads := o.Threads
	if threads <= 0 {
		threads = runtime.GOMAXPROCS(0)
	}
	b.schedulers = threads
	if apart := o.apart; threads > 1 && (apart < 0 || apart == 0 && b.weights.params > smallModel) {
		b.schedulers = 1
		b.threads = kernels.Parallel(b.kernels, threads)
		b.kernels = b.threads
	}
	b.info.Parallel = parallel
	b.queue = make(chan *work, parallel)
	bytes := b.cacheBytes(o)
	for range b.schedulers {
		ex := newCPUExecutor(b.model, b.kernels, b.threads, o)
		s := newScheduler(b, ex, int(bytes/int64(b.schedulers)/ex.sizes().pageBytes), o)
		b.scheds = append(b.scheds, s)
		b.running.Go(s.run)
	}
}

// The bounds of what keys and values take by default.
const (
	maxCacheBytes   = 4 << 30
	smallCacheBytes = 64 << 20 // a thread, for small models: computing anew costs little, and touching new memory more
)

// The values of Options.Compute.
const (
	computeF32  = "f32"
	computeBF16 = "bf16"
	computeF16  = "f16"
)

func (o Options) checkCompute() error {
	switch {
	case o.Compute == "", o.Compute == computeF32, o.Compute == computeBF16:
		return nil
	case o.Compute == computeF16 && o.Device != nil:
		return nil
	case o.Compute == computeF16:
		return &hintError{fmt.Errorf("processors do not compute in %s", computeF16), `say "f32", which is exact for weights in f16, or "bf16"`}
	}
	return &hintError{fmt.Errorf("compute %q is not known", o.Compute), `say "f32", which is exact, or "bf16"`}
}

// cacheBytes is what keys and values of all schedulers may take.
func (b *Backend) cacheBytes(o Options) int64 {
	switch free, known := memory.Now(); {
	case o.CacheBytes > 0:
		return o.CacheBytes
	case b.weights.params <= smallModel:
		return int64(b.schedulers) * smallCacheBytes
	case known:
		return min(maxCacheBytes, free.Bytes/4)
	}
	return maxCacheBytes / 4
}

func load(ctx context.Context, fsys fs.FS, name string, o Options) (b *Backend, err error) {
	set := kernels.Best()
	if o.Kernels != "" {
		if set, err = kernels.ByName(o.Kernels); err != nil {
			return nil, err
		}
	}
	if err := o.checkCompute(); err != nil {
		return nil, err
	}
	if o.Compute == computeBF16 && o.Device == nil {
		set = kernels.RoundBF16(set)
	}
	if err := refuseQuantized(fsys); err != nil {
		return nil, err
	}
	plan, err := readSpec(fsys)
	if err != nil {
		return nil, err
	}
	s := plan.spec
	tok, err := readTokenizer(fsys, s)
	if err != nil {
		return nil, err
	}
	turns, err := readChat(fsys)
	if err != nil {
		return nil, err
	}
	special, err := findSpecials(&s, tok, turns.tokens)
	if err != nil {
		return nil, err
	}
	w, err := openModel(ctx, fsys, func(from source) (*model, error) { return loadModel(plan, from) }, o)
	if err != nil {
		return nil, err
	}
	return &Backend{info: describe(name, o, s, w, turns), weights: w, model: w.model, tok: tok, kernels: set, specials: special}, nil
}

func readTokenizer(fsys fs.FS, s spec) (*tokenizer.Tokenizer, error) {
	data, err := readBounded(fsys, "tokenizer.json", maxTokenizer)
	if err != nil {
		return nil, err
	}
	tok, err := tokenizer.Parse("tokenizer.json", data)
	if err != nil {
		return nil, err
	}
	if tok.Size() > s.vocab {
		return nil, fmt.Errorf("tokenizer.json has %d tokens and config.json a vocabulary of %d", tok.Size(), s.vocab)
	}
	return tok, nil
}

func describe(name string, o Options, s spec, w *opened, turns chat) backends.Info {
	provider := o.Provider
	if provider == "" {
		provider = "local"
	}
	info := backends.Info{
		Provider: provider, Model: name, WeightsHash: w.hash, Kinds: backends.Kinds[:], Params: w.params, ParamsNonEmbedding: w.nonEmbedding, ContextLength: s.context,
		ChatTemplate: turns.template,
		Details:      map[string]string{"architecture": s.architecture, "compute": cmp.Or(o.Compute, computeF32), "engine": layoutVersion},
	}
	if w.device != nil {
		w.device.describe(info.Details)
	}
	if !s.causal {
		info.Kinds = []backends.Kind{backends.LogLikelihood, backends.LogLikelihoodRolling}
		info.Details["scores"] = "pseudo-log-likelihood"
	}
	if turns.template != "" {
		for name, text := range turns.tokens {
			info.Details[name] = text
		}
	}
	return info
}

// Info says what the checkpoint is.
func (b *Backend) Info() backends.Info { return b.info }

// Do answers a request. It may be called by any number of goroutines at once; what is in flight is batched.
func (b *Backend) Do(ctx context.Context, req backends.Request) (backends.Response, error) {
	start := time.Now()
	if err := ctx.Err(); err != nil {
		return backends.Response{}, fmt.Errorf("ask model: %w", err)
	}
	if len(req.Messages) > 0 {
		return backends.Response{}, backends.Errorf(backends.KindUnsupported, "ask model", "it takes text and no messages")
	}
	w, err := b.plan(&req)
	if err != nil {
		return backends.Response{}, err
	}
	w.cancelled = ctx.Done()
	if err := b.enqueue(ctx, w); err != nil {
		return backends.Response{}, err
	}
	defer b.calls.Done()
	select {
	case r := <-w.done:
		if errors.Is(r.err, errCancelled) {
			r.err = fmt.Errorf("ask model: %w", ctx.Err())
		}
		r.resp.Latency = time.Since(start)
		return r.resp, r.err
	case <-ctx.Done():
		return backends.Response{}, fmt.Errorf("ask model: %w", ctx.Err())
	}
}

// enqueue hands work to the schedulers; after it, calls counts the request.
func (b *Backend) enqueue(ctx context.Context, w *work) error {
	b.mu.RLock()
	defer b.mu.RUnlock()
	if b.closed {
		return backends.Errorf(backends.KindClosed, "ask model", "the model was closed")
	}
	b.inFlight.Add(1)
	select {
	case b.queue <- w:
		b.calls.Add(1)
		return nil
	case <-ctx.Done():
		b.inFlight.Add(-1)
		return fmt.Errorf("ask model: %w", ctx.Err())
	}
}

// Close waits for the calls in flight and ends the schedulers.
func (b *Backend) Close() error {
	b.mu.Lock()
	if b.closed {
		b.mu.Unlock()
		return nil
	}
	b.closed = true
	b.mu.Unlock()
	b.calls.Wait()
	close(b.queue)
	b.running.Wait()
	if b.threads != nil {
		b.threads.Close()
	}
	return b.weights.close()
}

// Steps counts the steps that were computed so far: who asks twice sees whether the engine gets on.
func (b *Backend) Steps() int64 { return b.steps.Load() }

// Storage says where the packed weights lie.
func (b *Backend) Storage() Storage { return b.weights.storage }
