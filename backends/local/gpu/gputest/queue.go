package gputest

import "github.com/onset-eval/onset/backends/local/gpu"

// queued is one piece of work of a stream that is not done.
type queued struct {
	work   func() error
	record gpu.Event // reached here
	wait   gpu.Event // to be reached first
}

// mark is where an event stands: it is reached when its stream has done so many pieces.
type mark struct {
	stream gpu.Stream
	at     int
}

// queue is a stream of a lazy device.
type queue struct {
	todo []queued
	done int // pieces that were run
}

// enqueue runs work now, keeps it for the graph that is being captured, or puts it off.
func (d *Device) enqueue(s gpu.Stream, work func() error) error {
	switch {
	case d.capturing != nil:
		*d.capturing = append(*d.capturing, work)
		return nil
	case d.Lazy:
		d.queue(s).todo = append(d.queue(s).todo, queued{work: work})
		return nil
	}
	return work()
}

func (d *Device) queue(s gpu.Stream) *queue {
	for len(d.queues) <= int(s) {
		d.queues = append(d.queues, &queue{})
	}
	return d.queues[s]
}

// drain runs a stream's work until so many pieces are done, and of other streams what it waits for. The first error sticks to
// the device, as an asynchronous error does.
func (d *Device) drain(s gpu.Stream, until int) {
	q := d.queue(s)
	for q.done < until && len(q.todo) > 0 {
		next := q.todo[0]
		q.todo = q.todo[1:]
		if m, ok := d.marks[next.wait]; ok {
			d.drain(m.stream, m.at)
		}
		if next.work != nil && d.async == nil {
			d.async = next.work()
		}
		q.done++
	}
}

// drainAll runs everything, and returns the asynchronous error.
func (d *Device) drainAll() error {
	for s := range d.queues {
		d.drain(gpu.Stream(s), 1<<62)
	}
	return d.async
}

// mark notes where an event stands in its stream.
func (d *Device) mark(e gpu.Event, s gpu.Stream) {
	if !d.Lazy || d.capturing != nil {
		return
	}
	q := d.queue(s)
	q.todo = append(q.todo, queued{record: e})
	d.marks[e] = mark{s, q.done + len(q.todo)}
}

// reach runs what stands before an event, and returns the asynchronous error.
func (d *Device) reach(e gpu.Event) error {
	if m, ok := d.marks[e]; ok {
		d.drain(m.stream, m.at)
	}
	return d.async
}
