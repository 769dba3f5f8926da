package worker

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/sourcegraph/conc/pool"

	"github.com/onset-eval/onset/backends"
	"github.com/onset-eval/onset/backends/local"
	"github.com/onset-eval/onset/backends/process"
)

// Options say which GPUs a fleet has. Program and Devices are required.
type Options struct {
	// Program is the worker's file; Command, where it is set, is what starts it.
	Program string
	Command []string
	// Devices are the GPUs that there are.
	Devices []Device
	// Say is told what happens to workers; nil is nobody.
	Say func(format string, args ...any)
	// Log gets what workers write to their standard error; nil is nobody.
	Log io.Writer
	// Grace is how long a worker may take to end; 0 is 10 seconds.
	Grace time.Duration
}

// Fleet is a machine's GPUs with the workers on them.
type Fleet struct {
	opts  Options
	slots map[int]*slot // by ordinal

	mu     sync.Mutex // guards what follows
	models map[string]*entry
	closed bool
}

// entry is a model that the fleet may be asked to open.
type entry struct {
	name, dir string
	args      map[string]string
	where     Where
	need      int64
	work      float64
	kind      string // the kind of GPU that it was described on; guarded by Fleet.mu
	placed    []int  // the GPUs that Next gave it; guarded by Fleet.mu
	open      *Model // nil while it is not asked; guarded by Fleet.mu
}

// NewFleet makes a fleet, which starts nothing yet. The caller closes it.
func NewFleet(o Options) *Fleet {
	if o.Command == nil {
		o.Command = []string{o.Program}
	}
	if o.Log != nil {
		o.Log = &oneAtATime{w: o.Log}
	}
	f := &Fleet{opts: o, slots: make(map[int]*slot), models: make(map[string]*entry)}
	for _, d := range o.Devices {
		f.slots[d.Ordinal] = &slot{device: d, turn: make(chan struct{}, 1)}
	}
	return f
}

func (f *Fleet) say(format string, args ...any) {
	if f.opts.Say != nil {
		f.opts.Say(format, args...)
	}
}

// oneAtATime is a log that several workers write.
type oneAtATime struct {
	mu sync.Mutex // guards w
	w  io.Writer
}

func (l *oneAtATime) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.w.Write(p)
}

// NoRoomError says that a model fits no GPU.
type NoRoomError struct {
	Model string
	Need  int64 // bytes, estimated
	Most  int64 // bytes that are free on Where, which has most of all
	Where Device
}

func (e *NoRoomError) Error() string {
	return fmt.Sprintf("%s takes at least %s of a GPU's memory, and the most that is free is %s, on %s (%s)", e.Model, bytes(e.Need), bytes(e.Most), e.Where.ID(), e.Where.Name)
}

// Hint says what to do.
func (e *NoRoomError) Hint() string {
	return "end what else is on the card (nvidia-smi lists it), choose a smaller model, --compute bf16 where it was f32, or --device cpu"
}

// bytes writes a number of bytes for people.
func bytes(n int64) string {
	if n < 1<<30 {
		return fmt.Sprintf("%.1f MiB", float64(n)/(1<<20))
	}
	return fmt.Sprintf("%.1f GiB", float64(n)/(1<<30))
}

// Where says which GPUs a model may be on.
type Where struct {
	// Only lists them by their ordinals; nil is all.
	Only []int
	// Spread gives the model more than one of them, where no other model waits for one.
	Spread bool
}

// Add tells the fleet of a model under a name: the checkpoint's folder, the arguments of a local model, and where it may
// be. The error is a *NoRoomError where no such GPU has room for it.
func (f *Fleet) Add(name, dir string, args map[string]string, where Where) error {
	if i := slices.IndexFunc(where.Only, func(n int) bool { return f.slots[n] == nil }); i >= 0 {
		return &hinted{fmt.Errorf("there is no GPU cuda:%d", where.Only[i]), "onset list devices shows those that there are"}
	}
	engine := maps.Clone(args)
	for _, a := range runArgs {
		delete(engine, a)
	}
	o, err := local.OptionsFor(engine)
	if err != nil {
		return err
	}
	need, err := local.DeviceNeedOf(dir, o)
	if err != nil {
		return err
	}
	e := &entry{name: name, dir: dir, args: args, where: where, need: need.Least, work: float64(need.Params)}
	most := f.largest(where)
	if e.need > local.DeviceRoom(most.FreeBytes) {
		return &NoRoomError{Model: name, Need: e.need, Most: most.FreeBytes, Where: most}
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.models[name] = e
	return nil
}

func (f *Fleet) largest(w Where) Device {
	var most Device
	for _, d := range f.opts.Devices {
		if w.Only != nil && !slices.Contains(w.Only, d.Ordinal) {
			continue
		}
		if d.FreeBytes > most.FreeBytes || most.Name == "" {
			most = d
		}
	}
	return most
}

// Has reports whether the fleet was told of a model.
func (f *Fleet) Has(name string) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.models[name] != nil
}

