package gpu

import "fmt"

// MaxNorm is the widest row that a norm takes.
const MaxNorm = 1 << 16

// NormKind is what a norm does with a row before its weights.
type NormKind int

const (
	// NoNorm leaves the row as it is; weight and bias are not read.
	NoNorm NormKind = iota
	// RMSNorm divides by the root of the mean square (Zhang and Sennrich 2019, arXiv 1910.07467, eq. 4).
	RMSNorm
	// LayerNorm subtracts the mean and divides by the standard deviation (Ba et al. 2016, arXiv 1607.06450, eq. 4).
	LayerNorm
)

// Norm is a norm with its weights. The zero value is no norm.
type Norm struct {
	Kind   NormKind
	Weight Ptr // float32 [d], zero for ones
	Bias   Ptr // float32 [d], zero for none
	Eps    float32
}

// AddNorm is the step between two matrix products, in one pass over memory: what a layer computed is normed, scaled and
// added to the stream, and the stream is normed for the next layer.
type AddNorm struct {
	X      Ptr     // float32 [n×d], the stream, changed in place
	Z      Ptr     // T [n×d], what is added; zero for nothing
	ZNorm  Norm    // of Z before it is added
	ZScale float32 // multiplies Z after its norm; zero is one
	Norm   Norm    // of the stream after the addition
	Y      Ptr     // T [n×d], the normed stream rounded to T; zero where it is not wanted
	Write  bool    // the normed stream takes the place of the stream too
}

// AddNorm enqueues, row by row: X += ZScale·ZNorm(Z), Y = T(Norm(X)), and X = Norm(X) where Write. The row's bits depend on
// the row and d alone.
//
//	add_norm[_2|_4|_any]_T(float *x, const T *z, const float *zw, const float *zb, float zeps, int zkind, float zscale,
//	                       const float *w, const float *b, float eps, int kind, T *y, int write, int d)
func (o *Ops) AddNorm(p AddNorm, n, d int) {
	checkNorm("AddNorm", n, d, p.ZNorm, p.Norm)
	if p.X == 0 || p.Z == 0 && p.ZNorm.Kind != NoNorm {
		panic("gpu: AddNorm without a stream, or with a norm of nothing")
	}
	name, threads := addNormGeometry(d, aligned(p.X, p.Z, p.Y, p.ZNorm.Weight, p.ZNorm.Bias, p.Norm.Weight, p.Norm.Bias))
	scale := p.ZScale
	if scale == 0 {
		scale = 1
	}
	a := o.Args().Ptr(p.X).Ptr(p.Z).Ptr(p.ZNorm.Weight).Ptr(p.ZNorm.Bias).Float(p.ZNorm.Eps).Int(int(p.ZNorm.Kind)).Float(scale).
		Ptr(p.Norm.Weight).Ptr(p.Norm.Bias).Float(p.Norm.Eps).Int(int(p.Norm.Kind)).Ptr(p.Y).Bool(p.Write).Int(d)
	o.Launch(name, D1(n), D1(threads), 0, a)
}

// addNormGeometry chooses the threads of a row by its width alone, since sums are grouped by them. Up to 32 numbers a thread
// stay in registers; rows that are wider, or not of whole vectors, are read again for each step.
func addNormGeometry(d int, aligned bool) (name string, threads int) {
	switch {
	case d <= 4096:
		name, threads = "add_norm", warps(CeilDiv(d, 8))
	case d <= 8192:
		name, threads = "add_norm_2", warps(CeilDiv(d, 16))
	case d <= 16384:
		name, threads = "add_norm_4", warps(CeilDiv(d, 32))
	default:
		return "add_norm_any", MaxBlockThreads
	}
	if d%8 != 0 || !aligned {
		name = "add_norm_any"
	}
	return name, threads
}

// aligned reports whether vectors of 16 bytes may be read from all addresses.
func aligned(ptrs ...Ptr) bool {
	for _, p := range ptrs {
		if p%16 != 0 {
			return false
		}
	}
	return true
}

// warps rounds a number of threads up to whole warps, and to one at least.
func warps(threads int) int { return max(1, CeilDiv(threads, 32)) * 32 }

func checkNorm(op string, n, d int, norms ...Norm) {
	if n < 0 || d < 1 || d > MaxNorm {
		panic(fmt.Sprintf("gpu: %s of %d rows of %d", op, n, d))
	}
	for _, m := range norms {
		if m.Kind < NoNorm || m.Kind > LayerNorm {
			panic(fmt.Sprintf("gpu: %s by norm %d", op, m.Kind))
		}
	}
}

