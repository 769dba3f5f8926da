package gpu

import (
	"errors"
	"fmt"
)

// Uploader carries large data to the device, weights above all: the host writes one page-locked buffer, by converting or
// reading, while the device copies the other.
type Uploader struct {
	dev     Device
	stream  Stream
	buffers [2]uploadBuffer
	next    int
	size    int
}

type uploadBuffer struct {
	memory []byte
	read   Event
}

// NewUploader returns an uploader with two buffers of size bytes that copies in a stream. size is a positive multiple of
// Align.
func NewUploader(dev Device, s Stream, size int) (*Uploader, error) {
	if size <= 0 || size%Align != 0 {
		panic(fmt.Sprintf("gpu: upload buffers of %d bytes", size))
	}
	u := &Uploader{dev: dev, stream: s, size: size}
	for i := range u.buffers {
		memory, err := dev.Pinned(size)
		if err != nil {
			return nil, errors.Join(err, u.Close())
		}
		u.buffers[i].memory = memory
	}
	return u, nil
}

// Upload copies n bytes to dst, which fill writes piece by piece and in order: to is a buffer for the bytes from offset on. A
// piece is as large as the buffers but for the last. fill may use several goroutines. It returns when the last piece is
// enqueued.
func (u *Uploader) Upload(dst Ptr, n int64, fill func(to []byte, offset int64) error) error {
	for offset := int64(0); offset < n; {
		b := &u.buffers[u.next]
		u.next = 1 - u.next
		if b.read != 0 {
			if err := u.dev.Await(b.read); err != nil {
				return err
			}
			u.dev.Release(b.read)
			b.read = 0
		}
		piece := b.memory[:min(n-offset, int64(u.size))]
		if err := fill(piece, offset); err != nil {
			return err
		}
		if err := u.dev.ToDevice(dst.Add(offset), piece, u.stream); err != nil {
			return err
		}
		var err error
		if b.read, err = u.dev.Record(u.stream); err != nil {
			return err
		}
		offset += int64(len(piece))
	}
	return nil
}

// Close waits for the copies and gives the buffers back.
func (u *Uploader) Close() error {
	var errs []error
	for i := range u.buffers {
		b := &u.buffers[i]
		u.dev.Release(b.read)
		errs = append(errs, u.dev.FreePinned(b.memory))
		*b = uploadBuffer{}
	}
	return errors.Join(errs...)
}
