// Keys and values: rotary positions with the store into pages, and copies of pages.
#include "group.cuh"

namespace {

// A rotation of one pair, fused as the CPU's kernels fuse it.
DEVICE void turn(float a, float b, float c, float s, float &x, float &y) {
	x = fma_(-b, s, a * c);
	y = fma_(a, s, b * c);
}

// Where a row's head comes from and goes to: queries in place, keys and values into the page. A query's numbers that do not
// turn stay where they are.
template <class T> struct Head {
	const T *from;
	T *to;
};
template <class T> struct Rows {
	T *qkv, *keys; // of this row; keys of its page and layer
	int heads, kv_heads, dim, at;
};
template <class T> DEVICE Head<T> head_of(const Rows<T> &r, int h) {
	T *from = r.qkv + (i64)h * r.dim;
	if (h < r.heads) return Head<T>{from, from};
	return Head<T>{from, r.keys + ((i64)(h - r.heads) * 64 + r.at) * r.dim}; // values lie behind all keys, as heads do
}

// rope_eights: all by groups of eight. A head that turns is rot/16 pairs of groups half a rotation apart, or, interleaved,
// rot/8 groups, and the groups that do not turn.
template <class T>
DEVICE void rope_eights(const Rows<T> &r, int rot, int interleaved, const float *cos, const float *sin, int first, int step) {
	int turning = interleaved ? rot / 8 : rot / 16, each = turning + (r.dim - rot) / 8, value = r.dim / 8;
	int turned = (r.heads + r.kv_heads) * each, all = turned + r.kv_heads * value;
	for (int item = first; item < all; item += step) {
		bool is_value = item >= turned;
		int h = is_value ? r.heads + r.kv_heads + (item - turned) / value : item / each;
		int k = is_value ? (item - turned) % value : item % each;
		Head<T> p = head_of(r, h);
		float a[8], b[8], c[8], s[8];
		if (is_value || k >= turning) {
			int at = is_value ? k * 8 : rot + (k - turning) * 8;
			if (h >= r.heads) copy8(p.to + at, p.from + at);
		} else if (interleaved) {
			int at = k * 8;
			quad cq = load16<quad>(cos + at / 2), sq = load16<quad>(sin + at / 2);
			load8(a, p.from + at);
#pragma unroll
			for (int i = 0; i < 4; i++) turn(a[2 * i], a[2 * i + 1], bits_float(cq.v[i]), bits_float(sq.v[i]), b[2 * i], b[2 * i + 1]);
			store8(p.to + at, b);
		} else {
			int at = k * 8;
			load8(c, cos + at);
			load8(s, sin + at);
			load8(a, p.from + at);
			load8(b, p.from + rot / 2 + at);
			float x[8], y[8];
#pragma unroll
			for (int i = 0; i < 8; i++) turn(a[i], b[i], c[i], s[i], x[i], y[i]);
			store8(p.to + at, x);
			store8(p.to + rot / 2 + at, y);
		}
	}
}

// rope_ones: the same number by number, for heads that are not made of eights.
template <class T>
DEVICE void rope_ones(const Rows<T> &r, int rot, int interleaved, const float *cos, const float *sin, int first, int step) {
	int half = rot / 2, each = r.dim - half;
	int turned = (r.heads + r.kv_heads) * each, all = turned + r.kv_heads * r.dim;
	for (int item = first; item < all; item += step) {
		bool is_value = item >= turned;
		int h = is_value ? r.heads + r.kv_heads + (item - turned) / r.dim : item / each;
		int k = is_value ? (item - turned) % r.dim : item % each;
		Head<T> p = head_of(r, h);
		if (is_value || k >= half) {
			int at = is_value ? k : half + k;
			if (h >= r.heads) p.to[at] = p.from[at];
			continue;
		}
		int i = interleaved ? 2 * k : k, j = interleaved ? i + 1 : k + half;
		float x, y;
		turn(to_f(p.from[i]), to_f(p.from[j]), cos[k], sin[k], x, y);
		p.to[i] = from_f<T>(x);
		p.to[j] = from_f<T>(y);
	}
}

// rope_store: reads s·(heads+2·kvHeads)·dim + 4·rot + 4, writes s·(heads·rot + 2·kvHeads·dim) bytes a row; where all of a head
// turns that is a read and a write of the row.
template <class T>
DEVICE void rope_store(T *qkv, int ld, int heads, int kv_heads, int dim, int rot, int interleaved, const float *cos, const float *sin,
                       const int *slots, T *pool, int layer, int layers) {
	i64 row = bid_x();
	int slot = slots[row];
	T *keys = pool + ((i64)(slot >> 6) * layers + layer) * 2 * kv_heads * 64 * dim;
	Rows<T> r = {qkv + row * ld, keys, heads, kv_heads, dim, slot & 63};
	if (rot) {
		cos += row * (rot / 2);
		sin += row * (rot / 2);
	}
	int first = bid_y() * bdim() + tid(), step = nbid_y() * bdim();
	bool eights = wide_rows(qkv, ld) && aligned16(pool) && aligned16(cos) && aligned16(sin) && dim % 8 == 0 &&
	              rot % (interleaved ? 8 : 16) == 0;
	if (eights) rope_eights(r, rot, interleaved, cos, sin, first, step);
	else rope_ones(r, rot, interleaved, cos, sin, first, step);
}

// copy_page: the first positions of a page in one layer, keys or values, and head; they are one run of memory. Reads and
// writes 2·s·layers·kvHeads·positions·dim bytes a page.
template <class T>
DEVICE void copy_page(T *pool, const int *src, const int *dst, const int *positions, int count, int layers, int kv_heads, int dim) {
	i64 run = (i64)64 * dim, page = run * layers * 2 * kv_heads;
	for (int c = bid_y(); c < count; c += nbid_y()) {
		const T *from = pool + src[c] * page + bid_x() * run;
		T *to = pool + dst[c] * page + bid_x() * run;
		int n = positions[c] * dim;
		for (int at = tid() * 8; at < n; at += bdim() * 8) {
			if (at + 8 <= n && aligned16(pool)) copy8(to + at, from + at);
			else
				for (int i = at; i < n && i < at + 8; i++) to[i] = from[i];
		}
	}
}

} // namespace

#define KEYS_AND_VALUES(T, S)                                                                                                   \
	KERNEL(256) void rope_store_##S(T *qkv, int ld, int heads, int kv_heads, int dim, int rot, int interleaved,         \
	                                const float *cos, const float *sin, const int *slots, T *pool, int layer, int layers) {    \
		rope_store(qkv, ld, heads, kv_heads, dim, rot, interleaved, cos, sin, slots, pool, layer, layers);                     \
	}                                                                                                                          \
	EXPORT(rope_store_##S)                                                                                                     \
	KERNEL(256) void copy_page_##S(T *pool, const int *src, const int *dst, const int *positions, int count, int layers,       \
	                               int kv_heads, int dim) {                                                                    \
		copy_page(pool, src, dst, positions, count, layers, kv_heads, dim);                                                    \
	}                                                                                                                          \
	EXPORT(copy_page_##S)

EACH_TYPE(KEYS_AND_VALUES)
