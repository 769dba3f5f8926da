// Attention of rows to the pages of their sequences, by plans (AttendPlan in ../attend.go). attend_plain_T is for heads of any
// size, attend_dN_T (attend_dN.cu) for up to N elements; attend_merge_T ends what several blocks have done in parts.
#include "attend_plain.cuh"

#define ATTEND_PLAIN(T, name)                                                                                                   \
	KERNEL(128) void attend_plain_##name(ATTEND_PARAMETERS(T)) {                                                               \
		attend_plain<T>(ATTEND_ARGUMENTS);                                                                                     \
	}                                                                                                                          \
	EXPORT(attend_plain_##name)

ATTEND_PLAIN(float, f32)
ATTEND_PLAIN(bf16, bf16)
ATTEND_PLAIN(f16, f16)

namespace {

// merge_segments merges a row's partial results: a warp a head, lanes the columns.
template <class T> DEVICE void merge_segments(T *out, const int *plan, const float *partials, int heads, int dim) {
	int head = bid_y() * (bdim() / 32) + warp();
	if (bid_x() >= plan[6] || head >= heads) return;
	Record row = load16<Record>(plan + plan[7] + 4 * bid_x());
	i64 size = partial_floats(dim), next = size * heads;
	const float *first = partials + ((i64)row.b * heads + head) * size;
	for (int column = lane(); column < dim; column += 32) {
		const float *p = first;
		float m = p[0], l = p[1], acc = p[4 + column];
		for (int i = 1; i < row.c; i++) {
			float keep, add;
			p += next;
			m = merge_weights<T>(m, p[0], keep, add);
			l = merge(l, p[1], keep, add);
			acc = merge(acc, p[4 + column], keep, add);
		}
		out[((i64)row.a * heads + head) * dim + column] = result<T>(acc, weight_of<T>(l));
	}
}

} // namespace

#define ATTEND_MERGE(T, name)                                                                                                   \
	KERNEL(128) void attend_merge_##name(T *out, const int *plan, const float *partials, int heads, int dim) {                \
		merge_segments(out, plan, partials, heads, dim);                                                                      \
	}                                                                                                                          \
	EXPORT(attend_merge_##name)

ATTEND_MERGE(float, f32)
ATTEND_MERGE(bf16, bf16)
ATTEND_MERGE(f16, f16)
