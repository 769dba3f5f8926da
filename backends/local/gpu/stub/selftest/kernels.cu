// Kernels by which the emulator is tested: some right, most wrong in one way. They are in the stand-in alone.
#include "onset.cuh"

namespace {

// The 16×8 product of a (16×16, rows) and b (8×16, rows: the columns of B) by ldmatrix and mma; d holds what is added to.
template <class T> DEVICE void product(float *d, const T *a, const T *b) {
	SHARED(T, sa, 16 * 24);
	SHARED(T, sb, 8 * 24);
	int row = tid() / 2, half = tid() % 2 * 8;
	cp_async16(sa + row * 24 + half, a + row * 16 + half, true);
	if (row < 8) cp_async16(smem_u32(sb + row * 24 + half), b + row * 16 + half, true);
	cp_async_commit();
	cp_async_wait<0>();
	barrier();
	u32 fa[4], fb[2];
	ldmatrix_x4(fa, sa + (lane() & 15) * 24 + (lane() >> 4) * 8);
	ldmatrix_x2(fb, sb + (lane() & 7) * 24 + (lane() >> 3 & 1) * 8);
	int g = lane() / 4, t = lane() % 4 * 2;
	float f[4] = {d[g * 8 + t], d[g * 8 + t + 1], d[(g + 8) * 8 + t], d[(g + 8) * 8 + t + 1]};
	mma_16816<T>(f, fa, fb);
	d[g * 8 + t] = f[0];
	d[g * 8 + t + 1] = f[1];
	d[(g + 8) * 8 + t] = f[2];
	d[(g + 8) * 8 + t + 1] = f[3];
}

} // namespace

KERNEL(32) void test_product_bf16(float *d, const bf16 *a, const bf16 *b) { product(d, a, b); }
EXPORT(test_product_bf16)
KERNEL(32) void test_product_f16(float *d, const f16 *a, const f16 *b) { product(d, a, b); }
EXPORT(test_product_f16)

// The transpose of an 8×8 matrix, four times, by ldmatrix.trans.
KERNEL(32) void test_transpose(bf16 *y, const bf16 *x) {
	SHARED(bf16, s, 4 * 64);
	store16(s + tid() * 8, load16<quad>(x + tid() * 8));
	barrier();
	u32 r[4];
	ldmatrix_x4_trans(r, s + tid() * 8);
	for (int j = 0; j < 4; j++)
		for (int h = 0; h < 2; h++) y[j * 64 + tid() / 4 * 8 + tid() % 4 * 2 + h].bits = (u16)(r[j] >> 16 * h);
}
EXPORT(test_transpose)

// y[i] = the sum of the block's x, by shuffles and shared memory; y[blocks·256 + 0…2] are counted by atomics.
KERNEL(256) void test_sum(float *y, u32 *count, u64 *wide, const float *x) {
	SHARED(float, part, 8);
	SHARED(u32, seen, 1);
	if (tid() == 0) seen[0] = 0;
	float s = warp_sum(x[bid_x() * 256 + tid()]);
	if (lane() == 0) part[warp()] = s;
	barrier();
	atomic_add_shared(seen, 1u);
	float all = 0;
	for (int i = 0; i < 8; i++) all += part[i];
	u32 odd = ballot(lane() & 1);
	barrier();
	if (odd != 0xaaaaaaaau || seen[0] != 256) all = NAN_;
	y[bid_x() * 256 + tid()] = all + (float)shfl(tid(), 5) - (float)(tid() / 32 * 32 + 5);
	if (lane() == 0) atomic_add_global(count, 1u);
	if (tid() == 0) atomic_add_global(wide, (u64)1 << 33);
}
EXPORT(test_sum)

// Pairs of warps meet at barriers of their own: the first of a pair hands 64 numbers to the second.
KERNEL(128) void test_named_barrier(int *y) {
	SHARED(int, box, 128);
	int pair = warp() / 2;
	if (warp() % 2 == 0) {
		box[pair * 32 + lane()] = tid();
		barrier_id(1 + pair, 64);
	} else {
		barrier_id(1 + pair, 64);
		y[pair * 32 + lane()] = box[pair * 32 + lane()];
	}
}
EXPORT(test_named_barrier)

