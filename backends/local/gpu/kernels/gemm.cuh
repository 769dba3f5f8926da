// Products of matrices in bf16 and f16: y[m×n] = x[m×k] · w[n×k]ᵀ + bias, by mma.sync.m16n8k16 with float32 sums.
//
// The contract on bits: an output is one chain of ⌈k/16⌉ matrix instructions from zero, k ascending, with the weight's row in
// operand A and the token's row in operand B; the bias is added to the sum in float32, and the result is rounded once. Neither
// the tile's shape, nor a row's place in it, nor the rows beside it enter, so every kernel of this file gives a row the
// same bits, and so does one row alone. Columns past k count as zeros inside the last instruction, and no instruction is issued
// for zeros alone.
//
// A block computes TO outputs of TT tokens. Its stages of BK columns travel through shared memory by cp.async, STAGES - 1 of
// them ahead of the arithmetic; a row of a stage is BK/8 chunks of 16 bytes, permuted so that the eight rows of an ldmatrix
// lie in different banks. A warp holds WO×WT outputs in registers and reads the fragments of a step of 16 columns while the
// instructions of the step before run.
#pragma once
#include "onset.cuh"

namespace {

struct alignas(16) four { float v[4]; };

// copy16 is cp_async16 that also has the L2 cache fetch the rest of the line of 128 bytes: it is the next stage's where a stage
// holds 64 bytes of a row.
#ifdef ONSET_EMULATOR
DEVICE void copy16(void *smem, const void *gmem, bool pred) { cp_async16(smem, gmem, pred); }
#else
DEVICE void copy16(void *smem, const void *gmem, bool pred) {
	asm volatile("cp.async.cg.shared.global.L2::128B [%0], [%1], 16, %2;" ::"r"(smem_u32(smem)), "l"(gmem), "r"(pred ? 16 : 0)
	             : "memory");
}
#endif

template <int TO_, int TT_, int WO_, int WT_, int BK_, int STAGES_, int WARPS_>
struct Tile {
	static constexpr int TO = TO_, TT = TT_, WO = WO_, WT = WT_, BK = BK_, STAGES = STAGES_, WARPS = WARPS_;
	static constexpr int THREADS = 32 * WARPS;
	static constexpr int CHUNKS = BK / 8;            // of 16 bytes in a row of a stage
	static constexpr int PASS = THREADS / CHUNKS;    // rows that all threads load at once
	static constexpr int STAGE = (TO + TT) * BK;     // elements
	static constexpr int STEPS = BK / 16;
	static constexpr int MI = WO / 16, NI = WT / 8;  // instructions of a warp in a step: MI·NI
	static constexpr int TURN = NI < 4 ? NI : 4;     // eights of tokens that a warp turns at once
	static constexpr int TURN_FLOATS = TURN * 8 * (WO + 4);
	static constexpr int COLUMNS = TO / WO;          // warps along the outputs
	static constexpr int ACTIVE = COLUMNS * (TT / WT); // warps that compute; the others only load
	static_assert(STEPS % 2 == 0 && ACTIVE <= WARPS && TO % PASS == 0 && TT % PASS == 0 && STAGES >= 2, "tile");
};

// chunk_at is the place, in chunks of eight elements, of chunk c of a row of CHUNKS.
template <int CHUNKS>
DEVICE int chunk_at(int row, int c) {
	return row * CHUNKS + (CHUNKS >= 8 ? c ^ (row & 7) : c ^ ((row >> 1) & 3));
}

// tile_of maps a block to a tile so that blocks that run together share rows of both matrices in the L2 cache: bands of eight
// tiles of tokens, in a band the tokens' tiles run fastest.
DEVICE void tile_of(int block, int outputs, int tokens, int *o, int *t) {
	const int band = 8, per = band * outputs;
	int first = block / per * band, rest = block % per;
	int width = tokens - first < band ? tokens - first : band;
	*t = first + rest % width;
	*o = rest / width;
}

// Loader brings the stages of a block's rows of w and x into shared memory. FAST needs k and ldx to be multiples of 8 and both
// matrices 16-byte aligned; without it elements are read one by one.
template <class T, class C, bool FAST>
struct Loader {
	const T *w, *x;
	u64 wstep, xstep; // between two passes
	int k, column, wrows, xrows, at;

	DEVICE_SPEC void init(const T *w_, const T *x_, int o0, int t0, int n, int m, int k_, int ldx) {
		int row = tid() / C::CHUNKS;
		column = tid() % C::CHUNKS * 8;
		k = k_;
		w = w_ + (u64)(o0 + row) * k + column;
		x = x_ + (u64)(t0 + row) * ldx + column;
		wstep = (u64)C::PASS * k;
		xstep = (u64)C::PASS * ldx;
		wrows = n - o0 - row; // rows from this thread's first to the matrix's end
		xrows = m - t0 - row;
		at = row;
	}

