// Norms: of the stream with the addition before it, and of groups in place. A sum over a row is a fixed tree: each thread
// adds its groups of eight one number after the other, a warp its threads by halves, a block its warps by halves. The
// number of threads follows from the row's width alone (ops_elem.go), so a row has the same bits in any batch.
//
// The fast kernels take rows of whole groups at multiples of 16 bytes and keep them in registers; the others, named any,
// take all rows, read number by number and once for each step, and give the same bits with the same number of threads.
#include "group.cuh"

namespace {

// block_sum adds a number of each thread; all get the sum. part is 32 floats that no other sum of the block uses.
DEVICE float block_sum(float x, float *part) {
	x = warp_sum(x);
	int warps = bdim() >> 5;
	if (warps == 1) return x;
	if (lane() == 0) part[warp()] = x;
	barrier();
	return warp_sum(lane() < warps ? part[lane()] : 0.f);
}

// A norm as the kernels take it: kind 0 none, 1 RMS, 2 layer; w and b may be null.
struct Norm {
	const float *w, *b;
	float eps;
	int kind;
};

DEVICE float inverse_root(float squares, int d, float eps) {
	return div_rn(1.f, sqrt_rn(div_rn(squares, (float)d) + eps));
}
DEVICE float add_square(float sum, float x, float mean) {
	x = x - mean;
	return fma_(x, x, sum);
}

// Group c of a thread begins at this column.
DEVICE int column(int c) { return (c * bdim() + tid()) * 8; }

// norm_groups norms a row that the threads of a block hold, each in CH groups. part is 64 floats.
template <int CH> DEVICE void norm_groups(float (*v)[8], const Norm &n, int d, float *part) {
	if (n.kind == 0) return;
	float mean = 0.f, sum = 0.f;
	if (n.kind == 2) {
#pragma unroll
		for (int c = 0; c < CH; c++)
			if (column(c) < d)
#pragma unroll
				for (int i = 0; i < 8; i++) sum = sum + v[c][i];
		mean = div_rn(block_sum(sum, part), (float)d);
	}
	sum = 0.f;
#pragma unroll
	for (int c = 0; c < CH; c++)
		if (column(c) < d)
#pragma unroll
			for (int i = 0; i < 8; i++) sum = add_square(sum, v[c][i], mean);
	float inv = inverse_root(block_sum(sum, part + 32), d, n.eps);
#pragma unroll
	for (int c = 0; c < CH; c++) {
		int at = column(c);
		if (at >= d) continue;
		float w[8], b[8];
#pragma unroll
		for (int i = 0; i < 8; i++) {
			w[i] = 1.f;
			b[i] = 0.f;
		}
		if (n.w) load8(w, n.w + at);
		if (n.b) load8(b, n.b + at);
#pragma unroll
		for (int i = 0; i < 8; i++) v[c][i] = fma_((v[c][i] - mean) * inv, w[i], b[i]);
	}
}

template <int CH, class T> DEVICE void load_row(float (*v)[8], const T *p, int d) {
#pragma unroll
	for (int c = 0; c < CH; c++)
		if (column(c) < d) load8(v[c], p + column(c));
}
template <int CH, class T> DEVICE void store_row(T *p, float (*v)[8], int d) {
#pragma unroll
	for (int c = 0; c < CH; c++)
		if (column(c) < d) store8(p + column(c), v[c]);
}

// add_norm: x += zscale·norm(z), y = T(norm(x)), and x = norm(x) where write. Reads (4+s)·d, writes (4+s)·d bytes a row;
// without z or y their s·d less, and without z and write the 4·d of writing less. The weights come from the cache.
template <class T, int CH>
DEVICE void add_norm(float *x, const T *z, const Norm &zn, float zscale, const Norm &n, T *y, int write, int d) {
	SHARED(float, part, 128);
	i64 row = (i64)bid_x() * d;
	float v[CH][8];
	if (!z || zn.kind == 0) load_row<CH>(v, x + row, d);
	if (z) {
		float a[CH][8];
		load_row<CH>(a, z + row, d);
		if (zn.kind) { // what is added is normed before the stream takes registers
			norm_groups<CH>(a, zn, d, part + 64);
			load_row<CH>(v, x + row, d);
		}
#pragma unroll
		for (int c = 0; c < CH; c++)
			if (column(c) < d)
#pragma unroll
				for (int i = 0; i < 8; i++) v[c][i] = v[c][i] + a[c][i] * zscale;
		if (!write) store_row<CH>(x + row, v, d);
	}
	if (!y && !write) return;
	norm_groups<CH>(v, n, d, part);
	if (write) store_row<CH>(x + row, v, d);
	if (y) store_row<CH>(y + row, v, d);
}

// each_of calls f(column) for the numbers of the thread's groups in a row, in order.
template <class F> DEVICE void each_of(int d, F f) {
#pragma unroll 1
	for (int at = tid() * 8; at < d; at += bdim() * 8)
#pragma unroll 1
		for (int i = at; i < d && i < at + 8; i++) f(i);
}

// moments gives the mean (of a layer norm) and the inverse root of a row.
template <class T> DEVICE void moments(const T *p, const Norm &n, int d, float *part, float &mean, float &inv) {
	mean = 0.f;
	inv = 1.f;
	if (n.kind == 0) return;
	float sum = 0.f;
	if (n.kind == 2) {
		each_of(d, [&](int i) { sum = sum + to_f(p[i]); });
		mean = div_rn(block_sum(sum, part), (float)d);
	}
	sum = 0.f;
	each_of(d, [&](int i) { sum = add_square(sum, to_f(p[i]), mean); });
	inv = inverse_root(block_sum(sum, part + 32), d, n.eps);
}
DEVICE float normed(float x, const Norm &n, int i, float mean, float inv) {
	if (n.kind == 0) return x;
	return fma_((x - mean) * inv, n.w ? n.w[i] : 1.f, n.b ? n.b[i] : 0.f);
}

template <class T>
DEVICE void add_norm_any(float *x, const T *z, const Norm &zn, float zscale, const Norm &n, T *y, int write, int d) {
	SHARED(float, part, 128);
	i64 row = (i64)bid_x() * d;
	float mean, inv;
	x += row;
	if (z) {
		moments(z + row, zn, d, part + 64, mean, inv);
		each_of(d, [&](int i) { x[i] = x[i] + normed(to_f(z[row + i]), zn, i, mean, inv) * zscale; });
	}
	if (!y && !write) return;
	moments(x, n, d, part, mean, inv);
	each_of(d, [&](int i) {
		float v = normed(x[i], n, i, mean, inv);
		if (write) x[i] = v;
		if (y) y[row + i] = from_f<T>(v);
	});
}

// group_norm is the norm of group bid of a launch, with its weights.
DEVICE Norm group_norm(i64 g, const float *w, int wstride, const float *b, float eps, int kind) {
	return Norm{w ? w + g * wstride : w, b ? b + g * wstride : b, eps, kind};
}

// norm: groups of d numbers in place, d in [8, 4096] a multiple of 8, a block each. Reads and writes s·d bytes a group.
template <class T> DEVICE void norm(T *x, int ld, int groups, int d, const float *w, int wstride, const float *b, float eps, int kind) {
	SHARED(float, part, 64);
	int g = bid_x() % groups;
	x += (i64)(bid_x() / groups) * ld + (i64)g * d;
	float v[1][8];
	load_row<1>(v, x, d);
	norm_groups<1>(v, group_norm(g, w, wstride, b, eps, kind), d, part);
	store_row<1>(x, v, d);
}

// norm_head: groups of 64, 128 or 256 numbers in place, as many lanes of a warp each as there are eights; the sum is norm's,
// whose other lanes add zeros. Reads and writes s·d bytes a group.
template <class T>
DEVICE void norm_head(T *x, int ld, int n, int groups, int d, const float *w, int wstride, const float *b, float eps, int kind) {
	int lanes = d / 8;
	i64 at = ((i64)bid_x() * bdim() + tid()) / lanes;
	bool in = at < (i64)n * groups;
	int row = (int)(at / groups), g = (int)(at % groups), col = tid() % lanes * 8;
	float v[8] = {}, wv[8], bv[8];
	x += (i64)row * ld + (i64)g * d + col;
	if (in) load8(v, x);
	float mean = 0.f, sum = 0.f;
	if (kind == 2) {
#pragma unroll
		for (int i = 0; i < 8; i++) sum = sum + v[i];
		for (int m = lanes / 2; m; m >>= 1) sum = sum + shfl_xor(sum, m);
		mean = div_rn(sum, (float)d);
	}
	sum = 0.f;
#pragma unroll
	for (int i = 0; i < 8; i++) sum = add_square(sum, v[i], mean);
	for (int m = lanes / 2; m; m >>= 1) sum = sum + shfl_xor(sum, m);
	float inv = inverse_root(sum, d, eps);
	if (!in) return;
	Norm m = group_norm(g, w, wstride, b, eps, kind);
#pragma unroll
	for (int i = 0; i < 8; i++) {
		wv[i] = 1.f;
		bv[i] = 0.f;
	}
	if (m.w) load8(wv, m.w + col);
	if (m.b) load8(bv, m.b + col);
#pragma unroll
	for (int i = 0; i < 8; i++) v[i] = fma_((v[i] - mean) * inv, wv[i], bv[i]);
	store8(x, v);
}

template <class T>
DEVICE void norm_any(T *x, int ld, int groups, int d, const float *w, int wstride, const float *b, float eps, int kind) {
	SHARED(float, part, 64);
	int g = bid_x() % groups;
	Norm n = group_norm(g, w, wstride, b, eps, kind);
	x += (i64)(bid_x() / groups) * ld + (i64)g * d;
	float mean, inv;
	moments(x, n, d, part, mean, inv);
	each_of(d, [&](int i) { x[i] = from_f<T>(normed(to_f(x[i]), n, i, mean, inv)); });
}

} // namespace

