package local

import (
	"fmt"
	"io"
	"io/fs"
)

// The most bytes that are read of a checkpoint's files. Real ones are far smaller; the largest tokenizers have 40 MB.
const (
	maxConfig    = 16 << 20
	maxTokenizer = 256 << 20
)

// readBounded reads a file of a checkpoint whole, and refuses one that is larger than any such file before reading it.
func readBounded(fsys fs.FS, name string, most int64) ([]byte, error) {
	f, err := fsys.Open(name)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }() // it was only read
	st, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if st.IsDir() {
		return nil, fmt.Errorf("%s is a folder", name)
	}
	if st.Size() > most {
		return nil, fmt.Errorf("%s has %d bytes: no more than %d are read", name, st.Size(), most)
	}
	data := make([]byte, 0, st.Size()+1)
	for {
		n, err := f.Read(data[len(data):cap(data)])
		data = data[:len(data)+n]
		switch {
		case err == io.EOF: //nolint:errorlint // readers give it as it is
			return data, nil
		case err != nil:
			return nil, fmt.Errorf("read %s: %w", name, err)
		case int64(len(data)) > most:
			return nil, fmt.Errorf("%s grows while it is read, past %d bytes", name, most)
		}
		if len(data) == cap(data) {
			data = append(data, 0)[:len(data)]
		}
	}
}
