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

// How heads of queries and keys are normed before they turn: weights and biases of queries and keys, float32, those of
// neighbouring heads stride apart; any may be null.
struct HeadNorm {
	const float *qw, *qb, *kw, *kb;
	int stride, kind;
	float eps;
};

// norm_eights norms a head of which each of lanes lanes has eight numbers, this one those from column at on. The sum is the
// one of norm.cu for the width.
DEVICE void norm_eights(float *v, int lanes, const HeadNorm &n, const float *w, const float *b, int dim, int at, bool in) {
	float mean = 0.f, sum = 0.f;
	if (n.kind == 2) {
#pragma unroll
		for (int i = 0; i < 8; i++) sum = sum + v[i];
		for (int m = lanes / 2; m; m >>= 1) sum = sum + shfl_xor(sum, m);
		mean = div_rn(sum, (float)dim);
	}
	sum = 0.f;
#pragma unroll
	for (int i = 0; i < 8; i++) {
		float x = v[i] - mean;
		sum = fma_(x, x, sum);
	}
	for (int m = lanes / 2; m; m >>= 1) sum = sum + shfl_xor(sum, m);
	if (!in) return;
	float inv = div_rn(1.f, sqrt_rn(div_rn(sum, (float)dim) + n.eps)), wv[8], bv[8];
#pragma unroll
	for (int i = 0; i < 8; i++) {
		wv[i] = 1.f;
		bv[i] = 0.f;
	}
	if (w) load8(wv, w + at);
	if (b) load8(bv, b + at);
#pragma unroll
	for (int i = 0; i < 8; i++) v[i] = fma_((v[i] - mean) * inv, wv[i], bv[i]);
}

// turn_eights turns them; the other number of a pair is in the same lane, or rot/16 lanes away.
DEVICE void turn_eights(float *v, int rot, int interleaved, const float *cos, const float *sin, int at, bool in) {
	float c[8], s[8], other[8];
	if (interleaved) {
		if (!in || at >= rot) return;
		quad cq = load16<quad>(cos + at / 2), sq = load16<quad>(sin + at / 2);
#pragma unroll
		for (int i = 0; i < 4; i++) turn(v[2 * i], v[2 * i + 1], bits_float(cq.v[i]), bits_float(sq.v[i]), v[2 * i], v[2 * i + 1]);
		return;
	}
	int half = rot / 2;
	int from = lane() + (at < half ? half / 8 : at < rot ? -half / 8 : 0);
#pragma unroll
	for (int i = 0; i < 8; i++) other[i] = shfl(v[i], from);
	if (!in || at >= rot) return;
	load8(c, cos + at % half);
	load8(s, sin + at % half);
#pragma unroll
	for (int i = 0; i < 8; i++) v[i] = fma_(at < half ? -other[i] : other[i], s[i], v[i] * c[i]);
}

// rope_norm_store is rope_store with norms of the heads of queries and keys before it, for heads of 8, 16, … 256 numbers at
// multiples of 16 bytes; dim/8 lanes of a warp have a head. Reads and writes as rope_store, but of queries all of dim.
template <class T>
DEVICE void rope_norm_store(T *qkv, int ld, int n, int heads, int kv_heads, int dim, int rot, int interleaved, const float *cos,
                            const float *sin, const int *slots, T *pool, int layer, int layers, const HeadNorm &norm) {
	int lanes = dim / 8, all = heads + 2 * kv_heads, at = tid() % lanes * 8;
	i64 unit = ((i64)bid_x() * bdim() + tid()) / lanes;
	bool in = unit < (i64)n * all;
	i64 row = in ? unit / all : 0;
	int h = (int)(unit % all), k = h - heads;
	bool is_query = h < heads, is_value = k >= kv_heads;
	const T *from = qkv + row * ld + (i64)h * dim + at;
	float v[8] = {};
	if (in) load8(v, from);
	const float *w = is_query ? norm.qw : norm.kw, *b = is_query ? norm.qb : norm.kb;
	int skip = (is_query ? h : k) * norm.stride;
	bool turns = in && !is_value; // a value stays as it is
	norm_eights(v, lanes, norm, w ? w + skip : w, b ? b + skip : b, dim, at, turns);
	if (rot) turn_eights(v, rot, interleaved, cos + row * (rot / 2), sin + row * (rot / 2), at, turns);
	if (!in) return;
	if (is_query) {
		store8(qkv + row * ld + (i64)h * dim + at, v);
		return;
	}
	int slot = slots[row];
	T *keys = pool + ((i64)(slot >> 6) * layers + layer) * 2 * kv_heads * 64 * dim;
	store8(keys + ((i64)k * 64 + (slot & 63)) * dim + at, v);
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
	KERNEL(256) void rope_norm_store_##S(T *qkv, int ld, int n, int heads, int kv_heads, int dim, int rot, int interleaved,    \
	                                     const float *cos, const float *sin, const int *slots, T *pool, int layer, int layers, \
	                                     const float *qw, const float *qb, const float *kw, const float *kb, int stride,       \
	                                     int kind, float eps) {                                                                \
		HeadNorm norm = {qw, qb, kw, kb, stride, kind, eps};                                                                   \
		rope_norm_store(qkv, ld, n, heads, kv_heads, dim, rot, interleaved, cos, sin, slots, pool, layer, layers, norm);       \
	}                                                                                                                          \
	EXPORT(rope_norm_store_##S)                                                                                                     \
	KERNEL(256) void copy_page_##S(T *pool, const int *src, const int *dst, const int *positions, int count, int layers,       \
	                               int kv_heads, int dim) {                                                                    \
		copy_page(pool, src, dst, positions, count, layers, kv_heads, dim);                                                    \
	}                                                                                                                          \
	EXPORT(copy_page_##S)

EACH_TYPE(KEYS_AND_VALUES)
