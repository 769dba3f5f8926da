package gpu

import "fmt"

// Pool is where keys and values lie: page p, layer l begins at element ((p·Layers)+l)·2·KVHeads·PageSize·Dim with the keys
// [KVHeads][PageSize][Dim], and behind them the values alike. All are T.
type Pool struct {
	At           Ptr
	Layers       int
	KVHeads, Dim int
}

// PageElements is the number of elements of a page in all layers.
func (p Pool) PageElements() int64 {
	return 2 * int64(p.Layers) * int64(p.KVHeads) * PageSize * int64(p.Dim)
}

func (p Pool) check(op string) {
	if p.At == 0 || p.Layers < 1 || p.KVHeads < 1 || p.Dim < 1 {
		panic(fmt.Sprintf("gpu: %s in a pool of %d layers, %d heads of %d", op, p.Layers, p.KVHeads, p.Dim))
	}
}

// RopeStore says how rotary positions turn queries and keys, and where keys and values go.
type RopeStore struct {
	QKV         Ptr // T [n×LD]: a row is Heads queries, KVHeads keys and KVHeads values of Dim numbers
	LD          int
	Heads       int
	Pool        Pool
	Layer       int
	Slots       Ptr  // int32 [n], page·PageSize + position in the page
	Rot         int  // the first numbers of a head that turn, even; 0 for none
	Interleaved bool // pairs are neighbours, not Rot/2 apart
	Cos, Sin    Ptr  // float32 [n×Rot/2], by row
	Norm        HeadNorm
}

// HeadNorm says how each head of queries and keys is normed before it turns. The zero value is no norm. A norm of all heads
// at once is NormInPlace's.
type HeadNorm struct {
	Kind         NormKind
	Eps          float32
	Query, Key   Ptr // weights, float32, zero for ones
	QueryB, KeyB Ptr // biases, float32, zero for none
	// Stride is the distance of the weights of neighbouring heads: Dim where each head has its own, 0 where they share [Dim].
	Stride int
}

// fused reports whether rope_norm_store takes the shape: heads of 8, 16, … 256 numbers, and vectors everywhere.
func (p *RopeStore) fused(t DType) bool {
	lanes, pairs := p.Pool.Dim/8, 16
	if p.Interleaved {
		pairs = 8
	}
	return p.Pool.Dim%8 == 0 && lanes <= 32 && lanes&(lanes-1) == 0 && p.Rot%pairs == 0 && p.LD*t.Size()%16 == 0 && p.Norm.Stride%4 == 0 &&
		aligned(p.QKV, p.Cos, p.Sin, p.Pool.At, p.Norm.Query, p.Norm.Key, p.Norm.QueryB, p.Norm.KeyB)
}

