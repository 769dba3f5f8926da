// Package mapfile gives files as memory: mapped read-only where the system can, read whole where it cannot.
package mapfile

import (
	"fmt"
	"os"
)

// Mapping is a file's bytes. They must not be written to, and are valid until Close; a file that another program cuts
// short while it is mapped ends the process at the next access, as with any mapped file.
type Mapping struct {
	Data  []byte
	unmap func() error // nil where the bytes were read
}

// Map maps a whole file, which may be closed afterwards. A file without bytes gives an empty mapping.
func Map(f *os.File) (*Mapping, error) {
	st, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if !st.Mode().IsRegular() {
		return nil, fmt.Errorf("map %s: it is no regular file", f.Name())
	}
	if st.Size() != int64(int(st.Size())) {
		return nil, fmt.Errorf("map %s: its %d bytes are more than this machine addresses", f.Name(), st.Size())
	}
	if st.Size() == 0 {
		return &Mapping{}, nil
	}
	m, err := mapFile(f, int(st.Size()))
	if err != nil {
		return nil, fmt.Errorf("map %s: %w", f.Name(), err)
	}
	return m, nil
}

// Open maps the file at a path.
func Open(path string) (*Mapping, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }() // the mapping holds without it
	return Map(f)
}

// Drop tells the system that a part of Data is not needed for now: its pages leave the process's memory and are read
// from the file again at the next access. It changes no byte.
func (m *Mapping) Drop(part []byte) {
	if m.unmap != nil && len(part) > 0 {
		drop(part)
	}
}

// Close ends the mapping. It may be called twice.
func (m *Mapping) Close() error {
	if m == nil || m.Data == nil {
		return nil
	}
	m.Data = nil
	if m.unmap == nil {
		return nil
	}
	return m.unmap()
}
