// onset.cuh's functions as PTX, for clang -x cuda without any SDK header. sm_80, PTX 7.5.
#pragma once

#define __device__ __attribute__((device))
#define DEVICE static __attribute__((device, always_inline)) inline
#define DEVICE_SPEC __attribute__((device, always_inline)) inline
#define KERNEL(...) extern "C" __attribute__((global, launch_bounds(__VA_ARGS__)))
#define EXPORT(fn)
#define CONSTANT static __attribute__((constant)) const
#define SHARED(type, name, count) static __attribute__((shared, aligned(128))) type name[count]
#define EMU_ASSERT(cond, message)

extern __attribute__((shared, aligned(1024))) unsigned char onset_dynamic_shared[];
DEVICE unsigned char *dynamic_shared() { return onset_dynamic_shared; }

DEVICE int tid() { return (int)__nvvm_read_ptx_sreg_tid_x(); }
DEVICE int bdim() { return (int)__nvvm_read_ptx_sreg_ntid_x(); }
DEVICE int bid_x() { return (int)__nvvm_read_ptx_sreg_ctaid_x(); }
DEVICE int bid_y() { return (int)__nvvm_read_ptx_sreg_ctaid_y(); }
DEVICE int bid_z() { return (int)__nvvm_read_ptx_sreg_ctaid_z(); }
DEVICE int nbid_x() { return (int)__nvvm_read_ptx_sreg_nctaid_x(); }
DEVICE int nbid_y() { return (int)__nvvm_read_ptx_sreg_nctaid_y(); }
DEVICE int nbid_z() { return (int)__nvvm_read_ptx_sreg_nctaid_z(); }

// smem_u32 is the address of shared memory as ldmatrix, cp.async, mbarrier and wgmma descriptors take it.
DEVICE u32 smem_u32(const void *p) { return (u32)(u64)(__attribute__((address_space(3))) const char *)p; }

DEVICE void barrier() { asm volatile("bar.sync 0;" ::: "memory"); }
DEVICE void barrier_id(int id, int threads) { asm volatile("bar.sync %0, %1;" ::"r"(id), "r"(threads) : "memory"); }
DEVICE void warp_sync() { asm volatile("bar.warp.sync 0xffffffff;" ::: "memory"); }
DEVICE void fence_device() { asm volatile("fence.acq_rel.gpu;" ::: "memory"); }

DEVICE u32 shfl_xor(u32 v, int mask) {
	u32 r;
	asm volatile("shfl.sync.bfly.b32 %0, %1, %2, 0x1f, 0xffffffff;" : "=r"(r) : "r"(v), "r"(mask));
	return r;
}
DEVICE u32 shfl(u32 v, int from) {
	u32 r;
	asm volatile("shfl.sync.idx.b32 %0, %1, %2, 0x1f, 0xffffffff;" : "=r"(r) : "r"(v), "r"(from));
	return r;
}
DEVICE int shfl_xor(int v, int mask) { return (int)shfl_xor((u32)v, mask); }
DEVICE int shfl(int v, int from) { return (int)shfl((u32)v, from); }
DEVICE float shfl_xor(float v, int mask) { return __builtin_bit_cast(float, shfl_xor(__builtin_bit_cast(u32, v), mask)); }
DEVICE float shfl(float v, int from) { return __builtin_bit_cast(float, shfl(__builtin_bit_cast(u32, v), from)); }
DEVICE u64 shfl_xor(u64 v, int mask) {
	u32 lo = shfl_xor((u32)v, mask), hi = shfl_xor((u32)(v >> 32), mask);
	return (u64)hi << 32 | lo;
}
DEVICE u64 shfl(u64 v, int from) {
	u32 lo = shfl((u32)v, from), hi = shfl((u32)(v >> 32), from);
	return (u64)hi << 32 | lo;
}
DEVICE u32 ballot(bool p) {
	u32 r;
	asm volatile("{ .reg .pred p; setp.ne.u32 p, %1, 0; vote.sync.ballot.b32 %0, p, 0xffffffff; }" : "=r"(r) : "r"((u32)p));
	return r;
}
DEVICE bool any_(bool p) { return ballot(p) != 0; }
DEVICE bool all_(bool p) { return ballot(p) == 0xffffffffu; }