// Forget takes back Add: the model is run elsewhere.
func (f *Fleet) Forget(name string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.models, name)
}

// gpus gives the GPUs as Plan sees them; f.mu is held.
func (f *Fleet) gpus(busy map[int]bool) []GPU {
	var out []GPU
	for _, d := range f.opts.Devices {
		g := gpuOf(d)
		g.Busy = busy[d.Ordinal]
		out = append(out, g)
	}
	return out
}

func gpuOf(d Device) GPU {
	return GPU{Ordinal: d.Ordinal, Free: local.DeviceRoom(d.FreeBytes), Kind: d.Kind()}
}

// job is the model as Plan sees it, under a number, on so many GPUs; Fleet.mu is held.
func (e *entry) job(id, on int) Job {
	return Job{ID: id, Need: e.need, Work: e.work, Kind: e.kind, On: on, Spread: e.where.Spread, Only: e.where.Only}
}

// pin gives models that have none yet the kind of GPU on which they would begin; f.mu is held.
func (f *Fleet) pin() {
	var jobs []Job
	names := slices.Sorted(maps.Keys(f.models))
	for i, name := range names {
		if e := f.models[name]; e.kind == "" {
			jobs = append(jobs, e.job(i, 0))
		}
	}
	for id, kind := range Schedule(f.gpus(nil), jobs) {
		f.models[names[id]].kind = kind
	}
}

// Describe says what a model is, which loads it. The worker stays for Open to use.
func (f *Fleet) Describe(ctx context.Context, name string) (backends.Info, error) {
	e, err := f.entry(name)
	if err != nil {
		return backends.Info{}, err
	}
	suited := f.suited(e)
	w, err := f.start(ctx, e, f.pick(e, suited))
	if err != nil {
		return backends.Info{}, err
	}
	defer w.slot.release()
	info := f.infoOf(e, w)
	if e.where.Spread {
		info.Parallel *= len(suited)
	}
	return info, nil
}

func (f *Fleet) entry(name string) (*entry, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	e := f.models[name]
	if e == nil || f.closed {
		return nil, backends.Errorf(backends.KindClosed, "open model on a GPU", "%s is not known, or the GPUs are closed", name)
	}
	if e.kind == "" {
		f.pin()
	}
	return e, nil
}

// suited gives the GPUs that a model may be on, those with the most free memory first.
func (f *Fleet) suited(e *entry) []int {
	f.mu.Lock()
	defer f.mu.Unlock()
	j := e.job(0, 0)
	gpus := slices.DeleteFunc(f.gpus(nil), func(g GPU) bool { return !j.fits(g) })
	slices.SortStableFunc(gpus, func(a, b GPU) int { return int(min(1, max(-1, b.Free-a.Free))) })
	var out []int
	for _, g := range gpus {
		out = append(out, g.Ordinal)
	}
	return out
}

// pick gives one of some GPUs: one that holds the model, else one that holds none, else one that nobody uses.
func (f *Fleet) pick(e *entry, among []int) int {
	for _, good := range []func(s *slot) bool{
		func(s *slot) bool { return s.warmFor() == e },
		func(s *slot) bool { return s.warmFor() == nil && len(s.turn) == 0 },
		func(s *slot) bool { return len(s.turn) == 0 },
	} {
		for _, ordinal := range among {
			if good(f.slots[ordinal]) {
				return ordinal
			}
		}
	}
	return among[0]
}

func (f *Fleet) infoOf(e *entry, w *member) backends.Info {
	info := w.plugin.Info()
	info.Provider, info.Model = "local", e.dir
	return info
}

// start takes a GPU and has a worker on it that holds the model.
func (f *Fleet) start(ctx context.Context, e *entry, ordinal int) (*member, error) {
	s := f.slots[ordinal]
	select {
	case s.turn <- struct{}{}:
	case <-ctx.Done():
		return nil, fmt.Errorf("wait for %s: %w", s.device.ID(), ctx.Err())
	}
	if s.holds == e {
		return &member{slot: s, plugin: s.plugin}, nil
	}
	s.clear()
	o, err := f.pluginOptions(e, s.device)
	if err == nil {
		o.Log = f.opts.Log
		s.plugin, err = process.OpenPlugin(ctx, o)
	}
	if err != nil {
		s.release()
		var refused *process.RefusedError
		if errors.As(err, &refused) {
			return nil, fmt.Errorf("open %s on %s: %w", e.dir, s.device.ID(), refused)
		}
		return nil, fmt.Errorf("start the GPU worker on %s: %w", s.device.ID(), err)
	}
	s.hold(e)
	return &member{slot: s, plugin: s.plugin}, nil
}

