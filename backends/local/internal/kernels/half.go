package kernels

import "math"

// DType is how a Weight's numbers are stored. Kernels compute in float32 whatever the storage: widening is exact.
type DType uint8

const (
	// F32 is IEEE 754 binary32.
	F32 DType = iota
	// BF16 is the upper half of binary32: 8 bits of exponent and 7 of fraction.
	BF16
	// F16 is IEEE 754 binary16.
	F16
)

// Size is the number of bytes that a number takes.
func (t DType) Size() int {
	if t == F32 {
		return 4
	}
	return 2
}

func (t DType) String() string {
	switch t {
	case F32:
		return "f32"
	case BF16:
		return "bf16"
	case F16:
		return "f16"
	}
	return "unknown"
}

// FromBF16 widens a bfloat16.
func FromBF16(x uint16) float32 { return math.Float32frombits(uint32(x) << 16) }

// ToBF16 rounds to the nearest bfloat16, ties to even; NaN stays NaN.
func ToBF16(x float32) uint16 {
	b := math.Float32bits(x)
	if x != x {
		return uint16(b>>16) | 0x40
	}
	return uint16((b + 0x7fff + b>>16&1) >> 16)
}

// FromF16 widens a binary16.
func FromF16(x uint16) float32 {
	sign, e, frac := uint32(x>>15)<<31, uint32(x>>10)&31, uint32(x)&0x3ff
	switch e {
	case 0:
		v := float32(frac) * 0x1p-24
		return math.Float32frombits(math.Float32bits(v) | sign)
	case 31:
		if frac != 0 {
			frac |= 0x200
		}
		return math.Float32frombits(sign | 0xff<<23 | frac<<13)
	}
	return math.Float32frombits(sign | (e+112)<<23 | frac<<13)
}

// ToF16 rounds to the nearest binary16, ties to even: ±Inf from 65520 on; NaN stays NaN.
func ToF16(x float32) uint16 {
	b := math.Float32bits(x)
	sign, abs := uint16(b>>16)&0x8000, b&0x7fffffff
	switch {
	case abs > 0xff<<23:
		return sign | 0x7e00 | uint16(abs>>13)&0x3ff
	case abs >= 0x477ff000: // 65520
		return sign | 0x7c00
	case abs < 0x38800000: // subnormal: adding 2⁻¹·ulp's scale rounds as float32 addition does
		return sign | uint16(math.Float32bits(math.Float32frombits(abs)+0.5)-math.Float32bits(0.5))
	}
	abs += 0xfff + abs>>13&1
	return sign | uint16((abs-112<<23)>>13)
}

// widen is the float32 of a stored 16-bit number.
func (t DType) widen(x uint16) float32 {
	if t == F16 {
		return FromF16(x)
	}
	return FromBF16(x)
}

// narrow rounds to a 16-bit type.
func (t DType) narrow(x float32) uint16 {
	if t == F16 {
		return ToF16(x)
	}
	return ToBF16(x)
}
