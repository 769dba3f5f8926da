//go:build !(linux || darwin || freebsd || netbsd || openbsd || dragonfly)

package packcache

import "io/fs"

func (id *Identity) fromSystem(fs.FileInfo) {}
