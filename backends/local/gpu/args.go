package gpu

import (
	"fmt"
	"math"
)

// Args packs a kernel's arguments, eight bytes each and in the order of its parameters. The driver reads as many of the
// eight as the parameter has, from the low end (every host that CUDA runs on is little-endian): an int or float parameter is
// the low half, a pointer, long long or double is the whole.
//
// The zero value is empty and ready; Reset empties it and keeps its memory, so that a launch allocates nothing.
type Args struct{ words []uint64 }

// Reset removes all arguments and returns a.
func (a *Args) Reset() *Args {
	a.words = a.words[:0]
	return a
}

// Words returns the packed arguments. They are valid until the next call on a.
func (a *Args) Words() []uint64 { return a.words }

// Ptr adds an address; zero is a null pointer.
func (a *Args) Ptr(p Ptr) *Args {
	a.words = append(a.words, uint64(p))
	return a
}

// Int adds a parameter of type int. It panics where n does not fit in 32 bits: the kernel would see another number.
func (a *Args) Int(n int) *Args {
	if n < math.MinInt32 || n > math.MaxInt32 {
		panic(fmt.Sprintf("gpu: argument %d of a kernel is %d, which is no int32", len(a.words), n))
	}
	a.words = append(a.words, uint64(uint32(int32(n))))
	return a
}

// Bool adds a parameter of type int that is 1 or 0.
func (a *Args) Bool(b bool) *Args {
	if b {
		return a.Int(1)
	}
	return a.Int(0)
}

// Long adds a parameter of type long long.
func (a *Args) Long(n int64) *Args {
	a.words = append(a.words, uint64(n))
	return a
}

// Uint64 adds a parameter of type unsigned long long.
func (a *Args) Uint64(n uint64) *Args {
	a.words = append(a.words, n)
	return a
}

// Float adds a parameter of type float.
func (a *Args) Float(x float32) *Args {
	a.words = append(a.words, uint64(math.Float32bits(x)))
	return a
}

// Double adds a parameter of type double.
func (a *Args) Double(x float64) *Args {
	a.words = append(a.words, math.Float64bits(x))
	return a
}
