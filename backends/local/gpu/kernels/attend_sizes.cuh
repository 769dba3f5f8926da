// The kernels of one size of heads: ATTEND_FMA(D) is attend_dD_f32, ATTEND_MMA(T, D, blocks) attend_dD_T, of which so many
// blocks of 256 threads are to fit a multiprocessor. Each size is a source of its own, attend_dD.cu, since the driver compiles
// a text as a whole when the first of its kernels is wanted, and a model wants one size.
#pragma once
#include "attend_fma.cuh"
#include "attend_mma.cuh"

#define ATTEND_FMA(D)                                                                                                          \
	KERNEL(128) void attend_d##D##_f32(ATTEND_PARAMETERS(float)) {                                                             \
		attend_fma<D>(ATTEND_ARGUMENTS);                                                                                       \
	}                                                                                                                          \
	EXPORT(attend_d##D##_f32)

#define ATTEND_MMA(T, D, blocks)                                                                                               \
	KERNEL(256, blocks) void attend_d##D##_##T(ATTEND_PARAMETERS(T)) {                                                         \
		attend_mma<T, D>(ATTEND_ARGUMENTS);                                                                                    \
	}                                                                                                                          \
	EXPORT(attend_d##D##_##T)
