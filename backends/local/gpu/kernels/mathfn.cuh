// The CPU kernels' functions (backends/local/internal/kernels: exp.go, activate.go), operation by operation and with their
// constants, so that the device gives their bits. onset.cuh's exp_ and tanh_ are others.
#pragma once
#include "onset.cuh"

namespace {

// cpu_pow2 is 2^e for -126 ≤ e ≤ 127.
DEVICE float cpu_pow2(int e) { return bits_float((u32)(e + 127) << 23); }

// cpu_exp is e^x within 1 ulp, 0 below the least whose result is not subnormal, infinity above 88.73; cpu_exp_below is the
// same for x ≤ 89.
DEVICE float cpu_exp_below(float x) {
	if (x < -87.33654f) return 0.f;
	float t = fma_(x, 0x1.715476p+0f, 12582912.f); // log₂e; adding 1.5·2²³ rounds to an integer in the low bits
	float n = t - 12582912.f;
	float r = fma_(n, -0x1.62e43p-1f, x); // ln 2 in two parts
	r = fma_(n, 1.9046542121259336e-09f, r);
	float y = fma_(0.001393368816934526f, r, 0.008363205008208752f);
	y = fma_(y, r, 0.041666463017463684f);
	y = fma_(y, r, 0.16666576266288757f);
	y = fma_(y, r, 0.5f);
	y = fma_(y, r, 1.f);
	y = fma_(y, r, 1.f);
	int e = (int)(float_bits(t) - float_bits(12582912.f));
	int half = e >> 1;
	return y * cpu_pow2(half) * cpu_pow2(e - half);
}
DEVICE float cpu_exp(float x) { return cpu_exp_below(x > 89.f ? 89.f : x); }

DEVICE float cpu_tanh(float x) {
	u32 sign = float_bits(x) & 0x80000000u;
	float t = abs_(x);
	if (t < 0.6f) {
		float u = x * x;
		float q = fma_(-0.00584334671819f, u, 0.0207555201854f);
		q = fma_(q, u, -0.0537731561029f);
		q = fma_(q, u, 0.133318160717f);
		q = fma_(q, u, -0.333332947324f);
		return fma_(x * u, q, x);
	}
	return bits_float(float_bits(1.f - div_rn(2.f, cpu_exp(t + t) + 1.f)) | sign);
}

// cpu_sigmoid_argument is the a of the activations x/(1+e^a): silu, gelu by tanh, and quick gelu.
DEVICE float cpu_sigmoid_argument(float x, int f) {
	if (f == 0) return -x;
	if (f == 1) return fma_(x * x * 0.044715f, x, x) * (float)(-2 * 0.79788456080286536);
	return x * -1.702f;
}

// cpu_gelu_erf is x·Φ(x), where Φ(-t) = e^(g(t) - t²/2) and g is a polynomial of degree 11.
DEVICE float cpu_gelu_erf(float x) {
	float t = abs_(x), c = t > 5.5f ? 5.5f : t;
	float g = 1.90690352726e-9f;
	g = fma_(g, c, -6.96220112352e-8f);
	g = fma_(g, c, 1.13258913669e-6f);
	g = fma_(g, c, -1.07247345254e-5f);
	g = fma_(g, c, 6.34618107793e-5f);
	g = fma_(g, c, -0.00021384767598f);
	g = fma_(g, c, 1.93351243251e-5f);
	g = fma_(g, c, 0.00481072779339f);
	g = fma_(g, c, -0.0363560497478f);
	g = fma_(g, c, 0.181696966187f);
	g = fma_(g, c, -0.797885425211f);
	g = fma_(g, c, -0.69314716272f);
	float p = cpu_exp(fma_(t * -0.5f, t, g));
	return x * (float_bits(x) >> 31 ? p : 1.f - p);
}

DEVICE float cpu_relu(float x) { return x < 0.f ? 0.f : x; }

// cpu_activate applies activation f, numbered as kernels.Activation is, to n numbers. f is the same in the whole launch.
template <int n> DEVICE void cpu_activate(float *v, int f) {
#define ONSET_EACH(expression)                                                                                                  \
	_Pragma("unroll") for (int i = 0; i < n; i++) {                                                                            \
		float x = v[i];                                                                                                        \
		v[i] = expression;                                                                                                     \
	}                                                                                                                          \
	break
	switch (f) {
	case 2: ONSET_EACH(cpu_gelu_erf(x));
	case 3: ONSET_EACH(cpu_relu(x));
	case 5: ONSET_EACH(cpu_relu(x) * cpu_relu(x));
	case 6: ONSET_EACH(cpu_tanh(x));
	default: ONSET_EACH(div_rn(x, 1.f + cpu_exp(cpu_sigmoid_argument(x, f)))); // 0, 1, 4
	}
#undef ONSET_EACH
}

// cpu_logit is what a head's output is as a logit: multiplied by scale, then capped to cap·tanh(z·inv), inv = 1/cap; a scale
// or cap of zero leaves it.
DEVICE float cpu_logit(float z, float scale, float cap, float inv) {
	if (scale != 0.f) z = z * scale;
	if (cap != 0.f) z = cap * cpu_tanh(z * inv);
	return z;
}

} // namespace
