// Attention in float32 by fused multiply-adds, in the order of the CPU's kernels: a dot product is one chain over the
// elements of the head, a page's weights are summed in 16 lanes added in a tree, and each output is one chain over the
// positions. A warp takes 16 pairs of row and head; lane 8g+c has pairs g, g+4, g+8, g+12, and of keys c, c+8, c+16, …, of
// columns 4c…4c+3, 32+4c…: a key's or value's number that is loaded serves four pairs.
//
// The ring's slots are half a page: keys 0…31, keys 32…63, values 0…31, values 32…63 of each entry in turn. Rows are D+4
// numbers, so that eight lanes' 16 bytes meet every bank once.
//
// A page costs a warp 4·16·64·D flop in 128·D/8 float4 loads from shared memory for the scores and 96·D/8 for the values;
// a block of w warps loads 2·64·dim·4 bytes for it: 8·w flop a byte.
#pragma once
#include "attend.cuh"

namespace {

constexpr int half_page = page_size / 2, weight_stride = page_size + 4;
static_assert(sizeof(Desk) <= 4 * weight_stride, "desks stand where weights do");

struct alignas(16) Four {
	float v[4];
};

// A lane's sums: of pairs g+4r; of columns 32i+4c+e.
template <int D> struct FmaSums {
	float m[4], l[4], acc[4][D / 32][4];
};

template <int D> DEVICE void clear_sums(FmaSums<D> &s) {
#pragma unroll
	for (int r = 0; r < 4; r++) {
		s.m[r] = -INFINITY_;
		s.l[r] = 0.f;
#pragma unroll
		for (int i = 0; i < D / 32; i++)
#pragma unroll
			for (int e = 0; e < 4; e++) s.acc[r][i][e] = 0.f;
	}
}

// load_half begins to fill a slot with 32 positions of a head's keys or values, from position first of the page on; zeros
// outside [from, to) and past the head's end.
template <int D>
DEVICE void load_half(float *slot, const float *page, int dim, int first, int from, int to, bool vectors) {
	constexpr int stride = D + 4;
	if (vectors) {
		for (Walk<D / 4> w = walk<D / 4>(); w.row < half_page; step(w)) {
			int key = first + w.row, at = w.part * 4;
			bool wanted = key >= from && key < to && at < dim;
			cp_async16(slot + w.row * stride + at, wanted ? page + key * dim + at : page, wanted);
		}
		return;
	}
	for (Walk<D> w = walk<D>(); w.row < half_page; step(w)) {
		int key = first + w.row, at = w.part;
		bool wanted = key >= from && key < to && at < dim;
		cp_async4(slot + w.row * stride + at, wanted ? page + key * dim + at : page, wanted);
	}
}

template <int D>
DEVICE void load_half_stage(const Attend<float> &a, const Block &b, int stage, float *slot, bool vectors) {
	if (stage < 4 * b.entries) {
		Entry e = entry_at(b, stage >> 2);
		const float *page = stage & 2 ? values_at(a, e.page, b.kv_head) : keys_at(a, e.page, b.kv_head);
		load_half<D>(slot, page, a.dim, (stage & 1) * half_page, e.from, e.to, vectors);
	}
	cp_async_commit();
}

template <int D> DEVICE void load_fma_queries(const Attend<float> &a, const Block &b, float *to) {
	for (int i = lane(); i < warp_pairs * D; i += 32) {
		int at = i % D;
		Pair p = pair_at(a, b, warp() * warp_pairs + i / D);
		bool there = p.row >= 0 && at < a.dim;
		to[i / D * (D + 4) + at] = there ? a.q[(i64)p.query * a.ld + p.head * a.dim + at] : 0.f;
	}
	warp_sync();
}

// score_half computes the dot products of the lane's pairs with its keys of a slot: s[r][j] of key c+8j.
template <int D> DEVICE void score_half(float (&s)[4][4], const float *queries, const float *keys, int dim) {
	constexpr int stride = D + 4;
	const float *q = queries + (lane() >> 3) * stride, *k = keys + (lane() & 7) * stride;
#pragma unroll
	for (int r = 0; r < 4; r++)
#pragma unroll
		for (int j = 0; j < 4; j++) s[r][j] = 0.f;
#pragma unroll 2
	for (int d = 0; d < dim; d += 4) {
		Four x[4], y[4];
#pragma unroll
		for (int r = 0; r < 4; r++) x[r] = load16<Four>(q + 4 * r * stride + d), y[r] = load16<Four>(k + 8 * r * stride + d);
#pragma unroll
		for (int e = 0; e < 4; e++)
#pragma unroll
			for (int r = 0; r < 4; r++)
#pragma unroll
				for (int j = 0; j < 4; j++) s[r][j] = fma_(x[r].v[e], y[j].v[e], s[r][j]);
	}
}

// weigh_page makes weights of the dot products of a page, s[h][r][j] of key 32h+c+8j, puts them in shared memory, and
// updates m and l.
template <int D>
DEVICE void weigh_page(const Attend<float> &a, const Pair (&p)[4], const Range (&range)[4], int first, float (&s)[2][4][4],
                       FmaSums<D> &sums, float (&decay)[4], float *weights) {
#pragma unroll
	for (int r = 0; r < 4; r++) {
		float top = -INFINITY_, slope = slope_of(a, p[r]);
#pragma unroll
		for (int h = 0; h < 2; h++)
#pragma unroll
			for (int j = 0; j < 4; j++) {
				float &x = s[h][r][j];
				int key = h * half_page + j * 8 + (lane() & 7);
				x = has(range[r], key) ? adjusted(a, p[r], slope, x, first + key) : -INFINITY_;
				top = max_(x, top);
			}
#pragma unroll
		for (int m = 4; m; m >>= 1) top = max_(shfl_xor(top, m), top);
		float m = max_(top, sums.m[r]), less = finite0(m), part[2] = {0.f, 0.f};
#pragma unroll
		for (int h = 0; h < 2; h++)
#pragma unroll
			for (int j = 0; j < 4; j++) {
				float x = exp_call(s[h][r][j] - less);
				weights[((lane() >> 3) + 4 * r) * weight_stride + h * half_page + j * 8 + (lane() & 7)] = x;
				part[j & 1] += x;
			}
		float sum = part[0] + part[1]; // lanes 8 apart, then 4, 2 and 1
#pragma unroll
		for (int x = 4; x; x >>= 1) sum += shfl_xor(sum, x);
		decay[r] = 1.f;
		if (!any(range[r])) continue;
		decay[r] = exp_call(sums.m[r] - less);
		sums.m[r] = m;
		sums.l[r] = sums.l[r] * decay[r] + sum;
	}
}

// add_key adds one value's columns, weighted for each pair.
template <int D, bool all>
DEVICE void add_key(FmaSums<D> &sums, const float (&w)[4], const float *value, const Range (&range)[4], int key) {
	bool in[4];
#pragma unroll
	for (int r = 0; r < 4; r++) in[r] = all || has(range[r], key);
#pragma unroll
	for (int i = 0; i < D / 32; i++) {
		Four y = load16<Four>(value + 32 * i);
#pragma unroll
		for (int r = 0; r < 4; r++)
#pragma unroll
			for (int c = 0; c < 4; c++)
				if (in[r]) sums.acc[r][i][c] = fma_(w[r], y.v[c], sums.acc[r][i][c]);
	}
}

// add_half adds half a page's values, from position first of the page on, by their weights. Where the lane's ranges are not
// all of the page, what is outside is passed over and not weighted by 0, which would not silence an infinite value.
template <int D, bool all>
DEVICE void add_half(FmaSums<D> &sums, const float *weights, const float *values, const Range (&range)[4], int first) {
	const float *w = weights + (lane() >> 3) * weight_stride + first, *v = values + (lane() & 7) * 4;
#pragma unroll 1
	for (int k = 0; k < half_page; k += all ? 4 : 1) {
		if (!all) {
			const float x[4] = {w[k], w[4 * weight_stride + k], w[8 * weight_stride + k], w[12 * weight_stride + k]};
			add_key<D, all>(sums, x, v + k * (D + 4), range, first + k);
			continue;
		}
		Four x[4];
#pragma unroll
		for (int r = 0; r < 4; r++) x[r] = load16<Four>(w + 4 * r * weight_stride + k);
#pragma unroll
		for (int e = 0; e < 4; e++) {
			const float y[4] = {x[0].v[e], x[1].v[e], x[2].v[e], x[3].v[e]};
			add_key<D, all>(sums, y, v + (k + e) * (D + 4), range, first + k + e);
		}
	}
}

// settle ends a segment.
template <int D>
DEVICE void settle(const Attend<float> &a, const Block &b, int segment, FmaSums<D> &sums, Desk *desks, float *parked) {
	int g = lane() >> 3, c = lane() & 7;
	warp_sync();
#pragma unroll
	for (int r = 0; r < 4; r++)
		if (c == 0) desks[g + 4 * r].m = sums.m[r], desks[g + 4 * r].l = sums.l[r];
	settle_pairs<float, D>(a, b, segment, desks, parked);
#pragma unroll
	for (int i = 0; i < D / 32; i++) {
#pragma unroll
		for (int r = 0; r < 4; r++) {
			const float *x = sums.acc[r][i];
			store16(desks[g + 4 * r].sums + 4 * c, Four{{x[0], x[1], x[2], x[3]}});
		}
		settle_columns<float>(desks, parked, parked_floats<D>(), 32 * i, a.dim);
	}
	clear_sums(sums);
}

// add_stage takes half a page's values.
template <int D>
DEVICE void add_stage(FmaSums<D> &sums, const float *weights, const float *values, const Range (&range)[4],
                      const float (&decay)[4], int first) {
	bool whole = true;
#pragma unroll
	for (int r = 0; r < 4; r++) {
		whole = whole && full(range[r]);
		if (first) continue;
#pragma unroll
		for (int i = 0; i < D / 32; i++)
#pragma unroll
			for (int e = 0; e < 4; e++) sums.acc[r][i][e] *= decay[r];
	}
	if (all_(whole)) add_half<D, true>(sums, weights, values, range, first);
	else add_half<D, false>(sums, weights, values, range, first);
}

template <int D> DEVICE void attend_fma(const Attend<float> &a) {
	constexpr int stride = D + 4;
	Block b;
	if (!take_block(a, b)) return;
	float *slots = (float *)dynamic_shared(), *own = slots + a.slots * half_page * stride;
	float *weights = own + bdim() / 32 * warp_pairs * stride; // and desks, at a segment's end
	float *parked = weights + bdim() / 32 * warp_pairs * weight_stride + warp() * warp_pairs * parked_floats<D>();
	own += warp() * warp_pairs * stride;
	weights += warp() * warp_pairs * weight_stride;
	bool vectors = (a.dim & 3) == 0 && aligned16(a.pool);

	load_fma_queries<D>(a, b, own);
	Pair p[4];
	Range range[4];
	float decay[4];
#pragma unroll
	for (int r = 0; r < 4; r++) {
		p[r] = pair_at(a, b, warp() * warp_pairs + (lane() >> 3) + 4 * r);
		decay[r] = 1.f;
	}
	FmaSums<D> sums;
	clear_sums(sums);
	float s[2][4][4];
	for (int stage = 1 - a.slots, fill = 0, slot = 0; stage < 4 * b.entries; stage++) {
		if (stage >= 0) wait_stage(a.slots);
		load_half_stage<D>(a, b, stage + a.slots - 1, slots + fill * half_page * stride, vectors);
		if (++fill == a.slots) fill = 0;
		if (stage < 0) continue;
		const float *half = slots + slot * half_page * stride;
		if (++slot == a.slots) slot = 0;
		Entry e = entry_at(b, stage >> 2);
		bool mine = false;
#pragma unroll
		for (int r = 0; r < 4; r++) {
			range[r] = range_of(p[r], e);
			mine = mine || any(range[r]);
		}
		bool some = any_(mine);
		switch (stage & 3) {
		case 0:
			if (some) score_half<D>(s[0], own, half, a.dim);
			continue;
		case 1:
			if (!some) continue;
			score_half<D>(s[1], own, half, a.dim);
			weigh_page<D>(a, p, range, e.first, s, sums, decay, weights);
			warp_sync();
			continue;
		case 2:
			if (some) add_stage<D>(sums, weights, half, range, decay, 0);
			continue;
		}
		if (some) add_stage<D>(sums, weights, half, range, decay, half_page);
		int segment = e.first / segment_size, next = stage / 4 + 1;
		if (next < b.entries && entry_at(b, next).first / segment_size == segment) continue;
		settle<D>(a, b, segment, sums, (Desk *)weights, parked);
	}
}

} // namespace
