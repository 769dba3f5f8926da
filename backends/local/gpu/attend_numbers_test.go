//go:build cuda

package gpu_test

import (
	"encoding/binary"
	"math"

	"github.com/onset-eval/onset/backends/local/gpu"
)

// roundTo rounds to a type's nearest number, ties to even.
func roundTo(t gpu.DType, x float32) float32 { return unpacked(t, packed(t, []float32{x}))[0] }

// packed gives numbers as they stand in device memory.
func packed(t gpu.DType, x []float32) []byte {
	var b []byte
	for _, v := range x {
		bits := math.Float32bits(v)
		switch {
		case t == gpu.F32:
			b = binary.LittleEndian.AppendUint32(b, bits)
		case v != v:
			b = binary.LittleEndian.AppendUint16(b, 0x7fff)
		case t == gpu.BF16:
			b = binary.LittleEndian.AppendUint16(b, uint16((bits+0x7fff+bits>>16&1)>>16))
		default:
			b = binary.LittleEndian.AppendUint16(b, half(v))
		}
	}
	return b
}

// half is the nearest float16, by steps of its own size.
func half(x float32) uint16 {
	sign := uint16(math.Float32bits(x)>>31) << 15
	a := math.Abs(float64(x))
	if a >= 65520 {
		return sign | 0x7c00
	}
	e := -14
	if a >= 0x1p-14 {
		_, e = math.Frexp(a)
		e--
	}
	n := uint16(math.RoundToEven(math.Ldexp(a, 10-e)))
	return sign | n + uint16(e+14)<<10
}

// unpacked is the inverse of packed.
func unpacked(t gpu.DType, b []byte) []float32 {
	var x []float32
	for i := 0; i < len(b); i += t.Size() {
		switch t {
		case gpu.F32:
			x = append(x, math.Float32frombits(binary.LittleEndian.Uint32(b[i:])))
		case gpu.BF16:
			x = append(x, math.Float32frombits(uint32(binary.LittleEndian.Uint16(b[i:]))<<16))
		default:
			x = append(x, fromHalf(binary.LittleEndian.Uint16(b[i:])))
		}
	}
	return x
}

func fromHalf(h uint16) float32 {
	e, m := int(h>>10&31), float64(h&1023)
	x := math.Ldexp(m, -24)
	switch {
	case e == 31 && m != 0:
		x = math.NaN()
	case e == 31:
		x = math.Inf(1)
	case e > 0:
		x = math.Ldexp(1024+m, e-25)
	}
	if h>>15 != 0 {
		x = -x
	}
	return float32(x)
}

func absolute(x []float32) []float32 {
	y := make([]float32, len(x))
	for i, v := range x {
		y[i] = float32(math.Abs(float64(v)))
	}
	return y
}
