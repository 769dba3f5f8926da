// Groups of eight numbers, the unit in which elementwise kernels read and write: one 16-byte access of 16-bit numbers, two
// of float32, or single ones where the address or the row's end asks for it. Which numbers belong to a group does not
// depend on that, so neither do sums over groups.
#pragma once
#include "onset.cuh"

// EACH_TYPE(M) is M for every compute type and its suffix.
#define EACH_TYPE(M) M(float, f32) M(bf16, bf16) M(f16, f16)

namespace {

DEVICE void load8(float *v, const float *p) {
	quad a = load16<quad>(p), b = load16<quad>(p + 4);
#pragma unroll
	for (int i = 0; i < 4; i++) {
		v[i] = bits_float(a.v[i]);
		v[4 + i] = bits_float(b.v[i]);
	}
}
template <class T> DEVICE void load8(float *v, const T *p) {
	quad a = load16<quad>(p);
#pragma unroll
	for (int i = 0; i < 4; i++) unpack2<T>(a.v[i], v[2 * i], v[2 * i + 1]);
}

DEVICE void store8(float *p, const float *v) {
	quad a, b;
#pragma unroll
	for (int i = 0; i < 4; i++) {
		a.v[i] = float_bits(v[i]);
		b.v[i] = float_bits(v[4 + i]);
	}
	store16(p, a);
	store16(p + 4, b);
}
template <class T> DEVICE void store8(T *p, const float *v) {
	quad a;
#pragma unroll
	for (int i = 0; i < 4; i++) a.v[i] = pack2<T>(v[2 * i], v[2 * i + 1]);
	store16(p, a);
}

// copy8 moves a group as it is.
template <class T> DEVICE void copy8(T *to, const T *from) {
#pragma unroll
	for (int i = 0; i < (int)sizeof(T) / 2; i++) store16((quad *)to + i, load16<quad>((const quad *)from + i));
}

// load_group reads what is left of a row, at most eight numbers; the others are zero. wide promises alignment.
template <class T> DEVICE void load_group(float *v, const T *p, int left, bool wide) {
	if (wide && left >= 8) {
		load8(v, p);
		return;
	}
#pragma unroll
	for (int i = 0; i < 8; i++) v[i] = i < left ? to_f(p[i]) : 0.f;
}

template <class T> DEVICE void store_group(T *p, const float *v, int left, bool wide) {
	if (wide && left >= 8) {
		store8(p, v);
		return;
	}
#pragma unroll
	for (int i = 0; i < 8; i++)
		if (i < left) p[i] = from_f<T>(v[i]);
}

// wide_rows says whether every row of rows ld apart begins at a multiple of 16 bytes.
template <class T> DEVICE bool wide_rows(const T *p, i64 ld) { return aligned16(p) && ld * (i64)sizeof(T) % 16 == 0; }

} // namespace