#define ADD_NORM(name, bounds, T, ...)                                                                                          \
	KERNEL bounds void name(float *x, const T *z, const float *zw, const float *zb, float zeps, int zkind, float zscale,     \
	                          const float *w, const float *b, float eps, int kind, T *y, int write, int d) {                   \
		__VA_ARGS__(x, z, Norm{zw, zb, zeps, zkind}, zscale, Norm{w, b, eps, kind}, y, write, d);                              \
	}                                                                                                                          \
	EXPORT(name)
#define NORM(name, threads, T, call)                                                                                            \
	KERNEL(threads) void name(T *x, int ld, int n, int groups, int d, const float *w, int wstride, const float *b, float eps,  \
	                          int kind) {                                                                                      \
		(void)n;                                                                                                               \
		call;                                                                                                                  \
	}                                                                                                                          \
	EXPORT(name)
#define NORMS(T, S)                                                                                                             \
	ADD_NORM(add_norm_##S, (512, 3), T, add_norm<T, 1>)                                                                             \
	ADD_NORM(add_norm_2_##S, (512, 2), T, add_norm<T, 2>)                                                                           \
	ADD_NORM(add_norm_4_##S, (512, 1), T, add_norm<T, 4>)                                                                           \
	ADD_NORM(add_norm_any_##S, (1024), T, add_norm_any<T>)                                                                       \
	NORM(norm_##S, 512, T, norm(x, ld, groups, d, w, wstride, b, eps, kind))                                                   \
	NORM(norm_head_##S, 128, T, norm_head(x, ld, n, groups, d, w, wstride, b, eps, kind))                                      \
	NORM(norm_any_##S, 512, T, norm_any(x, ld, groups, d, w, wstride, b, eps, kind))

EACH_TYPE(NORMS)
