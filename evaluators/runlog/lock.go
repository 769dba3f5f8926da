package runlog

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
)

// Shard says which part of a run a process writes: part Index of Count, from 0. The zero value is all of it.
type Shard struct {
	Index, Count int
}

func (s Shard) String() string { return fmt.Sprintf("%d/%d", s.Index, s.Count) }

// LockedError says that another process writes the run directory, or the same shard of it.
type LockedError struct {
	Dir string
	// PID is the process that holds the lock, as it wrote itself; 0 is unknown. It may be on another host.
	PID  int
	Host string
}

func (e *LockedError) Error() string {
	who := "another process"
	if e.PID != 0 {
		who = fmt.Sprintf("process %d on %s", e.PID, e.Host)
	}
	return fmt.Sprintf("run directory %s is being written by %s", e.Dir, who)
}

// Hint says what to type.
func (e *LockedError) Hint() string {
	return "wait for it or stop it, give another directory with -o, or let each process write a part with --shard i/n"
}

// lockFile is the file whose lock a writer holds; each shard's own lock is beside it.
const lockFile = "lock"

// errLocked and errNoLocks are what the platform's lock says.
var (
	errLocked  = errors.New("locked")
	errNoLocks = errors.New("the file system has no locks")
)

// dirLock holds the locks of one writer until release, or until the process ends however it ends.
type dirLock struct {
	files []*os.File
}

// lockDir takes the lock of dir: alone, or as one of the shards beside the others. A file system that has no
// locks gives none, since writers do not share segments: two at once cost repeated work and harm nothing.
func lockDir(dir string, shard Shard) (*dirLock, error) {
	var l dirLock
	if shard.Count == 0 {
		return &l, l.take(dir, lockFile, true)
	}
	if err := l.take(dir, lockFile, false); err != nil {
		return &l, err
	}
	return &l, l.take(dir, fmt.Sprintf("%s-%dof%d", lockFile, shard.Index, shard.Count), true)
}

func (l *dirLock) take(dir, name string, exclusive bool) error {
	f, err := os.OpenFile(filepath.Join(dir, name), os.O_RDWR|os.O_CREATE, 0o644)
	if err != nil {
		l.release()
		return fmt.Errorf("lock run directory: %w", err)
	}
	err = tryLock(f, exclusive)
	if errors.Is(err, errLocked) {
		pid, host := holder(f)
		_ = f.Close()
		l.release()
		return &LockedError{Dir: dir, PID: pid, Host: host}
	}
	if err != nil && !errors.Is(err, errNoLocks) {
		_ = f.Close()
		l.release()
		return fmt.Errorf("lock run directory %s: %w", dir, err)
	}
	l.files = append(l.files, f)
	host, _ := os.Hostname()
	// Who holds the lock is told to people only, so that a full disk must not stop a writer here.
	if f.Truncate(0) == nil {
		_, _ = f.WriteAt([]byte(fmt.Sprintf("%d %s\n", os.Getpid(), host)), 0)
	}
	return nil
}

// holder reads who wrote itself into the lock file.
func holder(f *os.File) (pid int, host string) {
	var buf [512]byte
	n, _ := f.ReadAt(buf[:], 0)
	first, rest, _ := bytes.Cut(bytes.TrimSpace(buf[:n]), []byte(" "))
	pid, err := strconv.Atoi(string(first))
	if err != nil {
		return 0, ""
	}
	return pid, string(rest)
}

func (l *dirLock) release() {
	for _, f := range l.files {
		_ = f.Close() // closing gives the lock back
	}
	l.files = nil
}
