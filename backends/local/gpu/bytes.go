package gpu

import (
	"fmt"
	"unsafe"
)

// Element is what memory of the host is looked at as.
type Element interface {
	~int32 | ~uint32 | ~float32 | ~int64 | ~uint64 | ~float64 | ~uint16 | ~uint8
}

// ViewOf returns memory as elements, without a copy. It panics where the memory is not aligned for them or holds a part of one.
func ViewOf[E Element](b []byte) []E {
	var e E
	size := unsafe.Sizeof(e)
	p := unsafe.Pointer(unsafe.SliceData(b))
	if uintptr(p)%size != 0 || uintptr(len(b))%size != 0 {
		panic(fmt.Sprintf("gpu: %d bytes at %p are no whole elements of %d bytes", len(b), p, size))
	}
	return unsafe.Slice((*E)(p), uintptr(len(b))/size)
}

// BytesOf returns elements as the bytes of memory that they are, without a copy.
func BytesOf[E Element](s []E) []byte {
	var e E
	return unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(s))), len(s)*int(unsafe.Sizeof(e)))
}
