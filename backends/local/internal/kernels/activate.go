package kernels

import (
	"fmt"
	"math"
)

// The constants of tanh, gelu and the rest, which every set's code uses in the same order.
const (
	// Below tanhSmall tanh is x + x·u·q(u), u = x², q the minimax polynomial of degree 4 for the relative
	// error of tanh on [0, 0.608], which is 0.05 · 2⁻²⁴; from there on 1 - 2/(e²ˣ+1).
	tanhSmall = 0.6
	tanhC0    = -0.333332947324
	tanhC1    = 0.133318160717
	tanhC2    = -0.0537731561029
	tanhC3    = 0.0207555201854
	tanhC4    = -0.00584334671819

	geluTanhCubic = 0.044715
	geluTanhScale = -2 * 0.79788456080286536 // -2√(2/π)
	quickScale    = -1.702

	// phiMax ends the range of the polynomial phiC; beyond it Φ(-t) is below 2e-8 and falls to zero by its
	// main factor e^(-t²/2).
	phiMax = 5.5
)

// phiC is the minimax polynomial of degree 11 for log(Φ(-t)·e^(t²/2)) on [0, 5.5], highest power first; its
// error is 0.3 · 2⁻²⁴.
var phiC = [12]float32{
	1.90690352726e-9, -6.96220112352e-8, 1.13258913669e-6, -1.07247345254e-5, 6.34618107793e-5, -0.00021384767598,
	1.93351243251e-5, 0.00481072779339, -0.0363560497478, 0.181696966187, -0.797885425211, -0.69314716272,
}

// silu is x/(1+e⁻ˣ).
func silu(x float32) float32 { return x / (1 + exp(-x)) }

func geluTanh(x float32) float32 {
	t := fma(float32(float32(x*x)*geluTanhCubic), x, x)
	return x / (1 + exp(t*geluTanhScale))
}

func quickGelu(x float32) float32 { return x / (1 + exp(x*quickScale)) }

// geluErf is x·Φ(x), with Φ(-|x|) = e^(g(|x|) - x²/2) and g the polynomial phiC, so that nothing cancels.
func geluErf(x float32) float32 {
	t := math.Float32frombits(math.Float32bits(x) &^ (1 << 31))
	c := t
	if c > phiMax {
		c = phiMax
	}
	g := phiC[0]
	for _, v := range phiC[1:] {
		g = fma(g, c, v)
	}
	p := exp(fma(float32(t*-0.5), t, g))
	if math.Signbit(float64(x)) {
		return x * p
	}
	return x * float32(1-p)
}

func relu(x float32) float32 {
	if x < 0 {
		return 0
	}
	return x
}

func reluSquared(x float32) float32 {
	y := relu(x)
	return y * y
}

// tanh is the hyperbolic tangent.
func tanh(x float32) float32 {
	sign := math.Float32bits(x) & (1 << 31)
	t := math.Float32frombits(math.Float32bits(x) &^ (1 << 31))
	if t < tanhSmall {
		u := float32(x * x)
		q := fma(tanhC4, u, tanhC3)
		q = fma(q, u, tanhC2)
		q = fma(q, u, tanhC1)
		q = fma(q, u, tanhC0)
		return fma(float32(x*u), q, x)
	}
	y := 1 - float32(2/(exp(float32(t+t))+1))
	return math.Float32frombits(math.Float32bits(y) | sign)
}

// softCap is limit·tanh(x·inv) with inv = 1/limit.
func softCap(x, limit, inv float32) float32 { return limit * tanh(float32(x*inv)) }

// function gives f as a Go function.
func (f Activation) function() func(float32) float32 {
	switch f {
	case Silu:
		return silu
	case GeluTanh:
		return geluTanh
	case GeluErf:
		return geluErf
	case Relu:
		return relu
	case QuickGelu:
		return quickGelu
	case ReluSquared:
		return reluSquared
	case Tanh:
		return tanh
	}
	f.check()
	return nil
}

func (f Activation) check() {
	if f >= activations {
		panic(fmt.Sprintf("kernels: activation %d", f))
	}
}

// String gives the name in this package.
func (f Activation) String() string {
	names := [...]string{"Silu", "GeluTanh", "GeluErf", "Relu", "QuickGelu", "ReluSquared", "Tanh"}
	if int(f) < len(names) {
		return names[f]
	}
	return fmt.Sprintf("Activation(%d)", f)
}
