//go:build !linux

package kernels

func arenas() map[string]arena { return map[string]arena{"canaries": canaries()} }
