//go:build !(linux || darwin || freebsd || netbsd || openbsd || dragonfly)

package local

import "time"

func cpuTime() time.Duration { return 0 }