// Open opens a model on the GPUs that Next gave it, or on one that is free where Next was not asked. The caller closes it.
func (f *Fleet) Open(ctx context.Context, name string) (*Model, error) {
	e, err := f.entry(name)
	if err != nil {
		return nil, err
	}
	f.mu.Lock()
	on := slices.Sorted(slices.Values(e.placed)) // in one order for all, so that no two wait for each other
	f.mu.Unlock()
	if len(on) == 0 {
		suited := f.suited(e)
		on = []int{f.pick(e, suited)}
		if e.where.Spread {
			on = slices.Sorted(slices.Values(suited))
		}
	}
	members := make([]*member, len(on))
	group := pool.New().WithContext(ctx).WithCancelOnError().WithFirstError()
	for i, ordinal := range on {
		group.Go(func(ctx context.Context) (err error) {
			members[i], err = f.start(ctx, e, ordinal)
			return err
		})
	}
	err = group.Wait()
	m := &Model{fleet: f, entry: e, members: slices.DeleteFunc(members, func(w *member) bool { return w == nil })}
	m.grow, m.stop = context.WithCancel(context.WithoutCancel(ctx))
	if err == nil {
		m.info = f.infoOf(e, members[0])
		for _, w := range members[1:] {
			if !sameModel(m.info, w.plugin.Info()) {
				err = fmt.Errorf("%s and %s give different numbers: %v and %v", members[0].slot.device.ID(), w.slot.device.ID(), m.info.Details, w.plugin.Info().Details)
				err = &hinted{err, "name GPUs of one kind with --device cuda:0,1"}
				break
			}
		}
		m.info.Parallel *= len(members)
	}
	if err != nil {
		return nil, errors.Join(err, m.Close())
	}
	f.mu.Lock()
	e.open = m
	f.mu.Unlock()
	return m, nil
}

// Next says which of the models that wait are to be opened now, by their names, and on which GPUs Open will open them,
// when running are those that were begun and are not done. Models that it was not told of by Add are not its own. Where
// GPUs are left, running models are given them.
func (f *Fleet) Next(waiting, running []string) []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.pin()
	var jobs []Job
	var all []*entry
	busy := make(map[int]bool)
	for _, name := range running {
		e := f.models[name]
		if e == nil {
			continue
		}
		for _, ordinal := range e.placed {
			busy[ordinal] = true
		}
		if e.open != nil && len(e.placed) > 0 {
			jobs = append(jobs, e.job(len(all), len(e.placed)))
			all = append(all, e)
		}
	}
	for _, name := range waiting {
		if e := f.models[name]; e != nil {
			e.placed, e.open = nil, nil
			jobs = append(jobs, e.job(len(all), 0))
			all = append(all, e)
		}
	}
	plan := Plan(f.gpus(busy), jobs)
	f.preferWarm(plan, all)
	var start []string
	for _, p := range plan {
		e := all[p.Job]
		e.placed = append(e.placed, p.Ordinal)
		switch {
		case e.open != nil:
			e.open.add(p.Ordinal)
		case len(e.placed) == 1:
			start = append(start, e.name)
		}
	}
	return start
}

// preferWarm has models change places where that spares loading one that is on a GPU already.
func (f *Fleet) preferWarm(plan []Placement, all []*entry) {
	fits := func(e *entry, ordinal int) bool {
		return e.job(0, 0).fits(gpuOf(f.slots[ordinal].device))
	}
	for i := range plan {
		for k := range plan {
			a, b := all[plan[i].Job], all[plan[k].Job]
			warm := f.slots[plan[k].Ordinal].warmFor() == a && f.slots[plan[k].Ordinal].warmFor() != b
			if a != b && warm && fits(a, plan[k].Ordinal) && fits(b, plan[i].Ordinal) {
				plan[i].Ordinal, plan[k].Ordinal = plan[k].Ordinal, plan[i].Ordinal
			}
		}
	}
}

// Close ends all workers, which wait for the calls in flight. Models must have been closed.
func (f *Fleet) Close() error {
	f.mu.Lock()
	f.closed = true
	f.mu.Unlock()
	group := pool.New()
	for _, s := range f.slots {
		group.Go(func() {
			s.turn <- struct{}{}
			s.clear()
			s.release()
		})
	}
	group.Wait()
	return nil
}