// RopeStore enqueues, for n rows, the rotation of the queries in place and the storing of rotated keys and of values. The
// keys in QKV may change. It computes in float32; where heads are normed and are not of 8, 16, … 256 numbers, what is normed is
// rounded to T before it turns. Rows with the same slot would race: give padding
// rows any slot of page 0.
//
//	rope_store_T(T *qkv, int ld, int heads, int kvHeads, int dim, int rot, int interleaved, const float *cos,
//	             const float *sin, const int *slots, T *pool, int layer, int layers)
//	rope_norm_store_T(T *qkv, int ld, int n, …, int layers, const float *qw, const float *qb, const float *kw,
//	                  const float *kb, int stride, int kind, float eps)
func (o *Ops) RopeStore(p RopeStore, n int) {
	p.Pool.check("RopeStore")
	width := (p.Heads + 2*p.Pool.KVHeads) * p.Pool.Dim
	if n < 0 || p.QKV == 0 || p.Slots == 0 || p.Heads < 1 || p.LD < width || p.Layer < 0 || p.Layer >= p.Pool.Layers {
		panic(fmt.Sprintf("gpu: RopeStore of %d rows of %d in %d, layer %d of %d", n, width, p.LD, p.Layer, p.Pool.Layers))
	}
	if p.Rot < 0 || p.Rot%2 != 0 || p.Rot > p.Pool.Dim || (p.Rot > 0) != (p.Cos != 0) || (p.Rot > 0) != (p.Sin != 0) {
		panic(fmt.Sprintf("gpu: RopeStore turns %d of %d numbers, cosines %v, sines %v", p.Rot, p.Pool.Dim, p.Cos != 0, p.Sin != 0))
	}
	if p.Norm.Kind != NoNorm {
		checkNorm("RopeStore", n, p.Pool.Dim, Norm{Kind: p.Norm.Kind})
		if p.fused(o.T) {
			o.ropeNormStore(&p, n)
			return
		}
		norm := func(at Ptr, heads int, w, b Ptr) {
			o.NormInPlace(NormGroups{X: at, LD: p.LD, Groups: heads, WeightStride: p.Norm.Stride},
				Norm{Kind: p.Norm.Kind, Weight: w, Bias: b, Eps: p.Norm.Eps}, n, p.Pool.Dim)
		}
		norm(p.QKV, p.Heads, p.Norm.Query, p.Norm.QueryB)
		norm(p.QKV.Add(int64(p.Heads*p.Pool.Dim*o.T.Size())), p.Pool.KVHeads, p.Norm.Key, p.Norm.KeyB)
	}
	a := o.Args().Ptr(p.QKV).Int(p.LD).Int(p.Heads)
	p.pack(a)
	threads := min(elemThreads, warps(CeilDiv(width, 16)))
	o.Launch("rope_store", D2(n, CeilDiv(width, 16*threads)), D1(threads), 0, a)
}

// pack adds the arguments that follow the number of heads.
func (p *RopeStore) pack(a *Args) {
	a.Int(p.Pool.KVHeads).Int(p.Pool.Dim).Int(p.Rot).Bool(p.Interleaved).Ptr(p.Cos).Ptr(p.Sin).Ptr(p.Slots).Ptr(p.Pool.At).
		Int(p.Layer).Int(p.Pool.Layers)
}

func (o *Ops) ropeNormStore(p *RopeStore, n int) {
	a := o.Args().Ptr(p.QKV).Int(p.LD).Int(n).Int(p.Heads)
	p.pack(a)
	a.Ptr(p.Norm.Query).Ptr(p.Norm.QueryB).Ptr(p.Norm.Key).Ptr(p.Norm.KeyB).Int(p.Norm.Stride).Int(int(p.Norm.Kind)).Float(p.Norm.Eps)
	lanes := n * (p.Heads + 2*p.Pool.KVHeads) * p.Pool.Dim / 8
	o.Launch("rope_norm_store", D1(CeilDiv(lanes, elemThreads)), D1(elemThreads), 0, a)
}

// CopyPage enqueues, for each i < count, the copying of the first positions[i] positions of page src[i] to page dst[i] in
// all layers. src, dst and positions are int32 [count] on the device; no page is written twice, and none that is read.
//
//	copy_page_T(T *pool, const int *src, const int *dst, const int *positions, int count, int layers, int kvHeads, int dim)
func (o *Ops) CopyPage(p Pool, src, dst, positions Ptr, count int) {
	p.check("CopyPage")
	if count < 0 || src == 0 || dst == 0 || positions == 0 {
		panic(fmt.Sprintf("gpu: CopyPage of %d pages without a list", count))
	}
	runs := p.Layers * 2 * p.KVHeads // of [PageSize][Dim] in a page
	threads := min(elemThreads, warps(CeilDiv(PageSize*p.Dim, 8)))
	grid := D2(runs, min(count, MaxGridYZ))
	a := o.Args().Ptr(p.At).Ptr(src).Ptr(dst).Ptr(positions).Int(count).Int(p.Layers).Int(p.KVHeads).Int(p.Dim)
	o.Launch("copy_page", grid, D1(threads), 0, a)
}
