// Products in bf16 and f16 for Hopper: y[m×n] = x[m×k] · w[n×k]ᵀ + bias as gemm.cu's kernels, by wgmma.m64nNk16 from shared
// memory, k a multiple of 64. The chain of an output is gemm.cuh's, 16 columns an instruction, k ascending, from zero, but
// whether the hardware adds the 16 products of wgmma as it adds those of mma.sync is not documented. These kernels are used
// only where a test on the card itself finds equal bits (checkHopper in products_check.go).
//
// A block of three warpgroups computes tiles of 128 outputs × N tokens, one after another (the grid is as large as the card).
// The first warpgroup loads: stages of 64 columns by cp.async into four slots of shared memory, swizzled as wgmma reads them.
// The other two multiply, 64 outputs each, with N/2 sums in registers a thread, and store their sums while the next tile's
// first stages are already on their way.
//
// ptxas 12.9 gives 168 registers at the start, which setmaxnreg makes 72 for the loaders and 216 for the others; none spill.
//
// Per stage and multiprocessor, N = 256 [estimate]: 128·256·64 products take 1024 clocks at Hopper's 2048 a clock; wgmma reads
// 80 KiB of shared memory, cp.async writes 48 KiB, at 128 bytes a clock 1024 clocks: both are at their limits, L2 gives 48
// bytes a clock. N = 128 reads 48 KiB and writes 32 KiB for 512 clocks of products: 640 clocks of shared memory.
#include "gemm.cuh"
#include "hopper.cuh"

namespace {

template <int N_> struct Wide {
	static constexpr int TO = 128, TT = N_, BK = 64, STAGES = N_ == 256 ? 4 : 6;
	static constexpr int STAGE = (TO + TT) * BK, CHUNKS = 8, PASS = 16, LOADERS = 128, THREADS = 384;
	static constexpr int LAG = 2; // stages that a loader has requested and not announced
	static constexpr int WO = 16, MI = 1, NI = N_ / 8; // of a warp, as write_tile takes them
	static constexpr int TURN = 4, TURN_FLOATS = TURN * 8 * (WO + 4);
};

// Slots is a place in the ring of stages and the parity of the phase that it is in.
template <int STAGES> struct Slots {
	int at = 0;
	u32 parity = 0;
	DEVICE_SPEC void next() {
		if (++at == STAGES) at = 0, parity ^= 1;
	}
};

struct Problem {
	int m, n, k, ldx, outputs, tokens; // the last two in tiles
};

template <class T, class C>
DEVICE void load_tiles(T *stages, u64 *full, u64 *empty, const T *x, const T *w, const Problem &p) {
	Slots<C::STAGES> slot, announced;
	int requested = 0;
	for (int tile = bid_x(); tile < p.outputs * p.tokens; tile += nbid_x()) {
		int to, tt;
		tile_of(tile, p.outputs, p.tokens, &to, &tt);
		Loader<T, C, true> loader;
		loader.init(w, x, to * C::TO, tt * C::TT, p.n, p.m, p.k, p.ldx);
		for (int k0 = 0; k0 < p.k; k0 += C::BK) {
			mbarrier_wait(&empty[slot.at], slot.parity ^ 1); // at first the phase before the first counts as complete
			loader.load(stages + slot.at * C::STAGE, k0);
			cp_async_commit();
			slot.next();
			if (++requested > C::LAG) {
				cp_async_wait<C::LAG>();
				fence_async();
				mbarrier_arrive(&full[announced.at]);
				announced.next();
			}
		}
	}
	cp_async_wait<0>();
	fence_async();
	for (int left = requested < C::LAG ? requested : C::LAG; left > 0; left--) {
		mbarrier_arrive(&full[announced.at]);
		announced.next();
	}
}

template <class T, class C>
DEVICE void multiply_tiles(const T *stages, u64 *full, u64 *empty, float *turn, void *y, const float *bias, const Problem &p, int ldy,
                           int wide) {
	int group = warp() / 4 - 1; // of the two that multiply
	Slots<C::STAGES> slot;
	for (int tile = bid_x(); tile < p.outputs * p.tokens; tile += nbid_x()) {
		int to, tt;
		tile_of(tile, p.outputs, p.tokens, &to, &tt);
		float sum[C::TT / 2];
#pragma unroll
		for (int i = 0; i < C::TT / 2; i++) sum[i] = 0.f;
		int before = -1; // the slot whose products may still be under way
		for (int k0 = 0; k0 < p.k; k0 += C::BK) {
			mbarrier_wait(&full[slot.at], slot.parity);
			u32 stage = smem_u32(stages + slot.at * C::STAGE);
			u64 a = wgmma_tile(stage + (u32)group * 64 * 128), b = wgmma_tile(stage + C::TO * 128);
			wgmma_fence();
#pragma unroll
			for (int step = 0; step < C::BK / 16; step++) wgmma<T, C::TT>(sum, a + 2 * step, b + 2 * step);
			wgmma_commit();
			wgmma_wait<1>();
			if (before >= 0 && lane() == 0) mbarrier_arrive(&empty[before]);
			before = slot.at;
			slot.next();
		}
		wgmma_wait<0>();
		if (lane() == 0) mbarrier_arrive(&empty[before]);
		write_tile<T, C>(y, (float(*)[C::NI][4])sum, turn, bias, to * C::TO + group * 64 + warp() % 4 * 16, tt * C::TT, p.m, p.n, ldy,
		                 wide != 0);
	}
}

template <class T, int N>
DEVICE void linear90(void *y, const T *x, const T *w, const float *bias, int m, int n, int k, int ldx, int ldy, int wide) {
	using C = Wide<N>;
	T *stages = (T *)dynamic_shared();
	float *turn = (float *)(stages + C::STAGES * C::STAGE);
	u64 *full = (u64 *)(turn + 8 * C::TURN_FLOATS), *empty = full + C::STAGES;
	if (tid() == 0) {
		for (int s = 0; s < C::STAGES; s++) {
			mbarrier_init(&full[s], C::LOADERS);
			mbarrier_init(&empty[s], 8); // a lane of each warp that multiplies
		}
		fence_barriers();
	}
	barrier();
	Problem p = {m, n, k, ldx, div_up(n, C::TO), div_up(m, C::TT)};
	if (warp() < 4) {
		registers_give<72>();
		load_tiles<T, C>(stages, full, empty, x, w, p);
	} else {
		registers_take<216>();
		multiply_tiles<T, C>(stages, full, empty, turn + (warp() - 4) * C::TURN_FLOATS, y, bias, p, ldy, wide);
	}
}

} // namespace

#define LINEAR90(T, N)                                                                                                          \
	KERNEL(384, 1)                                                                                                             \
	void linear90_128x##N##_##T(void *y, const T *x, const T *w, const float *bias, int m, int n, int k, int ldx, int ldy,     \
	                            int wide) {                                                                                    \
		linear90<T, N>(y, x, w, bias, m, n, k, ldx, ldy, wide);                                                                \
	}                                                                                                                          \
	EXPORT(linear90_128x##N##_##T)

LINEAR90(bf16, 128)
LINEAR90(bf16, 256)
LINEAR90(f16, 128)
LINEAR90(f16, 256)
