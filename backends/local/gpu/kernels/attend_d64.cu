// Attention with heads of 33 to 64 elements, in f32, bf16 and f16.
#include "attend_sizes.cuh"

ATTEND_FMA(64)
ATTEND_MMA(bf16, 64, 2)
ATTEND_MMA(f16, 64, 2)
