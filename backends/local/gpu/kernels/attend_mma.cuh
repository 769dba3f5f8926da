// Attention in bf16 and f16 by mma.m16n8k16. A warp takes 16 pairs of row and head: queries are the A operand, keys (n8)
// and values (n8 columns) the B operand, and the k order is the elements of the head, then the positions of the page, in
// sixteens. Weights are rounded to T as the A operand of the second product; the sum of weights is of unrounded ones.
//
// Keys and values pass through a ring of slots of a page each, filled by cp.async ahead of use: K, V of the first entry, K,
// V of the second, and so on. Rows of slots are D+8 elements, so that ldmatrix meets every bank once.
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
};

// load_page fills a slot with a head's keys or values. Positions outside [from, to) become zeros: what was never written
// there may be NaN, which a weight of 0 does not silence.
template <class T, int D> DEVICE void load_page(T *to_slot, const T *page, int dim, int from, int to, bool vectors) {
	constexpr int stride = Mma<T, D>::stride, parts = D / 8;
	for (int i = tid(); i < page_size * parts; i += bdim()) {
		int key = i / parts, at = i % parts * 8;
		bool wanted = key >= from && key < to;
		T *dst = to_slot + key * stride + at;
		const T *src = page + key * dim + at;
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
#pragma unroll
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
template <class T, int D, bool all>
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
			if (all || any(range[e / 2 % 2])) sums.acc[2 * n + e / 4][e % 4] = x[e];
	}
}

// put writes a pair of columns of a result.
template <class T> DEVICE void put(const Attend<T> &a, const Pair &p, int column, float x, float y, float weight) {
	if (column >= a.dim) return;
	T *to = a.out + ((i64)p.query * a.heads + p.head) * a.dim + column;
	T lo = result<T>(x, weight), hi = result<T>(y, weight);
	if ((a.dim & 1) == 0) {
		*(u32 *)to = (u32)lo.bits | (u32)hi.bits << 16;
		return;
	}
	to[0] = lo;
	if (column + 1 < a.dim) to[1] = hi;
}

// Earlier segments' sums of one of the thread's pairs; acc is in shared memory, at parked[i·threads].
struct Parked {
	float m, l;
	float *acc;
};

// settle does with a pair's sums what is to be done at a segment's end. r is which of the thread's pairs it is.
template <class T, int D, int r>
DEVICE void settle(const Attend<T> &a, const Pair &p, int segment, Sums<D> &sums, Parked &parked) {
	Fate fate = fate_of(p, segment);
	float l = sums.l[r], m = sums.m[r], keep = 0.f, add = 1.f;
	if (fate == nothing) return;
	if (fate == parked_first) parked.m = m, parked.l = l;
	if (fate == parked_more || fate == parked_last) {
		parked.m = merge_weights<T>(parked.m, m, keep, add);
		parked.l = merge(parked.l, l, keep, add);
	}
	float *partial = fate == stored ? partial_of(a, p, segment) : nullptr;
	if (partial && (lane() & 3) == 0) partial[0] = m, partial[1] = l;
	float weight = fate == written ? weight_of<T>(l) : fate == parked_last ? weight_of<T>(parked.l) : 0.f;
#pragma unroll
	for (int i = 0; i < D / 8; i++) {
		float x[2] = {sums.acc[i][2 * r], sums.acc[i][2 * r + 1]};
		int column = i * 8 + (lane() & 3) * 2;
		float *rest = parked.acc + (2 * i + r) * 2 * bdim() + tid();
		if (fate >= parked_first) {
#pragma unroll
			for (int e = 0; e < 2; e++) {
				if (fate != parked_first) x[e] = merge(rest[e * bdim()], x[e], keep, add);
				if (fate != parked_last) rest[e * bdim()] = x[e];
			}
		}
		if (fate == written || fate == parked_last) put(a, p, column, x[0], x[1], weight);
		if (partial) {
			if (column < a.dim) partial[4 + column] = x[0];
			if (column + 1 < a.dim) partial[5 + column] = x[1];
		}
	}
}

// settle_both ends a segment.
template <class T, int D>
DEVICE void settle_both(const Attend<T> &a, const Pair (&p)[2], int segment, Sums<D> &sums, Parked (&parked)[2]) {
#pragma unroll
	for (int r = 0; r < 2; r++) {
		sums.l[r] += shfl_xor(sums.l[r], 1);
		sums.l[r] += shfl_xor(sums.l[r], 2);
	}
	settle<T, D, 0>(a, p[0], segment, sums, parked[0]);
	settle<T, D, 1>(a, p[1], segment, sums, parked[1]);
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
	if (all_(any(range[0]) && any(range[1]))) add_values<T, D, true>(sums, w, values, range);
	else add_values<T, D, false>(sums, w, values, range);
}

template <class T, int D> DEVICE void attend_mma(const Attend<T> &a) {
	typedef Mma<T, D> M;
	Block b;
	if (!take_block(a, b)) return;
	T *slots = (T *)dynamic_shared(), *queries = slots + a.slots * M::slot;
	T *own = queries + warp() * warp_pairs * M::stride;
	Parked parked[2];
	parked[0].acc = parked[1].acc = (float *)(queries + bdim() / 32 * warp_pairs * M::stride);
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
			settle_both<T, D>(a, p, segment, sums, parked);
	}
}

} // namespace
