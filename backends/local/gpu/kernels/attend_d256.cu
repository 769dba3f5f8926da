// Attention with heads of 129 to 256 elements, in f32, bf16 and f16.
#include "attend_sizes.cuh"

ATTEND_FMA(256)
ATTEND_MMA(bf16, 256, 1)
ATTEND_MMA(f16, 256, 1)
