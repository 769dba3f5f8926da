//go:build unix && !solaris && !aix

package adaptive

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

func lockable() error { return nil }

// tryLock takes the lock of a file, which ends when the file is closed or the process ends; ok is false where another
// process has it.
func tryLock(path string) (f *os.File, ok bool, err error) {
	if f, err = os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600); err != nil {
		return nil, false, err
	}
	for {
		err = unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
		switch {
		case err == nil:
			return f, true, nil
		case errors.Is(err, unix.EINTR):
			continue
		case errors.Is(err, unix.EWOULDBLOCK):
			return nil, false, f.Close()
		}
		return nil, false, errors.Join(err, f.Close())
	}
}
