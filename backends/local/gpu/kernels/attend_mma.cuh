// Attention in bf16 and f16 by mma.m16n8k16. A warp takes 16 pairs of row and head: queries are the A operand, keys (n8)
// and values (n8 columns) the B operand, and the k order is the elements of the head, then the positions of the page, in
// sixteens. Weights are rounded to T as the A operand of the second product; the sum of weights is of unrounded ones.
//
// Keys and values pass through a ring of slots of a page each, filled by cp.async ahead of use: K, V of the first entry, K,
// V of the second, and so on. Rows of slots are D+8 elements, so that ldmatrix meets every bank once.
//
// A pair's sums do not depend on what else is in its tile, with one exception: where a value that the pair does not reach is
// infinite or NaN, and of the same sequence, in the same page and before the end of what the tile's other pairs reach, its
// weight of 0 makes NaN of it. (Other sequences' values cannot: see add_values. In float32 no value can.)
//
// exp is ex2.approx of scores times log₂e: within 2 ulp, the same for the same card model.
//
// A page costs a warp 4·16·64·D flop (D/16·8 mma for the scores and as many for the values) and 2·64·D·2 bytes of shared
// memory; a block of w warps loads 2·64·dim·2 bytes for 4·16·w·64·dim flop: 16·w flop a byte, so 128 for 8 warps (prefill,
// bound by mma and shared memory) and 16 less idle pairs for one (decoding, bound by memory).
#pragma once
#include "attend.cuh"

