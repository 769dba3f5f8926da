package kernels

// Written in the files beside this one; what each computes stands there. Lengths are as stated, unchecked.

//go:noescape
func fmaAVX2(dst, a, b, c *float32, n int)

//go:noescape
func indexAVX2(x *float32, n int, value float32) int

func features() uint32
