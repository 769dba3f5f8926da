package gputest

import (
	"fmt"
	"time"

	"github.com/onset-eval/onset/backends/local/gpu"
)

// NewStream returns the next number.
func (d *Device) NewStream() (gpu.Stream, error) {
	if err := d.begin(Call{Op: "newstream"}); err != nil {
		return 0, err
	}
	d.streams++
	return d.streams, nil
}

// Record returns an event a microsecond after the last.
func (d *Device) Record(s gpu.Stream) (gpu.Event, error) {
	if err := d.begin(Call{Op: "record", Stream: s, Event: d.lastEvent + 1}); err != nil {
		return 0, err
	}
	d.lastEvent++
	d.clock += time.Microsecond
	d.events[d.lastEvent] = d.clock
	d.mark(d.lastEvent, s)
	return d.lastEvent, nil
}

// Wait makes a lazy stream wait.
func (d *Device) Wait(s gpu.Stream, e gpu.Event) error {
	if err := d.begin(Call{Op: "wait", Stream: s, Event: e}); err != nil {
		return err
	}
	if d.Lazy && d.capturing == nil {
		d.queue(s).todo = append(d.queue(s).todo, queued{wait: e})
	}
	return d.known(e)
}

func (d *Device) known(e gpu.Event) error {
	if _, ok := d.events[e]; !ok {
		return d.invalid(fmt.Sprintf("event %d does not exist", e))
	}
	return nil
}

// Elapsed returns the difference of the events' numbers in microseconds.
func (d *Device) Elapsed(a, b gpu.Event) (time.Duration, error) {
	if err := d.begin(Call{Op: "elapsed", Event: a}); err != nil {
		return 0, err
	}
	for _, e := range []gpu.Event{a, b} {
		if err := d.known(e); err != nil {
			return 0, err
		}
		if err := d.reach(e); err != nil {
			return 0, err
		}
	}
	return d.events[b] - d.events[a], nil
}

// Await runs what stands before the event.
func (d *Device) Await(e gpu.Event) error {
	if err := d.begin(Call{Op: "await", Event: e}); err != nil {
		return err
	}
	if err := d.notCaptured("await"); err != nil {
		return err
	}
	if err := d.known(e); err != nil {
		return err
	}
	return d.reach(e)
}

// Release forgets an event; one that does not exist is a defect of the caller.
func (d *Device) Release(e gpu.Event) {
	if e == 0 || d.closed {
		return
	}
	if err := d.known(e); err != nil {
		panic(err)
	}
	delete(d.events, e)
}

// Synchronize runs what the stream has.
func (d *Device) Synchronize(s gpu.Stream) error {
	if err := d.begin(Call{Op: "synchronize", Stream: s}); err != nil {
		return err
	}
	if err := d.notCaptured("synchronize"); err != nil {
		return err
	}
	d.drain(s, 1<<62)
	return d.async
}

// Capture keeps the work that f enqueues.
func (d *Device) Capture(s gpu.Stream, f func() error) (gpu.Graph, error) {
	if err := d.begin(Call{Op: "capture", Stream: s}); err != nil {
		return 0, err
	}
	if d.capturing != nil {
		return 0, d.invalid("capture within a capture")
	}
	var work []func() error
	d.capturing = &work
	defer func() { d.capturing = nil }()
	err := f()
	if err != nil {
		return 0, err
	}
	d.lastGraph++
	d.graphs[d.lastGraph] = work
	return d.lastGraph, nil
}

// Replay runs a graph's work.
func (d *Device) Replay(g gpu.Graph, s gpu.Stream) error {
	if err := d.begin(Call{Op: "replay", Stream: s}); err != nil {
		return err
	}
	work, ok := d.graphs[g]
	if !ok {
		return d.invalid(fmt.Sprintf("graph %d does not exist", g))
	}
	for _, w := range work {
		if err := d.enqueue(s, w); err != nil {
			return err
		}
	}
	return nil
}

// DropGraph forgets a graph; one that does not exist is a defect of the caller.
func (d *Device) DropGraph(g gpu.Graph) {
	if g == 0 || d.closed {
		return
	}
	if _, ok := d.graphs[g]; !ok {
		panic(d.invalid(fmt.Sprintf("graph %d does not exist", g)))
	}
	delete(d.graphs, g)
}
