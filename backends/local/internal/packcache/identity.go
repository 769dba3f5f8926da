package packcache

import (
	"crypto/sha256"
	"encoding/hex"
	"os"
	"path/filepath"
	"slices"
	"time"
)

// Identity is what the file system tells of the contents of a file without reading them: two equal Identities are the
// same contents, but where somebody sets the clock back or writes to the disk past the file system.
//
// Writing to a file sets its times of modification and of change; the latter cannot be set by programs, so it tells a
// file that was rewritten in place and given its old time of modification. Replacing a file changes its inode. The
// clocks of file systems are coarse, so contents read within settle of a change are not remembered under it.
type Identity struct {
	Path     string `json:"path"` // absolute, without symbolic links
	Size     int64  `json:"size"`
	Modified int64  `json:"modified"` // nanoseconds since 1970
	Changed  int64  `json:"changed"`  // of the contents or the inode; 0 where the system has no such time
	Device   uint64 `json:"device"`   // 0 where the system has none, as Inode
	Inode    uint64 `json:"inode"`
}

// settle is longer than the steps of file systems' clocks: 2 s on FAT, some milliseconds elsewhere.
const settle = 2 * time.Second

// Identify gives the identity of the file at a path.
func Identify(path string) (Identity, error) {
	abs, err := filepath.Abs(path)
	if err != nil {
		return Identity{}, err
	}
	if abs, err = filepath.EvalSymlinks(abs); err != nil {
		return Identity{}, err
	}
	st, err := os.Stat(abs)
	if err != nil {
		return Identity{}, err
	}
	id := Identity{Path: abs, Size: st.Size(), Modified: st.ModTime().UnixNano()}
	id.fromSystem(st)
	return id, nil
}

// IdentifyAll gives the identities of files.
func IdentifyAll(paths []string) ([]Identity, error) {
	ids := make([]Identity, len(paths))
	for i, p := range paths {
		var err error
		if ids[i], err = Identify(p); err != nil {
			return nil, err
		}
	}
	return ids, nil
}

// settled reports whether the last change lies far enough before a time at which the contents were yet to be read.
func (id Identity) settled(read time.Time) bool {
	return time.Unix(0, max(id.Modified, id.Changed)).Before(read.Add(-settle))
}

// hashNote is what is remembered of a checkpoint's files.
type hashNote struct {
	Files []Identity `json:"files"`
	Hash  string     `json:"hash"`
}

func (d Dir) notePath(files []Identity) string {
	sum := sha256.New()
	for _, f := range files {
		sum.Write([]byte(f.Path + "\x00"))
	}
	return filepath.Join(string(d), hashesDir, hex.EncodeToString(sum.Sum(nil))+".json")
}

// Hash gives the hash that was remembered for files, in their order, if each still is what it was then.
func (d Dir) Hash(files []Identity) (hash string, ok bool) {
	var note hashNote
	if d == "" || readJSON(d.notePath(files), &note) != nil || !slices.Equal(note.Files, files) {
		return "", false
	}
	return note.Hash, true
}

// RememberHash remembers the hash of files whose identities were taken at the time read, before their bytes were. It
// remembers nothing where a file changed so shortly before that a later change might not show.
func (d Dir) RememberHash(files []Identity, hash string, read time.Time) error {
	for _, f := range files {
		if !f.settled(read) {
			return nil
		}
	}
	return writeJSON(d.notePath(files), hashNote{Files: files, Hash: hash})
}
