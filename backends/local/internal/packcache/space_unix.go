//go:build linux || darwin

package packcache

import (
	"path/filepath"

	"golang.org/x/sys/unix"
)

// freeSpace is the room on a file's disk, in bytes.
func freeSpace(path string) (int64, bool) {
	var st unix.Statfs_t
	if unix.Statfs(filepath.Dir(path), &st) != nil {
		return 0, false
	}
	return int64(st.Bavail) * int64(st.Bsize), true //nolint:unconvert // their types differ between systems
}
