// What gemm90.cu needs of Hopper (sm_90a) beyond onset.cuh: barriers in shared memory, matrix instructions of a warpgroup, and
// registers moved between warpgroups. The emulator's side is ../stub/emu/hopper.cuh.
//
//   mbarrier_init(b, count) mbarrier_arrive(b) mbarrier_wait(b, parity)   b: u64 in shared memory; wait returns when the phase
//                                                                        of that parity (0 first) is complete
//   fence_barriers()                  makes initialised barriers known, before barrier()
//   fence_async()                     orders what this thread wrote to shared memory before reads by wgmma
//   wgmma_fence() wgmma_commit() wgmma_wait<N>()
//   wgmma_tile(address)               the descriptor of rows of 64 sixteen-bit elements, 128 bytes apart, whose 16-byte chunks
//                                     are permuted by chunk ^ (row & 7); the first row is 1024-byte aligned. Adding 2 moves it
//                                     on by 16 columns
//   wgmma<T, N>(d, a, b)              d[N/2] += A·Bᵀ over 16 columns: A 64 rows, B N rows. Warp w of the warpgroup, lane 4g+t
//                                     holds of D d[4j] = D[16w+g][8j+2t], d[4j+1] the next column, d[4j+2], d[4j+3] row 16w+g+8
//   registers_take<N>() registers_give<N>()   setmaxnreg, whole warpgroups
#pragma once
#include "onset.cuh"

#ifdef ONSET_EMULATOR
#include "hopper_emu.cuh"
#else

DEVICE void mbarrier_init(u64 *b, u32 count) {
	asm volatile("mbarrier.init.shared::cta.b64 [%0], %1;" ::"r"(smem_u32(b)), "r"(count) : "memory");
}
DEVICE void mbarrier_arrive(u64 *b) {
	asm volatile("mbarrier.arrive.shared::cta.b64 _, [%0];" ::"r"(smem_u32(b)) : "memory");
}
DEVICE void mbarrier_wait(u64 *b, u32 parity) {
	asm volatile("{ .reg .pred p; WAIT: mbarrier.try_wait.parity.shared::cta.b64 p, [%0], %1; @!p bra WAIT; }" ::"r"(smem_u32(b)),
	             "r"(parity)
	             : "memory");
}
DEVICE void fence_barriers() { asm volatile("fence.mbarrier_init.release.cluster;" ::: "memory"); }
DEVICE void fence_async() { asm volatile("fence.proxy.async.shared::cta;" ::: "memory"); }

DEVICE void wgmma_fence() { asm volatile("wgmma.fence.sync.aligned;" ::: "memory"); }
DEVICE void wgmma_commit() { asm volatile("wgmma.commit_group.sync.aligned;" ::: "memory"); }
template <int N> DEVICE void wgmma_wait() { asm volatile("wgmma.wait_group.sync.aligned %0;" ::"n"(N) : "memory"); }

template <int N> DEVICE void registers_take() { asm volatile("setmaxnreg.inc.sync.aligned.u32 %0;" ::"n"(N)); }
template <int N> DEVICE void registers_give() { asm volatile("setmaxnreg.dec.sync.aligned.u32 %0;" ::"n"(N)); }

// Start address over 16 in bits 0-13; the distance of groups of eight rows over 16 (1024/16) from bit 32; 128-byte swizzle, 1,
// from bit 62 (PTX ISA, matrix descriptor). The distance in bits 16-29 is not used with this layout.
DEVICE u64 wgmma_tile(u32 address) { return 1ull << 62 | 64ull << 32 | 1ull << 16 | (address & 0x3ffffu) >> 4; }

template <class T, int N> DEVICE void wgmma(float *d, u64 a, u64 b);

#define ONSET_D4(d, i) "+f"(d[i]), "+f"(d[i + 1]), "+f"(d[i + 2]), "+f"(d[i + 3])
#define ONSET_D16(d, i) ONSET_D4(d, i), ONSET_D4(d, i + 4), ONSET_D4(d, i + 8), ONSET_D4(d, i + 12)
#define ONSET_D64(d, i) ONSET_D16(d, i), ONSET_D16(d, i + 16), ONSET_D16(d, i + 32), ONSET_D16(d, i + 48)

#define ONSET_WGMMA128(T, name) \
	template <> DEVICE_SPEC void wgmma<T, 128>(float *d, u64 a, u64 b) { \
		asm volatile("wgmma.mma_async.sync.aligned.m64n128k16.f32." name "." name " {" \
	             "%0,%1,%2,%3,%4,%5,%6,%7,%8,%9,%10,%11,%12,%13,%14,%15," \
	             "%16,%17,%18,%19,%20,%21,%22,%23,%24,%25,%26,%27,%28,%29,%30,%31," \
	             "%32,%33,%34,%35,%36,%37,%38,%39,%40,%41,%42,%43,%44,%45,%46,%47," \
	             "%48,%49,%50,%51,%52,%53,%54,%55,%56,%57,%58,%59,%60,%61,%62,%63" \
		             "}, %64, %65, 1, 1, 1, 0, 0;" \
		             : ONSET_D64(d, 0) \
		             : "l"(a), "l"(b)); \
	}
ONSET_WGMMA128(bf16, "bf16")
ONSET_WGMMA128(f16, "f16")

#define ONSET_WGMMA256(T, name) \
	template <> DEVICE_SPEC void wgmma<T, 256>(float *d, u64 a, u64 b) { \
		asm volatile("wgmma.mma_async.sync.aligned.m64n256k16.f32." name "." name " {" \
	             "%0,%1,%2,%3,%4,%5,%6,%7,%8,%9,%10,%11,%12,%13,%14,%15," \
	             "%16,%17,%18,%19,%20,%21,%22,%23,%24,%25,%26,%27,%28,%29,%30,%31," \
	             "%32,%33,%34,%35,%36,%37,%38,%39,%40,%41,%42,%43,%44,%45,%46,%47," \
	             "%48,%49,%50,%51,%52,%53,%54,%55,%56,%57,%58,%59,%60,%61,%62,%63," \
	             "%64,%65,%66,%67,%68,%69,%70,%71,%72,%73,%74,%75,%76,%77,%78,%79," \
	             "%80,%81,%82,%83,%84,%85,%86,%87,%88,%89,%90,%91,%92,%93,%94,%95," \
	             "%96,%97,%98,%99,%100,%101,%102,%103,%104,%105,%106,%107,%108,%109,%110,%111," \
	             "%112,%113,%114,%115,%116,%117,%118,%119,%120,%121,%122,%123,%124,%125,%126,%127" \
		             "}, %128, %129, 1, 1, 1, 0, 0;" \
		             : ONSET_D64(d, 0), ONSET_D64(d, 64) \
		             : "l"(a), "l"(b)); \
	}
ONSET_WGMMA256(bf16, "bf16")
ONSET_WGMMA256(f16, "f16")

#endif
