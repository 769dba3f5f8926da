package gpu

import (
	"fmt"
	"strings"
)

// Tile is one of the kernels of gemm.cu over T: the part of a product that a block of threads computes.
//
// What the products cost [estimates; no line of them has run on a GPU]. A product of m tokens with n·k weights of s bytes takes
// 2·m·n·k operations and moves s·(n·k + m·k + m·n) bytes at least, so on an H100 (132 multiprocessors at 1.755 GHz; 3.35 TB/s;
// mma.sync about 62 % of 989 TFLOP/s, arXiv 2402.13499) it waits for memory below some 180 tokens and for arithmetic above:
//
//	4096×4096 bf16, m = 1:     34 MB    10.0 µs memory     0.05 µs arithmetic    16×8 tiles, 256 blocks
//	4096×4096 bf16, m = 64:    35 MB    10.3 µs             3.5 µs               32×32, 256 blocks
//	4096×4096 bf16, m = 4096: 101 MB    30   µs           224   µs               128×256, 512 blocks = 3.9 waves
//	11008×4096 bf16, m = 4096: 214 MB   64   µs           602   µs               128×256, 1376 blocks = 10.4 waves
//	4096×4096 f32, m = 4096:  201 MB    60   µs          2050   µs (67 TFLOP/s)  128×128, 1024 blocks = 7.8 waves
//
// A small tile reads more per operation: a 16×8 tile needs 48 bytes from the L2 cache for each column of 128 products, a
// 128×256 tile 768 for 32,768. At about 40 bytes per clock and multiprocessor that bounds the first to 107 products a clock and
// the last not at all: the rates below, and the reason why there are several tiles.
type Tile struct {
	Kernel  string // its name without the suffix of T
	Outputs int    // of a block
	Tokens  int    // of a block
	Threads int
	Shared  int // bytes of dynamic shared memory
	rate    int // products per clock that a multiprocessor is expected to reach
}

// persistent reports whether a block computes tiles until there are none, so that the grid is as large as the card.
func (t Tile) persistent() bool { return strings.HasPrefix(t.Kernel, "linear90") }

// halfTiles are the kernels in bf16 and f16, floatTiles in float32, from the smallest. A stage holds Outputs + Tokens rows; the
// sizes repeat gemm.cu's, which a test compares.
var (
	halfTiles = []Tile{
		{"linear_16x8", 16, 8, 128, 4 * (16 + 8) * 256 * 2, 100},
		{"linear_16x16", 16, 16, 128, 3 * (16 + 16) * 256 * 2, 160},
		{"linear_32x32", 32, 32, 128, 4 * (32 + 32) * 128 * 2, 300},
		{"linear_64x64", 64, 64, 128, 4 * (64 + 64) * 64 * 2, 600},
		{"linear_128x64", 128, 64, 128, 4 * (128 + 64) * 32 * 2, 800},
		{"linear_128x128", 128, 128, 128, 4 * (128 + 128) * 32 * 2, 1000},
		{"linear_128x256", 128, 256, 256, 4 * (128 + 256) * 32 * 2, 1150},
	}
	floatTiles = []Tile{
		{"linear_16x8", 16, 8, 128, 4 * (16 + 8) * 128 * 4, 45},
		{"linear_32x32", 32, 32, 256, 4 * (32 + 32) * 64 * 4, 60},
		{"linear_64x64", 64, 64, 256, 3 * (64 + 64) * 32 * 4, 85},
		{"linear_128x128", 128, 128, 256, 3 * (128 + 128) * 32 * 4, 105},
	}
	// The plain kernels take any k, row distance and alignment.
	halfPlain  = Tile{"linear_plain", 64, 64, 128, 2 * (64 + 64) * 64 * 2, 20}
	floatPlain = Tile{"linear_plain", 64, 64, 256, 2 * (64 + 64) * 32 * 4, 20}
)

// hopperTiles are the kernels of gemm90.cu in bf16 and f16, whose blocks compute tiles one after another.
var hopperTiles = []Tile{
	{"linear90_128x128", 128, 128, 384, 6*(128+128)*64*2 + hopperTurn + 6*16, 1500},
	{"linear90_128x256", 128, 256, 384, 4*(128+256)*64*2 + hopperTurn + 4*16, 1700},
}

// hopperTurn is the memory in which eight warps turn their results: 32 tokens of 16 outputs and 4 apart, in float32.
const hopperTurn = 8 * 32 * (16 + 4) * 4

// HopperTiles returns the kernels of gemm90.cu.
func HopperTiles() []Tile { return hopperTiles[:len(hopperTiles):len(hopperTiles)] }

// Tiles returns the kernels over t that LinearTile chooses from, the plain one last.
func Tiles(t DType) []Tile {
	if t == F32 {
		return append(floatTiles[:len(floatTiles):len(floatTiles)], floatPlain)
	}
	return append(halfTiles[:len(halfTiles):len(halfTiles)], halfPlain)
}

// Blocks returns the number of tiles of a product of m tokens with n outputs, which are blocks unless a block computes several.
func (t Tile) Blocks(m, n int) int { return CeilDiv(n, t.Outputs) * CeilDiv(m, t.Tokens) }

// cost is the time of a product in thousandths of a clock and column of k, were it bound by the busiest multiprocessor alone.
func (t Tile) cost(m, n, multiprocessors int) int {
	return CeilDiv(t.Blocks(m, n), multiprocessors) * (t.Outputs * t.Tokens * 1000 / t.rate)
}

// Vectors reports whether rows of k elements of t, ldx apart in x and contiguous in w, all begin at multiples of 16 bytes, so
// that the tiled kernels may read them.
func Vectors(t DType, x, w Ptr, k, ldx int) bool {
	per := 16 / t.Size()
	return (x|w)%16 == 0 && k%per == 0 && ldx%per == 0
}

// LinearShape is what the choice of a kernel depends on.
type LinearShape struct {
	T       DType
	M, N, K int  // tokens, outputs, columns
	Vectors bool // rows begin at multiples of 16 bytes: see Vectors
	Hopper  bool // the kernels of gemm90.cu may be used
}

// LinearTile chooses the kernel for a product: the one with the least expected time among those whose shared memory the device
// has (at least 99 KiB from compute capability 8.0 on, which is enough for all of gemm.cu), and the smaller one where two are
// equal. It is a function of its arguments alone. The results do not depend on it: every kernel of a type gives a row the same
// bits.
func LinearTile(s LinearShape, info Info) Tile {
	if s.M < 1 || s.N < 1 || s.K < 1 {
		panic(fmt.Sprintf("gpu: product of %d tokens and %d outputs of %d", s.M, s.N, s.K))
	}
	tiles, plain := halfTiles, halfPlain
	if s.T == F32 {
		tiles, plain = floatTiles, floatPlain
	}
	if !s.Vectors {
		return plain
	}
	sms, best := max(info.Multiprocessors, 1), tiles[0]
	consider := func(tiles []Tile) {
		for _, tile := range tiles {
			if tile.Shared <= info.SharedPerBlock && tile.cost(s.M, s.N, sms) < best.cost(s.M, s.N, sms) {
				best = tile
			}
		}
	}
	consider(tiles[1:])
	if s.Hopper && s.T != F32 && s.K%hopperColumns == 0 {
		consider(hopperTiles)
	}
	return best
}

// hopperColumns is what k must be a multiple of for the kernels of gemm90.cu.
const hopperColumns = 64
