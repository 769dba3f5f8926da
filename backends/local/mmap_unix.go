//go:build unix

package local

import (
	"fmt"
	"io/fs"
	"os"

	"golang.org/x/sys/unix"
)

// mapFile gives a file's bytes, mapped where it is a file of the system. release ends their validity.
func mapFile(fsys fs.FS, name string) (data []byte, release func() error, err error) {
	file, err := fsys.Open(name)
	if err != nil {
		return nil, nil, err
	}
	f, ok := file.(*os.File)
	if !ok {
		_ = file.Close()
		data, err := fs.ReadFile(fsys, name)
		return data, func() error { return nil }, err
	}
	defer func() { _ = f.Close() }()
	st, err := f.Stat()
	if err != nil {
		return nil, nil, err
	}
	if st.Size() == 0 || st.Size() != int64(int(st.Size())) {
		return nil, nil, fmt.Errorf("%s has %d bytes", name, st.Size())
	}
	data, err = unix.Mmap(int(f.Fd()), 0, int(st.Size()), unix.PROT_READ, unix.MAP_PRIVATE)
	if err != nil {
		return nil, nil, fmt.Errorf("map %s: %w", name, err)
	}
	return data, func() error { return unix.Munmap(data) }, nil
}
