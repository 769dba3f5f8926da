package gpu

import "fmt"

// AttendGeometry says how attention over heads of one size is laid out on a device.
type AttendGeometry struct {
	Heads, KVHeads, Dim int

	// Blocks is the number of blocks that fill the device: work is divided until there are about so many.
	Blocks int
	// Partials, unless 0, is the most memory, in bytes, that partial results may take. Tiles for which there is none are not
	// divided.
	Partials int64

	kernel string // the name without the type's suffix
	lists  [attendLists]attendList
	plain  bool // the kernel for heads of any size
	layout attendLayout
}

// attendList is the layout of blocks of one list.
type attendList struct {
	warps  int // 16 pairs of row and head each
	heads  int // query heads of a key head that a block takes
	chunks int // blocks that a key head takes for that
	rows   int // rows that a block takes; 0 where the list is not used
}

// blocks is the number of blocks of one item.
func (l attendList) blocks(g AttendGeometry) int { return g.KVHeads * l.chunks }

// attendLayout is the shared memory of a kernel, in bytes.
type attendLayout struct {
	slot   int // one slot of the ring of keys and values
	warp   int // queries and weights of a warp
	parked int // sums of a warp's earlier segments
	limit  int // what a block may use
}

// Slots of the ring: a page of keys or of values (half a page in float32) each. Two let the next be loaded while one is
// worked on.
const minSlots, maxSlots = 2, 4

func (l attendLayout) size(warps, slots int, parked bool) int {
	n := slots*l.slot + warps*l.warp
	if parked {
		n += warps * l.parked
	}
	return n
}

// slots is how many slots a block is to have: for one of several warps, of which registers let a multiprocessor have one or
// two, as many as fit. Blocks of one warp fill a multiprocessor together, so that what is on its way at one time decides
// (each block waits for one of its slots), and at equal of that the number of blocks. This is reasoned and not measured.
func (l attendLayout) slots(warps int, parked bool) int {
	best, most := minSlots, 0
	for n := minSlots; n <= maxSlots; n++ {
		blocks := l.limit / l.size(warps, n, parked)
		if warps > 1 {
			blocks = min(blocks, 1)
		}
		if coming := blocks * (n - 1); coming > most {
			best, most = n, coming
		}
	}
	return best
}

// The sizes of heads that kernels are compiled for: others take the next larger one, and those beyond the last the plain
// kernel.
var (
	attendDims    = [...]int{32, 64, 80, 96, 128, 256}
	attendDimsF32 = [...]int{32, 64, 128, 256}
)

const (
	warpPairs   = 16 // pairs of row and head that a warp takes
	plainColumn = 256
	plainWarps  = 4
	deskBytes   = 160 // of a pair, at a segment's end; in float32 where its weights are
)

// NewAttendGeometry lays out attention of heads query heads over kvHeads key heads of dim elements in type t. Where
// the device's shared memory is too small for the size, the plain kernel takes it as well; in float32 to the same bits.
func NewAttendGeometry(info Info, t DType, heads, kvHeads, dim int) AttendGeometry {
	g := AttendGeometry{Heads: heads, KVHeads: kvHeads, Dim: dim, Blocks: 4 * max(info.Multiprocessors, 1)}
	g.check()
	dims := attendDims[:]
	if t == F32 {
		dims = attendDimsF32[:]
	}
	most, size := 0, 0
	for _, d := range dims {
		if size == 0 && dim <= d {
			size = d
		}
	}
	if size > 0 {
		most = g.layOut(max(info.SharedPerBlock, DefaultShared), t, size)
	}
	g.plain = most == 0
	if g.plain {
		g.kernel, most = "attend_plain", 1
	}
	g.setLists(most)
	return g
}

// layOut chooses the kernel for heads of up to size elements, and says how many warps a block may have: 0 where it does not
// fit in so much shared memory at all.
func (g *AttendGeometry) layOut(shared int, t DType, size int) int {
	most, row, desks := 8, 2*(size+8), deskBytes
	slot := PageSize * row
	if t == F32 {
		most, row, desks = 4, 4*(size+4), 4*(PageSize+4)
		slot = PageSize / 2 * row
	}
	g.kernel = fmt.Sprintf("attend_d%d", size)
	g.layout = attendLayout{slot: slot, warp: warpPairs * (row + desks), parked: warpPairs * 4 * (size + 4), limit: shared}
	for most > 0 && g.layout.size(most, minSlots, true) > shared {
		most /= 2
	}
	return most
}

// setLists lays out the lists, of which the last has most warps.
func (g *AttendGeometry) setLists(most int) {
	group := g.Heads / g.KVHeads
	for l, warps := range [attendLists]int{1, min(4, most/2), most} {
		pairs := warps * warpPairs
		switch {
		case warps == 0 || l < wide && (group > pairs || warps == most || warps == 1 && l == middle):
			g.lists[l] = attendList{}
			continue
		case group <= pairs:
			g.lists[l] = attendList{heads: group, chunks: 1, rows: pairs / group}
		default:
			chunks := CeilDiv(group, pairs)
			g.lists[l] = attendList{heads: CeilDiv(group, chunks), chunks: chunks, rows: 1}
		}
		g.lists[l].warps = CeilDiv(g.lists[l].rows*g.lists[l].heads, warpPairs)
	}
}

func (g *AttendGeometry) check() {
	if g.Heads < 1 || g.KVHeads < 1 || g.Dim < 1 || g.Heads%g.KVHeads != 0 {
		panic(fmt.Sprintf("gpu: attention of %d heads over %d key heads of %d", g.Heads, g.KVHeads, g.Dim))
	}
}

// maxRows is the most rows that a tile takes.
func (g *AttendGeometry) maxRows() int { return g.lists[wide].rows }

// list is the list of a tile of n rows.
func (g *AttendGeometry) list(n int) int {
	l := 0
	for n > g.lists[l].rows {
		l++
	}
	return l
}

// partialFloats is the size of one head's partial result: largest score, sum of weights, two unused, and the sums, which
// fill a multiple of four.
func (g *AttendGeometry) partialFloats() int { return 4 + (g.Dim+3)&^3 }

// partialBytes is the size of the partial result of a row and segment.
func (g *AttendGeometry) partialBytes() int64 { return 4 * int64(g.Heads) * int64(g.partialFloats()) }
