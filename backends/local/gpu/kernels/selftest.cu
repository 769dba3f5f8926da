// Kernels that test the emulator and the driver binding; no model uses them.
#include "onset.cuh"

// y[i] = a·x[i] + y[i] for i < n.
KERNEL(256) void selftest_axpy(float *y, const float *x, float a, int n) {
	int i = bid_x() * bdim() + tid();
	if (i < n) y[i] = fma_(a, x[i], y[i]);
}
EXPORT(selftest_axpy)
