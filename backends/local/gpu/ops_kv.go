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
}

// RopeStore enqueues, for n rows, the rotation of the queries in place and the storing of rotated keys and of values. The
// keys in QKV stay as they are. It computes in float32 and rounds once. Rows with the same slot would race: give padding
// rows any slot of page 0.
//
//	rope_store_T(T *qkv, int ld, int heads, int kvHeads, int dim, int rot, int interleaved, const float *cos,
//	             const float *sin, const int *slots, T *pool, int layer, int layers)
func (o *Ops) RopeStore(p RopeStore, n int) {
	p.Pool.check("RopeStore")
	width := (p.Heads + 2*p.Pool.KVHeads) * p.Pool.Dim
	if n < 0 || p.QKV == 0 || p.Slots == 0 || p.Heads < 1 || p.LD < width || p.Layer < 0 || p.Layer >= p.Pool.Layers {
		panic(fmt.Sprintf("gpu: RopeStore of %d rows of %d in %d, layer %d of %d", n, width, p.LD, p.Layer, p.Pool.Layers))
	}
	if p.Rot < 0 || p.Rot%2 != 0 || p.Rot > p.Pool.Dim || (p.Rot > 0) != (p.Cos != 0) || (p.Rot > 0) != (p.Sin != 0) {
		panic(fmt.Sprintf("gpu: RopeStore turns %d of %d numbers, cosines %v, sines %v", p.Rot, p.Pool.Dim, p.Cos != 0, p.Sin != 0))
	}
	a := o.Args().Ptr(p.QKV).Int(p.LD).Int(p.Heads).Int(p.Pool.KVHeads).Int(p.Pool.Dim).Int(p.Rot).Bool(p.Interleaved).
		Ptr(p.Cos).Ptr(p.Sin).Ptr(p.Slots).Ptr(p.Pool.At).Int(p.Layer).Int(p.Pool.Layers)
	threads := min(elemThreads, warps(CeilDiv(width, 16)))
	o.Launch("rope_store", D2(n, CeilDiv(width, 16*threads)), D1(threads), 0, a)
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
