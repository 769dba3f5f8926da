package gpu

import "fmt"

// Attention says where attention reads and writes, and how it weighs keys, as kernels.Attention does: the score of the key
// at position j for a row that reaches up to To is Scale·q·k, capped if there is a Cap, plus slope·(j-(To-1)) if there are
// Slopes, plus the head's bias at j if there are Biases.
type Attention struct {
	Out Ptr // T, Heads·Dim a row; row Query of each AttendRow is written
	Q   Ptr // T, row Query of each AttendRow begins LD elements after the one before; its first Heads·Dim are the queries
	LD  int

	Plan     Ptr // the plan's buffer, copied to the device
	Partials Ptr // room for partial results, PartialBytes of the plan

	Pool          Ptr // T, the pages: layer l of page p is element (p·Layers+l)·2·KVHeads·PageSize·Dim, keys, then values
	Layer, Layers int

	Scale, Cap float32
	Slopes     Ptr // float32 [Heads], or none
	Biases     Ptr // float32 [Heads][BiasLD], or none; no row reaches past BiasLD
	BiasLD     int
}

// Attend launches the work of a plan of geometry g and of the given shape, which may be larger than the plan's (see
// AttendShape): up to three launches of
//
//	attend_dN_T(T* out, const T* q, int ld, const int* plan, int list, const T* pool, int layer, int layers, int heads,
//	            int kv_heads, int dim, float scale, float cap, const float* slopes, const float* biases, int bias_ld,
//	            float* partials, int block_heads, int chunks, int slots, int parked)
//
// (attend_plain_T for heads of more than 256), and, where there is something to merge, one of
//
//	attend_merge_T(T* out, const int* plan, const float* partials, int heads, int dim)
//
// The scale must be positive.
func (o *Ops) Attend(g *AttendGeometry, s AttendShape, a Attention) {
	group := g.Heads / g.KVHeads
	switch {
	case a.LD < g.Heads*g.Dim || a.Layer < 0 || a.Layer >= a.Layers || !(a.Scale > 0) || a.Cap < 0 || a.Biases != 0 && a.BiasLD < 1:
		panic(fmt.Sprintf("gpu: attention of %d heads of %d, rows of %d, layer %d of %d, scale %g, cap %g, biases of %d",
			g.Heads, g.Dim, a.LD, a.Layer, a.Layers, a.Scale, a.Cap, a.BiasLD))
	case s.Merges > 0 && a.Partials == 0:
		panic(fmt.Sprintf("gpu: attention with %d rows to merge and no room for partial results", s.Merges))
	}
	for l := attendLists - 1; l >= 0; l-- {
		if s.Items[l] == 0 {
			continue
		}
		t := g.lists[l]
		slots, shared := 0, 0
		grid, block := Dim3{X: s.Items[l], Y: t.blocks(*g), Z: 1}, D1(32*t.warps)
		if g.plain {
			grid.Z, block = CeilDiv(g.Dim, plainColumn), D1(32*plainWarps)
		} else {
			slots = g.layout.slots(t.warps, s.Parked[l])
			shared = g.layout.size(t.warps, slots, s.Parked[l])
		}
		o.Launch(g.kernel, grid, block, shared, o.Args().Ptr(a.Out).Ptr(a.Q).Int(a.LD).Ptr(a.Plan).Int(l).
			Ptr(a.Pool).Int(a.Layer).Int(a.Layers).Int(g.Heads).Int(g.KVHeads).Int(g.Dim).Float(a.Scale).Float(a.Cap).
			Ptr(a.Slopes).Ptr(a.Biases).Int(a.BiasLD).Ptr(a.Partials).Int(min(t.heads, group)).Int(t.chunks).
			Int(slots).Bool(s.Parked[l]))
	}
	if s.Merges > 0 {
		o.Launch("attend_merge", Dim3{X: s.Merges, Y: CeilDiv(g.Heads, mergeWarps), Z: 1}, D1(32*mergeWarps), 0,
			o.Args().Ptr(a.Out).Ptr(a.Plan).Ptr(a.Partials).Int(g.Heads).Int(g.Dim))
	}
}

// mergeWarps is the number of heads that a block of attend_merge takes.
const mergeWarps = 4
