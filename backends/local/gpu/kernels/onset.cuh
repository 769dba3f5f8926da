// The common header of the kernels. Every .cu file includes it and nothing else, and is compiled twice: by clang to PTX
// (no CUDA SDK; ptx.cuh has the instructions) and as C++17 into the emulator of the stub driver (ONSET_EMULATOR;
// ../stub/emu.cuh has the same functions). What a kernel may rely on is what both sides give:
//
//   KERNEL(threads) void name_f32(args) { … }  EXPORT(name_f32)    a kernel and its name for the driver; launches of more
//                                                                  threads than stated fail
//   DEVICE float helper(float x) { … }                             a function of kernels; put structs and templates that
//                                                                  two files might name alike in an anonymous namespace
//   tid() bdim() bid_x() bid_y() bid_z() nbid_x() nbid_y() nbid_z()   blocks are one-dimensional
//   lane() warp()                                                  tid()&31, tid()>>5
//   SHARED(type, name, count);                                     static shared memory, 128-byte aligned, uninitialised
//   dynamic_shared()                                               unsigned char*, 1024-byte aligned
//   barrier(); barrier_id(id, threads); warp_sync();               all threads of the block (of the barrier, of the warp)
//   shfl(v, lane) shfl_xor(v, mask) ballot(bool) any_(bool) all_(bool)   whole warps only
//   atomic_add_shared/_global(u32* | u64*) atomic_max_shared/_global(u32*)  return the old value; fence_device()
//   load16<V>(p) store16(p, v)                                     one 16-byte access of a 16-byte V; p 16-byte aligned
//   load16_once(p)                                                 the same for data read once: not kept in L1
//   cp_async16(smem, gmem, pred) cp_async4, cp_async8              zeros where pred is false, gmem is not read then
//   cp_async_commit() cp_async_wait<N>()
//   ldmatrix_x4(r, smem) ldmatrix_x4_trans ldmatrix_x2 ldmatrix_x2_trans    smem: a pointer, or a u32 of smem_u32()
//   mma_16816<T>(d, a, b)                                          d += a·b, m16n8k16, T bf16 or f16, float32 sums
//
// Numerics: compiled with -ffp-contract=off on both sides, so * + - are each rounded and only fma_ fuses. div_rn and
// sqrt_rn round correctly; exp_ log_ tanh_ erf_ are polynomials of these operations. The emulator therefore gives the
// PTX's bits, except for ex2_approx (up to 2 ulp apart) and for mma_16816, whose order of summation the hardware does
// not state (the emulator's is in ../stub/warp.cc).
#pragma once

typedef unsigned char u8;
typedef unsigned short u16;
typedef unsigned int u32;
typedef unsigned long long u64;
typedef long long i64;

// The sixteen-bit floats, as bits. Trivial types, so that they may be shared memory.
struct bf16 { u16 bits; };
struct f16 { u16 bits; };
// Sixteen bytes for load16 and store16.
struct alignas(16) quad { u32 v[4]; };

#ifdef ONSET_EMULATOR
#include "emu.cuh"
#else
#include "ptx.cuh"
#endif

DEVICE int lane() { return tid() & 31; }
DEVICE int warp() { return tid() >> 5; }

DEVICE u32 float_bits(float x) { return __builtin_bit_cast(u32, x); }
DEVICE float bits_float(u32 x) { return __builtin_bit_cast(float, x); }

#define INFINITY_ (bits_float(0x7f800000u))
#define NAN_ (bits_float(0x7fffffffu))

// to_f widens exactly.
DEVICE float to_f(float x) { return x; }
DEVICE float to_f(bf16 x) { return bits_float((u32)x.bits << 16); }
DEVICE float to_f(f16 x) { return f16_to_float(x.bits); }