// NormGroups says where NormInPlace finds what it norms: group g of row i is the d numbers from X[i·LD+g·d], and its weights
// are those of the norm from g·WeightStride on.
type NormGroups struct {
	X            Ptr // T
	LD           int // elements between rows, at least Groups·d
	Groups       int // a row's groups
	WeightStride int // 0 where all groups have the same weights, d where each has its own
}

// NormInPlace enqueues the norm of n·Groups vectors of d numbers in T, in place: of the heads of queries and keys, of a
// branch before it is added, or of a head's transform. Sums and products are float32; only the result is rounded to T.
//
//	norm[_head|_any]_T(T *x, int ld, int n, int groups, int d, const float *w, int wstride, const float *b, float eps, int kind)
func (o *Ops) NormInPlace(g NormGroups, m Norm, n, d int) {
	checkNorm("NormInPlace", n, d, m)
	if g.X == 0 || g.Groups < 1 || g.LD < g.Groups*d || g.WeightStride != 0 && g.WeightStride < d {
		panic(fmt.Sprintf("gpu: NormInPlace of %d groups of %d in rows %d apart, weights %d apart", g.Groups, d, g.LD, g.WeightStride))
	}
	if m.Kind == NoNorm {
		return
	}
	a := o.Args().Ptr(g.X).Int(g.LD).Int(n).Int(g.Groups).Int(d).Ptr(m.Weight).Int(g.WeightStride).Ptr(m.Bias).Float(m.Eps).Int(int(m.Kind))
	vectors := d%8 == 0 && g.LD*o.T.Size()%16 == 0 && g.WeightStride%4 == 0 && aligned(g.X, m.Weight, m.Bias)
	name, grid, threads := normGeometry(n, g.Groups, d, vectors)
	o.Launch(name, grid, D1(threads), 0, a)
}

// normGeometry chooses how groups are normed: several by a warp where they are a power of two of vectors, as the heads of
// most models are, else a block each.
func normGeometry(n, groups, d int, vectors bool) (name string, grid Dim3, threads int) {
	const headBlock = 128
	lanes := d / 8
	switch {
	case vectors && lanes <= 32 && lanes&(lanes-1) == 0:
		return "norm_head", D1(CeilDiv(n*groups*lanes, headBlock)), headBlock
	case vectors && d <= 4096:
		name = "norm"
	default:
		name = "norm_any"
	}
	return name, D1(n * groups), min(512, warps(CeilDiv(d, 8)))
}

// elemThreads are the threads of a block of an elementwise kernel, each of which takes groups of 8 numbers.
const elemThreads = 256

// rowGrid is the geometry of an elementwise kernel over n rows of d numbers: rows in the grid's first direction, which is
// the long one, and pieces of a row in the second.
func rowGrid(n, d int) (grid, block Dim3) {
	threads := min(elemThreads, warps(CeilDiv(d, 8)))
	return D2(n, CeilDiv(d, 8*threads)), D1(threads)
}

// checkRows panics where rows of numbers cannot be: an index in a row is an int on the device, and pieces of a row are few.
func checkRows(op string, n, d int, ptrs ...Ptr) {
	if n < 0 || d < 1 || d > 1<<26 {
		panic(fmt.Sprintf("gpu: %s of %d rows of %d", op, n, d))
	}
	for i, p := range ptrs {
		if p == 0 {
			panic(fmt.Sprintf("gpu: %s without operand %d", op, i))
		}
	}
}

// Embed enqueues x[i] = scale·table[tokens[i]] for n rows of e numbers: x is float32 [n×e], table T [vocab×e] and tokens
// int32 [n], each of them a row of the table. A scale of zero is one.
//
//	embed_T(float *x, const T *table, const int *tokens, int e, float scale)
func (o *Ops) Embed(x, table, tokens Ptr, n, e int, scale float32) {
	checkRows("Embed", n, e, x, table, tokens)
	if scale == 0 {
		scale = 1
	}
	grid, block := rowGrid(n, e)
	o.Launch("embed", grid, block, 0, o.Args().Ptr(x).Ptr(table).Ptr(tokens).Int(e).Float(scale))
}

// AddRows enqueues x[i] += table[index[i]] for n rows of e numbers: learned positions, or types of tokens. x is float32
// [n×e], table T with rows of e, and index int32 [n].
//
//	add_rows_T(float *x, const T *table, const int *index, int e)
func (o *Ops) AddRows(x, table, index Ptr, n, e int) {
	checkRows("AddRows", n, e, x, table, index)
	grid, block := rowGrid(n, e)
	o.Launch("add_rows", grid, block, 0, o.Args().Ptr(x).Ptr(table).Ptr(index).Int(e))
}

