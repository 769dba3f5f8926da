package main

import (
	"encoding/json"
	"fmt"
	"io"
	"math"
	"sync"
	"sync/atomic"
	"time"

	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"

	"github.com/onset-eval/onset/backends"
	"github.com/onset-eval/onset/backends/price"
	"github.com/onset-eval/onset/evaluators/runlog"
	"github.com/onset-eval/onset/evaluators/runner"
)

// progress shows how far a run is: a bar on a terminal, a line every few seconds elsewhere, or an event a line.
type progress struct {
	out      io.Writer
	run      string
	start    time.Time
	total    int64 // records in all
	done     atomic.Int64
	skipped  atomic.Int64
	failed   atomic.Int64
	model    atomic.Pointer[string]
	lastBeat atomic.Int64 // nanoseconds since start
	meter    *price.Meter
	live     *liveModel
	events   *json.Encoder // nil writes text
	mu       sync.Mutex    // guards events
	bars     *mpb.Progress
	bar      *mpb.Bar
}

// heartbeat is the time between two lines where there is no terminal.
const heartbeat = 10 * time.Second

// event is one line of progress for machines.
type event struct {
	Event string `json:"event"` // start, model, progress, done
	Run   string `json:"run"`
	Model string `json:"model,omitempty"`
	// Samples are the records in all, Done those there are, Skipped those of an earlier start among them.
	Samples  int64   `json:"samples"`
	Done     int64   `json:"done"`
	Skipped  int64   `json:"skipped"`
	Errors   int64   `json:"errors"`
	SpentUSD float64 `json:"spent_usd,omitempty"`
	Seconds  float64 `json:"seconds"`
	// PerSecond and Left are the rate of new samples and the seconds that the rest takes at it; absent before the first.
	PerSecond float64 `json:"per_second,omitempty"`
	Left      float64 `json:"left_seconds,omitempty"`
	// Level is the number of requests that may be in flight, of InFlight that are; Refused, Retried count what servers turned
	// away and what was asked again. Absent for models without a limit.
	Level    int   `json:"level,omitempty"`
	InFlight int   `json:"in_flight,omitempty"`
	Refused  int64 `json:"refused,omitempty"`
	Retried  int64 `json:"retried,omitempty"`
	Stopped  bool  `json:"stopped,omitempty"`
}

func newProgress(a *app, o executeOptions, run string, models, perModel int, meter *price.Meter, live *liveModel) *progress {
	p := &progress{out: a.stderr, run: run, start: time.Now(), total: int64(models) * int64(perModel), meter: meter, live: live}
	p.model.Store(new(string))
	switch {
	case o.quiet:
		p.out = io.Discard
	case o.json:
		p.out, p.events = io.Discard, json.NewEncoder(a.stderr)
		p.emit("start")
	case a.terminal:
		p.bars = mpb.New(mpb.WithOutput(a.stderr), mpb.WithWidth(40))
		p.bar = p.bars.AddBar(p.total,
			mpb.PrependDecorators(decor.Any(func(decor.Statistics) string { return *p.model.Load() }, decor.WC{W: 12, C: decor.DindentRight})),
			mpb.AppendDecorators(decor.CountersNoUnit("%d/%d"), decor.Name(" "),
				decor.Any(func(decor.Statistics) string { return p.pace() })))
	}
	return p
}

// emit writes an event, where events are wanted.
func (p *progress) emit(name string) {
	if p.events == nil {
		return
	}
	e := event{Event: name, Run: p.run, Model: *p.model.Load(), Samples: p.total, Done: p.done.Load(), Skipped: p.skipped.Load(),
		Errors: p.failed.Load(), SpentUSD: p.meter.Spent(), Seconds: time.Since(p.start).Round(time.Millisecond).Seconds()}
	e.PerSecond = math.Round(100*p.rate()) / 100
	if e.PerSecond > 0 {
		e.Left = math.Round(float64(p.total-e.Done) / e.PerSecond)
	}
	if st, ok := p.live.stats(); ok {
		e.Level, e.InFlight, e.Refused, e.Retried = st.Level, st.InFlight, st.Refused, st.Retried
	}
	e.Stopped = name == "done" && e.Done < e.Samples
	p.mu.Lock()
	defer p.mu.Unlock()
	_ = p.events.Encode(e) // where it cannot be written, there is nobody to tell
}

// rate is the number of new samples a second.
func (p *progress) rate() float64 {
	return float64(p.done.Load()-p.skipped.Load()) / max(time.Since(p.start).Seconds(), 1e-9)
}

// pace says how fast the run is, how long the rest takes, what went wrong and what it cost.
func (p *progress) pace() string {
	left := "?"
	if rate := p.rate(); rate > 0 {
		left = time.Duration(float64(p.total-p.done.Load()) / rate * float64(time.Second)).Round(time.Second).String()
	}
	text := fmt.Sprintf("%.3g/s, %s left", p.rate(), left)
	if n := p.failed.Load(); n > 0 {
		text += fmt.Sprintf(", %d errors", n)
	}
	if st, ok := p.live.stats(); ok && st.Level > 0 {
		text += fmt.Sprintf(", %d of %d in flight", st.InFlight, st.Level)
		if st.Retried > 0 {
			text += fmt.Sprintf(", %d retried", st.Retried)
		}
	}
	if spent := p.meter.Spent(); spent > 0 {
		text += ", " + usd(spent)
		if budget := p.meter.Budget(); budget > 0 {
			text += " of " + usd(budget)
		}
	}
	return text
}

// ModelStarted notes which model is running.
func (p *progress) ModelStarted(m backends.Model, _ backends.Info) {
	p.model.Store(&m.Name)
	p.emit("model")
	if p.bars == nil {
		fmt.Fprintf(p.out, "onset: running %s (%d of %d done)\n", m.Name, p.done.Load(), p.total)
	}
}

// Recorded counts a record.
func (p *progress) Recorded(r *runlog.Record) {
	if r.Error != nil {
		p.failed.Add(1)
	}
	p.advance(1)
}

// Skipped counts records that were already there.
func (p *progress) Skipped(n int) {
	p.skipped.Add(int64(n))
	p.advance(n)
}

func (p *progress) advance(n int) {
	done := p.done.Add(int64(n))
	if p.bar != nil {
		p.bar.IncrBy(n)
		return
	}
	now := int64(time.Since(p.start))
	last := p.lastBeat.Load()
	if now-last < int64(heartbeat) || !p.lastBeat.CompareAndSwap(last, now) {
		return
	}
	p.emit("progress")
	fmt.Fprintf(p.out, "onset: %s %d/%d samples, %s\n", *p.model.Load(), done, p.total, p.pace())
}

// close ends the display and says what was done.
func (p *progress) close(s runner.Summary) {
	p.emit("done")
	if p.bars != nil {
		if !p.bar.Completed() {
			p.bar.Abort(false)
		}
		p.bars.Wait()
	}
	took := time.Since(p.start).Round(100 * time.Millisecond)
	switch {
	case s.Recorded == 0 && s.Skipped > 0 && !s.Drained:
		fmt.Fprintf(p.out, "onset: nothing left to do: all %d samples are recorded\n", s.Skipped)
	default:
		fmt.Fprintf(p.out, "onset: %d samples recorded in %s, %d were there before, %d errors\n", s.Recorded, took, s.Skipped, s.Errors)
	}
	if t := p.meter.Total(); t.USD > 0 {
		fmt.Fprintf(p.out, "onset: %s for %d requests, %d tokens in and %d out; onset cost %s says where it went\n",
			usd(t.USD), t.Requests, t.Usage.Prompt, t.Usage.Completion, p.run)
	}
}
