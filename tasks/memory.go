package tasks

import (
	"bytes"
	"io"
	"io/fs"
	"strings"
	"time"

	"github.com/onset-eval/onset/tasks/dataset"
	"github.com/onset-eval/onset/tasks/pyval"
)

// memory is a file system of one file, for rows that are on no disk.
type memory struct {
	name string
	data []byte
}

// memoryFile keeps rows as JSON lines in memory: they are read, counted and digested like those of a file.
func memoryFile(name string, rows []*pyval.Dict) (dataset.File, error) {
	var b bytes.Buffer
	for _, r := range rows {
		line, err := pyval.JSON(r, false)
		if err != nil {
			return dataset.File{}, err
		}
		b.WriteString(line)
		b.WriteByte('\n')
	}
	return dataset.File{FS: memory{name, b.Bytes()}, Path: name, Format: dataset.JSON}, nil
}

// Open gives the file.
func (m memory) Open(name string) (fs.File, error) {
	if name != m.name {
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
	}
	return &memoryReader{memory: m, Reader: bytes.NewReader(m.data)}, nil
}

type memoryReader struct {
	memory
	io.Reader
}

func (r *memoryReader) Close() error               { return nil }
func (r *memoryReader) Stat() (fs.FileInfo, error) { return memoryInfo{r.memory}, nil }

type memoryInfo struct{ m memory }

func (i memoryInfo) Name() string       { return i.m.name[strings.LastIndexByte(i.m.name, '/')+1:] }
func (i memoryInfo) Size() int64        { return int64(len(i.m.data)) }
func (i memoryInfo) Mode() fs.FileMode  { return 0o444 }
func (i memoryInfo) ModTime() time.Time { return time.Time{} }
func (i memoryInfo) IsDir() bool        { return false }
func (i memoryInfo) Sys() any           { return nil }
