//go:build !unix

package local

import "io/fs"

// mapFile reads a file whole; release does nothing.
func mapFile(fsys fs.FS, name string) (data []byte, release func() error, err error) {
	data, err = fs.ReadFile(fsys, name)
	return data, func() error { return nil }, err
}
