package gpu

import "fmt"

// Linear computes y[i·ldy+j] = T(Σ x[i·ldx+c]·w[j·k+c] + bias[j]) over c < k, for i < m tokens and j < n outputs: matrix
// products with the weights of a layer. x and w are T, bias is float32 or 0, the sum is float32; y is T. ldx ≥ k and ldy ≥ n
// are the distances of rows in elements. y overlaps nothing.
//
// In float32 the result has the bits of the CPU engine's Linear (package kernels). In bf16 and f16 a row's bits depend on that
// row and on w and bias alone: with the own kernels by the order of their sums (gemm.cuh), with cuBLASLt by one algorithm for
// all m, which CheckLinear puts to the test. No m is no work.
func (o *Ops) Linear(y, x, w, bias Ptr, m, n, k, ldx, ldy int) {
	o.product(LtProblem{X: x, W: w, Y: y, M: m, N: n, K: k, LdX: ldx, LdY: ldy, T: o.T}, bias)
}

// LinearF32 is Linear with y in float32, unrounded: for logits.
func (o *Ops) LinearF32(y, x, w, bias Ptr, m, n, k, ldx, ldy int) {
	o.product(LtProblem{X: x, W: w, Y: y, M: m, N: n, K: k, LdX: ldx, LdY: ldy, T: o.T, YFloat32: true}, bias)
}

func checkProduct(p LtProblem) {
	if p.M < 0 || p.N < 1 || p.K < 1 || p.LdX < p.K || p.LdY < p.N {
		panic(fmt.Sprintf("gpu: product of %d tokens, %d outputs of %d, rows %d and %d apart", p.M, p.N, p.K, p.LdX, p.LdY))
	}
	if p.X == 0 || p.W == 0 || p.Y == 0 {
		panic("gpu: product with a null matrix")
	}
}

// product enqueues p by whichever of the two libraries its shape goes to.
func (o *Ops) product(p LtProblem, bias Ptr) {
	if o.err != nil || p.M == 0 {
		return
	}
	checkProduct(p)
	c := o.choice(p)
	if !c.vendor {
		o.tileProduct(o.tile(p), p, bias)
		return
	}
	if c.mixed && p.M <= mixedTokens {
		o.tileProduct(o.tile(p), p, 0)
	} else if err := o.Dev.Lt().Matmul(p, o.Stream); err != nil {
		o.Fail(err)
	}
	if bias != 0 {
		o.addBias(p, bias)
	}
}

func (o *Ops) tile(p LtProblem) Tile {
	return LinearTile(LinearShape{T: p.T, M: p.M, N: p.N, K: p.K, Vectors: Vectors(p.T, p.X, p.W, p.K, p.LdX),
		Hopper: o.products.hopper}, o.info)
}

// tileProduct enqueues p by a kernel of gemm.cu:
//
//	linear_T(void *y, const T *x, const T *w, const float *bias, int m, int n, int k, int ldx, int ldy, int wide)
func (o *Ops) tileProduct(t Tile, p LtProblem, bias Ptr) {
	a := o.Args().Ptr(p.Y).Ptr(p.X).Ptr(p.W).Ptr(bias).Int(p.M).Int(p.N).Int(p.K).Int(p.LdX).Int(p.LdY).Bool(p.YFloat32)
	blocks := t.Blocks(p.M, p.N)
	if t.persistent() {
		blocks = min(blocks, max(o.info.Multiprocessors, 1))
	}
	o.Launch(t.Kernel, D1(blocks), D1(t.Threads), t.Shared, a)
}

// addBias adds the bias to what cuBLASLt left, which has been rounded to T once already:
//
//	linear_bias_T(void *y, const float *bias, int m, int n, int ldy, int wide)
func (o *Ops) addBias(p LtProblem, bias Ptr) {
	a := o.Args().Ptr(p.Y).Ptr(bias).Int(p.M).Int(p.N).Int(p.LdY).Bool(p.YFloat32)
	o.Launch("linear_bias", D1(CeilDiv(p.N, biasOutputs)*CeilDiv(p.M, biasTokens)), D1(biasOutputs/2), 0, a)
}

// A block of linear_bias serves this many outputs (two a thread) of this many tokens.
const (
	biasOutputs = 512
	biasTokens  = 8
)