namespace {

template <class T, int D> struct Mma {
	static constexpr int stride = D + 8, slot = page_size * stride, steps = D / 16;
	static constexpr bool held = D <= 128; // queries stay in registers
	static constexpr int unroll = held ? steps : 2;
};

// load_page fills a slot with a head's keys or values. Positions outside [from, to) become zeros: what was never written
// there may be NaN, which a weight of 0 does not silence.
template <class T, int D> DEVICE void load_page(T *to_slot, const T *page, int dim, int from, int to, bool vectors) {
	constexpr int stride = Mma<T, D>::stride;
	for (Walk<D / 8> w = walk<D / 8>(); w.row < page_size; step(w)) {
		int at = w.part * 8;
		bool wanted = w.row >= from && w.row < to;
		T *dst = to_slot + w.row * stride + at;
		const T *src = page + w.row * dim + at;
		if (vectors) {
			if (at < dim) cp_async16(dst, wanted ? src : page, wanted);
			else store16(dst, quad{{0, 0, 0, 0}});
			continue;
		}
#pragma unroll 1
		for (int j = 0; j < 8; j++) dst[j] = wanted && at + j < dim ? src[j] : T{0};
	}
}

// load_stage begins to fill a slot, if there is anything left: stage 2i is the keys of entry i, 2i+1 its values.
template <class T, int D> DEVICE void load_stage(const Attend<T> &a, const Block &b, int stage, T *slot, bool vectors) {
	if (stage < 2 * b.entries) {
		Entry e = entry_at(b, stage >> 1);
		const T *page = stage & 1 ? values_at(a, e.page, b.kv_head) : keys_at(a, e.page, b.kv_head);
		load_page<T, D>(slot, page, a.dim, e.from, e.to, vectors);
	}
	cp_async_commit();
}

// Sums of a thread: of pairs g and g+8 of the warp, g = lane/4; of columns 8i+2t and 8i+2t+1, t = lane%4.
template <int D> struct Sums {
	float m[2], l[2]; // l of the thread's own keys until the segment's end
	float acc[D / 8][4];
};

template <int D> DEVICE void clear_sums(Sums<D> &s) {
	s.m[0] = s.m[1] = -INFINITY_;
	s.l[0] = s.l[1] = 0.f;
#pragma unroll
	for (int i = 0; i < D / 8; i++)
#pragma unroll
		for (int e = 0; e < 4; e++) s.acc[i][e] = 0.f;
}

// load_queries copies the warp's queries to shared memory, zeros for pairs that there are not.
template <class T, int D> DEVICE void load_queries(const Attend<T> &a, const Block &b, T *to, bool vectors) {
	constexpr int stride = Mma<T, D>::stride, parts = D / 8;
	for (int i = lane(); i < warp_pairs * parts; i += 32) {
		int at = i % parts * 8;
		Pair p = pair_at(a, b, warp() * warp_pairs + i / parts);
		const T *src = a.q + (i64)p.query * a.ld + p.head * a.dim + at;
		T *dst = to + i / parts * stride + at;
		if (p.row >= 0 && vectors && at < a.dim) {
			store16(dst, load16<quad>(src));
			continue;
		}
#pragma unroll 1
		for (int j = 0; j < 8; j++) dst[j] = p.row >= 0 && at + j < a.dim ? src[j] : T{0};
	}
	warp_sync();
}

// score_page computes the dot products of the warp's queries with a page's keys.
template <class T, int D> DEVICE void score_page(float (&s)[8][4], const u32 (*held)[4], u32 queries, u32 keys) {
	constexpr int stride = Mma<T, D>::stride;
	u32 at = keys + 2 * (((lane() & 7) + ((lane() >> 4) << 3)) * stride + ((lane() >> 3) & 1) * 8);
#pragma unroll
	for (int i = 0; i < 8; i++)
#pragma unroll
		for (int e = 0; e < 4; e++) s[i][e] = 0.f;
#pragma unroll Mma<T, D>::unroll
	for (int k = 0; k < D / 16; k++) {
		u32 own[4];
		if (!Mma<T, D>::held) ldmatrix_x4(own, queries + 2 * ((lane() & 15) * stride + k * 16 + (lane() >> 4) * 8));
		const u32 *x = Mma<T, D>::held ? held[k] : own;
#pragma unroll
		for (int i = 0; i < 4; i++) {
			u32 y[4];
			ldmatrix_x4(y, at + 2 * (i * 16 * stride + k * 16));
			mma_16816<T>(s[2 * i], x, y);
			mma_16816<T>(s[2 * i + 1], x, y + 2);
		}
	}
}

// weigh makes weights of dot products, and updates m and l; decay is what earlier sums are to be multiplied by.
template <class T, int D>
DEVICE void weigh(const Attend<T> &a, const Pair (&p)[2], const Range (&range)[2], int first, float (&s)[8][4], Sums<D> &sums,
                  float (&decay)[2]) {
	const float log2e = 1.44269504f;
	bool plain = a.cap == 0.f && !a.slopes && !a.biases;
	float unit = plain ? a.scale * log2e : log2e;
#pragma unroll
	for (int r = 0; r < 2; r++) {
		bool all = full(range[r]);
		float slope = slope_of(a, p[r]);
		float top = -INFINITY_;
#pragma unroll
		for (int i = 0; i < 8; i++)
#pragma unroll
			for (int e = 0; e < 2; e++) {
				float &x = s[i][2 * r + e];
				int key = i * 8 + (lane() & 3) * 2 + e;
				if (!all && !has(range[r], key)) x = -INFINITY_;
				else if (!plain) x = adjusted(a, p[r], slope, x, first + key);
				top = max_(x, top);
			}
		top = max_(shfl_xor(top, 1), top);
		top = max_(shfl_xor(top, 2), top);
		float m = max_(top * unit, sums.m[r]), less = finite0(m), sum = 0.f;
		decay[r] = any(range[r]) ? ex2_approx(sums.m[r] - less) : 1.f;
#pragma unroll
		for (int i = 0; i < 8; i++)
#pragma unroll
			for (int e = 0; e < 2; e++) {
				float &x = s[i][2 * r + e];
				x = ex2_approx(fma_(x, unit, -less));
				sum += x;
			}
		if (any(range[r])) {
			sums.m[r] = m;
			sums.l[r] = fma_(sums.l[r], decay[r], sum);
		}
	}
}

// add_values adds a page's values by their weights. Pairs that do not reach the page keep their sums: another sequence's
// values may be infinite, which a weight of 0 does not silence.
template <class T, int D>
DEVICE void add_values(Sums<D> &sums, const u32 (&w)[4][4], u32 values, const Range (&range)[2]) {
	constexpr int stride = Mma<T, D>::stride;
	u32 at = values + 2 * ((lane() & 15) * stride + (lane() >> 4) * 8);
#pragma unroll
	for (int n = 0; n < D / 16; n++) {
		float x[8];
#pragma unroll
		for (int e = 0; e < 8; e++) x[e] = sums.acc[2 * n + e / 4][e % 4];
#pragma unroll
		for (int k = 0; k < 4; k++) {
			u32 y[4];
			ldmatrix_x4_trans(y, at + 2 * (k * 16 * stride + n * 16));
			mma_16816<T>(x, w[k], y);
			mma_16816<T>(x + 4, w[k], y + 2);
		}
#pragma unroll
		for (int e = 0; e < 8; e++)
			if (any(range[e / 2 % 2])) sums.acc[2 * n + e / 4][e % 4] = x[e];
	}
}

// settle ends a segment.
template <class T, int D>
DEVICE void settle(const Attend<T> &a, const Block &b, int segment, Sums<D> &sums, Desk *desks, float *parked) {
	int g = lane() >> 2, t = lane() & 3;
#pragma unroll
	for (int r = 0; r < 2; r++) {
		float l = sums.l[r];
		l += shfl_xor(l, 1);
		l += shfl_xor(l, 2);
		if (t == 0) desks[g + 8 * r].m = sums.m[r], desks[g + 8 * r].l = l;
	}
	settle_pairs<T, D>(a, b, segment, desks, parked);
#pragma unroll
	for (int i = 0; i < (D + 31) / 32; i++) {
#pragma unroll
		for (int n = 0; n < 16; n++)
			if (4 * i + n / 4 < D / 8) desks[g + n / 2 % 2 * 8].sums[n / 4 * 8 + t * 2 + n % 2] = sums.acc[(4 * i + n / 4) % (D / 8)][n % 4];
		settle_columns<T>(desks, parked, parked_floats<D>(), 32 * i, a.dim);
	}
	clear_sums(sums);
}

// add_page takes the values of a page by their weights into the sums.
template <class T, int D>
DEVICE void add_page(Sums<D> &sums, const u32 (&w)[4][4], const float (&decay)[2], u32 values, const Range (&range)[2]) {
	if (any_(decay[0] != 1.f || decay[1] != 1.f)) {
#pragma unroll
		for (int i = 0; i < D / 8; i++)
#pragma unroll
			for (int e = 0; e < 4; e++) sums.acc[i][e] *= decay[e / 2];
	}
	add_values<T, D>(sums, w, values, range);
}

template <class T, int D> DEVICE void attend_mma(const Attend<T> &a) {
	typedef Mma<T, D> M;
	Block b;
	if (!take_block(a, b)) return;
	T *slots = (T *)dynamic_shared(), *queries = slots + a.slots * M::slot;
	T *own = queries + warp() * warp_pairs * M::stride;
	Desk *desks = (Desk *)(queries + bdim() / 32 * warp_pairs * M::stride);
	float *parked = (float *)(desks + bdim() / 32 * warp_pairs) + warp() * warp_pairs * parked_floats<D>();
	desks += warp() * warp_pairs;
	bool vectors = (a.dim & 7) == 0 && (a.ld & 7) == 0 && aligned16(a.q) && aligned16(a.pool);

	load_queries<T, D>(a, b, own, vectors);
	u32 held[M::held ? M::steps : 1][4];
	if (M::held) {
#pragma unroll
		for (int k = 0; k < M::steps; k++)
			ldmatrix_x4(held[M::held ? k : 0], smem_u32(own + (lane() & 15) * M::stride + k * 16 + (lane() >> 4) * 8));
	}
	int index = warp() * warp_pairs + (lane() >> 2);
	const Pair p[2] = {pair_at(a, b, index), pair_at(a, b, index + 8)};
	Sums<D> sums;
	clear_sums(sums);
	u32 w[4][4];
	float decay[2];
	// Stage by stage; the first ones are only asked for.
	for (int stage = 1 - a.slots, fill = 0, slot = 0; stage < 2 * b.entries; stage++) {
		if (stage >= 0) wait_stage(a.slots);
		load_stage<T, D>(a, b, stage + a.slots - 1, slots + fill * M::slot, vectors);
		if (++fill == a.slots) fill = 0;
		if (stage < 0) continue;
		u32 page = smem_u32(slots + slot * M::slot);
		if (++slot == a.slots) slot = 0;
		Entry e = entry_at(b, stage >> 1);
		const Range range[2] = {range_of(p[0], e), range_of(p[1], e)};
		bool some = any_(any(range[0]) || any(range[1]));
		if ((stage & 1) == 0) {
			if (!some) continue;
			float s[8][4];
			score_page<T, D>(s, held, smem_u32(own), page);
			weigh<T, D>(a, p, range, e.first, s, sums, decay);
#pragma unroll
			for (int k = 0; k < 4; k++)
#pragma unroll
				for (int i = 0; i < 4; i++) w[k][i] = pack2<T>(s[2 * k + i / 2][i % 2 * 2], s[2 * k + i / 2][i % 2 * 2 + 1]);
			continue;
		}
		if (some) add_page<T, D>(sums, w, decay, page, range);
		int segment = e.first / segment_size, next = stage / 2 + 1;
		if (next == b.entries || entry_at(b, next).first / segment_size != segment)
			settle<T, D>(a, b, segment, sums, desks, parked);
	}
}

} // namespace
