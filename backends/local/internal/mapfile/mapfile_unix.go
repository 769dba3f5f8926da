//go:build unix

package mapfile

import (
	"os"
	"unsafe"

	"golang.org/x/sys/unix"
)

func mapFile(f *os.File, size int) (*Mapping, error) {
	data, err := unix.Mmap(int(f.Fd()), 0, size, unix.PROT_READ, unix.MAP_SHARED)
	if err != nil {
		return nil, err
	}
	return &Mapping{Data: data, unmap: func() error { return unix.Munmap(data) }}, nil
}

// drop gives back the whole pages inside of part; those at its ends may hold neighbours' bytes.
func drop(part []byte) {
	page := os.Getpagesize()
	lead := -int(uintptr(unsafe.Pointer(&part[0]))) & (page - 1)
	if n := (len(part) - lead) &^ (page - 1); n > 0 {
		_ = unix.Madvise(part[lead:lead+n], unix.MADV_DONTNEED) // advice: that it is not taken changes nothing
	}
}