	DEVICE_SPEC void chunk(T *to, const T *from, bool row, int k0) {
		if constexpr (FAST) {
			copy16(to, from + k0, row && k0 + column < k);
		} else {
			quad pack = {};
#pragma unroll
			for (int e = 0; e < 8; e++) {
				u32 bits = row && k0 + column + e < k ? from[k0 + e].bits : 0;
				pack.v[e >> 1] |= bits << (16 * (e & 1));
			}
			store16(to, pack);
		}
	}

	DEVICE_SPEC void load(T *stage, int k0) {
		int c = column / 8;
#pragma unroll
		for (int i = 0; i < C::TO / C::PASS; i++)
			chunk(stage + chunk_at<C::CHUNKS>(at + i * C::PASS, c) * 8, w + i * wstep, i * C::PASS < wrows, k0);
#pragma unroll
		for (int i = 0; i < C::TT / C::PASS; i++)
			chunk(stage + chunk_at<C::CHUNKS>(C::TO + at + i * C::PASS, c) * 8, x + i * xstep, i * C::PASS < xrows, k0);
	}
};

// Fragments are what a warp multiplies in one step of 16 columns.
template <class C>
struct Fragments {
	u32 a[C::MI][4];
	u32 b[C::NI][2];

	template <class T>
	DEVICE_SPEC void load(const T *stage, int step, int wo, int wt) {
		int l = lane();
#pragma unroll
		for (int i = 0; i < C::MI; i++)
			ldmatrix_x4(a[i], stage + chunk_at<C::CHUNKS>(wo + i * 16 + (l & 15), step * 2 + (l >> 4)) * 8);
		if constexpr (C::NI == 1) {
			ldmatrix_x2(b[0], stage + chunk_at<C::CHUNKS>(C::TO + wt + (l & 7), step * 2 + ((l >> 3) & 1)) * 8);
		} else {
#pragma unroll
			for (int j = 0; j < C::NI / 2; j++) {
				u32 r[4];
				ldmatrix_x4(r, stage + chunk_at<C::CHUNKS>(C::TO + wt + j * 16 + (l & 7) + ((l >> 4) << 3),
														   step * 2 + ((l >> 3) & 1)) * 8);
				b[2 * j][0] = r[0];
				b[2 * j][1] = r[1];
				b[2 * j + 1][0] = r[2];
				b[2 * j + 1][1] = r[3];
			}
		}
	}