#define ONSET_ATOMIC(name, op, space, type, constraint, ptype, addr)                                                            \
	DEVICE type name(type *p, type v) {                                                                                        \
		type old;                                                                                                              \
		asm volatile("atom." space op " %0, [%1], %2;" : "=" constraint(old) : ptype(addr(p)), constraint(v) : "memory");      \
		return old;                                                                                                            \
	}
ONSET_ATOMIC(atomic_add_shared, "add.u32", "shared.", u32, "r", "r", smem_u32)
ONSET_ATOMIC(atomic_add_shared, "add.u64", "shared.", u64, "l", "r", smem_u32)
ONSET_ATOMIC(atomic_max_shared, "max.u32", "shared.", u32, "r", "r", smem_u32)
ONSET_ATOMIC(atomic_add_global, "add.u32", "global.", u32, "r", "l", )
ONSET_ATOMIC(atomic_add_global, "add.u64", "global.", u64, "l", "l", )
ONSET_ATOMIC(atomic_max_global, "max.u32", "global.", u32, "r", "l", )

// Conversions and correctly rounded operations that the compiler has no operator for.
DEVICE float f16_to_float(u16 x) {
	float r;
	asm("cvt.f32.f16 %0, %1;" : "=f"(r) : "h"(x));
	return r;
}
DEVICE u16 float_to_f16(float x) {
	u16 r;
	asm("cvt.rn.f16.f32 %0, %1;" : "=h"(r) : "f"(x));
	return r;
}
DEVICE u16 float_to_bf16(float x) {
	u16 r;
	asm("cvt.rn.bf16.f32 %0, %1;" : "=h"(r) : "f"(x));
	return r;
}
DEVICE u32 float2_to_bf16x2(float lo, float hi) {
	u32 r;
	asm("cvt.rn.bf16x2.f32 %0, %1, %2;" : "=r"(r) : "f"(hi), "f"(lo));
	return r;
}
DEVICE u32 float2_to_f16x2(float lo, float hi) {
	u32 r;
	asm("cvt.rn.f16x2.f32 %0, %1, %2;" : "=r"(r) : "f"(hi), "f"(lo));
	return r;
}
DEVICE float sqrt_rn(float x) {
	float r;
	asm("sqrt.rn.f32 %0, %1;" : "=f"(r) : "f"(x));
	return r;
}
DEVICE float div_rn(float a, float b) {
	float r;
	asm("div.rn.f32 %0, %1, %2;" : "=f"(r) : "f"(a), "f"(b));
	return r;
}
// 2^x to 2 ulp, subnormals flushed.
DEVICE float ex2_approx(float x) {
	float r;
	asm("ex2.approx.ftz.f32 %0, %1;" : "=f"(r) : "f"(x));
	return r;
}

template <class V> DEVICE V load16(const void *p) {
	static_assert(sizeof(V) == 16, "load16 moves 16 bytes");
	return __builtin_bit_cast(V, *(const quad *)p);
}
template <class V> DEVICE V load16_once(const void *p) {
	static_assert(sizeof(V) == 16, "load16_once moves 16 bytes");
	quad q;
	asm volatile("ld.global.L1::no_allocate.v4.u32 {%0,%1,%2,%3}, [%4];"
	             : "=r"(q.v[0]), "=r"(q.v[1]), "=r"(q.v[2]), "=r"(q.v[3])
	             : "l"(p));
	return __builtin_bit_cast(V, q);
}
template <class V> DEVICE void store16(void *p, const V &v) {
	static_assert(sizeof(V) == 16, "store16 moves 16 bytes");
	*(quad *)p = __builtin_bit_cast(quad, v);
}

