// Attention with heads of 81 to 96 elements, in bf16 and f16; f32 takes a larger size.
#include "attend_sizes.cuh"

ATTEND_MMA(bf16, 96, 1)
ATTEND_MMA(f16, 96, 1)