// Clip enqueues the clamping of the first width numbers of each of n rows of T, ld apart, to ±limit; NaN stays.
//
//	clip_T(T *x, int ld, int width, float limit)
func (o *Ops) Clip(x Ptr, ld, n, width int, limit float32) {
	checkRows("Clip", n, width, x)
	if ld < width || !(limit > 0) {
		panic(fmt.Sprintf("gpu: Clip of %d numbers in rows %d apart to %g", width, ld, limit))
	}
	grid, block := rowGrid(n, width)
	o.Launch("clip", grid, block, 0, o.Args().Ptr(x).Int(ld).Int(width).Float(limit))
}

// Activation is a function of one number, numbered as kernels.Activation is.
type Activation int

// activations is the number of activations.
const activations = 7

func checkActivation(op string, act Activation) {
	if act < 0 || act >= activations {
		panic(fmt.Sprintf("gpu: %s by activation %d", op, act))
	}
}

// Activate enqueues x = f(x) for count numbers of T, computed in float32.
//
//	activate_T(T *x, long long count, int act)
func (o *Ops) Activate(x Ptr, count int64, act Activation) {
	checkActivation("Activate", act)
	grid := flatGrid("Activate", x, count)
	o.Launch("activate", grid, D1(elemThreads), 0, o.Args().Ptr(x).Long(count).Int(int(act)))
}

// flatGrid is the grid of a kernel over count numbers: 8 a thread.
func flatGrid(op string, x Ptr, count int64) Dim3 {
	const each = 8 * elemThreads
	if x == 0 || count < 0 || (count+each-1)/each > MaxGridX {
		panic(fmt.Sprintf("gpu: %s of %d numbers at %#x", op, count, uint64(x)))
	}
	return D1(int((count + each - 1) / each))
}

// Gate enqueues dst[i] = f(gate)·up for n rows: gateUp is T [n×2·ff], gate before up in each row, and dst T [n×ff]; they do
// not overlap. The product is float32.
//
//	gate_T(T *dst, const T *gateUp, int ff, int act)
func (o *Ops) Gate(dst, gateUp Ptr, n, ff int, act Activation) {
	checkActivation("Gate", act)
	checkRows("Gate", n, ff, dst, gateUp)
	grid, block := rowGrid(n, ff)
	o.Launch("gate", grid, block, 0, o.Args().Ptr(dst).Ptr(gateUp).Int(ff).Int(int(act)))
}

// AddBias enqueues y[i] += b for n rows of d numbers of T, b being float32 [d]: for products that have no bias of their own.
//
//	add_bias_T(T *y, const float *b, int d)
func (o *Ops) AddBias(y, b Ptr, n, d int) {
	checkRows("AddBias", n, d, y, b)
	grid, block := rowGrid(n, d)
	o.Launch("add_bias", grid, block, 0, o.Args().Ptr(y).Ptr(b).Int(d))
}

// GatherF32 enqueues dst[i] = src[index[i]] for n rows of d float32; index is int32 [n]. dst and src do not overlap.
//
//	gather_f32(float *dst, const float *src, int ld, const int *index, int d)
func (o *Ops) GatherF32(dst, src, index Ptr, n, d int) {
	o.gather("gather_f32", dst, src, d, index, n, d)
}

// Gather enqueues dst[i] = src[index[i]] for n rows of d numbers of T: dst is [n×d], and the rows of src are ld apart. dst
// and src do not overlap.
//
//	gather_T(T *dst, const T *src, int ld, const int *index, int d)
func (o *Ops) Gather(dst, src Ptr, ld int, index Ptr, n, d int) {
	o.gather("gather_"+o.T.String(), dst, src, ld, index, n, d)
}

func (o *Ops) gather(name string, dst, src Ptr, ld int, index Ptr, n, d int) {
	checkRows("Gather", n, d, dst, src, index)
	if ld < d || dst == src {
		panic(fmt.Sprintf("gpu: Gather of %d numbers of rows %d apart, in place %v", d, ld, dst == src))
	}
	grid, block := rowGrid(n, d)
	o.LaunchExact(name, grid, block, 0, o.Args().Ptr(dst).Ptr(src).Int(ld).Ptr(index).Int(d))
}

// ScaleF32 enqueues x *= by for count float32.
//
//	scale_f32(float *x, long long count, float by)
func (o *Ops) ScaleF32(x Ptr, count int64, by float32) {
	grid := flatGrid("ScaleF32", x, count)
	o.LaunchExact("scale_f32", grid, D1(elemThreads), 0, o.Args().Ptr(x).Long(count).Float(by))
}
