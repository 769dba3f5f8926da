// Package kernels holds the numeric kernels of the local engine: one portable reference and faster sets
// chosen at run time. All sets give the same bits on the same input.
//
// Matrices are float32, row-major and contiguous unless said otherwise. No kernel keeps what it is given.
// Rows are independent: what row i of a result holds depends on row i of the input alone, never on how many
// rows there are, so results do not depend on what else was in the batch.
package kernels

// PanelWidth is the number of outputs that one panel of a packed weight holds.
const PanelWidth = 32

// BlockK is the length of the runs of k in which a product is accumulated. Each output of Linear is, block
// by block in order, one chain of fused multiply-adds over the block from zero, and the blocks' sums are
// added in order. It bounds the rounding error and is part of the engine's result: see the package's tests.
const BlockK = 256

// PageSize is the number of positions that one Page holds. Attention sums in blocks anchored at multiples of it.
const PageSize = 64

// LogBlock is the number of outputs over which LogSumExp and LogProbs sum before they merge: each block's
// sum is taken relative to the block's own largest, in 16 lanes added in a tree, and the blocks are merged
// in order.
const LogBlock = 512

// Set is one implementation of the kernels. Its methods may be called concurrently on disjoint results;
// they panic on shapes that do not fit.
type Set interface {
	// Name is "generic", "avx2", "avx512" or "neon", with what a wrapper adds.
	Name() string

	// Linear computes dst[m×n] = a[m×k] · wᵀ + bias, the bias (where there is one) added last.
	Linear(dst, a []float32, m int, w Weight)
	// LogProbs scores rows of hidden states, x[len(rows)×k], against the head without storing logits. It
	// gives the bits of Linear, then Logits' scaling and cap by Scale and SoftCap, then LogSumExp and ArgMax.
	LogProbs(rows []Scores, x []float32, head Weight, l Logits)

	// RMSNorm computes dst[m×n] = x / sqrt(mean(x²)+eps) · weight, row by row (Zhang and Sennrich 2019,
	// arXiv 1910.07467, eq. 4). The sum of squares runs in 16 lanes that are added in a fixed tree. A nil
	// weight is all ones; dst may be x.
	RMSNorm(dst, x, weight []float32, m int, eps float32)
	// LayerNorm computes dst[m×n] = (x-mean) / sqrt(var+eps) · weight + bias, row by row (Ba et al. 2016,
	// arXiv 1607.06450, eq. 4), the variance from the differences to the mean. A nil weight is all ones, a
	// nil bias zeros; dst may be x.
	LayerNorm(dst, x, weight, bias []float32, m int, eps float32)

	// Activate replaces x by f(x), element by element.
	Activate(x []float32, f Activation)
	// Gate computes dst[m×n] = f(gate)·up from gateUp[m×2n] = gate | up, row by row (Shazeer 2020, arXiv
	// 2002.05202).
	Gate(dst, gateUp []float32, m int, f Activation)
	// Add computes dst += x.
	Add(dst, x []float32)
	// AddBias computes x[m×n] += bias in every row.
	AddBias(x, bias []float32, m int)
	// Scale computes x *= by.
	Scale(x []float32, by float32)
	// SoftCap replaces x by limit·tanh(x/limit), limit > 0 (Gemma 2, arXiv 2408.00118, section 2).
	SoftCap(x []float32, limit float32)

	// Rope rotates the heads of len(pos) rows in place, row i being the heads·Dim numbers from x[i·ld], by
	// the angles of position pos[i]: cos and sin are tables of rows of Rot/2 (Su et al. 2021, arXiv 2104.09864).
	Rope(x []float32, ld int, pos []int, cos, sin []float32, heads int, r Rotary)
	// Store writes keys and values into pages: row i's are the kvHeads·dim numbers from k[i·ld] and v[i·ld].
	// No two slots may be the same.
	Store(slots []Slot, k, v []float32, ld, kvHeads, dim int)
	// Attend computes softmax(scores)·v for each of rows: dst is [len(rows) × Heads·Dim], row i's query the
	// Heads·Dim numbers from q[i·ld]. Heads/KVHeads query heads share a key head. A row's pages are taken in
	// order by the online softmax (Milakov and Gimelshein 2018, arXiv 1805.02867), so its result depends on
	// its positions alone. Neighbours in rows that hold the same pages are computed together, at several
	// times the speed.
	Attend(dst, q []float32, ld int, rows []Query, a Attention)

	// LogSumExp gives log Σ exp(x), len(x) > 0, by blocks of LogBlock.
	LogSumExp(x []float32) float32
	// ArgMax is the index of the first of the largest of x, passing over NaN; 0 if all are NaN or -Inf.
	ArgMax(x []float32) int
}

// Attention says how Attend weighs keys: the score of the key at position j for a row that reaches up to To is
// scale·q·k, capped if there is a Cap, plus slope·(j-(To-1)) if there are Slopes.
type Attention struct {
	// Heads is the number of query heads, KVHeads of key heads, which divides it, and Dim a head's size.
	Heads, KVHeads, Dim int
	// Scale multiplies the dot products.
	Scale float32
	// Cap, unless zero, replaces a score by Cap·tanh(score/Cap).
	Cap float32
	// Slopes, unless nil, has ALiBi's slope of each query head (Press et al. 2021, arXiv 2108.12409).
	Slopes []float32
	// Biases, unless nil, has what is added to the score of the key at each position, by query head: [Heads][n] for n
	// positions that no row reaches past. It is for checkpoints whose ALiBi is rounded by position (Falcon).
	Biases []float32
}

// Query is what one row attends to: positions From ≤ j < To of the sequence whose position j stands in
// Pages[j/PageSize]. Pages before From's or after To's last are not read and may be empty.
type Query struct {
	Pages    []Page
	From, To int
}

// Rotary is the layout of rotary embedding in a head of Dim: its first Rot elements (even, at most Dim) turn in
// pairs of j with j+Rot/2, or of 2j with 2j+1 if Interleaved (GPT-J); the others stay.
type Rotary struct {
	Dim, Rot    int
	Interleaved bool
}

// Logits says what happens to a head's outputs before they are logits: they are multiplied by Scale unless it
// is zero, then capped to Cap·tanh(z/Cap) unless that is zero.
type Logits struct {
	Scale, Cap float32
}

// Scores is what LogProbs finds in the logits of one row; log-probabilities are Logits[i] - LogSumExp.
type Scores struct {
	Targets   []int     // the outputs that are asked for
	Logits    []float32 // the logits of Targets, to be filled; as long as Targets
	LogSumExp float32
	Top       float32 // the largest logit
	ArgMax    int     // the first output that has it
}

// Activation is a function of one number.
type Activation uint8

const (
	// Silu is x/(1+e⁻ˣ).
	Silu Activation = iota
	// GeluTanh is x/2·(1+tanh(√(2/π)(x+0.044715x³))) (Hendrycks and Gimpel 2016, arXiv 1606.08415), computed as
	// x/(1+e⁻²ᵘ) with u the argument of tanh.
	GeluTanh
	// GeluErf is x·Φ(x), the exact form.
	GeluErf
	// Relu is max(x, 0).
	Relu
	// QuickGelu is x/(1+e^(-1.702x)).
	QuickGelu
	// ReluSquared is max(x, 0)².
	ReluSquared
	// Tanh is the hyperbolic tangent.
	Tanh
	activations
)
