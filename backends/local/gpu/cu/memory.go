//go:build cuda

package cu

import (
	"fmt"
	"unsafe"

	"github.com/onset-eval/onset/backends/local/gpu"
)

// pinned is page-locked memory that was given out.
type pinned struct{ bytes []byte }

// contains reports whether all of b lies within.
func (p pinned) contains(b []byte) bool {
	at, base := uintptr(unsafe.Pointer(unsafe.SliceData(b))), uintptr(unsafe.Pointer(unsafe.SliceData(p.bytes)))
	return at >= base && at+uintptr(len(b)) <= base+uintptr(len(p.bytes))
}

// Alloc implements gpu.Device.
func (d *device) Alloc(bytes int64) (gpu.Ptr, error) {
	if err := d.enter("allocate memory"); err != nil {
		return 0, err
	}
	defer d.leave()
	if err := d.notCaptured("allocate memory"); err != nil {
		return 0, err
	}
	if bytes <= 0 {
		return 0, d.misuse("allocate memory", codeInvalidValue, "CUDA_ERROR_INVALID_VALUE", fmt.Sprintf("%d bytes", bytes))
	}
	p, code := drvAlloc(bytes)
	if code == codeOutOfMemory {
		free, total, _ := drvMemory()
		return 0, &gpu.OutOfMemory{Device: d.label, Asked: bytes, Free: free, Total: total}
	}
	if code != 0 {
		return 0, d.fail("allocate "+gpu.Bytes(bytes), code)
	}
	d.allocs[p] = bytes
	return p, nil
}

// Free implements gpu.Device.
func (d *device) Free(p gpu.Ptr) error {
	if p == 0 {
		return nil
	}
	if err := d.enter("free memory"); err != nil {
		return err
	}
	defer d.leave()
	if err := d.notCaptured("free memory"); err != nil {
		return err
	}
	if _, ok := d.allocs[p]; !ok {
		return d.misuse("free memory", codeInvalidValue, "CUDA_ERROR_INVALID_VALUE", fmt.Sprintf("no allocation begins at %#x", uint64(p)))
	}
	// The driver waits too, but does not say so of every way that it may allocate.
	if code := drvSynchronize(); code != 0 {
		return d.fail("wait before freeing memory", code)
	}
	if code := drvFree(p); code != 0 {
		return d.fail("free memory", code)
	}
	delete(d.allocs, p)
	return nil
}

// Memory implements gpu.Device.
func (d *device) Memory() (free, total int64, err error) {
	if err := d.enter("ask for the free memory"); err != nil {
		return 0, 0, err
	}
	defer d.leave()
	free, total, code := drvMemory()
	if code != 0 {
		return 0, 0, d.fail("ask for the free memory", code)
	}
	return free, total, nil
}

// Pinned implements gpu.Device.
func (d *device) Pinned(bytes int) ([]byte, error) {
	if err := d.enter("allocate pinned memory"); err != nil {
		return nil, err
	}
	defer d.leave()
	return d.pin(bytes)
}

// pin is Pinned within a method.
func (d *device) pin(bytes int) ([]byte, error) {
	if err := d.notCaptured("allocate pinned memory"); err != nil {
		return nil, err
	}
	if bytes <= 0 {
		return nil, d.misuse("allocate pinned memory", codeInvalidValue, "CUDA_ERROR_INVALID_VALUE", fmt.Sprintf("%d bytes", bytes))
	}
	p, code := extHostAlloc(bytes)
	if code != 0 {
		err := driverError("allocate "+gpu.Bytes(int64(bytes))+" of pinned host memory", d.label, code)
		if code == codeOutOfMemory {
			err.Hint = "the machine's memory is full, or locking it is limited: see ulimit -l"
		}
		return nil, err
	}
	b := unsafe.Slice((*byte)(p), bytes)
	d.pinned = append(d.pinned, pinned{b})
	return b, nil
}

// FreePinned implements gpu.Device.
func (d *device) FreePinned(b []byte) error {
	if len(b) == 0 {
		return nil
	}
	if err := d.enter("free pinned memory"); err != nil {
		return err
	}
	defer d.leave()
	if err := d.notCaptured("free pinned memory"); err != nil {
		return err
	}
	for i, p := range d.pinned {
		if unsafe.SliceData(p.bytes) != unsafe.SliceData(b) {
			continue
		}
		if code := drvSynchronize(); code != 0 {
			return d.fail("wait before freeing pinned memory", code)
		}
		if code := drvHostFree(unsafe.Pointer(unsafe.SliceData(b))); code != 0 {
			return d.fail("free pinned memory", code)
		}
		d.pinned = append(d.pinned[:i], d.pinned[i+1:]...)
		return nil
	}
	return d.misuse("free pinned memory", codeInvalidValue, "CUDA_ERROR_INVALID_VALUE", "the memory is not pinned")
}

// isPinned reports whether b lies in pinned memory. There are few such buffers.
func (d *device) isPinned(b []byte) bool {
	for _, p := range d.pinned {
		if p.contains(b) {
			return true
		}
	}
	return false
}

