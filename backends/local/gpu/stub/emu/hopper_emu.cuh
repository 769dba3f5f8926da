// hopper.cuh's functions for the emulator, executed by hopper.cc.
#pragma once
#include "emu.h"

namespace emu {

void mbarrier_init(uint64_t *b, uint32_t count);
void mbarrier_arrive(uint64_t *b);
void mbarrier_wait(uint64_t *b, uint32_t parity);
void wgmma(float *d, uint64_t a, uint64_t b, int columns, bool is_bf16);
void wgmma_commit();
void wgmma_wait(int pending);

} // namespace emu

DEVICE void mbarrier_init(u64 *b, u32 count) { emu::mbarrier_init((uint64_t *)b, count); }
DEVICE void mbarrier_arrive(u64 *b) { emu::mbarrier_arrive((uint64_t *)b); }
DEVICE void mbarrier_wait(u64 *b, u32 parity) { emu::mbarrier_wait((uint64_t *)b, parity); }
DEVICE void fence_barriers() {}
DEVICE void fence_async() {}

DEVICE void wgmma_fence() {}
DEVICE void wgmma_commit() { emu::wgmma_commit(); }
template <int N> DEVICE void wgmma_wait() { emu::wgmma_wait(N); }

template <int N> DEVICE void registers_take() {}
template <int N> DEVICE void registers_give() {}

DEVICE u64 wgmma_tile(u32 address) { return 1ull << 62 | 64ull << 32 | 1ull << 16 | (address & 0x3ffffu) >> 4; }

template <class T, int N> DEVICE void wgmma(float *d, u64 a, u64 b);
template <> DEVICE_SPEC void wgmma<bf16, 128>(float *d, u64 a, u64 b) { emu::wgmma(d, a, b, 128, true); }
template <> DEVICE_SPEC void wgmma<bf16, 256>(float *d, u64 a, u64 b) { emu::wgmma(d, a, b, 256, true); }
template <> DEVICE_SPEC void wgmma<f16, 128>(float *d, u64 a, u64 b) { emu::wgmma(d, a, b, 128, false); }
template <> DEVICE_SPEC void wgmma<f16, 256>(float *d, u64 a, u64 b) { emu::wgmma(d, a, b, 256, false); }
