package runlog

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"syscall"
	"time"
)

// writeAt is the number of bytes at which the owner hands its buffer to the file.
const writeAt = 256 << 10

// owner is the state of the goroutine that owns a segment.
type owner struct {
	w    *Writer
	f    segment
	buf  []byte
	good int64 // the file's length in whole lines
	// pending counts lines that are not yet durable.
	pending int
	// acks are of the writers whose lines are in buf.
	acks []chan<- error
}

// own appends items until there are no more. After an error it goes on receiving, so that nobody waits for it.
func (w *Writer) own(f segment) {
	o := &owner{w: w, f: f}
	timer := time.NewTimer(time.Hour)
	timer.Stop()
	defer timer.Stop()
	for {
		select {
		case it, ok := <-w.items:
			if !ok {
				o.commit()
				if err := f.Close(); err != nil {
					w.setError(fmt.Errorf("close segment: %w", err))
				}
				return
			}
			if it.done != nil {
				o.commit()
				it.done <- w.firstError()
				continue
			}
			if o.pending == 0 {
				timer.Reset(w.opts.CommitEvery)
			}
			o.add(it)
			if len(w.items) == 0 {
				// Nobody is waiting: hand over what there is, so that a killed process loses nothing that it was given.
				o.write()
			}
		case <-timer.C:
			o.commit()
		}
	}
}

func (o *owner) add(it item) {
	o.buf = append(o.buf, it.data...)
	o.pending++
	if it.ack != nil {
		o.acks = append(o.acks, it.ack)
	}
	if len(o.buf) >= writeAt {
		o.write()
	}
	if o.pending >= o.w.opts.CommitRecords {
		o.commit()
	}
}

// commit makes all lines durable.
func (o *owner) commit() {
	if o.pending == 0 {
		return
	}
	o.pending = 0
	o.write()
	if o.w.firstError() != nil {
		return
	}
	if err := o.f.Sync(); err != nil {
		o.w.setError(writeError("make records durable", err))
	}
}

// write hands the buffer to the file. Where that stops midway, the file is cut after its last whole line.
func (o *owner) write() {
	data := o.buf
	o.buf = o.buf[:0]
	defer o.acknowledge()
	if len(data) == 0 || o.w.firstError() != nil {
		return
	}
	n, err := o.f.Write(data)
	if err == nil && n < len(data) {
		err = io.ErrShortWrite
	}
	if err == nil {
		o.good += int64(n)
		return
	}
	o.good += int64(bytes.LastIndexByte(data[:n], '\n') + 1)
	o.w.setError(writeError("append records", err))
	// A torn line that stays does no harm: the reader leaves it out.
	if o.f.Truncate(o.good) == nil {
		_, _ = o.f.Seek(o.good, io.SeekStart)
	}
	_ = o.f.Sync() // the whole lines that got in are worth keeping
}

// acknowledge tells the writers of what was in the buffer that it is in the file, or that it is not.
func (o *owner) acknowledge() {
	if len(o.acks) == 0 {
		return
	}
	err := o.w.firstError()
	for _, ack := range o.acks {
		ack <- err
	}
	o.acks = o.acks[:0]
}

// writeError adds the hint that a full disk wants.
func writeError(doing string, err error) error {
	wrapped := fmt.Errorf("%s: %w", doing, err)
	if errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EFBIG) {
		return &hintedError{err: wrapped, hint: "make room on the disk, then `onset resume DIR`: every record before this one is kept"}
	}
	return wrapped
}
