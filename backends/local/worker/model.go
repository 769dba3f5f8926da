package worker

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/sourcegraph/conc"

	"github.com/onset-eval/onset/backends"
	"github.com/onset-eval/onset/backends/process"
)

// startLimit is how long a worker may take to load a model, where start_timeout says nothing: large weights come from
// slow disks.
const startLimit = 30 * time.Minute

// runArgs are the arguments of a model that say how its worker is run; see process.PluginFor.
var runArgs = []string{"start_timeout", "silence_timeout", "restarts"}

// Args are the arguments of a model on a GPU beside those of a local model.
func Args() []string { return slices.Clone(runArgs) }

// pluginOptions say how to start the worker of a model on a device.
func (f *Fleet) pluginOptions(m *entry, d Device) (process.PluginOptions, error) {
	o, err := process.PluginFor(f.opts.Program, m.args)
	if err != nil {
		return o, err
	}
	o.Command = append(slices.Clone(f.opts.Command), "serve", "--device", fmt.Sprint(d.Ordinal), "--model", m.dir)
	o.Model, o.Grace = m.dir, f.opts.Grace
	if o.Start == 0 {
		o.Start = startLimit
	}
	o.Say = func(format string, args ...any) {
		f.say("the GPU worker on %s: %s", d.ID(), fmt.Sprintf(format, args...))
	}
	return o, nil
}

// member is a worker that answers for a model.
type member struct {
	slot     *slot
	plugin   *process.Plugin
	inFlight int   // guarded by Model.mu
	gone     error // why it answers no more; guarded by Model.mu
}

// Model is a model on one GPU or several. It implements backends.Backend.
type Model struct {
	fleet *Fleet
	entry *entry
	info  backends.Info

	mu      sync.Mutex // guards what follows
	members []*member
	closed  bool

	suspects suspects

	calls   sync.WaitGroup
	growing conc.WaitGroup
	stop    context.CancelFunc // ends growing
	grow    context.Context    //nolint:containedctx // it is the life of the goroutines that grow starts
}

var _ backends.Backend = (*Model)(nil)

// Info says what the model is; it is the same on every GPU.
func (m *Model) Info() backends.Info {
	info := m.info
	info.Details = maps.Clone(info.Details)
	return info
}

// Do asks a worker. Where several hold the model, a prompt goes to the same one each time, so that what is computed for it
// is there for its further draws and continuations, unless that one has over a quarter more in hand than its share
// (consistent hashing with bounded loads, Mirrokni, Thorup and Zadimoghaddam 2018, arXiv 1608.01350).
func (m *Model) Do(ctx context.Context, req backends.Request) (backends.Response, error) {
	m.mu.Lock()
	if m.closed {
		m.mu.Unlock()
		return backends.Response{}, backends.Errorf(backends.KindClosed, op, "the model was closed")
	}
	m.calls.Add(1)
	m.mu.Unlock()
	defer m.calls.Done()
	release, err := m.suspects.admit(ctx, &req, m.info.Parallel)
	if err != nil {
		return backends.Response{}, fmt.Errorf("%s: %w", op, err)
	}
	for {
		w, err := m.choose(&req)
		if err != nil {
			release(nil)
			return backends.Response{}, err
		}
		resp, err := w.plugin.Do(ctx, req)
		m.done(w, err)
		if backends.KindOf(err) == backends.KindClosed && ctx.Err() == nil && m.living() > 0 {
			continue // others go on without it
		}
		release(err)
		return resp, renamed(err)
	}
}

// choose picks the worker of a request.
func (m *Model) choose(req *backends.Request) (*member, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var best, least *member
	var weight uint64
	total, live := 1, 0 // with the new request
	for _, w := range m.members {
		if w.gone != nil {
			continue
		}
		live++
		total += w.inFlight
		if least == nil || w.inFlight < least.inFlight {
			least = w
		}
	}
	if live == 0 {
		return nil, renamed(m.members[0].gone)
	}
	if live == 1 {
		least.inFlight++
		return least, nil
	}
	bound := (5*total + 4*live - 1) / (4 * live) // ⌈1¼ of the share⌉
	for _, w := range m.members {
		if w.gone == nil && w.inFlight < bound {
			if h := affinity(req.Prompt, w.slot.device.Ordinal); best == nil || h > weight {
				best, weight = w, h
			}
		}
	}
	if best == nil {
		best = least
	}
	best.inFlight++
	return best, nil
}

