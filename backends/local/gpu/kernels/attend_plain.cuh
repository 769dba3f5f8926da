// Attention for heads of more elements than the other kernels are compiled for: any number. A warp takes one pair of row
// and head after another, with a lane for two of a page's keys, then for 8 of the 256 columns that the
// block computes (blocks of the grid's third direction share the columns, and each computes the scores again). The order of
// sums is that of attend_fma.cuh. Keys and values are read from global memory as they are needed: it is made to be right.
#pragma once
#include "attend.cuh"

namespace {

constexpr int plain_columns = 8; // of a lane

struct PlainSums {
	float m, l, acc[plain_columns];
};

DEVICE void clear_sums(PlainSums &s) {
	s.m = -INFINITY_, s.l = 0.f;
#pragma unroll
	for (int i = 0; i < plain_columns; i++) s.acc[i] = 0.f;
}

template <class T> DEVICE float plain_score(const Attend<T> &a, const Pair &p, const T *key, int at) {
	const T *q = a.q + (i64)p.query * a.ld + p.head * a.dim;
	float s = 0.f;
	for (int d = 0; d < a.dim; d++) s = fma_(to_f(q[d]), to_f(key[d]), s);
	return adjusted(a, p, slope_of(a, p), s, at);
}

template <class T> DEVICE float score_unit() { return 1.44269504f; }
template <> DEVICE_SPEC float score_unit<float>() { return 1.f; }

// plain_page takes a page into the sums. A page's weights are added in 16 lanes, 8 apart, then 4, 2 and 1.
template <class T> DEVICE void plain_page(const Attend<T> &a, const Block &b, const Pair &p, const Entry &e, PlainSums &sums) {
	Range range = range_of(p, e);
	if (!any(range)) return;
	const T *keys = keys_at(a, e.page, b.kv_head), *values = values_at(a, e.page, b.kv_head);
	float s[2];
#pragma unroll
	for (int h = 0; h < 2; h++) {
		int key = lane() + 32 * h;
		s[h] = -INFINITY_;
		if (has(range, key)) s[h] = plain_score(a, p, keys + key * a.dim, e.first + key) * score_unit<T>();
	}
	float top = warp_max(max_(s[1], max_(s[0], -INFINITY_)));
	float m = max_(top, sums.m), less = finite0(m), w[2] = {power<T>(s[0] - less), power<T>(s[1] - less)};
	float other[2] = {shfl_xor(w[0], 16), shfl_xor(w[1], 16)};
	bool low = lane() < 16;
	float sum = (low ? w[0] : other[0]) + (low ? other[0] : w[0]) + (low ? w[1] : other[1]) + (low ? other[1] : w[1]);
#pragma unroll
	for (int x = 8; x; x >>= 1) sum += shfl_xor(sum, x);
	float decay = power<T>(sums.m - less);
	sums.m = m;
	sums.l = sums.l * decay + sum;
#pragma unroll
	for (int i = 0; i < plain_columns; i++) sums.acc[i] *= decay;
	for (int key = range.from; key < range.to; key++) {
		float x = shfl(key < 32 ? w[0] : w[1], key & 31);
#pragma unroll
		for (int i = 0; i < plain_columns; i++) {
			int column = bid_z() * 32 * plain_columns + lane() + 32 * i;
			if (column < a.dim) sums.acc[i] = fma_(x, to_f(values[key * a.dim + column]), sums.acc[i]);
		}
	}
}

// plain_settle does with the sums what is to be done at a segment's end; parked are those of earlier segments.
template <class T> DEVICE void plain_settle(const Attend<T> &a, const Pair &p, int segment, PlainSums &sums, PlainSums &parked) {
	Fate fate = fate_of(p, segment);
	float keep = 0.f, add = 1.f, l = sums.l;
	if (fate == parked_first) parked.m = sums.m, parked.l = l;
	if (fate == parked_more || fate == parked_last) {
		parked.m = merge_weights<T>(parked.m, sums.m, keep, add);
		parked.l = merge(parked.l, l, keep, add);
	}
	float *partial = fate == stored ? partial_of(a, p, segment) : nullptr;
	if (partial && lane() == 0 && bid_z() == 0) partial[0] = sums.m, partial[1] = l;
	float weight = weight_of<T>(fate == parked_last ? parked.l : l);
#pragma unroll
	for (int i = 0; i < plain_columns; i++) {
		int column = bid_z() * 32 * plain_columns + lane() + 32 * i;
		float x = sums.acc[i];
		if (fate == parked_more || fate == parked_last) x = merge(parked.acc[i], x, keep, add);
		if (fate >= parked_first) parked.acc[i] = x;
		if (column >= a.dim) continue;
		if (partial) partial[4 + column] = x;
		if (fate == written || fate == parked_last)
			a.out[((i64)p.query * a.heads + p.head) * a.dim + column] = result<T>(x, weight);
	}
	clear_sums(sums);
}

template <class T> DEVICE void attend_plain(const Attend<T> &a) {
	Block b;
	if (!take_block(a, b)) return;
	for (int index = warp(); index < b.rows * a.block_heads; index += bdim() / 32) {
		Pair p = pair_at(a, b, index);
		if (p.row < 0) continue;
		PlainSums sums, parked;
		clear_sums(sums);
		clear_sums(parked);
		for (int i = 0; i < b.entries; i++) {
			Entry e = entry_at(b, i);
			plain_page(a, b, p, e, sums);
			int segment = e.first / segment_size;
			if (i + 1 == b.entries || entry_at(b, i + 1).first / segment_size != segment)
				plain_settle(a, p, segment, sums, parked);
		}
	}
}

} // namespace
