// Products of matrices in float32, with the bits of the CPU engine (package kernels, BlockK): an output is, for every block of
// 256 columns, one chain of fused multiply-adds from zero, k ascending; the blocks' sums are added in order, the bias last.
// No tensor core: their TF32 drops 13 bits of the operands.
//
// A block of threads computes TO outputs of TT tokens, a thread RO×RT of them, spaced so that the eight lanes of a shared
// memory phase read eight different rows. Stages travel as in gemm.cuh.
#pragma once
#include "gemm.cuh"

namespace {

template <int TO_, int TT_, int RO_, int RT_, int BK_, int STAGES_>
struct Simt {
	static constexpr int TO = TO_, TT = TT_, RO = RO_, RT = RT_, BK = BK_, STAGES = STAGES_;
	static constexpr int TX = TO / RO, TY = TT / RT, THREADS = TX * TY;
	static constexpr int CHUNKS = BK / 4; // of 16 bytes
	static constexpr int PASS = THREADS / CHUNKS, STAGE = (TO + TT) * BK;
	static_assert(TX % 8 == 0 && TY % 4 == 0 && 256 % BK == 0 && CHUNKS >= 8, "tile");
	static_assert(TO % PASS == 0 && TT % PASS == 0 && STAGES >= 2, "tile");
};

template <class C, bool FAST>
DEVICE void simt_load(float *stage, const float *w, const float *x, int wrows, int xrows, int k, int ldx, int k0) {
	int row = tid() / C::CHUNKS, c = tid() % C::CHUNKS;
#pragma unroll
	for (int i = 0; i < (C::TO + C::TT) / C::PASS; i++) {
		int r = row + i * C::PASS;
		bool token = i * C::PASS >= C::TO;
		int own = token ? r - C::TO : r;
		bool in = own < (token ? xrows : wrows);
		const float *from = (token ? x + (u64)own * ldx : w + (u64)own * k) + k0 + c * 4;
		float *to = stage + chunk_at<C::CHUNKS>(r, c) * 4;
		if constexpr (FAST) {
			copy16(to, from, in && k0 + c * 4 < k);
		} else {
#pragma unroll
			for (int e = 0; e < 4; e++) to[e] = in && k0 + c * 4 + e < k ? from[e] : 0.f;
		}
	}
}

// simt_step multiplies the columns of chunk c, the first `columns` (of four) of them.
template <class C, bool ALL>
DEVICE void simt_step(float (*sum)[C::RT], const float *stage, int c, int tx, int ty, int columns) {
	four x[C::RT];
#pragma unroll
	for (int j = 0; j < C::RT; j++) x[j] = load16<four>(stage + chunk_at<C::CHUNKS>(C::TO + ty + j * C::TY, c) * 4);
#pragma unroll
	for (int i = 0; i < C::RO; i++) {
		four w = load16<four>(stage + chunk_at<C::CHUNKS>(tx + i * C::TX, c) * 4);
#pragma unroll
		for (int e = 0; e < 4; e++)
			if (ALL || e < columns) {
#pragma unroll
				for (int j = 0; j < C::RT; j++) sum[i][j] = fma_(x[j].v[e], w.v[e], sum[i][j]);
			}
	}
}

template <class C, bool FAST>
DEVICE void simt_tile(float *y, const float *x, const float *w, const float *bias, int m, int n, int k, int ldx, int ldy) {
	float *shared = (float *)dynamic_shared();
	int to, tt;
	tile_of(bid_x(), (n + C::TO - 1) / C::TO, (m + C::TT - 1) / C::TT, &to, &tt);
	int o0 = to * C::TO, t0 = tt * C::TT;
	int tx = (lane() & 7) + warp() % (C::TX / 8) * 8, ty = (lane() >> 3) + warp() / (C::TX / 8) * 4;
	w += (u64)o0 * k;
	x += (u64)t0 * ldx;
#pragma unroll
	for (int s = 0; s < C::STAGES - 1; s++) {
		simt_load<C, FAST>(shared + s * C::STAGE, w, x, n - o0, m - t0, k, ldx, s * C::BK);
		cp_async_commit();
	}
	float total[C::RO][C::RT], sum[C::RO][C::RT];
#pragma unroll
	for (int i = 0; i < C::RO; i++)
#pragma unroll
		for (int j = 0; j < C::RT; j++) total[i][j] = sum[i][j] = 0.f;

	int at = 0;
	for (int k0 = 0; k0 < k; k0 += C::BK) {
		cp_async_wait<C::STAGES - 2>();
		barrier(); // stage k0 has landed, and everyone is done with the one before it, whose slot is loaded now
		int ahead = at == 0 ? C::STAGES - 1 : at - 1;
		simt_load<C, FAST>(shared + ahead * C::STAGE, w, x, n - o0, m - t0, k, ldx, k0 + (C::STAGES - 1) * C::BK);
		cp_async_commit();
		const float *stage = shared + at * C::STAGE;
		if (k - k0 >= C::BK) {
#pragma unroll 2
			for (int c = 0; c < C::CHUNKS; c++) simt_step<C, true>(sum, stage, c, tx, ty, 4);
		} else { // no step for the zeros past k: 0·0 would turn a sum of -0 into +0
			for (int c = 0; k0 + c * 4 < k; c++) simt_step<C, false>(sum, stage, c, tx, ty, k - k0 - c * 4);
		}
		if ((k0 + C::BK) % 256 == 0 || k0 + C::BK >= k) {
			bool first = k0 < 256;
#pragma unroll
			for (int i = 0; i < C::RO; i++)
#pragma unroll
				for (int j = 0; j < C::RT; j++) {
					total[i][j] = first ? sum[i][j] : add_rn(total[i][j], sum[i][j]);
					sum[i][j] = 0.f;
				}
		}
		at = at + 1 == C::STAGES ? 0 : at + 1;
	}
	cp_async_wait<0>();
#pragma unroll
	for (int i = 0; i < C::RO; i++) {
		int o = o0 + tx + i * C::TX;
		if (o >= n) continue;
		float b = bias != nullptr ? bias[o] : 0.f;
#pragma unroll
		for (int j = 0; j < C::RT; j++) {
			int t = t0 + ty + j * C::TY;
			if (t < m) y[(u64)t * ldy + o] = bias != nullptr ? add_rn(total[i][j], b) : total[i][j];
		}
	}
}

} // namespace
