//go:build !linux

package kernels

import "time"

var started = time.Now()

func threadTime() time.Duration { return time.Since(started) }

func arenas() map[string]arena { return map[string]arena{"canaries": canaries()} }
