// Package packcache keeps on disk, from one run to the next, what opening a checkpoint would else compute again: its
// weights in the form that the kernels read, and the hash of its files.
//
// A Dir holds two folders. packed/HASH-LAYOUT is the packed form of the weights with that hash in that layout: it
// depends on no instruction set, is written beside its name and renamed when complete, and carries checksums (file.go
// has the format). hashes/KEY.json remembers the hash of weight files by their path, size, times and inode
// (identity.go says when that is trusted). Any number of processes may use a Dir at once. What is missing, damaged or
// of another layout is an error that callers answer by packing again; nothing in a Dir is needed, and all of it may be
// deleted at any time: a file that is mapped lives on until its last user ends.
package packcache

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// Dir is the path of a cache folder, which need not be there yet.
type Dir string

const (
	packedDir = "packed"
	hashesDir = "hashes"
	tempMark  = ".tmp-"
	// staleTemp is the age from which a temporary file belongs to no living process.
	staleTemp = 24 * time.Hour
)

// packedPath is the place of a packed form. weights is "sha256:" and hexadecimal digits.
func (d Dir) packedPath(weights, layout string) (string, error) {
	digits, ok := strings.CutPrefix(weights, "sha256:")
	if !ok || len(digits) != 64 || strings.Trim(digits, "0123456789abcdef") != "" {
		return "", fmt.Errorf("weights hash %q is no sha256", weights)
	}
	if layout == "" || strings.Trim(layout, "0123456789abcdefghijklmnopqrstuvwxyz_") != "" {
		return "", fmt.Errorf("layout %q is no name", layout)
	}
	return filepath.Join(string(d), packedDir, digits+"-"+layout), nil
}

// Packed is a packed form that lies in a Dir.
type Packed struct {
	Name  string    `json:"name"`  // HASH-LAYOUT
	Bytes int64     `json:"bytes"` // on disk
	Used  time.Time `json:"used"`  // when it was last opened or made
}

// List lists the packed forms, the one used longest ago first. A Dir that is not there has none.
func (d Dir) List() ([]Packed, error) {
	entries, err := os.ReadDir(filepath.Join(string(d), packedDir))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	var all []Packed
	for _, e := range entries {
		st, err := e.Info()
		if err != nil || !st.Mode().IsRegular() || filepath.Ext(e.Name()) != "" || strings.HasPrefix(e.Name(), ".") {
			continue // gone meanwhile, or no packed form
		}
		p := Packed{Name: e.Name(), Bytes: st.Size(), Used: st.ModTime()}
		if side, err := os.Stat(filepath.Join(string(d), packedDir, e.Name()+verifiedExt)); err == nil && side.ModTime().After(p.Used) {
			p.Used = side.ModTime()
		}
		all = append(all, p)
	}
	slices.SortFunc(all, func(a, b Packed) int {
		if c := a.Used.Compare(b.Used); c != 0 {
			return c
		}
		return strings.Compare(a.Name, b.Name)
	})
	return all, nil
}

// Prune deletes the packed forms that were last used before a time, and what broken-off writers left behind. It gives
// those that it deleted.
func (d Dir) Prune(before time.Time) ([]Packed, error) {
	all, err := d.List()
	if err != nil {
		return nil, err
	}
	var gone []Packed
	var errs []error
	for _, p := range all {
		if !p.Used.Before(before) {
			continue
		}
		path := filepath.Join(string(d), packedDir, p.Name)
		if err := remove(path); err != nil {
			errs = append(errs, err)
			continue
		}
		gone = append(gone, p)
	}
	return gone, errors.Join(append(errs, d.sweep(time.Now()))...)
}

// remove deletes a packed form with what was noted of it.
func remove(path string) error {
	return errors.Join(removeOne(path+verifiedExt), removeOne(path+lockExt), removeOne(path))
}

func removeOne(path string) error {
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// sweep deletes the temporary files of writers that ended without cleaning up.
func (d Dir) sweep(now time.Time) error {
	var errs []error
	for _, sub := range []string{packedDir, hashesDir} {
		left, err := filepath.Glob(filepath.Join(string(d), sub, "*"+tempMark+"*"))
		if err != nil {
			return err
		}
		for _, path := range left {
			if st, err := os.Stat(path); err == nil && now.Sub(st.ModTime()) > staleTemp {
				errs = append(errs, removeOne(path))
			}
		}
	}
	return errors.Join(errs...)
}

// createTemp makes a file that will be renamed to path, with the folders above it.
func createTemp(path string) (*os.File, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return nil, err
	}
	return os.CreateTemp(filepath.Dir(path), filepath.Base(path)+tempMark+"*")
}

// writeJSON replaces a small file as a whole.
func writeJSON(path string, v any) error {
	data, err := json.Marshal(v)
	if err != nil {
		return err
	}
	f, err := createTemp(path)
	if err != nil {
		return err
	}
	_, err = f.Write(append(data, '\n'))
	if err = errors.Join(err, f.Close()); err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	return nil
}

// maxNote bounds the small files, in bytes.
const maxNote = 4 << 20

func readJSON(path string, v any) error {
	st, err := os.Stat(path)
	if err != nil {
		return err
	}
	if st.Size() > maxNote {
		return fmt.Errorf("%s has %d bytes", path, st.Size())
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(data, v); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return nil
}
