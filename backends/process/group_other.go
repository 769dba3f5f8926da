//go:build unix && !linux

package process

import "syscall"

// endWithParent leaves the program's end to the watchdog.
func endWithParent(*syscall.SysProcAttr) {}
