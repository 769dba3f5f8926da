// The kernels of y[m×n] = x[m×k] · w[n×k]ᵀ + bias; gemm.go chooses among them and says what each costs. The number in a name
// is the tile: outputs × tokens. The kernels of one type give a row the same bits: see gemm.cuh and sgemm.cuh.
//
//   y     m rows of n, ldy apart: T, or float32 where wide is not zero
//   x     m rows of k, ldx apart
//   w     n rows of k, contiguous
//   bias  n float32, or null
//
// Registers by ptxas 12.9 for sm_80 and sm_90, none of them spilt: 16x8 80 80, 16x16 80 88, 32x32 64 72, 64x64 108 111, 128x64
// 160 158, 128x128 248 244, 128x256 240 238, plain 162 163; in float32 16x8 52 54, 32x32 64 64, 64x64 118 118, 128x128 232 232,
// plain 124 126; bias 32 32. In sm_90's code a stage of 128x256 is 133 instructions of a warp, 64 of them HMMA; of 128x128 in
// float32 two chunks are 560, 512 of them FFMA. Bytes and operations per shape are in gemm.go.
//
// The plain kernels take any k, ldx and alignment; the others need rows of x and w to begin at multiples of 16 bytes.
#include "sgemm.cuh"

#define LINEAR(name, T, suffix, FAST, BLOCKS, ...)																				\
	KERNEL(Tile<__VA_ARGS__>::THREADS, BLOCKS)																					\
	void name##_##suffix(void *y, const T *x, const T *w, const float *bias, int m, int n, int k, int ldx, int ldy, int wide) {	\
		linear_tile<T, Tile<__VA_ARGS__>, FAST>(y, x, w, bias, m, n, k, ldx, ldy, wide);										\
	}																															\
	EXPORT(name##_##suffix)

#define LINEARS(name, FAST, BLOCKS, ...)																						\
	LINEAR(name, bf16, bf16, FAST, BLOCKS, __VA_ARGS__)																			\
	LINEAR(name, f16, f16, FAST, BLOCKS, __VA_ARGS__)

// BLOCKS is how many blocks a multiprocessor is to hold: it bounds the registers.
//                              BLOCKS TO   TT   WO  WT  BK  STAGES WARPS
LINEARS(linear_16x8, true,      4,     16,  8,   16, 8,  256, 4,    4)
LINEARS(linear_16x16, true,     4,     16,  16,  16, 8,  256, 3,    4)
LINEARS(linear_32x32, true,     3,     32,  32,  16, 16, 128, 4,    4)
LINEARS(linear_64x64, true,     3,     64,  64,  32, 32, 64,  4,    4)
LINEARS(linear_128x64, true,    3,     128, 64,  64, 32, 32,  4,    4)
LINEARS(linear_128x128, true,   2,     128, 128, 64, 64, 32,  4,    4)
LINEARS(linear_128x256, true,   1,     128, 256, 64, 64, 32,  4,    8)
LINEARS(linear_plain, false,    3,     64,  64,  32, 32, 64,  2,    4)

#define SIMT(name, FAST, BLOCKS, ...)																							\
	KERNEL(Simt<__VA_ARGS__>::THREADS, BLOCKS)																					\
	void name(float *y, const float *x, const float *w, const float *bias, int m, int n, int k, int ldx, int ldy, int) {		\
		simt_tile<Simt<__VA_ARGS__>, FAST>(y, x, w, bias, m, n, k, ldx, ldy);													\
	}																															\
	EXPORT(name)

//                                 BLOCKS TO   TT   RO RT BK   STAGES
SIMT(linear_16x8_f32, true,        4,     16,  8,   1, 1, 128, 4)
SIMT(linear_32x32_f32, true,       3,     32,  32,  2, 2, 64,  4)
SIMT(linear_64x64_f32, true,       2,     64,  64,  4, 4, 32,  3)
SIMT(linear_128x128_f32, true,     1,     128, 128, 8, 8, 32,  3)
SIMT(linear_plain_f32, false,      2,     64,  64,  4, 4, 32,  2)

// linear_bias adds the bias to a product without one, m rows of n, ldy apart, in T or (wide) float32: a block has 512 outputs
// of 8 tokens.
template <class T>
DEVICE void linear_bias(void *y, const float *bias, int m, int n, int ldy, int wide) {
	int across = (n + 511) / 512, t0 = bid_x() / across * 8;
#pragma unroll
	for (int half = 0; half < 2; half++) {
		int o = bid_x() % across * 512 + half * 256 + tid();
		if (o >= n) return;
		float b = bias[o];
		for (int t = t0; t < t0 + 8 && t < m; t++) {
			u64 at = (u64)t * ldy + o;
			if (wide)
				((float *)y)[at] = add_rn(((float *)y)[at], b);
			else
				((T *)y)[at] = from_f<T>(add_rn(to_f(((T *)y)[at]), b));
		}
	}
}

#define BIAS(T, suffix)																											\
	KERNEL(256) void linear_bias_##suffix(void *y, const float *bias, int m, int n, int ldy, int wide) {						\
		linear_bias<T>(y, bias, m, n, ldy, wide);																				\
	}																															\
	EXPORT(linear_bias_##suffix)

BIAS(bf16, bf16)
BIAS(f16, f16)
