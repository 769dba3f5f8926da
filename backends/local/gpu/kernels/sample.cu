// Drawing of tokens (ops_sample.go says what is drawn, and how it compares with backends/local/sample.go). A row is a block
// of 64 to 1024 threads, a power of two. Logits are compared as integers in their order, and weights are added as integers,
// so nothing depends on the order in which threads come. Weights are doubles as the CPU computes them, or, for devices that
// are slow at those, floats.
#include "mathfn.cuh"

namespace {

enum { THREADS = 1024, BINS = 2048 };

// How a row is drawn, as PackSamples lays it out.
struct SampleRow {
	double temperature, min_p;
	u64 top_p, u; // times 2^64; top_p 0 for all
	int top_k, padding;
};

// order_of maps a logit to an integer that is larger for a larger logit, equal for both zeros, and 0 for NaN alone.
DEVICE u32 order_of(float x) {
	if (x != x) return 0;
	u32 b = float_bits(x + 0.f);
	return b >> 31 ? ~b : b | 0x80000000u;
}
DEVICE float logit_of(u32 order) { return bits_float(order >> 31 ? order & 0x7fffffffu : ~order); }

// exp_negative is the CPU sampler's e^x for -40 ≤ x ≤ 0, step by step.
DEVICE double exp_negative(double x) {
	double n = __builtin_floor(x * 1.44269504088896340735992468100189214 + 0.5);
	double r = x - n * 0.693147180559945309417232121458176568;
	double sum = 1.0 / 362880;
	sum = sum * r + 1.0 / 40320;
	sum = sum * r + 1.0 / 5040;
	sum = sum * r + 1.0 / 720;
	sum = sum * r + 1.0 / 120;
	sum = sum * r + 1.0 / 24;
	sum = sum * r + 1.0 / 6;
	sum = sum * r + 0.5;
	sum = sum * r + 1;
	sum = sum * r + 1;
	return __builtin_bit_cast(double, __builtin_bit_cast(u64, sum) + ((u64)(i64)n << 52));
}

DEVICE u64 mul_high(u64 a, u64 b) { return (u64)((unsigned __int128)a * b >> 64); }

// What a row's steps have in common.
struct Draw {
	const float *logits;
	int vocab;
	bool wide; // a logit whose id is a multiple of 4 lies at one of 16 bytes
	double top, temperature, inverse, one; // one is 2^shift, the weight of the largest
	float high, inverse_high, inverse_low; // top, and the inverse in two parts
	int shift;
	bool plain; // the temperature's inverse is of no use
	// What is kept so far: logits larger than cut, and of those equal to it the ids up to last.
	u32 cut;
	int last;
};

DEVICE bool keeps(const Draw &d, u32 order, int id) { return order > d.cut || (order == d.cut && id <= d.last); }

// weight is that of a logit, relative to the largest's: the CPU's number. A quotient by the correctly rounded inverse and one
// correction is the correctly rounded one (Markstein 1990).
DEVICE double exact_weight(const Draw &d, float logit) {
	double x = (double)logit - d.top, z;
	if (d.plain) z = x / d.temperature;
	else {
		z = x * d.inverse;
		z = __builtin_fma(__builtin_fma(-z, d.temperature, x), d.inverse, z);
	}
	return z >= -40 ? exp_negative(z) : 0;
}
template <class W> DEVICE W weight(const Draw &d, float logit);
template <> DEVICE_SPEC double weight<double>(const Draw &d, float logit) { return exact_weight(d, logit); }
// The float is within 1.5e-7 of itself: x = l-top and z = x/temperature are taken in two parts each.
template <> DEVICE_SPEC float weight<float>(const Draw &d, float logit) {
	if (d.plain) return (float)exact_weight(d, logit);
	float x = logit - d.high;
	float back = x - logit, rest = (logit - (x - back)) - (d.high + back);
	float z = x * d.inverse_high;
	if (!(z >= -41.f)) return 0.f;
	float more = fma_(rest, d.inverse_high, fma_(x, d.inverse_low, fma_(x, d.inverse_high, -z)));
	if (z + more < -40.f) return 0.f;
	float w = cpu_exp_below(z);
	return fma_(w, more, w);
}

// fixed rounds a weight to the unit in which weights are added.
DEVICE u64 fixed(const Draw &d, double w) { return (u64)(w * d.one + 0.5); }
DEVICE u64 fixed(const Draw &d, float w) {
	u32 b = float_bits(w), m = (b & 0x7fffffu) | 0x800000u;
	int up = (int)(b >> 23) - 127 - 23 + d.shift;
	if (up >= 0) return (u64)m << up;
	return up < -24 ? 0 : (m + (1u << (-up - 1))) >> -up;
}

// each_logit calls f(logit, id) for the ids from a multiple of 4 up to end, shared by threads of which this is one: four
// neighbours at a time, the next four being on their way.
DEVICE void four(const Draw &d, int id, int end, float *v) {
	if (d.wide && id + 4 <= end) {
		quad q = load16<quad>(d.logits + id);
#pragma unroll
		for (int i = 0; i < 4; i++) v[i] = bits_float(q.v[i]);
		return;
	}
#pragma unroll
	for (int i = 0; i < 4; i++) v[i] = id + i < end ? d.logits[id + i] : 0.f;
}
template <class F> DEVICE void each_logit(const Draw &d, int from, int end, int thread, int threads, F f) {
	float v[4], next[4];
	int id = from + thread * 4;
	four(d, id, end, next);
#pragma unroll 1
	for (; id < end; id += threads * 4) {
#pragma unroll
		for (int i = 0; i < 4; i++) v[i] = next[i];
		four(d, id + threads * 4, end, next);
#pragma unroll
		for (int i = 0; i < 4; i++)
			if (id + i < end) f(v[i], id + i);
	}
}

// upto is the sum of a number of each thread and of all threads before it; all is that of all. room is 33 numbers.
DEVICE u64 upto(u64 v, u64 *room, u64 &all) {
#pragma unroll
	for (int m = 1; m < 32; m <<= 1) {
		u64 before = shfl(v, lane() - m);
		if (lane() >= m) v += before;
	}
	if (lane() == 31) room[warp()] = v;
	barrier();
	u64 sums = lane() < bdim() >> 5 ? room[lane()] : 0, before = 0;
	all = 0;
#pragma unroll 1
	for (int w = 0; w < bdim() >> 5; w++) {
		u64 s = shfl(sums, w);
		if (w < warp()) before += s;
		all += s;
	}
	barrier();
	return before + v;
}

// Room in shared memory for select and locate.
struct Room {
	u32 *low, *high; // [BINS], halves of sums
	u64 *sums;       // [THREADS]
	u64 *scan;       // [33]
	u64 *found;      // [2]
};

DEVICE u64 bin_sum(const Room &r, int bin) { return (u64)r.high[bin] << 32 | r.low[bin]; }

// locate gives the first id up to which f sums to what want says of f's sum over all, at least 1. Warps sum segments of ids,
// and one of them goes through the segment in question.
template <class F, class W> DEVICE int locate(const Draw &d, const Room &r, F f, W want) {
	int segment = div_up(d.vocab, bdim() * 128) * 128, segments = div_up(d.vocab, segment);
	for (int s = warp(); s < segments; s += bdim() >> 5) {
		u64 sum = 0;
		each_logit(d, s * segment, min_((s + 1) * segment, d.vocab), lane(), 32, [&](float logit, int id) { sum += f(logit, id); });
#pragma unroll
		for (int m = 16; m; m >>= 1) sum += shfl_xor(sum, m);
		if (lane() == 0) r.sums[s] = sum;
	}
	barrier();
	u64 mine = tid() < segments ? r.sums[tid()] : 0, all, sum = upto(mine, r.scan, all), target = want(all);
	if (sum >= target && sum - mine < target) {
		r.found[0] = (u64)tid();
		r.found[1] = target - (sum - mine);
	}
	barrier();
	int first = (int)r.found[0] * segment;
	target = r.found[1];
	barrier();
	if (warp() == 0) {
		for (int i = lane(); i < segment; i += 32) {
			int id = first + i;
			u64 v = id < d.vocab ? f(d.logits[id], id) : 0;
#pragma unroll
			for (int m = 1; m < 32; m <<= 1) {
				u64 before = shfl(v, lane() - m);
				if (lane() >= m) v += before;
			}
			u32 reached = ballot(v >= target);
			if (reached) {
				if (lane() == 0) r.found[0] = (u64)(first + i + __builtin_ctz(reached));
				break;
			}
			target -= shfl(v, 31);
		}
	}
	barrier();
	int id = (int)r.found[0];
	barrier();
	return id;
}

// select moves the cut up: it keeps the fewest of the largest, ties by rising id, of what is kept of which f sums to what
// want says of the whole sum; where all are not enough, all. The cut is found by histograms, eleven bits at a time, over
// the orders from low to high.
template <class F, class W> DEVICE void select(Draw &d, const Room &r, u32 low, u32 high, F f, W want) {
	u64 target = 0;
	for (bool first = true;; first = false) {
		u32 range = high - low;
		int shift = range < BINS ? 0 : 32 - __builtin_clz(range) - 11;
		for (int i = tid(); i < BINS; i += bdim()) r.low[i] = r.high[i] = 0;
		barrier();
		each_logit(d, 0, d.vocab, tid(), bdim(), [&](float logit, int id) {
			u32 order = order_of(logit);
			if (order < low || order > high || !keeps(d, order, id)) return;
			u64 v = f(logit);
			if (!v) return;
			int bin = (int)((order - low) >> shift);
			u32 add = (u32)v, up = (u32)(v >> 32);
			if (atomic_add_shared(&r.low[bin], add) + add < add) up++;
			if (up) atomic_add_shared(&r.high[bin], up);
		});
		barrier();
		// Each thread has some neighbouring bins, the first the largest.
		int share = BINS / bdim(), bin = BINS - 1 - share * tid();
		u64 mine = 0, all;
		for (int i = 0; i < share; i++) mine += bin_sum(r, bin - i);
		u64 sum = upto(mine, r.scan, all), before = sum - mine;
		if (first) {
			target = want(all);
			if (target > all) return;
		}
		if (sum >= target && before < target) {
			while (before + bin_sum(r, bin) < target) before += bin_sum(r, bin--);
			r.found[0] = (u64)bin;
			r.found[1] = target - before;
		}
		barrier();
		low += (u32)r.found[0] << shift;
		target = r.found[1];
		u64 in = bin_sum(r, (int)r.found[0]);
		barrier();
		if (shift) {
			high = min_(high, low + (1u << shift) - 1);
			continue;
		}
		// Left are logits that are equal, of which some may be kept.
		u64 each = f(logit_of(low)), needed = (target + each - 1) / each;
		Draw old = d;
		d.last = low == d.cut ? d.last : 0x7fffffff;
		d.cut = low;
		if (needed * each < in)
			d.last = locate(
			    old, r, [&](float logit, int id) { return (u64)(order_of(logit) == low && keeps(old, low, id)); },
			    [&](u64) { return needed; });
		return;
	}
}

// extremes gives the largest and the least order but that of NaN, and the first id of the largest.
DEVICE void extremes(const Draw &d, const Room &r, u32 &top, u32 &least, int &id) {
	u64 best = 0;
	u32 low = 0xffffffffu;
	each_logit(d, 0, d.vocab, tid(), bdim(), [&](float logit, int i) {
		u32 order = order_of(logit);
		if (!order) return;
		best = max_((u64)order << 32 | (0xffffffffu - (u32)i), best);
		low = min_(order, low);
	});
#pragma unroll
	for (int m = 16; m; m >>= 1) {
		best = max_(shfl_xor(best, m), best);
		low = min_(shfl_xor(low, m), low);
	}
	if (lane() == 0) {
		r.sums[warp()] = best;
		r.low[warp()] = low;
	}
	barrier();
	for (int w = 0; w < bdim() >> 5; w++) {
		best = max_(r.sums[w], best);
		low = min_(r.low[w], low);
	}
	barrier();
	top = (u32)(best >> 32);
	least = low;
	id = (int)(0xffffffffu - (u32)best);
}

template <class W> DEVICE int draw(const float *logits, int vocab, int shift, const SampleRow &s, const Room &r) {
	Draw d;
	d.logits = logits;
	d.vocab = vocab;
	d.wide = aligned16(logits);
	u32 top, least;
	int best;
	extremes(d, r, top, least, best);
	if (!top) return 0; // all are NaN
	float largest = logit_of(top);
	if (s.temperature == 0) return largest == -INFINITY_ ? 0 : best;
	if (abs_(largest) == INFINITY_) return best;
	d.top = (double)largest;
	d.temperature = s.temperature;
	d.plain = !(s.temperature > 1e-6 && s.temperature < 1e6);
	d.inverse = d.plain ? 0 : 1 / s.temperature;
	d.high = largest;
	d.inverse_high = (float)d.inverse;
	d.inverse_low = (float)(d.inverse - (double)d.inverse_high);
	d.shift = shift;
	d.one = __builtin_bit_cast(double, (u64)(1023 + shift) << 52);
	d.cut = 0;
	d.last = 0x7fffffff;
	if (s.top_k > 0 && s.top_k < vocab)
		select(
		    d, r, least, top, [](float) { return (u64)1; }, [&](u64) { return (u64)s.top_k; });
	if (s.top_p)
		select(
		    d, r, max_(least, d.cut), top, [&](float logit) { return fixed(d, weight<W>(d, logit)); },
		    [&](u64 all) { return mul_high(all, s.top_p) + (all * s.top_p != 0); });
	return locate(
	    d, r,
	    [&](float logit, int id) {
		    u32 order = order_of(logit);
		    if (!order || !keeps(d, order, id)) return (u64)0;
		    W w = weight<W>(d, logit);
		    return w >= (W)s.min_p ? fixed(d, w) : (u64)0;
	    },
	    [&](u64 all) { return mul_high(all, s.u) + 1; });
}

} // namespace

// sample draws a token of each row. A pass reads 4·vocab bytes a row, from the cache all but the first time: one pass for
// the largest, one for the draw, and two or three each for top-k and top-p.
#define SAMPLE(name, W)                                                                                                         \
	KERNEL(1024) void name(const float *logits, int ld, int vocab, int shift, const void *rows, int *out) {                    \
		SHARED(u32, low, BINS);                                                                                                \
		SHARED(u32, high, BINS);                                                                                               \
		SHARED(u64, sums, THREADS);                                                                                            \
		SHARED(u64, scan, 33);                                                                                                 \
		SHARED(u64, found, 2);                                                                                                 \
		Room r = {low, high, sums, scan, found};                                                                               \
		int id = draw<W>(logits + (i64)bid_x() * ld, vocab, shift, ((const SampleRow *)rows)[bid_x()], r);                     \
		if (tid() == 0) out[bid_x()] = id;                                                                                     \
	}                                                                                                                          \
	EXPORT(name)

SAMPLE(sample, double)
SAMPLE(sample_float, float)
