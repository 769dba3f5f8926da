// What the attention kernels share: a block's part of the plan (AttendPlan in ../attend.go has the layout), how scores become
// weights, and what a finished segment is turned into.
//
// The sum of a row and head is defined by the row's own range of positions [from, to) and nothing else. It runs over
// segments of 512 positions; in a segment over pages of 64, by the online softmax from nothing (largest score m, sum of
// weights l, weighted sum of values acc); and over segments in order by merge_weights and merge. A page that a row does not
// reach leaves its m, l and acc as they are, bit by bit. So one block that takes a row's segments one after the other and
// several blocks that leave them to attend_merge give equal bits, and neither the other rows of a tile nor the numbers of
// pages show.
#pragma once
#include "onset.cuh"

#ifdef ONSET_EMULATOR
#define NOINLINE static __attribute__((noinline))
#else
#define NOINLINE static __attribute__((device, noinline))
#endif

namespace {

constexpr int page_size = 64, segment_size = 512, warp_pairs = 16;

struct alignas(16) Record {
	int a, b, c, d;
};

// The kernels' parameters, in the order of the launch.
#define ATTEND_PARAMETERS(T)                                                                                                    \
	T *out, const T *q, int ld, const int *plan, int list, const T *pool, int layer, int layers, int heads, int kv_heads,      \
	    int dim, float scale, float cap, const float *slopes, const float *biases, int bias_ld, float *partials,               \
	    int block_heads, int chunks, int slots, int parked
#define ATTEND_ARGUMENTS                                                                                                        \
	{out,  q,      ld,     plan,    list,     pool,        layer,  layers, heads, kv_heads, dim, scale,                        \
	 cap,  slopes, biases, bias_ld, partials, block_heads, chunks, slots,  parked}

template <class T> struct Attend {
	T *out;
	const T *q;
	int ld;
	const int *plan;
	int list;
	const T *pool;
	int layer, layers, heads, kv_heads, dim;
	float scale, cap;
	const float *slopes, *biases;
	int bias_ld;
	float *partials;
	int block_heads, chunks, slots, parked;
};

// Block is the work of a block: rows of the plan, from row on, for some of the query heads of a key head.
struct Block {
	int rows, entries, kv_head, head, heads;
	const Record *row, *entry;
};

// take_block reads the block's item; false where the grid is larger than the list.
template <class T> DEVICE bool take_block(const Attend<T> &a, Block &b) {
	const int *h = a.plan;
	if (bid_x() >= h[a.list]) return false;
	Record item = load16<Record>(h + h[3 + a.list] + 4 * bid_x());
	b.row = (const Record *)(h + h[8]) + item.a;
	b.rows = item.b;
	b.entry = (const Record *)(h + h[9]) + item.c;
	b.entries = item.d;
	int group = a.heads / a.kv_heads, first = bid_y() % a.chunks * a.block_heads;
	b.kv_head = bid_y() / a.chunks;
	b.head = b.kv_head * group + first;
	b.heads = min_(a.block_heads, group - first);
	return true;
}

// Pair is a query: a row and a head. index counts the block's pairs, the heads of the first row first.
struct Pair {
	int query, from, to, partial; // of the plan
	int row, head;                // row of the tile; -1 where there is no such pair
};

template <class T> DEVICE Pair pair_at(const Attend<T> &a, const Block &b, int index) {
	Pair p{0, 0, 0, -1, index / a.block_heads, index % a.block_heads};
	if (p.row >= b.rows || p.head >= b.heads) {
		p.row = -1;
		return p;
	}
	Record r = load16<Record>(b.row + p.row);
	p.query = r.a, p.from = r.b, p.to = r.c, p.partial = r.d;
	p.head += b.head;
	return p;
}

// Entry is a page of the tile: which rows hold it and which of its positions any of them wants.
struct Entry {
	int page, first, row, row_end, from, to;
};

DEVICE Entry entry_at(const Block &b, int i) {
	Record r = load16<Record>(b.entry + i);
	return Entry{r.a, r.b, r.c & 0xffff, (int)((u32)r.c >> 16), r.d & 0xffff, (int)((u32)r.d >> 16)};
}

// Range is the part [from, to) of a page that a pair attends to; empty is 0, 0.
struct Range {
	int from, to;
};
DEVICE bool has(Range r, int key) { return key >= r.from && key < r.to; }
DEVICE bool any(Range r) { return r.from < r.to; }
DEVICE bool full(Range r) { return r.from == 0 && r.to == page_size; }

DEVICE Range range_of(const Pair &p, const Entry &e) {
	int from = max_(p.from - e.first, 0), to = min_(p.to - e.first, page_size);
	if (p.row < e.row || p.row >= e.row_end || from >= to) return Range{0, 0};
	return Range{from, to};
}

// values_at is where the values of a page's head begin, keys_at the keys: [64][dim] each.
template <class T> DEVICE const T *keys_at(const Attend<T> &a, int page, int kv_head) {
	i64 layer = (i64)page * a.layers + a.layer;
	return a.pool + (layer * 2 * a.kv_heads + kv_head) * page_size * a.dim;
}
template <class T> DEVICE const T *values_at(const Attend<T> &a, int page, int kv_head) {
	return keys_at(a, page, kv_head) + (i64)a.kv_heads * page_size * a.dim;
}

// soft_cap is cap·tanh(x/cap). This and exp_call are called and not inlined, since scores are taken in unrolled loops.
NOINLINE float soft_cap(float x, float cap) { return cap * tanh_(x * div_rn(1.f, cap)); }
NOINLINE float exp_call(float x) { return exp_(x); }

// adjusted is a score from a dot product, where there is a cap, slopes or biases. The key stands at position at, which the
// pair reaches; slope is the head's, or 0.
template <class T> DEVICE float adjusted(const Attend<T> &a, const Pair &p, float slope, float dot, int at) {
	float s = dot * a.scale;
	if (a.cap != 0.f) s = soft_cap(s, a.cap);
	s = fma_(slope, (float)(at - (p.to - 1)), s);
	if (a.biases) s = s + a.biases[(i64)p.head * a.bias_ld + at];
	return s;
}
template <class T> DEVICE float slope_of(const Attend<T> &a, const Pair &p) {
	return a.slopes && p.row >= 0 ? a.slopes[p.head] : 0.f;
}

// finite0 is what is subtracted from scores whose largest is m: m, or 0 where there is none yet, since ∞-∞ is NaN.
DEVICE float finite0(float m) { return m == -INFINITY_ ? 0.f : m; }

// power is the exponential function of the scores' scale: e^x in float32, 2^x in the short types, whose scores are
// multiplied by log₂e.
template <class T> DEVICE float power(float x) { return ex2_approx(x); }
template <> DEVICE_SPEC float power<float>(float x) { return exp_call(x); }

// Merging of a segment (m, l, acc) into the segments before it: first m, with the factors of both; then l and each of acc.
template <class T> DEVICE float merge_weights(float before, float m, float &keep, float &add) {
	float top = max_(m, before), s = finite0(top);
	keep = power<T>(before - s);
	add = power<T>(m - s);
	return top;
}
DEVICE float merge(float before, float x, float keep, float add) { return fma_(before, keep, x * add); }

// A partial result: m, l, two unused, then the sums of dim values in a multiple of four.
DEVICE int partial_floats(int dim) { return 4 + ((dim + 3) & ~3); }
template <class T> DEVICE float *partial_of(const Attend<T> &a, const Pair &p, int segment) {
	i64 slot = p.partial + segment - p.from / segment_size;
	return a.partials + (slot * a.heads + p.head) * partial_floats(a.dim);
}

// Finished results: the sums by the sum of weights. One rounding decides for all kernels of a type.
template <class T> DEVICE float weight_of(float l) { return div_rn(1.f, l); }
template <> DEVICE_SPEC float weight_of<float>(float l) { return l; }
template <class T> DEVICE T result(float acc, float weight) { return from_f<T>(acc * weight); }
template <> DEVICE_SPEC float result<float>(float acc, float weight) { return div_rn(acc, weight) + 0.f; }

// Fate is what becomes of a pair's sums at a segment's end.
enum Fate { nothing, stored, written, parked_first, parked_more, parked_last };

DEVICE Fate fate_of(const Pair &p, int segment) {
	if (p.row < 0) return nothing;
	int first = p.from / segment_size, last = (p.to - 1) / segment_size;
	if (segment < first || segment > last) return nothing;
	if (p.partial >= 0) return stored;
	if (first == last) return written;
	return segment == first ? parked_first : segment == last ? parked_last : parked_more;
}

// A segment's end goes through shared memory, so that the code is short: it is run once in eight pages. Desk is a pair's
// place there: a part of its sums, then what settle_pairs finds out for settle_columns.
struct alignas(16) Desk {
	float sums[32];
	float m, l, keep, add, weight;
	int fate;
	void *to; // where the pair's first column goes: a T, or a float if stored
};
static_assert(sizeof(Desk) == 160, "deskBytes in ../attend_geometry.go");

// parked_floats is the size of the sums of a pair's earlier segments: D columns, m, l, two unused.
template <int D> DEVICE constexpr int parked_floats() { return D + 4; }

// settle_pairs decides, for the warp's pairs, of which m and l are on the desks, what happens to their sums. parked is the
// warp's memory for sums of D columns.
template <class T, int D> DEVICE void settle_pairs(const Attend<T> &a, const Block &b, int segment, Desk *desks, float *parked) {
	warp_sync();
	if (lane() < warp_pairs) {
		Desk &d = desks[lane()];
		Pair p = pair_at(a, b, warp() * warp_pairs + lane());
		float *rest = parked + lane() * parked_floats<D>() + D, l = d.l;
		d.fate = fate_of(p, segment);
		d.to = a.out + ((i64)p.query * a.heads + p.head) * a.dim;
		if (d.fate == stored) {
			float *partial = partial_of(a, p, segment);
			partial[0] = d.m, partial[1] = l;
			d.to = partial + 4;
		}
		if (d.fate == parked_first) rest[0] = d.m, rest[1] = l;
		if (d.fate == parked_more || d.fate == parked_last) {
			rest[0] = merge_weights<T>(rest[0], d.m, d.keep, d.add);
			rest[1] = l = merge(rest[1], l, d.keep, d.add);
		}
		d.weight = weight_of<T>(l);
	}
	warp_sync();
}

// settle_columns does that with the 32 columns from column on, which are on the desks.
template <class T> NOINLINE void settle_columns(Desk *desks, float *parked, int parked_size, int column, int dim) {
	warp_sync();
	column += lane();
#pragma unroll 1
	for (int i = 0; i < warp_pairs; i++) {
		Desk &d = desks[i];
		if (column >= dim) continue;
		float x = d.sums[lane()], *rest = parked + i * parked_size + column;
		if (d.fate == parked_more || d.fate == parked_last) x = merge(*rest, x, d.keep, d.add);
		if (d.fate == parked_first || d.fate == parked_more) *rest = x;
		if (d.fate == stored) ((float *)d.to)[column] = x;
		if (d.fate == written || d.fate == parked_last) ((T *)d.to)[column] = result<T>(x, d.weight);
	}
	warp_sync();
}

// Walk goes over the parts of the rows of a page, as many in a row as Parts, this thread's: all threads of the block together
// take each once. It divides once and then only adds.
template <int Parts> struct Walk {
	int row, part, rows, parts; // where it is, and how far a step is
};
template <int Parts> DEVICE Walk<Parts> walk() {
	return Walk<Parts>{tid() / Parts, tid() % Parts, bdim() / Parts, bdim() % Parts};
}
template <int Parts> DEVICE void step(Walk<Parts> &w) {
	w.row += w.rows;
	w.part += w.parts;
	if (w.part >= Parts) w.part -= Parts, w.row++;
}

// wait_stage waits until all but the last slots-2 stages asked for have come, and for the block's other threads.
DEVICE void wait_stage(int slots) {
	switch (slots) {
	case 2: cp_async_wait<0>(); break;
	case 3: cp_async_wait<1>(); break;
	default: cp_async_wait<2>();
	}
	barrier();
}

} // namespace
