// Attention with heads of 97 to 128 elements, in f32, bf16 and f16.
#include "attend_sizes.cuh"

ATTEND_FMA(128)
ATTEND_MMA(bf16, 128, 1)
ATTEND_MMA(f16, 128, 1)
