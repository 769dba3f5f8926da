package kernels

import (
	"syscall"
	"testing"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// threadTime is the processor time that this thread has had: what other work on the machine takes is not in it.
func threadTime() time.Duration {
	var t unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_THREAD_CPUTIME_ID, &t); err != nil {
		panic(err)
	}
	return time.Duration(t.Nano())
}

// guarded puts buffers against a page that cannot be read: after them (atEnd) or before them.
func guarded(atEnd bool) arena {
	return arena{
		make: func(t *testing.T, n int) []float32 {
			page := syscall.Getpagesize()
			size := (4*n + page - 1) / page * page
			mem, err := syscall.Mmap(-1, 0, size+2*page, syscall.PROT_READ|syscall.PROT_WRITE,
				syscall.MAP_ANON|syscall.MAP_PRIVATE)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() {
				if err := syscall.Munmap(mem); err != nil {
					t.Error(err)
				}
			})
			for _, guard := range [][]byte{mem[:page], mem[page+size:]} {
				if err := syscall.Mprotect(guard, syscall.PROT_NONE); err != nil {
					t.Fatal(err)
				}
			}
			at := page
			if atEnd {
				at += size - 4*n
			}
			if n == 0 {
				return nil
			}
			return unsafe.Slice((*float32)(unsafe.Pointer(&mem[at])), n)
		},
		check: func(*testing.T) {},
	}
}

func arenas() map[string]arena {
	return map[string]arena{"canaries": canaries(), "end of page": guarded(true), "start of page": guarded(false)}
}
