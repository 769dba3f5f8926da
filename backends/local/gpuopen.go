package local

import (
	"errors"
	"fmt"
	"runtime"
	"strings"
	"time"

	"github.com/sourcegraph/conc"

	"github.com/onset-eval/onset/backends/local/gpu"
	"github.com/onset-eval/onset/backends/local/internal/kernels"
	"github.com/onset-eval/onset/backends/local/internal/packcache"
)

// deviceVersion rises whenever the numbers that devices compute may change. It is part of a model's identity there.
const deviceVersion = "1"

// counted is a model without its matrices, with what they take.
type counted struct {
	*countStore
	model *model
	t     gpu.DType
}

// count builds the model without its matrices.
func (p *opening) count() (*counted, error) {
	c := &counted{countStore: &countStore{elements: make(map[kernels.DType]int64)}}
	p.restart(c.countStore)
	var err error
	if c.model, err = p.build(p.checkpoint); err != nil {
		return nil, err
	}
	if c.t = c.own(); p.o.Compute != "" {
		if c.t, err = gpu.ParseDType(p.o.Compute); err != nil {
			return nil, err
		}
	}
	p.planned = c.model.spec
	return c, c.model.deviceRefuses()
}

// deviceRefuses says what of a model kernels of devices have no code for. No architecture asks for it; a config may.
func (m *model) deviceRefuses() error {
	for l, s := range m.layer {
		if !(s.scale > 0) {
			return fmt.Errorf("layer %d scales attention scores by %g: a device takes a number above zero", l, s.scale)
		}
	}
	for _, d := range []struct {
		what        string
		value, most int
	}{
		{"width", max(m.width, m.embedWidth), gpu.MaxNorm},
		{"width of queries and keys that are normed", boolInt(m.qkNorm == fullQKNorm) * max(m.q(), m.kv()), gpu.MaxNorm},
		{"vocabulary", m.vocab, gpu.MaxVocab},
	} {
		if d.value > d.most {
			return fmt.Errorf("the %s is %d: a device takes %d at most", d.what, d.value, d.most)
		}
	}
	return nil
}

func boolInt(b bool) int {
	if b {
		return 1
	}
	return 0
}

// onDevice builds the model in the memory of a device.
func (p *opening) onDevice() (o *opened, err error) {
	if !littleEndian() {
		return nil, errors.New("this machine's numbers begin with their high bytes: it has no devices")
	}
	c, err := p.count()
	if err != nil {
		return nil, err
	}
	free, _, err := p.o.Device.Memory()
	if err != nil {
		return nil, err
	}
	_, vectors := newGPUModel(c.model, 0)
	plan, err := planGPU(c.model, c.t, c.bytes(c.t)+int64(len(vectors)), free, p.o)
	if err != nil {
		return nil, err
	}
	// The files are read for their hash while they are copied.
	var hash string
	var group conc.WaitGroup
	group.Go(func() { hash = p.cachedHash() })
	ex, err := newGPUExecutor(p.o.Device, c.model, plan, p.o)
	if err == nil {
		if err = p.place(ex, c); err != nil {
			err = errors.Join(err, ex.close())
		}
	}
	group.Wait()
	if err != nil {
		return nil, err
	}
	p.need = Memory{
		Weights: plan.weights, KV: plan.kv, KVToken: plan.pageBytes(&c.model.spec) / kernels.PageSize, Activations: plan.work,
		Read: p.read(), Total: plan.weights + plan.kv + plan.work,
	}
	o = p.opened(p.placed, hash, Storage{Place: p.o.Device.Info().String(), Bytes: plan.weights, Made: true})
	o.device = ex
	return o, nil
}

// place copies the weights to the device.
func (p *opening) place(ex *gpuExecutor, c *counted) error {
	widest := 1
	for _, m := range c.matrices {
		widest = max(widest, m[1])
	}
	matrices := c.bytes(c.t)
	u, err := newUpload(ex.dev, c.t, ex.arena, ex.plan.weights, widest)
	if err != nil {
		return err
	}
	as := c.t
	p.as = &as
	p.restart(u)
	m, err := p.build(p.checkpoint)
	if err != nil {
		return errors.Join(err, u.Close())
	}
	g, rest := newGPUModel(m, ex.arena.Add(matrices))
	err = u.Upload(ex.arena.Add(matrices), int64(len(rest)), func(to []byte, at int64) error {
		copy(to, rest[at:])
		return nil
	})
	if err := errors.Join(err, u.Close()); err != nil {
		return err
	}
	p.placed, ex.model = m, g
	return ex.ready()
}

// cachedHash is the hash of the weights: the one that the cache remembers of these files, or one that is made now.
func (p *opening) cachedHash() string {
	paths := p.paths()
	if p.o.CacheDir == "" || paths == nil {
		return p.hash()
	}
	dir, read := packcache.Dir(p.o.CacheDir), time.Now()
	files, err := packcache.IdentifyAll(paths)
	if err != nil {
		return p.hash()
	}
	hash, known := dir.Hash(files)
	if !known {
		hash = p.hash()
		_ = dir.RememberHash(files, hash, read) // else the next opening hashes again
	}
	return hash
}

