// The head's outputs: log-sum-exp, targets and the largest, as the CPU's kernels sum and merge (generic.go blockSum,
// logsum.go, logprobs.go), so that of equal logits come equal bits.
#include "group.cuh"
#include "mathfn.cuh"

namespace {

enum { LOG_BLOCK = 512, WARPS = 16, ROUND = 32 };

// What a block of 512 outputs comes to: Σ exp(z) is total·exp(top), and at is the first output that is top.
struct Block {
	float top, total;
	int at;
};

// larger keeps the larger of two numbers, of equal ones that with the lower place.
DEVICE void larger(float &top, int &at, float v, int i) {
	if (v > top || (v == top && i < at)) {
		top = v;
		at = i;
	}
}

DEVICE float decay(float top, float next) { return top == next ? 1.f : cpu_exp_below(top - next); }

// log_block reduces n ≤ 512 outputs by a warp, whose room is 512 floats; at is relative to z. The sum runs in sixteen lanes,
// number i in lane i%16, which are added by halves.
DEVICE Block log_block(const float *z, int n, bool wide, float scale, float cap, float inv, float *room) {
	float v[16], top = -INFINITY_;
	int at = LOG_BLOCK;
#pragma unroll
	for (int j = 0; j < 4; j++) {
		int first = j * 128 + lane() * 4;
		if (wide && first + 4 <= n) {
			quad q = load16_once<quad>(z + first);
#pragma unroll
			for (int i = 0; i < 4; i++) v[4 * j + i] = bits_float(q.v[i]);
		} else {
#pragma unroll
			for (int i = 0; i < 4; i++) v[4 * j + i] = first + i < n ? z[first + i] : -INFINITY_;
		}
	}
	if (scale != 0.f || cap != 0.f) {
#pragma unroll
		for (int i = 0; i < 16; i++)
			if (i / 4 * 128 + lane() * 4 + i % 4 < n) v[i] = cpu_logit(v[i], scale, cap, inv);
	}
#pragma unroll
	for (int i = 0; i < 16; i++)
		if (v[i] > top) {
			top = v[i];
			at = i / 4 * 128 + lane() * 4 + i % 4;
		}
#pragma unroll
	for (int m = 16; m; m >>= 1) larger(top, at, shfl_xor(top, m), shfl_xor(at, m));
	if (abs_(top) == INFINITY_) {
		bool nan = false;
#pragma unroll
		for (int i = 0; i < 16; i++) nan = nan || v[i] != v[i];
		return Block{top, any_(nan) ? NAN_ : 0.f, at};
	}
#pragma unroll
	for (int j = 0; j < 4; j++) {
		quad q;
#pragma unroll
		for (int i = 0; i < 4; i++) q.v[i] = float_bits(cpu_exp_below(v[4 * j + i] - top)); // zero behind the end
		store16(room + j * 128 + lane() * 4, q);
	}
	warp_sync();
	float sum = 0.f;
	if (lane() < 16)
#pragma unroll 8
		for (int i = lane(); i < LOG_BLOCK; i += 16) sum = sum + room[i]; // zeros behind the end add nothing
#pragma unroll
	for (int m = 8; m; m >>= 1) sum = sum + shfl_xor(sum, m);
	warp_sync(); // room is read
	return Block{top, sum, at};
}

// merge_blocks merges up to 32 blocks, lane i holding the i-th, into what stands before them. The maxima so far and the
// factors that follow from them are found by all lanes at once; the sum is taken one block after the other.
DEVICE void merge_blocks(float &run, float &sum, int &argmax, Block b, int count) {
	float upto = lane() < count ? b.top : -INFINITY_;
#pragma unroll
	for (int m = 1; m < 32; m <<= 1) {
		float before = shfl(upto, lane() - m);
		if (lane() >= m) upto = max_(before, upto);
	}
	float next = max_(run, upto), before = shfl(next, lane() - 1);
	if (lane() == 0) before = run;
	bool in = lane() < count; // a block that is not there leaves the sum as it is
	float keep = in ? decay(before, next) : 1.f, add = in ? b.total * decay(b.top, next) : 0.f;
#pragma unroll 1
	for (int part = 0; part < count; part += 8)
#pragma unroll
		for (int i = 0; i < 8; i++) sum = sum * shfl(keep, part + i) + shfl(add, part + i);
	float top = in ? b.top : -INFINITY_;
	int at = b.at;
#pragma unroll
	for (int m = 16; m; m >>= 1) larger(top, at, shfl_xor(top, m), shfl_xor(at, m));
	if (top > run) {
		run = top;
		argmax = at;
	}
}

} // namespace

// head_reduce takes what is asked for of outputs base to base+width of each row. It reads 4·width bytes a row, and twelve
// bytes of a row's state, which it writes again.
KERNEL(512, 2) void head_reduce(const float *logits, int ld, int base, int width, float scale, float cap, const int *starts,
                             const int *targets, float *tlogits, float *run_max, float *run_sum, int *argmax, int first) {
	SHARED(float, room, WARPS * LOG_BLOCK);
	SHARED(float, tops, 2 * ROUND);
	SHARED(float, totals, 2 * ROUND);
	SHARED(int, places, 2 * ROUND);
	i64 row = bid_x();
	const float *z = logits + row * ld;
	bool wide = wide_rows(logits, ld);
	float inv = cap != 0.f ? div_rn(1.f, cap) : 0.f;
	if (starts)
		for (int t = starts[row] + tid(); t < starts[row + 1]; t += bdim()) {
			int at = targets[t] - base;
			if (at >= 0 && at < width) tlogits[t] = cpu_logit(z[at], scale, cap, inv);
		}
	float run = first ? -INFINITY_ : run_max[row], sum = first ? 0.f : run_sum[row];
	int best = first ? 0 : argmax[row];
	int blocks = div_up(width, LOG_BLOCK), warps = bdim() >> 5;
	for (int from = 0, side = 0; from < blocks; from += ROUND, side ^= ROUND) {
		int count = min_(blocks - from, (int)ROUND);
		for (int i = warp(); i < count; i += warps) {
			int begin = (from + i) * LOG_BLOCK;
			Block b = log_block(z + begin, min_(width - begin, (int)LOG_BLOCK), wide, scale, cap, inv, room + warp() * LOG_BLOCK);
			if (lane() == 0) {
				tops[side + i] = b.top;
				totals[side + i] = b.total;
				places[side + i] = base + begin + b.at;
			}
		}
		barrier(); // the other side is written next; its readers arrive here first
		if (warp() == 0) {
			int i = side + min_(lane(), count - 1);
			merge_blocks(run, sum, best, Block{tops[i], totals[i], places[i]}, count);
		}
	}
	if (tid() == 0) {
		run_max[row] = run + 0.f;
		run_sum[row] = sum;
		argmax[row] = best;
	}
}
EXPORT(head_reduce)

// finish_logits makes logits of outputs: reads and writes 4·count bytes.
KERNEL(256) void finish_logits(float *x, i64 count, float scale, float cap) {
	i64 at = ((i64)bid_x() * bdim() + tid()) * 8;
	if (at >= count) return;
	int left = (int)min_(count - at, (i64)8);
	bool wide = aligned16(x);
	float v[8], inv = cap != 0.f ? div_rn(1.f, cap) : 0.f;
	load_group(v, x + at, left, wide);
#pragma unroll
	for (int i = 0; i < 8; i++) v[i] = cpu_logit(v[i], scale, cap, inv);
	store_group(x + at, v, left, wide);
}
EXPORT(finish_logits)
