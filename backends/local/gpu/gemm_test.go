package gpu_test

import (
	"fmt"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/onset-eval/onset/backends/local/gpu"
)

var h100 = gpu.Info{Major: 9, Multiprocessors: 132, SharedPerBlock: 227 << 10}

// TestTilesOfSource compares the tiles' sizes with the kernels' own in gemm.cu.
func TestTilesOfSource(t *testing.T) {
	source, err := os.ReadFile("kernels/gemm.cu")
	if err != nil {
		t.Fatal(err)
	}
	line := regexp.MustCompile(`(?m)^(LINEARS|SIMT)\((\w+), (true|false),((?:\s*\d+,?)+)\)`)
	found := map[string]bool{}
	for _, m := range line.FindAllStringSubmatch(string(source), -1) {
		var v []int
		for _, f := range strings.Split(m[4], ",") {
			n, err := strconv.Atoi(strings.TrimSpace(f))
			if err != nil {
				t.Fatal(err)
			}
			v = append(v, n)
		}
		typ, name, threads := gpu.BF16, m[2], 0
		if m[1] == "SIMT" { // BLOCKS TO TT RO RT BK STAGES
			typ, name, v = gpu.F32, strings.TrimSuffix(name, "_f32"), v[1:]
			threads = v[0] / v[2] * (v[1] / v[3])
		} else { // BLOCKS TO TT WO WT BK STAGES WARPS
			v = v[1:]
			threads = 32 * v[6]
			if turn := v[6] * min(v[3], 32) * (v[2] + 4) * 4; turn > v[5]*(v[0]+v[1])*v[4]*2 {
				t.Errorf("%s: %d bytes to turn the results in do not fit into its stages", name, turn)
			}
		}
		shared := v[5] * (v[0] + v[1]) * v[4] * typ.Size()
		var tile *gpu.Tile
		for _, c := range gpu.Tiles(typ) {
			if c.Kernel == name {
				tile = &c
			}
		}
		if tile == nil {
			t.Errorf("%s of gemm.cu is none of Tiles(%v)", name, typ)
			continue
		}
		if tile.Outputs != v[0] || tile.Tokens != v[1] || tile.Threads != threads || tile.Shared != shared {
			t.Errorf("%s %v: tile %+v, but the source has %d outputs, %d tokens, %d threads, %d bytes", name, typ, *tile, v[0], v[1],
				threads, shared)
		}
		if shared > 99<<10 {
			t.Errorf("%s %v: %d bytes of shared memory, where compute capability 8.6 has 101376", name, typ, shared)
		}
		found[fmt.Sprint(typ, name)] = true
	}
	if want := len(gpu.Tiles(gpu.BF16)) + len(gpu.Tiles(gpu.F32)); len(found) != want {
		t.Errorf("found %d kernels in gemm.cu, want %d", len(found), want)
	}
}

func TestLinearTile(t *testing.T) {
	rtx := gpu.Info{Major: 8, Minor: 6, Multiprocessors: 82, SharedPerBlock: 99 << 10}
	small := gpu.Info{Major: 8, Multiprocessors: 108, SharedPerBlock: 48 << 10}
	for _, c := range []struct {
		t       gpu.DType
		m, n, k int
		vectors bool
		hopper  bool
		info    gpu.Info
		want    string
	}{
		{gpu.BF16, 1, 4096, 4096, true, false, h100, "linear_16x8"},
		{gpu.BF16, 8, 4096, 4096, true, true, h100, "linear_16x8"},
		{gpu.F16, 16, 4096, 4096, true, false, h100, "linear_16x16"},
		{gpu.BF16, 32, 4096, 4096, true, false, h100, "linear_32x32"},
		{gpu.BF16, 64, 4096, 4096, true, false, h100, "linear_32x32"},
		{gpu.BF16, 128, 4096, 4096, true, false, h100, "linear_64x64"},
		{gpu.BF16, 256, 4096, 4096, true, false, h100, "linear_128x64"},
		{gpu.BF16, 512, 4096, 4096, true, false, h100, "linear_128x128"},
		{gpu.BF16, 512, 4096, 4096, true, true, h100, "linear90_128x128"},
		{gpu.BF16, 512, 4096, 4072, true, true, h100, "linear_128x128"},
		{gpu.BF16, 1024, 4096, 4096, true, false, h100, "linear_128x256"},
		{gpu.F16, 4096, 4096, 4096, true, true, h100, "linear90_128x256"},
		{gpu.BF16, 8192, 11008, 4096, true, false, h100, "linear_128x256"},
		{gpu.BF16, 8192, 11008, 4096, true, false, rtx, "linear_128x256"},
		{gpu.BF16, 8192, 11008, 4096, true, true, rtx, "linear_128x256"},
		{gpu.BF16, 8192, 11008, 4096, true, false, small, "linear_128x64"},
		{gpu.BF16, 8192, 11008, 4096, false, true, h100, "linear_plain"},
		{gpu.F32, 1, 4096, 4096, true, true, h100, "linear_16x8"},
		{gpu.F32, 4096, 4096, 4096, true, true, h100, "linear_128x128"},
		{gpu.F32, 4096, 4096, 4096, false, false, h100, "linear_plain"},
		{gpu.BF16, 1, 1, 1, true, false, gpu.Info{}, "linear_16x8"},
	} {
		s := gpu.LinearShape{T: c.t, M: c.m, N: c.n, K: c.k, Vectors: c.vectors, Hopper: c.hopper}
		if got := gpu.LinearTile(s, c.info); got.Kernel != c.want {
			t.Errorf("%+v on %d multiprocessors: %s, want %s", s, c.info.Multiprocessors, got.Kernel, c.want)
		}
	}
}

// TestTileBlocks holds that the blocks cover the product and that none is empty.
func TestTileBlocks(t *testing.T) {
	for _, typ := range []gpu.DType{gpu.F32, gpu.BF16, gpu.F16} {
		for _, tile := range gpu.Tiles(typ) {
			for _, m := range []int{1, tile.Tokens - 1, tile.Tokens, tile.Tokens + 1, 1000} {
				for _, n := range []int{1, tile.Outputs - 1, tile.Outputs, tile.Outputs + 1, 50257} {
					across, along := gpu.CeilDiv(n, tile.Outputs), gpu.CeilDiv(m, tile.Tokens)
					if tile.Blocks(m, n) != across*along || across*tile.Outputs < n || (across-1)*tile.Outputs >= n ||
						along*tile.Tokens < m || (along-1)*tile.Tokens >= m {
						t.Errorf("%s %v: %d blocks for m=%d n=%d", tile.Kernel, typ, tile.Blocks(m, n), m, n)
					}
				}
			}
		}
	}
}

func TestVectors(t *testing.T) {
	for _, c := range []struct {
		t      gpu.DType
		x, w   gpu.Ptr
		k, ldx int
		want   bool
	}{
		{gpu.BF16, 256, 512, 64, 64, true},
		{gpu.BF16, 256, 512, 64, 72, true},
		{gpu.BF16, 256, 512, 64, 68, false},
		{gpu.BF16, 256, 512, 60, 64, false},
		{gpu.BF16, 264, 512, 64, 64, false},
		{gpu.BF16, 256, 520, 64, 64, false},
		{gpu.F32, 256, 512, 60, 68, true},
		{gpu.F32, 256, 512, 62, 64, false},
	} {
		if got := gpu.Vectors(c.t, c.x, c.w, c.k, c.ldx); got != c.want {
			t.Errorf("Vectors(%v, %d, %d, %d, %d) = %t", c.t, c.x, c.w, c.k, c.ldx, got)
		}
	}
}
