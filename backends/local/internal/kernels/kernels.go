// Package kernels holds the numeric kernels of the local engine: one portable reference and faster sets
// chosen at run time. All sets give the same bits on the same input.
//
// Matrices are float32, row-major and contiguous unless said otherwise. No kernel keeps or allocates
// memory. Rows are independent: what row i of a result holds depends on row i of the input alone, never on
// how many rows there are, so results do not depend on what else was in the batch.
package kernels

// PanelWidth is the number of outputs that one panel of a packed weight holds.
const PanelWidth = 32

// BlockK is the length of the runs of k in which a product is accumulated. Each output of Linear is, block
// by block in order, one chain of fused multiply-adds over the block from zero, and the blocks' sums are
// added in order. It bounds the rounding error and is part of the engine's result: see the package's tests.
const BlockK = 256

// PageSize is the number of positions that one Page holds. Attention sums in blocks anchored at multiples of it.
const PageSize = 64

// Weight is a matrix of n outputs by k inputs, packed for Linear in ceil(n/PanelWidth) panels of
// [k][PanelWidth], outputs past n zero.
type Weight struct {
	N, K int
	Data []float32
}

// Page holds one layer's keys and values at PageSize consecutive positions: K is [kvHeads][dim][PageSize]
// (so that one query meets PageSize keys a step), V is [kvHeads][PageSize][dim].
type Page struct {
	K, V []float32
}

// Set is one implementation of the kernels. Its methods may be called concurrently on disjoint results;
// they panic on shapes that do not fit.
type Set interface {
	// Name is "generic", "avx2" or "avx512".
	Name() string
	// Linear computes dst[m×n] = a[m×k] · wᵀ.
	Linear(dst, a []float32, m int, w Weight)
	// RMSNorm computes dst[m×n] = x / sqrt(mean(x²)+eps) · weight, row by row (Zhang and Sennrich 2019,
	// arXiv 1910.07467, eq. 4). The sum of squares runs in 16 lanes that are added in a fixed tree.
	RMSNorm(dst, x, weight []float32, m int, eps float32)
	// SiluMul computes dst[m×n] = silu(gate)·up from gateUp[m×2n] = gate | up (Shazeer 2020, arXiv
	// 2002.05202, SwiGLU).
	SiluMul(dst, gateUp []float32, m int)
	// Add computes dst += x.
	Add(dst, x []float32)
	// Rope rotates x[m × heads·dim] in place, pairing element j of a head with j+dim/2 (Su et al. 2021, arXiv
	// 2104.09864, in the half-split layout of Hugging Face). cos and sin are [m × dim/2], a row each for x's.
	Rope(x, cos, sin []float32, m, heads, dim int)
	// Attend computes one query row's attention, dst[heads·dim] from q[heads·dim], over the first n positions
	// of pages (a page more than n needs is not read), softmax(scale·q·kᵀ)·v, with heads/kvHeads query heads
	// sharing a key head. Pages are taken in order by the online softmax (Milakov and Gimelshein 2018, arXiv
	// 1805.02867).
	Attend(dst, q []float32, heads, kvHeads, dim int, pages []Page, n int, scale float32)
	// LogSumExp gives log Σ exp(x), len(x) > 0.
	LogSumExp(x []float32) float32
}