// ToDevice implements gpu.Device.
func (d *device) ToDevice(dst gpu.Ptr, src []byte, s gpu.Stream) error {
	if len(src) == 0 {
		return nil
	}
	if err := d.enter("copy to the device"); err != nil {
		return err
	}
	defer d.leave()
	st, err := d.stream("copy to the device", s)
	if err != nil {
		return err
	}
	if !d.isPinned(src) {
		return d.bounceTo(dst, src, st)
	}
	if code := drvToDevice(dst, unsafe.Pointer(unsafe.SliceData(src)), len(src), st); code != 0 {
		return d.fail("copy "+gpu.Bytes(int64(len(src)))+" to the device", code)
	}
	return nil
}

// ToHost implements gpu.Device.
func (d *device) ToHost(dst []byte, src gpu.Ptr, s gpu.Stream) error {
	if len(dst) == 0 {
		return nil
	}
	if err := d.enter("copy to the host"); err != nil {
		return err
	}
	defer d.leave()
	st, err := d.stream("copy to the host", s)
	if err != nil {
		return err
	}
	if !d.isPinned(dst) {
		return d.bounceFrom(dst, src, st)
	}
	if code := drvToHost(unsafe.Pointer(unsafe.SliceData(dst)), src, len(dst), st); code != 0 {
		return d.fail("copy "+gpu.Bytes(int64(len(dst)))+" to the host", code)
	}
	return nil
}

// Copy implements gpu.Device.
func (d *device) Copy(dst, src gpu.Ptr, bytes int64, s gpu.Stream) error {
	if bytes == 0 {
		return nil
	}
	if err := d.enter("copy within the device"); err != nil {
		return err
	}
	defer d.leave()
	st, err := d.stream("copy within the device", s)
	if err != nil {
		return err
	}
	if code := drvCopy(dst, src, bytes, st); code != 0 {
		return d.fail("copy "+gpu.Bytes(bytes)+" within the device", code)
	}
	return nil
}

// Zero implements gpu.Device.
func (d *device) Zero(dst gpu.Ptr, bytes int64, s gpu.Stream) error {
	if bytes == 0 {
		return nil
	}
	if err := d.enter("clear memory"); err != nil {
		return err
	}
	defer d.leave()
	st, err := d.stream("clear memory", s)
	if err != nil {
		return err
	}
	if code := drvZero(dst, bytes, st); code != 0 {
		return d.fail("clear "+gpu.Bytes(bytes), code)
	}
	return nil
}

// bounceBytes is the size of each of the two buffers that copies of memory which is not pinned go through: large enough for
// the bus, small enough to be in the processor's cache partly.
const bounceBytes = 4 << 20

// bounce is the two buffers, made at the first use.
type bounce struct {
	slots [2]struct {
		memory []byte
		free   event // reached when the buffer's copy is done
		used   bool
	}
	next int
}

// slot returns the next buffer once its last copy is done.
func (d *device) slot(call string) (int, error) {
	if err := d.notCaptured(call + " from or to memory that is not pinned"); err != nil {
		return 0, err
	}
	i := d.bounce.next
	d.bounce.next = 1 - i
	slot := &d.bounce.slots[i]
	if slot.memory == nil {
		e, code := drvEvent()
		if code != 0 {
			return 0, d.fail("make an event", code)
		}
		memory, err := d.pin(bounceBytes)
		if err != nil {
			drvDropEvent(e)
			return 0, err
		}
		slot.memory, slot.free = memory, e
	}
	if slot.used {
		if code := drvEventSynchronize(slot.free); code != 0 {
			return 0, d.fail(call, code)
		}
		slot.used = false
	}
	return i, nil
}

// bounceTo copies src through the buffers: while one is read by the device the other is filled.
func (d *device) bounceTo(dst gpu.Ptr, src []byte, s stream) error {
	const call = "copy to the device"
	for len(src) > 0 {
		i, err := d.slot(call)
		if err != nil {
			return err
		}
		slot := &d.bounce.slots[i]
		n := copy(slot.memory, src)
		if code := drvToDevice(dst, unsafe.Pointer(unsafe.SliceData(slot.memory)), n, s); code != 0 {
			return d.fail(call, code)
		}
		if code := drvRecord(slot.free, s); code != 0 {
			return d.fail(call, code)
		}
		slot.used = true
		dst, src = dst.Add(int64(n)), src[n:]
	}
	return nil
}

// bounceFrom copies to dst through the buffers: while one is read by the host the device fills the other.
func (d *device) bounceFrom(dst []byte, src gpu.Ptr, s stream) error {
	const call = "copy to the host"
	waiting, rest := -1, dst // a buffer whose bytes belong to the front of dst
	land := func() error {
		if waiting < 0 {
			return nil
		}
		slot := &d.bounce.slots[waiting]
		if code := drvEventSynchronize(slot.free); code != 0 {
			return d.fail(call, code)
		}
		slot.used = false
		dst = dst[copy(dst, slot.memory):]
		return nil
	}
	for len(rest) > 0 {
		i, err := d.slot(call)
		if err != nil {
			return err
		}
		slot := &d.bounce.slots[i]
		n := min(len(rest), len(slot.memory))
		if code := drvToHost(unsafe.Pointer(unsafe.SliceData(slot.memory)), src, n, s); code != 0 {
			return d.fail(call, code)
		}
		if code := drvRecord(slot.free, s); code != 0 {
			return d.fail(call, code)
		}
		slot.used = true
		if err := land(); err != nil {
			return err
		}
		waiting, rest, src = i, rest[n:], src.Add(int64(n))
	}
	return land()
}
