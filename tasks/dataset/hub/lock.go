package hub

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"time"
)

// Why a lock was not taken.
var (
	errLocked  = errors.New("another process holds the lock")
	errNoLocks = errors.New("the file system has no locks")
)

// lockPoll is how often a held lock is tried again.
const lockPoll = 200 * time.Millisecond

// lockFile waits until no other process holds the lock. On a file system without locks it gives one that
// locks nothing: downloads are checked by their hash in any case.
func lockFile(ctx context.Context, name string, wait func(context.Context, time.Duration) error) (unlock func(), err error) {
	if err := os.MkdirAll(filepath.Dir(name), 0o777); err != nil {
		return nil, err
	}
	f, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE, 0o666)
	if err != nil {
		return nil, err
	}
	for {
		err := tryLock(f)
		switch {
		case err == nil, errors.Is(err, errNoLocks):
			return func() { _ = f.Close() }, nil // closing ends the lock
		case !errors.Is(err, errLocked):
			_ = f.Close() // the error that matters is the lock's
			return nil, err
		}
		if err := wait(ctx, lockPoll); err != nil {
			_ = f.Close() // the error that matters is the context's
			return nil, err
		}
	}
}