// affinity orders the workers for a prompt (highest random weight, Thaler and Ravishankar 1998).
func affinity(prompt string, ordinal int) uint64 {
	h := fnv.New64a()
	_, _ = h.Write([]byte(prompt))
	x := h.Sum64() ^ uint64(ordinal+1)*0x9e3779b97f4a7c15
	x ^= x >> 32 // FNV's high bits depend little on its last bytes: mix them
	x *= 0xd6e8feb86659fd93
	x ^= x >> 32
	x *= 0xd6e8feb86659fd93
	return x ^ x>>32
}

// done notes that a worker has one request less, and whether it answers no more.
func (m *Model) done(w *member, err error) {
	m.mu.Lock()
	w.inFlight--
	lost := backends.KindOf(err) == backends.KindClosed && w.gone == nil
	if lost {
		w.gone = err
	}
	left := 0
	for _, o := range m.members {
		if o.gone == nil {
			left++
		}
	}
	m.mu.Unlock()
	if lost && left > 0 {
		m.fleet.say("%s is given up, and %s goes on with %d of %d GPUs: %v", w.slot.device.ID(), m.entry.name, left, len(m.members), err)
	}
}

func (m *Model) living() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	n := 0
	for _, w := range m.members {
		if w.gone == nil {
			n++
		}
	}
	return n
}

// add has a further GPU answer, once its worker has loaded the model. Where it cannot, the others go on without it.
func (m *Model) add(ordinal int) {
	m.growing.Go(func() {
		w, err := m.fleet.start(m.grow, m.entry, ordinal)
		if err == nil && !sameModel(w.plugin.Info(), m.info) {
			w.slot.release()
			err = fmt.Errorf("it gives other numbers than the model's other GPUs: %v and %v", w.plugin.Info().Details, m.info.Details)
		}
		if err != nil {
			if m.grow.Err() == nil {
				m.fleet.say("%s is not used for %s: %v", m.fleet.slots[ordinal].device.ID(), m.entry.name, err)
			}
			return
		}
		m.mu.Lock()
		defer m.mu.Unlock()
		m.members = append(m.members, w)
	})
}

// Where names the GPUs that the model is on, for people.
func (m *Model) Where() string {
	m.mu.Lock()
	defer m.mu.Unlock()
	var ids []string
	for _, w := range m.members {
		ids = append(ids, w.slot.device.ID())
	}
	return fmt.Sprintf("%s (%s)", strings.Join(ids, ", "), m.members[0].slot.device.Name)
}

// Close waits for the calls in flight and gives the GPUs back. Workers stay, with their model loaded, until their GPU is
// wanted for another or the fleet is closed.
func (m *Model) Close() error {
	m.mu.Lock()
	closed := m.closed
	m.closed = true
	m.mu.Unlock()
	if closed {
		return nil
	}
	m.stop()
	m.growing.Wait()
	m.calls.Wait()
	for _, w := range m.members {
		if w.gone != nil {
			w.slot.clear()
		}
		w.slot.release()
	}
	return nil
}

// op says in errors who was asked.
const op = "ask GPU worker"

// renamed tells of the worker in an error of package process, which knows plug-ins.
func renamed(err error) error {
	var e *backends.Error
	if err == nil || !errors.As(err, &e) {
		return err
	}
	c := *e
	c.Op = strings.ReplaceAll(c.Op, "plug-in", "GPU worker")
	if c.Kind == backends.KindClosed {
		c.Err = &hinted{c.Err, "what is recorded stays: onset resume goes on when it is mended; --model-args restarts=N allows more, --device cpu does without the GPU"}
	}
	return &c
}

// hinted is an error that says what to do about it.
type hinted struct {
	error
	hint string
}

func (e *hinted) Unwrap() error { return e.error }

// Hint says what to do.
func (e *hinted) Hint() string { return e.hint }

// sameModel reports whether two workers answer for the same model on the same kind of card.
func sameModel(a, b backends.Info) bool {
	return a.WeightsHash == b.WeightsHash && a.ContextLength == b.ContextLength && a.Params == b.Params && maps.Equal(a.Details, b.Details)
}