DEVICE void cp_async16(u32 smem, const void *gmem, bool pred) {
	asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;" ::"r"(smem), "l"(gmem), "r"(pred ? 16 : 0) : "memory");
}
DEVICE void cp_async8(u32 smem, const void *gmem, bool pred) {
	asm volatile("cp.async.ca.shared.global [%0], [%1], 8, %2;" ::"r"(smem), "l"(gmem), "r"(pred ? 8 : 0) : "memory");
}
DEVICE void cp_async4(u32 smem, const void *gmem, bool pred) {
	asm volatile("cp.async.ca.shared.global [%0], [%1], 4, %2;" ::"r"(smem), "l"(gmem), "r"(pred ? 4 : 0) : "memory");
}
DEVICE void cp_async16(void *smem, const void *gmem, bool pred) { cp_async16(smem_u32(smem), gmem, pred); }
DEVICE void cp_async8(void *smem, const void *gmem, bool pred) { cp_async8(smem_u32(smem), gmem, pred); }
DEVICE void cp_async4(void *smem, const void *gmem, bool pred) { cp_async4(smem_u32(smem), gmem, pred); }
DEVICE void cp_async_commit() { asm volatile("cp.async.commit_group;" ::: "memory"); }
template <int N> DEVICE void cp_async_wait() { asm volatile("cp.async.wait_group %0;" ::"n"(N) : "memory"); }

#define ONSET_LDMATRIX4(name, trans)                                                                                            \
	DEVICE void name(u32 *r, u32 smem) {                                                                                       \
		asm volatile("ldmatrix.sync.aligned.m8n8.x4" trans ".shared.b16 {%0,%1,%2,%3}, [%4];"                                  \
		             : "=r"(r[0]), "=r"(r[1]), "=r"(r[2]), "=r"(r[3])                                                          \
		             : "r"(smem)                                                                                               \
		             : "memory");                                                                                              \
	}                                                                                                                          \
	DEVICE void name(u32 *r, const void *smem) { name(r, smem_u32(smem)); }
#define ONSET_LDMATRIX2(name, trans)                                                                                            \
	DEVICE void name(u32 *r, u32 smem) {                                                                                       \
		asm volatile("ldmatrix.sync.aligned.m8n8.x2" trans ".shared.b16 {%0,%1}, [%2];"                                        \
		             : "=r"(r[0]), "=r"(r[1])                                                                                  \
		             : "r"(smem)                                                                                               \
		             : "memory");                                                                                              \
	}                                                                                                                          \
	DEVICE void name(u32 *r, const void *smem) { name(r, smem_u32(smem)); }
ONSET_LDMATRIX4(ldmatrix_x4, "")
ONSET_LDMATRIX4(ldmatrix_x4_trans, ".trans")
ONSET_LDMATRIX2(ldmatrix_x2, "")
ONSET_LDMATRIX2(ldmatrix_x2_trans, ".trans")

// Lane l of the warp, g = l/4, t = l%4, holds: of A (16×16, rows) a[0] = A[g][2t,2t+1], a[1] = A[g+8][2t,2t+1],
// a[2] = A[g][2t+8,2t+9], a[3] = A[g+8][2t+8,2t+9]; of B (16×8) b[0] = B[2t,2t+1][g], b[1] = B[2t+8,2t+9][g]; of D (16×8)
// d[0] = D[g][2t], d[1] = D[g][2t+1], d[2] = D[g+8][2t], d[3] = D[g+8][2t+1].
template <class T> DEVICE void mma_16816(float *d, const u32 *a, const u32 *b);
#define ONSET_MMA(T, name)                                                                                                      \
	template <> DEVICE_SPEC void mma_16816<T>(float *d, const u32 *a, const u32 *b) {                                          \
		asm volatile("mma.sync.aligned.m16n8k16.row.col.f32." name "." name ".f32 "                                            \
		             "{%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, {%0,%1,%2,%3};"                                                   \
		             : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])                                                          \
		             : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));                                      \
	}
ONSET_MMA(bf16, "bf16")
ONSET_MMA(f16, "f16")
