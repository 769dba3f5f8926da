package main

import (
	"fmt"
	"io"
	"sync/atomic"
	"time"

	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"

	"github.com/onset-eval/onset/backends"
	"github.com/onset-eval/onset/evaluators/runlog"
	"github.com/onset-eval/onset/evaluators/runner"
)

// progress shows how far a run is: a bar on a terminal, a line every few seconds elsewhere.
type progress struct {
	out      io.Writer
	start    time.Time
	total    int64 // records in all
	done     atomic.Int64
	skipped  atomic.Int64
	failed   atomic.Int64
	model    atomic.Pointer[string]
	lastBeat atomic.Int64 // nanoseconds since start
	bars     *mpb.Progress
	bar      *mpb.Bar
}

// heartbeat is the time between two lines where there is no terminal.
const heartbeat = 10 * time.Second

func newProgress(a *app, o executeOptions, models, perModel int) *progress {
	p := &progress{out: a.stderr, start: time.Now(), total: int64(models) * int64(perModel)}
	p.model.Store(new(string))
	switch {
	case o.quiet:
		p.out = io.Discard
	case a.terminal:
		p.bars = mpb.New(mpb.WithOutput(a.stderr), mpb.WithWidth(40))
		p.bar = p.bars.AddBar(p.total,
			mpb.PrependDecorators(decor.Any(func(decor.Statistics) string { return *p.model.Load() }, decor.WC{W: 12, C: decor.DindentRight})),
			mpb.AppendDecorators(decor.CountersNoUnit("%d/%d"), decor.Name(" "), decor.Elapsed(decor.ET_STYLE_MMSS),
				decor.Any(func(decor.Statistics) string { return p.troubles() })))
	}
	return p
}

func (p *progress) troubles() string {
	if n := p.failed.Load(); n > 0 {
		return fmt.Sprintf(" %d errors", n)
	}
	return ""
}

// ModelStarted notes which model is running.
func (p *progress) ModelStarted(m backends.Model, _ backends.Info) {
	p.model.Store(&m.Name)
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
	made := float64(done - p.skipped.Load())
	rate := made / time.Duration(now).Seconds()
	left := time.Duration(0)
	if rate > 0 {
		left = time.Duration(float64(p.total-done) / rate * float64(time.Second)).Round(time.Second)
	}
	fmt.Fprintf(p.out, "onset: %s %d/%d samples, %.0f/s, about %s left%s\n", *p.model.Load(), done, p.total, rate, left, p.troubles())
}

// close ends the display and says what was done.
func (p *progress) close(s runner.Summary) {
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
}
