//go:build linux || darwin || freebsd || netbsd || openbsd || dragonfly

package packcache

import (
	"io/fs"

	"golang.org/x/sys/unix"
)

func (id *Identity) fromSystem(fs.FileInfo) {
	var st unix.Stat_t
	if unix.Stat(id.Path, &st) != nil {
		return
	}
	id.Changed = st.Ctim.Nano()
	id.Device, id.Inode = uint64(st.Dev), uint64(st.Ino) //nolint:unconvert // their types differ between systems
}
