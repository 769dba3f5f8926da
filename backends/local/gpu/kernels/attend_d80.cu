// Attention with heads of 65 to 80 elements, in bf16 and f16; f32 takes a larger size.
#include "attend_sizes.cuh"

ATTEND_MMA(bf16, 80, 1)
ATTEND_MMA(f16, 80, 1)
