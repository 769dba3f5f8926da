package kernels

import (
	"strings"
	"unsafe"
)

// peakFlops measures the set's multiply-adds, twice each, a second on one core; 0 is unknown.
func peakFlops(s Set) float64 {
	const n = 100000
	switch strings.TrimSuffix(s.Name(), "+bf16") {
	case "avx2":
		return bestRate(n*12*8*2, func() { peakavx2(n) })
	case "avx512":
		return bestRate(n*12*16*2, func() { peakavx512(n) })
	}
	return 0
}

// readRate is the bytes a second at which a loop of loads reads a weight.
func readRate(w Weight) float64 {
	p, size := unsafe.Pointer(unsafe.SliceData(w.Data)), 4*len(w.Data)
	if w.Type != F32 {
		p, size = unsafe.Pointer(unsafe.SliceData(w.Half)), 2*len(w.Half)
	}
	return bestOf(1, float64(size), func() { readavx2(p, size) })
}

func hasDot(s Set) bool { return s.(vector).dot }
