//go:build linux || darwin || freebsd || netbsd || openbsd || dragonfly

package packcache

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// heldElsewhere takes the lock of a file, unless another process holds it. A file system without locks is no obstacle.
func heldElsewhere(f *os.File) bool {
	return errors.Is(unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB), unix.EWOULDBLOCK)
}
