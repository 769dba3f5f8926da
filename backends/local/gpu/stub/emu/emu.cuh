// onset.cuh's functions for the emulator: the same names as ../kernels/ptx.cuh, executed by the emulator's runtime
// (emu.h), which runs the threads of a block as fibers.
#pragma once
#include "emu.h"

#define DEVICE static inline __attribute__((always_inline, unused))
#define DEVICE_SPEC inline __attribute__((always_inline))
#define KERNEL(...) extern "C"
#define EXPORT(fn) static const emu::Registration onset_register_##fn(#fn, fn);
#define CONSTANT static const
// One array a block: the address of the static variable names it, also among instances of a template.
#define SHARED(type, name, count)                                                                                               \
	static char name##_site;                                                                                                   \
	type(&name)[count] = *(type(*)[count])emu::shared_array(&name##_site, #name, sizeof(type) * (count))
#define EMU_ASSERT(cond, message)                                                                                               \
	do {                                                                                                                       \
		if (!(cond)) emu::fail("%s:%d: %s", __FILE__, __LINE__, message);                                                      \
	} while (0)

DEVICE unsigned char *dynamic_shared() { return emu::dynamic_shared(); }

DEVICE int tid() { return emu::self->tid; }
DEVICE int bdim() { return emu::block->threads; }
DEVICE int bid_x() { return emu::block->bid[0]; }
DEVICE int bid_y() { return emu::block->bid[1]; }
DEVICE int bid_z() { return emu::block->bid[2]; }
DEVICE int nbid_x() { return emu::block->grid[0]; }
DEVICE int nbid_y() { return emu::block->grid[1]; }
DEVICE int nbid_z() { return emu::block->grid[2]; }

DEVICE u32 smem_u32(const void *p) { return emu::shared_offset(p); }

DEVICE void barrier() { emu::barrier(0, 0); }
DEVICE void barrier_id(int id, int threads) { emu::barrier(id, threads); }
DEVICE void warp_sync() { emu::warp_sync(); }
DEVICE void fence_device() { __atomic_thread_fence(__ATOMIC_SEQ_CST); }

DEVICE u64 shfl_xor(u64 v, int mask) { return emu::shuffle(v, emu::self->lane ^ (mask & 31)); }
DEVICE u64 shfl(u64 v, int from) { return emu::shuffle(v, from & 31); }
DEVICE u32 shfl_xor(u32 v, int mask) { return (u32)shfl_xor((u64)v, mask); }
DEVICE u32 shfl(u32 v, int from) { return (u32)shfl((u64)v, from); }
DEVICE int shfl_xor(int v, int mask) { return (int)shfl_xor((u32)v, mask); }
DEVICE int shfl(int v, int from) { return (int)shfl((u32)v, from); }
DEVICE float shfl_xor(float v, int mask) { return __builtin_bit_cast(float, shfl_xor(__builtin_bit_cast(u32, v), mask)); }
DEVICE float shfl(float v, int from) { return __builtin_bit_cast(float, shfl(__builtin_bit_cast(u32, v), from)); }
DEVICE u32 ballot(bool p) { return emu::ballot(p); }
DEVICE bool any_(bool p) { return ballot(p) != 0; }
DEVICE bool all_(bool p) { return ballot(p) == 0xffffffffu; }

template <class T> DEVICE T emu_atomic_add(T *p, T v) { return __atomic_fetch_add(p, v, __ATOMIC_SEQ_CST); }
DEVICE u32 emu_atomic_max(u32 *p, u32 v) {
	u32 old = __atomic_load_n(p, __ATOMIC_SEQ_CST);
	while (old < v && !__atomic_compare_exchange_n(p, &old, v, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST)) {
	}
	return old;
}
DEVICE u32 atomic_add_shared(u32 *p, u32 v) { return emu::shared_offset(p), emu_atomic_add(p, v); }
DEVICE u64 atomic_add_shared(u64 *p, u64 v) { return emu::shared_offset(p), emu_atomic_add(p, v); }
DEVICE u32 atomic_max_shared(u32 *p, u32 v) { return emu::shared_offset(p), emu_atomic_max(p, v); }
DEVICE u32 atomic_add_global(u32 *p, u32 v) { return emu::check_global(p, 4, 4), emu_atomic_add(p, v); }
DEVICE u64 atomic_add_global(u64 *p, u64 v) { return emu::check_global(p, 8, 8), emu_atomic_add(p, v); }
DEVICE u32 atomic_max_global(u32 *p, u32 v) { return emu::check_global(p, 4, 4), emu_atomic_max(p, v); }

DEVICE float f16_to_float(u16 x) {
	u32 sign = (u32)(x & 0x8000u) << 16, rest = x & 0x7fffu;
	if (rest >= 0x7c00u) return __builtin_bit_cast(float, sign | 0x7f800000u | (rest & 0x3ffu) << 13);
	if (rest >= 0x400u) return __builtin_bit_cast(float, sign | ((rest << 13) + 0x38000000u));
	float tiny = (float)rest * 0x1p-24f;
	return sign ? -tiny : tiny;
}
DEVICE u16 float_to_f16(float x) {
	u32 b = __builtin_bit_cast(u32, x), sign = b >> 16 & 0x8000u;
	b &= 0x7fffffffu;
	if (b > 0x7f800000u) return 0x7fff;
	if (b >= 0x477ff000u) return (u16)(sign | 0x7c00u); // 65520 and above round to infinity
	if (b < 0x38800000u) {                              // subnormal: the addition rounds to a multiple of 2^-24
		u32 m = __builtin_bit_cast(u32, __builtin_bit_cast(float, b) + 0.5f) - 0x3f000000u;
		return (u16)(sign | m);
	}
	b += 0xfffu + (b >> 13 & 1);
	return (u16)(sign | (b - 0x38000000u) >> 13);
}
DEVICE u16 float_to_bf16(float x) {
	u32 b = __builtin_bit_cast(u32, x);
	if ((b & 0x7fffffffu) > 0x7f800000u) return 0x7fff;
	return (u16)((b + 0x7fffu + (b >> 16 & 1)) >> 16);
}
DEVICE u32 float2_to_bf16x2(float lo, float hi) { return (u32)float_to_bf16(hi) << 16 | float_to_bf16(lo); }
DEVICE u32 float2_to_f16x2(float lo, float hi) { return (u32)float_to_f16(hi) << 16 | float_to_f16(lo); }
DEVICE float sqrt_rn(float x) { return __builtin_sqrtf(x); }
DEVICE float div_rn(float a, float b) { return a / b; }
DEVICE float ex2_approx(float x) {
	float r = __builtin_exp2f(x);
	return r < 0x1p-126f ? 0.f : r;
}

template <class V> DEVICE V load16(const void *p) {
	static_assert(sizeof(V) == 16, "load16 moves 16 bytes");
	emu::check_any(p, 16, 16);
	V v;
	__builtin_memcpy(&v, p, 16);
	return v;
}
template <class V> DEVICE V load16_once(const void *p) {
	emu::check_global(p, 16, 16);
	return load16<V>(p);
}
template <class V> DEVICE void store16(void *p, const V &v) {
	static_assert(sizeof(V) == 16, "store16 moves 16 bytes");
	emu::check_any(p, 16, 16);
	__builtin_memcpy(p, &v, 16);
}

DEVICE void cp_async16(void *smem, const void *gmem, bool pred) { emu::cp_async(smem, gmem, 16, pred); }
DEVICE void cp_async8(void *smem, const void *gmem, bool pred) { emu::cp_async(smem, gmem, 8, pred); }
DEVICE void cp_async4(void *smem, const void *gmem, bool pred) { emu::cp_async(smem, gmem, 4, pred); }
DEVICE void cp_async16(u32 smem, const void *gmem, bool pred) { cp_async16(emu::shared_pointer(smem), gmem, pred); }
DEVICE void cp_async8(u32 smem, const void *gmem, bool pred) { cp_async8(emu::shared_pointer(smem), gmem, pred); }
DEVICE void cp_async4(u32 smem, const void *gmem, bool pred) { cp_async4(emu::shared_pointer(smem), gmem, pred); }
DEVICE void cp_async_commit() { emu::cp_async_commit(); }
template <int N> DEVICE void cp_async_wait() { emu::cp_async_wait(N); }

DEVICE void ldmatrix_x4(u32 *r, const void *smem) { emu::ldmatrix(r, smem, 4, false); }
DEVICE void ldmatrix_x4_trans(u32 *r, const void *smem) { emu::ldmatrix(r, smem, 4, true); }
DEVICE void ldmatrix_x2(u32 *r, const void *smem) { emu::ldmatrix(r, smem, 2, false); }
DEVICE void ldmatrix_x2_trans(u32 *r, const void *smem) { emu::ldmatrix(r, smem, 2, true); }
DEVICE void ldmatrix_x4(u32 *r, u32 smem) { ldmatrix_x4(r, emu::shared_pointer(smem)); }
DEVICE void ldmatrix_x4_trans(u32 *r, u32 smem) { ldmatrix_x4_trans(r, emu::shared_pointer(smem)); }
DEVICE void ldmatrix_x2(u32 *r, u32 smem) { ldmatrix_x2(r, emu::shared_pointer(smem)); }
DEVICE void ldmatrix_x2_trans(u32 *r, u32 smem) { ldmatrix_x2_trans(r, emu::shared_pointer(smem)); }

template <class T> DEVICE void mma_16816(float *d, const u32 *a, const u32 *b);
template <> DEVICE_SPEC void mma_16816<bf16>(float *d, const u32 *a, const u32 *b) { emu::mma_16816(d, a, b, true); }
template <> DEVICE_SPEC void mma_16816<f16>(float *d, const u32 *a, const u32 *b) { emu::mma_16816(d, a, b, false); }