	template <class T>
	DEVICE_SPEC void multiply(float (*sum)[C::NI][4]) const {
#pragma unroll
		for (int i = 0; i < C::MI; i++)
#pragma unroll
			for (int j = 0; j < C::NI; j++) mma_16816<T>(sum[i][j], a[i], b[j]);
	}
};

// put8 stores eight outputs of one token, count of which exist: as T, or as float32 where wide.
template <class T>
DEVICE void put8(void *y, u64 at, const float *v, int count, bool vector, bool wide) {
	if (wide) {
		float *to = (float *)y + at;
		if (vector && count >= 8) {
			store16(to, four{v[0], v[1], v[2], v[3]});
			store16(to + 4, four{v[4], v[5], v[6], v[7]});
			return;
		}
#pragma unroll
		for (int e = 0; e < 8; e++)
			if (e < count) to[e] = v[e];
		return;
	}
	T *to = (T *)y + at;
	if (vector && count >= 8) {
		quad pack;
#pragma unroll
		for (int e = 0; e < 4; e++) pack.v[e] = pack2<T>(v[2 * e], v[2 * e + 1]);
		store16(to, pack);
		return;
	}
#pragma unroll
	for (int e = 0; e < 8; e++)
		if (e < count) to[e] = from_f<T>(v[e]);
}

// write_tile adds the bias to a warp's sums and stores them: tokens t…, outputs o…, turned through the warp's own part of
// shared memory, since neighbours in a fragment are tokens and neighbours in memory are outputs.
template <class T, class C>
DEVICE void write_tile(void *y, float (*sum)[C::NI][4], float *turn, const float *bias, int o, int t, int m, int n, int ldy,
                       bool wide) {
	constexpr int PITCH = C::WO + 4;    // floats between tokens: the four of a fragment fall in different banks
	constexpr int LANES = C::WO / 8;    // lanes on one token
	constexpr int TOKENS = 32 / LANES;  // tokens that a warp stores at once
	int l = lane(), g = l >> 2, p = l & 3, at = l % LANES * 8, row = l / LANES;
	int count = n - o - at;
	bool vector = aligned16(y) && ldy % (wide ? 4 : 8) == 0;
	float b[8];
#pragma unroll
	for (int e = 0; e < 8; e++) b[e] = bias != nullptr && e < count ? bias[o + at + e] : 0.f;
#pragma unroll
	for (int j0 = 0; j0 < C::NI; j0 += C::TURN) {
#pragma unroll
		for (int j = 0; j < C::TURN; j++) {
#pragma unroll
			for (int i = 0; i < C::MI; i++) {
				float *to = turn + (j * 8 + 2 * p) * PITCH + i * 16 + g;
				to[0] = sum[i][j0 + j][0];
				to[PITCH] = sum[i][j0 + j][1];
				to[8] = sum[i][j0 + j][2];
				to[PITCH + 8] = sum[i][j0 + j][3];
			}
		}
		warp_sync();
#pragma unroll 1
		for (int token = row; token < 8 * C::TURN; token += TOKENS) {
			if (t + j0 * 8 + token < m && count > 0) {
				four lo = load16<four>(turn + token * PITCH + at), hi = load16<four>(turn + token * PITCH + at + 4);
				float v[8] = {lo.v[0], lo.v[1], lo.v[2], lo.v[3], hi.v[0], hi.v[1], hi.v[2], hi.v[3]};
				if (bias != nullptr) {
#pragma unroll
					for (int e = 0; e < 8; e++) v[e] = add_rn(v[e], b[e]);
				}
				put8<T>(y, (u64)(t + j0 * 8 + token) * ldy + o + at, v, count, vector, wide);
			}
		}
		warp_sync();
	}
}

// linear_tile is the body of every kernel over T; wide says that y is float32 and not T.
template <class T, class C, bool FAST>
DEVICE void linear_tile(void *y, const T *x, const T *w, const float *bias, int m, int n, int k, int ldx, int ldy, int wide) {
	T *shared = (T *)dynamic_shared();
	int to, tt;
	tile_of(bid_x(), (n + C::TO - 1) / C::TO, (m + C::TT - 1) / C::TT, &to, &tt);
	int o0 = to * C::TO, t0 = tt * C::TT;
	int own = shfl(warp(), 0); // the same for the warp, which the compiler does not see otherwise
	int wo = own % C::COLUMNS * C::WO, wt = own / C::COLUMNS * C::WT;
	bool active = C::ACTIVE == C::WARPS || own < C::ACTIVE;

	Loader<T, C, FAST> loader;
	loader.init(w, x, o0, t0, n, m, k, ldx);
#pragma unroll
	for (int s = 0; s < C::STAGES - 1; s++) {
		loader.load(shared + s * C::STAGE, s * C::BK); // past k it fills zeros and reads nothing
		cp_async_commit();
	}
	float sum[C::MI][C::NI][4];
#pragma unroll
	for (int i = 0; i < C::MI; i++)
#pragma unroll
		for (int j = 0; j < C::NI; j++)
#pragma unroll
			for (int e = 0; e < 4; e++) sum[i][j][e] = 0.f;

	cp_async_wait<C::STAGES - 2>();
	barrier();
	Fragments<C> frag[2];
	if (active) frag[0].load(shared, 0, wo, wt);
	int at = 0, ahead = C::STAGES - 1; // the slots of the stage that is multiplied and of the one that is requested
	for (int left = (k + 15) / 16, k0 = (C::STAGES - 1) * C::BK; left > 0; left -= C::STEPS, k0 += C::BK) {
		loader.load(shared + ahead * C::STAGE, k0);
		cp_async_commit();
		ahead = ahead + 1 == C::STAGES ? 0 : ahead + 1;
		if (active) {
#pragma unroll
			for (int step = 0; step < C::STEPS - 1; step++) {
				frag[(step + 1) & 1].load(shared + at * C::STAGE, step + 1, wo, wt);
				if (step < left) frag[step & 1].template multiply<T>(sum);
			}
		}
		at = at + 1 == C::STAGES ? 0 : at + 1;
		cp_async_wait<C::STAGES - 2>();
		barrier(); // the next stage has landed, and the last fragments of this one are in registers: its slot is free
		if (active) {
			frag[0].load(shared + at * C::STAGE, 0, wo, wt);
			if (C::STEPS - 1 < left) frag[1].template multiply<T>(sum);
		}
	}
	cp_async_wait<0>();
	barrier();
	if (!active) return;
	float *turn = (float *)shared + own * C::TURN_FLOATS;
	write_tile<T, C>(y, sum, turn, bias, o0 + wo, t0 + wt, m, n, ldy, wide != 0);
}

} // namespace
