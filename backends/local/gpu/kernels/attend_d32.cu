// Attention with heads of 1 to 32 elements, in f32, bf16 and f16.
#include "attend_sizes.cuh"

ATTEND_FMA(32)
ATTEND_MMA(bf16, 32, 2)
ATTEND_MMA(f16, 32, 2)
