package memory

import (
	"unsafe"

	"golang.org/x/sys/windows"
)

// statusEx is the system's MEMORYSTATUSEX.
type statusEx struct {
	length, load                     uint32
	totalPhys, availPhys             uint64
	totalPage, availPage             uint64
	totalVirtual, availVirtual, more uint64
}

func available() (Available, bool) {
	proc := windows.NewLazySystemDLL("kernel32.dll").NewProc("GlobalMemoryStatusEx")
	s := statusEx{}
	s.length = uint32(unsafe.Sizeof(s))
	if proc.Find() != nil {
		return Available{}, false
	}
	ok, _, _ := proc.Call(uintptr(unsafe.Pointer(&s)))
	return Available{int64(s.availPhys), "the machine's free memory"}, ok != 0
}