// from_f<T> rounds to the nearest, ties to even; NaN becomes 0x7fff, what is too large for f16 infinity.
template <class T> DEVICE T from_f(float x);
template <> DEVICE_SPEC float from_f<float>(float x) { return x; }
template <> DEVICE_SPEC bf16 from_f<bf16>(float x) { return bf16{float_to_bf16(x)}; }
template <> DEVICE_SPEC f16 from_f<f16>(float x) { return f16{float_to_f16(x)}; }

// pack2<T> gives two rounded values in a register, lo in the low half; unpack2 is its inverse.
template <class T> DEVICE u32 pack2(float lo, float hi);
template <> DEVICE_SPEC u32 pack2<bf16>(float lo, float hi) { return float2_to_bf16x2(lo, hi); }
template <> DEVICE_SPEC u32 pack2<f16>(float lo, float hi) { return float2_to_f16x2(lo, hi); }
template <class T> DEVICE void unpack2(u32 v, float &lo, float &hi);
template <> DEVICE_SPEC void unpack2<bf16>(u32 v, float &lo, float &hi) {
	lo = bits_float(v << 16);
	hi = bits_float(v & 0xffff0000u);
}
template <> DEVICE_SPEC void unpack2<f16>(u32 v, float &lo, float &hi) {
	lo = f16_to_float((u16)v);
	hi = f16_to_float((u16)(v >> 16));
}

DEVICE float fma_(float a, float b, float c) { return __builtin_fmaf(a, b, c); }
DEVICE float mul_rn(float a, float b) { return a * b; }
DEVICE float add_rn(float a, float b) { return a + b; }
DEVICE float abs_(float x) { return bits_float(float_bits(x) & 0x7fffffffu); }
// max_ and min_ are a comparison: the second argument where either is NaN.
template <class T> DEVICE T max_(T a, T b) { return a > b ? a : b; }
template <class T> DEVICE T min_(T a, T b) { return a < b ? a : b; }
DEVICE int div_up(int a, int b) { return (a + b - 1) / b; }
DEVICE bool aligned16(const void *p) { return ((u64)p & 15) == 0; }

// Sums and maxima over a warp by a fixed tree; every lane gets the result.
DEVICE float warp_sum(float x) {
#pragma unroll
	for (int m = 16; m; m >>= 1) x += shfl_xor(x, m);
	return x;
}
DEVICE float warp_max(float x) {
#pragma unroll
	for (int m = 16; m; m >>= 1) x = max_(x, shfl_xor(x, m));
	return x;
}

// scale2_ is x·2^n, n in [-252, 254], in two exact steps but for the last, which rounds a subnormal result once.
DEVICE float scale2_(float x, int n) {
	int h = n >> 1;
	return x * bits_float((u32)(h + 127) << 23) * bits_float((u32)(n - h + 127) << 23);
}

// exp_reduce_ splits x = n·ln 2 + r, |r| ≤ ln 2/2·(1+ε), |x| < 128·ln 2, and gives e^r - 1 by its Taylor series to r⁷/7!
// (remainder below 6e-9 of e^r).
DEVICE float exp_reduce_(float x, int &n) {
	float k = (x * 1.44269504f + 12582912.f) - 12582912.f; // 1.5·2^23: to the nearest integer
	n = (int)k;
	float r = fma_(k, -0.693145752f, x); // ln 2 in two parts, the first of 16 bits so that k·hi is exact
	r = fma_(k, -1.42860677e-6f, r);
	float p = 1.98412698e-4f;
	p = fma_(p, r, 1.38888889e-3f);
	p = fma_(p, r, 8.33333333e-3f);
	p = fma_(p, r, 4.16666667e-2f);
	p = fma_(p, r, 1.66666667e-1f);
	p = fma_(p, r, 0.5f);
	return fma_(p * r, r, r);
}

// exp_ is e^x to within 2 ulp; 0 below -104, infinity above 88.73, NaN for NaN.
DEVICE float exp_(float x) {
	if (!(x > -104.f)) return x <= -104.f ? 0.f : x;
	if (x > 88.7228394f) return INFINITY_;
	int n;
	float p = exp_reduce_(x, n);
	return scale2_(1.f + p, n);
}

