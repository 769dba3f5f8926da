//go:build !amd64

package kernels

func native() []Set { return nil }