// A missing barrier: thread i reads what thread i+1 writes, which comes later in the usual order.
KERNEL(64) void test_race(int *y) {
	SHARED(int, box, 65);
	box[tid()] = tid();
	y[tid()] = box[tid() == 0 ? 63 : tid() - 1];
}
EXPORT(test_race)

// cp.async without a wait; y gets what was in shared memory before.
KERNEL(32) void test_no_wait(u32 *y, const u32 *x, int wait) {
	SHARED(u32, s, 128);
	cp_async16(s + tid() * 4, x + tid() * 4, true);
	cp_async_commit();
	if (wait) cp_async_wait<0>();
	y[tid()] = s[tid() * 4];
}
EXPORT(test_no_wait)

KERNEL(64) void fault_barrier() {
	if (tid() < 40) barrier();
}
EXPORT(fault_barrier)

KERNEL(64) void fault_warp(float *y) {
	if (lane() < 16) y[0] = shfl(1.f, 0);
}
EXPORT(fault_warp)

KERNEL(64) void fault_mixed(float *y) {
	if (lane() < 16) y[0] = shfl(1.f, 0);
	else warp_sync();
}
EXPORT(fault_mixed)

KERNEL(64) void fault_barrier_and_warp(float *y) {
	if (tid() == 0) barrier();
	y[0] = shfl(1.f, 0);
}
EXPORT(fault_barrier_and_warp)

// Writes y[at], a plain store.
KERNEL(32) void fault_store(float *y, int at) {
	if (tid() == 3) y[at] = 1;
}
EXPORT(fault_store)

KERNEL(32) void fault_load(float *y, const float *x, i64 at) { y[tid()] = x[at]; }
EXPORT(fault_load)

KERNEL(32) void fault_align(float *y, const float *x) { store16(y, load16<quad>(x + 1)); }
EXPORT(fault_align)

KERNEL(32) void fault_vector(float *y, const float *x, int at) { store16(y, load16<quad>(x + at)); }
EXPORT(fault_vector)

KERNEL(32) void fault_async(const float *x) {
	SHARED(float, s, 128);
	cp_async16(s + tid() * 4 + 8, x, true); // the last two lanes write past the array
	cp_async_commit();
	cp_async_wait<0>();
}
EXPORT(fault_async)

KERNEL(32) void fault_shared(int at) {
	SHARED(int, s, 32);
	int *p = s;
	p[at] = 7;
}
EXPORT(fault_shared)

KERNEL(32) void fault_dynamic(int at) { ((int *)dynamic_shared())[at] = 7; }
EXPORT(fault_dynamic)

// What a block finds in shared memory that it has not written: y must become NaN.
KERNEL(32) void fault_uninitialised(float *y) {
	SHARED(float, s, 64);
	y[tid()] = s[tid()];
	s[tid()] = 1;
}
EXPORT(fault_uninitialised)

// Plain accesses of a misaligned float, and of a local array out of its bounds.
KERNEL(32) void fault_plain(float *y, int at) { *(float *)((u8 *)y + at) = 1; }
EXPORT(fault_plain)

KERNEL(32) void fault_local(float *y, int at) {
	float local[4] = {1, 2, 3, 4};
	local[at] = y[0];
	y[tid()] = local[0] + local[1] + local[2] + local[3];
}
EXPORT(fault_local)

KERNEL(32) void fault_assert(int n) { EMU_ASSERT(n < 3, "n is below three"); }
EXPORT(fault_assert)

KERNEL(32) void fault_stack(int n, int *y) {
	volatile char deep[200 << 10];
	for (int i = 0; i < n; i++) deep[i] = (char)i;
	y[0] = deep[n - 1];
}
EXPORT(fault_stack)