// expm1_ is e^x - 1 for -17 ≤ x ≤ 88, to within 3 ulp.
DEVICE float expm1_(float x) {
	int n;
	float p = exp_reduce_(x, n);
	if (n == 0) return p;
	float s = scale2_(1.f, n);
	return fma_(s, p, s - 1.f);
}

// log_ is the natural logarithm to within 2 ulp: -infinity for 0, NaN below. x = 2^n·m, m in [√½, √2), s = f/(2+f) for
// f = m-1, log m = f - f²/2 + s·(f²/2 + R(s²)), R from the series of 2·artanh s.
DEVICE float log_(float x) {
	if (!(x > 0.f)) return x == 0.f ? -INFINITY_ : NAN_;
	u32 b = float_bits(x);
	if (b >= 0x7f800000u) return x;
	int n = 0;
	if (b < 0x00800000u) {
		b = float_bits(x * 8388608.f);
		n = -23;
	}
	b += 0x3f800000u - 0x3f3504f3u;
	n += (int)(b >> 23) - 127;
	float f = bits_float((b & 0x007fffffu) + 0x3f3504f3u) - 1.f;
	float s = div_rn(f, 2.f + f), z = s * s;
	float r = fma_(z, 0.181818182f, 0.222222222f);
	r = fma_(z, r, 0.285714286f);
	r = fma_(z, r, 0.4f);
	r = fma_(z, r, 0.666666667f) * z;
	float h = 0.5f * f * f, k = (float)n;
	return fma_(k, 0.693145752f, f - (h - fma_(s, h + r, k * 1.42860677e-6f)));
}

// tanh_ is the hyperbolic tangent to within 4 ulp: e/(e+2) of e = exp(2|x|)-1.
DEVICE float tanh_(float x) {
	float a = abs_(x), t;
	if (a < 1e-4f) return x;
	if (a > 9.02f) t = 1.f;
	else {
		float e = expm1_(2.f * a);
		t = div_rn(e, e + 2.f);
	}
	return x != x ? x : x < 0.f ? -t : t;
}

// erf_ is the error function, absolute error below 2e-7: its Maclaurin series to x²³ for |x| < 1, above it
// 1 - exp(-x²)·Q(x), where Q is in erfc_tail_.
DEVICE float erfc_tail_(float a);
DEVICE float erf_(float x) {
	float a = abs_(x);
	if (a < 1.f) {
		float z = x * x, p = -1.22e-9f;
		p = fma_(p, z, 1.48038e-8f);
		p = fma_(p, z, -1.6365845e-7f);
		p = fma_(p, z, 1.6462114e-6f);
		p = fma_(p, z, -1.4925650e-5f);
		p = fma_(p, z, 1.2055333e-4f);
		p = fma_(p, z, -8.5483270e-4f);
		p = fma_(p, z, 5.2239776e-3f);
		p = fma_(p, z, -2.6866170e-2f);
		p = fma_(p, z, 1.1283792e-1f);
		p = fma_(p, z, -3.7612639e-1f);
		return x * fma_(p, z, 1.1283792f);
	}
	if (x != x) return x;
	float t = a > 4.f ? 1.f : 1.f - erfc_tail_(a);
	return x < 0.f ? -t : t;
}
// erfc_tail_ is erfc(a) for 1 ≤ a ≤ 4.
DEVICE float erfc_tail_(float a) {
	float t = div_rn(1.f, fma_(0.3275911f, a, 1.f));
	// Abramowitz and Stegun, 7.1.26.
	float p = 1.061405429f;
	p = fma_(p, t, -1.453152027f);
	p = fma_(p, t, 1.421413741f);
	p = fma_(p, t, -0.284496736f);
	p = fma_(p, t, 0.254829592f);
	return p * t * exp_(-a * a);
}
