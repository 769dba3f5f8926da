// What the 32 lanes of a warp do together. The lane that comes last computes for all.
#include "block.h"

#include <cmath>
#include <cstring>

namespace emu {

const char *op_name(Op op) {
	static const char *const names[] = {"nothing", "warp_sync", "shfl", "ballot", "ldmatrix", "mma"};
	return names[static_cast<int>(op)];
}

static Fiber &running() { return *static_cast<Fiber *>(self); }

bool Worker::collective(Op op, int detail) {
	Fiber &f = running();
	Warp &w = warps[f.tid / warp_size];
	if (w.lanes != warp_size) fail("%s in a warp of %d threads", op_name(op), w.lanes);
	if (w.arrived == 0) {
		w.op = op;
		w.detail = detail;
	}
	if (w.op != op || w.detail != detail)
		fail("divergence within a warp: this thread is in %s (%d), others are in %s (%d)", op_name(op), detail, op_name(w.op), w.detail);
	if (++w.arrived < warp_size) {
		f.wait = Wait::collective;
		yield();
		return false;
	}
	w.arrived = 0;
	return true;
}

void Worker::release() {
	int first = running().tid & ~(warp_size - 1);
	for (int i = first; i < first + warp_size; i++)
		if (&fibers[i] != self) enqueue(fibers[i]);
}

void warp_sync() {
	if (worker->collective(Op::sync, 0)) worker->release();
}

uint64_t shuffle(uint64_t v, int from) {
	Fiber &f = running();
	f.value = v;
	f.from = from;
	if (worker->collective(Op::shuffle, 0)) {
		int first = f.tid & ~(warp_size - 1);
		uint64_t got[warp_size];
		for (int i = 0; i < warp_size; i++) got[i] = worker->fibers[first + worker->fibers[first + i].from].value;
		for (int i = 0; i < warp_size; i++) worker->fibers[first + i].value = got[i];
		worker->release();
	}
	return f.value;
}

uint32_t ballot(bool p) {
	Fiber &f = running();
	f.value = p;
	if (worker->collective(Op::ballot, 0)) {
		int first = f.tid & ~(warp_size - 1);
		uint32_t bits = 0;
		for (int i = 0; i < warp_size; i++) bits |= static_cast<uint32_t>(worker->fibers[first + i].value) << i;
		for (int i = 0; i < warp_size; i++) worker->fibers[first + i].value = bits;
		worker->release();
	}
	return static_cast<uint32_t>(f.value);
}

// ldmatrix: lanes 8j…8j+7 give the addresses of the rows of the 8×8 matrix j (16 bytes each); lane l gets of matrix j the
// elements 2(l%4), 2(l%4)+1 of row l/4, or with .trans the elements of column l/4 in the rows 2(l%4), 2(l%4)+1.
void ldmatrix(uint32_t *r, const void *smem, int count, bool trans) {
	Fiber &f = running();
	f.regs = r;
	f.address = smem;
	if (f.lane < 8 * count) check_shared(smem, 16, 16);
	if (!worker->collective(Op::ldmatrix, count * 2 + trans)) return;
	Fiber *lanes = worker->fibers + (f.tid & ~(warp_size - 1));
	for (int j = 0; j < count; j++) {
		uint16_t m[8][8];
		for (int row = 0; row < 8; row++) memcpy(m[row], lanes[8 * j + row].address, 16);
		for (int l = 0; l < warp_size; l++) {
			int g = l / 4, t = l % 4 * 2;
			uint32_t lo = trans ? m[t][g] : m[g][t], hi = trans ? m[t + 1][g] : m[g][t + 1];
			lanes[l].regs[j] = lo | hi << 16;
		}
	}
	worker->release();
}

float widen(uint16_t x, bool is_bf16) {
	if (is_bf16) return __builtin_bit_cast(float, static_cast<uint32_t>(x) << 16);
	uint32_t sign = static_cast<uint32_t>(x & 0x8000u) << 16, rest = x & 0x7fffu;
	if (rest >= 0x7c00u) return __builtin_bit_cast(float, sign | 0x7f800000u | (rest & 0x3ffu) << 13);
	if (rest >= 0x400u) return __builtin_bit_cast(float, sign | ((rest << 13) + 0x38000000u));
	float tiny = static_cast<float>(rest) * 0x1p-24f;
	return sign ? -tiny : tiny;
}

// The fragments' places are in kernels/ptx.cuh. Products are exact in float32's fma; the 16 of an element of D are added to
// it one by one in the order of k, each sum rounded. The hardware adds groups of products with its own alignment and rounding,
// so its last bits differ from these.
void mma_16816(float *d, const uint32_t *a, const uint32_t *b, bool is_bf16) {
	Fiber &f = running();
	f.d = d;
	f.a = a;
	f.b = b;
	if (!worker->collective(Op::mma, is_bf16)) return;
	Fiber *lanes = worker->fibers + (f.tid & ~(warp_size - 1));
	float A[16][16], B[16][8], D[16][8];
	for (int l = 0; l < warp_size; l++) {
		const Fiber &x = lanes[l];
		int g = l / 4, t = l % 4 * 2;
		for (int h = 0; h < 2; h++) {
			A[g][t + h] = widen(static_cast<uint16_t>(x.a[0] >> 16 * h), is_bf16);
			A[g + 8][t + h] = widen(static_cast<uint16_t>(x.a[1] >> 16 * h), is_bf16);
			A[g][t + 8 + h] = widen(static_cast<uint16_t>(x.a[2] >> 16 * h), is_bf16);
			A[g + 8][t + 8 + h] = widen(static_cast<uint16_t>(x.a[3] >> 16 * h), is_bf16);
			B[t + h][g] = widen(static_cast<uint16_t>(x.b[0] >> 16 * h), is_bf16);
			B[t + 8 + h][g] = widen(static_cast<uint16_t>(x.b[1] >> 16 * h), is_bf16);
			D[g][t + h] = x.d[h];
			D[g + 8][t + h] = x.d[2 + h];
		}
	}
	for (int i = 0; i < 16; i++)
		for (int k = 0; k < 16; k++)
			for (int j = 0; j < 8; j++) D[i][j] = __builtin_fmaf(A[i][k], B[k][j], D[i][j]);
	for (int l = 0; l < warp_size; l++) {
		int g = l / 4, t = l % 4 * 2;
		for (int h = 0; h < 2; h++) {
			lanes[l].d[h] = D[g][t + h];
			lanes[l].d[2 + h] = D[g + 8][t + h];
		}
	}
	worker->release();
}

void cp_async(void *smem, const void *gmem, int bytes, bool pred) {
	Fiber &f = running();
	check_shared(smem, bytes, bytes);
	if (pred) check_global(gmem, bytes, bytes);
	f.copies.push_back(PendingCopy{static_cast<unsigned char *>(smem), static_cast<const unsigned char *>(gmem), bytes, f.group, pred});
}

void cp_async_commit() { running().group++; }

void cp_async_wait(int pending) {
	Fiber &f = running();
	size_t kept = 0;
	for (const PendingCopy &c : f.copies) {
		if (c.group >= f.group - pending) {
			f.copies[kept++] = c;
			continue;
		}
		if (c.copy) memcpy(c.to, c.from, static_cast<size_t>(c.bytes));
		else memset(c.to, 0, static_cast<size_t>(c.bytes));
	}
	f.copies.resize(kept);
}

} // namespace emu
