package memory

import "golang.org/x/sys/unix"

// available is the machine's whole memory: macOS tells what is free only to programs that link its libraries, and takes
// back file pages and compresses others when memory is needed.
func available() (Available, bool) {
	n, err := unix.SysctlUint64("hw.memsize")
	return Available{int64(n), "the machine's memory"}, err == nil && int64(n) > 0
}