// newGPUExecutor takes the memory that was planned.
func newGPUExecutor(dev gpu.Device, m *model, plan gpuPlan, o Options) (*gpuExecutor, error) {
	ops, err := gpu.NewOps(dev, plan.t)
	if err != nil {
		return nil, err
	}
	if o.OwnProducts {
		ops.OwnProducts()
	}
	e := &gpuExecutor{dev: dev, ops: ops, model: &gpuModel{spec: &m.spec}, plan: plan, ends: make(map[*sequence]int)}
	e.size = sizes{
		tokens: plan.tokens, live: plan.live, pages: plan.pages, pageBytes: plan.pageBytes(&m.spec),
		once: plan.kv / 4, ahead: true,
	}
	e.attend = gpu.NewAttendGeometry(dev.Info(), plan.t, m.heads, m.kvHeads, m.headDim)
	e.attend.Partials = plan.partials
	e.graphs = graphs{off: o.NoGraphs, kept: make(map[graphKey]*stepGraph)}
	for i := range e.slots {
		e.slots[i].to, e.slots[i].back = gpuRoom{ops: ops}, gpuRoom{ops: ops, back: true}
	}
	if err := e.allocate(m); err != nil {
		return nil, errors.Join(err, e.close())
	}
	e.listWindows()
	return e, nil
}

// allocate takes the device's memory.
func (e *gpuExecutor) allocate(m *model) error {
	take := func(bytes int64) gpu.Ptr {
		if e.ops.Err() != nil {
			return 0
		}
		at, err := e.dev.Alloc(aligned(max(bytes, 1)))
		if err != nil {
			e.ops.Fail(err)
			return 0
		}
		e.memory = append(e.memory, at)
		return at
	}
	p := &e.plan
	e.arena = take(p.weights)
	e.pool = gpu.Pool{At: take(p.kv), Layers: m.layers, KVHeads: m.kvHeads, Dim: m.headDim}
	e.logits, e.parts = take(4*int64(p.logits)), take(p.partials)
	e.graphs.at = take(p.graphBytes(&m.spec))
	for _, b := range m.gpuBuffers(p.t) {
		e.buffers[b.name] = take(b.bytes * int64(p.rows))
	}
	zero := func(at gpu.Ptr, bytes int64) {
		if e.ops.Err() == nil && at != 0 {
			if err := e.dev.Zero(at, bytes, e.ops.Stream); err != nil {
				e.ops.Fail(err)
			}
		}
	}
	zero(e.pool.At, e.size.pageBytes) // rows for nothing read page 0
	zero(e.buffers[bufZero], 4*int64(p.rows))
	return e.ops.Err()
}

// ready puts the products of all shapes to the test, and sees that the kernels are there.
func (e *gpuExecutor) ready() error {
	m := e.model
	check := func(l *gpuLinear, wide bool) error {
		if l == nil {
			return nil
		}
		return e.ops.CheckLinear(l.weight, l.n, l.k, wide)
	}
	errs := []error{check(m.embedProj, true), check(m.headProj, false), check(m.transform, false)}
	for i := range m.block {
		b := &m.block[i]
		errs = append(errs, check(&b.qkv, false), check(&b.out, false), check(&b.up, false), check(&b.down, false))
	}
	for base := 0; base < m.head.n; base += headChunk {
		part := gpuLinear{weight: m.head.weight.Add(int64(base) * int64(m.head.k) * int64(e.plan.t.Size())), n: min(headChunk, m.head.n-base), k: m.head.k}
		errs = append(errs, check(&part, true))
	}
	return errors.Join(append(errs, e.dev.Synchronize(e.ops.Stream))...)
}

// describe adds what decides a device's numbers.
func (e *gpuExecutor) describe(details map[string]string) {
	about := e.dev.Info()
	details["compute"] = e.plan.t.String()
	details["device"] = fmt.Sprintf("%s, sm_%d%d", about.Name, about.Major, about.Minor)
	details["driver"] = about.Driver
	details["engine"] = layoutVersion + ", device " + deviceVersion
	details["products"] = strings.Join(e.ops.Products(), "; ")
	if about.Emulated {
		details["emulated"] = "true"
	}
}

// startDevice starts the scheduler of a device, on a thread of its own.
func (b *Backend) startDevice(ex *gpuExecutor, o Options) {
	b.schedulers = 1
	b.info.Parallel = deviceParallel
	b.queue = make(chan *work, deviceParallel)
	s := newScheduler(b, ex, ex.plan.pages, o)
	b.scheds = append(b.scheds, s)
	b.running.Go(func() {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		s.run()
	})
}

// deviceParallel is the number of requests worth having in flight for a device.
const deviceParallel = 4096

// DeviceLost is the error after which the Backend's device answers nothing any more, nil where there was none: the process
// is to be ended, and another may go on with the requests that failed. It may be called at any time.
func (b *Backend) DeviceLost() error {
	if b.weights.device == nil {
		return nil
	}
	if err := b.weights.device.broken.Load(); err != nil {
		return *err
	}
	return nil
}
