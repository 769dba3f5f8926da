// Elementwise kernels and norms. Each is bound by memory; what it moves a row stands above it, with s the bytes of T.
#include "group.cuh"
#include "mathfn.cuh"

namespace {

// The group of eight that a thread has in a row, where a grid has rows in x and pieces of a row in y.
DEVICE int row_group() { return (bid_y() * bdim() + tid()) * 8; }

// embed: x[i] = scale·table[tokens[i]]. Reads s·e + 4, writes 4·e bytes a row.
template <class T> DEVICE void embed(float *x, const T *table, const int *tokens, int e, float scale) {
	int at = row_group();
	if (at >= e) return;
	const T *from = table + (i64)tokens[bid_x()] * e + at;
	float v[8];
	load_group(v, from, e - at, wide_rows(table, e));
#pragma unroll
	for (int i = 0; i < 8; i++) v[i] = v[i] * scale;
	store_group(x + (i64)bid_x() * e + at, v, e - at, wide_rows(x, e));
}

// add_rows: x[i] += table[index[i]]. Reads (4+s)·e + 4, writes 4·e bytes a row.
template <class T> DEVICE void add_rows(float *x, const T *table, const int *index, int e) {
	int at = row_group();
	if (at >= e) return;
	float v[8], a[8];
	load_group(a, table + (i64)index[bid_x()] * e + at, e - at, wide_rows(table, e));
	x += (i64)bid_x() * e + at;
	bool wide = wide_rows(x - at, e);
	load_group(v, x, e - at, wide);
#pragma unroll
	for (int i = 0; i < 8; i++) v[i] = v[i] + a[i];
	store_group(x, v, e - at, wide);
}

// clip: the first width numbers of each row. Reads and writes s·width bytes a row.
template <class T> DEVICE void clip(T *x, int ld, int width, float limit) {
	int at = row_group();
	if (at >= width) return;
	bool wide = wide_rows(x, ld);
	x += (i64)bid_x() * ld + at;
	float v[8];
	load_group(v, x, width - at, wide);
#pragma unroll
	for (int i = 0; i < 8; i++) {
		v[i] = v[i] < -limit ? -limit : v[i];
		v[i] = v[i] > limit ? limit : v[i];
	}
	store_group(x, v, width - at, wide);
}

// activate: reads and writes s·count bytes, a group a thread.
template <class T> DEVICE void activate(T *x, i64 count, int act) {
	i64 at = ((i64)bid_x() * bdim() + tid()) * 8;
	if (at >= count) return;
	int left = (int)min_(count - at, (i64)8);
	bool wide = aligned16(x);
	float v[8];
	load_group(v, x + at, left, wide);
	cpu_activate<8>(v, act);
	store_group(x + at, v, left, wide);
}

// gate: dst = f(gate)·up. Reads 2·s·ff, writes s·ff bytes a row.
template <class T> DEVICE void gate(T *dst, const T *both, int ff, int act) {
	int at = row_group();
	if (at >= ff) return;
	const T *from = both + (i64)bid_x() * 2 * ff + at;
	float g[8], u[8];
	bool wide = wide_rows(both, ff); // and so both halves
	load_group(g, from, ff - at, wide);
	load_group(u, from + ff, ff - at, wide);
	cpu_activate<8>(g, act);
#pragma unroll
	for (int i = 0; i < 8; i++) g[i] = g[i] * u[i];
	store_group(dst + (i64)bid_x() * ff + at, g, ff - at, wide_rows(dst, ff));
}

// add_bias: reads s·d and from the cache 4·d, writes s·d bytes a row.
template <class T> DEVICE void add_bias(T *y, const float *b, int d) {
	int at = row_group();
	if (at >= d) return;
	bool wide = wide_rows(y, d);
	y += (i64)bid_x() * d + at;
	float v[8], a[8];
	load_group(a, b + at, d - at, aligned16(b));
	load_group(v, y, d - at, wide);
#pragma unroll
	for (int i = 0; i < 8; i++) v[i] = v[i] + a[i];
	store_group(y, v, d - at, wide);
}

// gather: dst[i] = src[index[i]]. Reads s·d + 4, writes s·d bytes a row.
template <class T> DEVICE void gather(T *dst, const T *src, int ld, const int *index, int d) {
	int at = row_group();
	if (at >= d) return;
	const T *from = src + (i64)index[bid_x()] * ld + at;
	T *to = dst + (i64)bid_x() * d + at;
	if (d - at >= 8 && wide_rows(src, ld) && wide_rows(dst, d)) {
		copy8(to, from);
		return;
	}
	for (int i = 0; i < 8 && i < d - at; i++) to[i] = from[i];
}

} // namespace

#define ELEMENTWISE(T, S)                                                                                                       \
	KERNEL(256) void embed_##S(float *x, const T *table, const int *tokens, int e, float scale) {                       \
		embed(x, table, tokens, e, scale);                                                                                     \
	}                                                                                                                          \
	EXPORT(embed_##S)                                                                                                          \
	KERNEL(256) void add_rows_##S(float *x, const T *table, const int *index, int e) { add_rows(x, table, index, e); }  \
	EXPORT(add_rows_##S)                                                                                                       \
	KERNEL(256) void clip_##S(T *x, int ld, int width, float limit) { clip(x, ld, width, limit); }                      \
	EXPORT(clip_##S)                                                                                                           \
	KERNEL(256) void activate_##S(T *x, i64 count, int act) { activate(x, count, act); }                                       \
	EXPORT(activate_##S)                                                                                                       \
	KERNEL(256) void gate_##S(T *dst, const T *both, int ff, int act) { gate(dst, both, ff, act); }                     \
	EXPORT(gate_##S)                                                                                                           \
	KERNEL(256) void add_bias_##S(T *y, const float *b, int d) { add_bias(y, b, d); }                                   \
	EXPORT(add_bias_##S)                                                                                                       \
	KERNEL(256) void gather_##S(T *dst, const T *src, int ld, const int *index, int d) {                                \
		gather(dst, src, ld, index, d);                                                                                        \
	}                                                                                                                          \
	EXPORT(gather_##S)

EACH_TYPE(ELEMENTWISE)

// scale_f32: reads and writes 4·count bytes, a group a thread.
KERNEL(256) void scale_f32(float *x, i64 count, float by) {
	i64 at = ((i64)bid_x() * bdim() + tid()) * 8;
	if (at >= count) return;
	int left = (int)min_(count - at, (i64)8);
	bool wide = aligned16(x);
	float v[8];
	load_group(v, x + at, left, wide);
#pragma unroll
	for (int i = 0; i < 8; i++) v[i] = v[i] * by;
	store_group(x + at, v, left, wide);
}
EXPORT(scale_f32)
