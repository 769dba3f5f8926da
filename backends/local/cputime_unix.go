//go:build linux || darwin || freebsd || netbsd || openbsd || dragonfly

package local

import (
	"time"

	"golang.org/x/sys/unix"
)

// cpuTime is the processor time that the process has taken, all threads together; 0 where it is not known.
func cpuTime() time.Duration {
	var u unix.Rusage
	if unix.Getrusage(unix.RUSAGE_SELF, &u) != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
