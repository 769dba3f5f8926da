package kernels

import (
	"fmt"
	"math"
	"testing"
)

// half is half a unit in the last place of 1.
const half = 0x1p-24

func eachSet(t *testing.T, f func(t *testing.T, s Set)) {
	for _, s := range All() {
		t.Run(s.Name(), func(t *testing.T) { f(t, s) })
	}
}

func TestLinearAgainstFloat64(t *testing.T) {
	for _, k := range []int{1, 31, 256, 700, 2100} {
		eachSet(t, func(t *testing.T, s Set) {
			const m, n = 7, 75
			r := newRand(uint64(k))
			raw, a := ordinary.into(r, make([]float32, n*k)), ordinary.into(r, make([]float32, m*k))
			dst := make([]float32, m*n)
			s.Linear(dst, a, m, Pack(n, k, raw))
			for i := range m {
				for j := range n {
					var want, size float64
					for d := range k {
						p := float64(a[i*k+d]) * float64(raw[j*k+d])
						want += p
						size += math.Abs(p)
					}
					near(t, fmt.Sprintf("k=%d (%d,%d)", k, i, j), dst[i*n+j], want, 2*math.Sqrt(float64(k))*half*size)
				}
			}
		})
	}
}

// Blocks of BlockK are chains from zero, added in order: numbers where another grouping gives another sum.
func TestLinearAddsByBlocks(t *testing.T) {
	const k = 2*BlockK + 1
	ones := make([]float32, k)
	for i := range ones {
		ones[i] = 1
	}
	w := Pack(1, k, ones)
	for name, c := range map[string]struct {
		second, third, want float32
	}{
		// One chain would lose each 2⁻²⁴ against 1; the second block's sum 2⁻²³ is not lost.
		"by blocks": {0x1p-24, 0x1p-25, 1 + 0x1p-23},
		// From the end, the blocks after the first would come to enough to show.
		"in order": {0x1p-25, 0x1p-24, 1},
	} {
		a := make([]float32, k)
		a[BlockK-1], a[BlockK], a[BlockK+1], a[2*BlockK] = 1, c.second, c.second, c.third
		eachSet(t, func(t *testing.T, s Set) {
			var dst [1]float32
			s.Linear(dst[:], a, 1, w)
			if dst[0] != c.want {
				t.Errorf("%s: %x, want %x", name, dst[0], c.want)
			}
		})
	}
}

func TestRMSNormAgainstFloat64(t *testing.T) {
	for _, n := range []int{1, 8, 25, 768} {
		eachSet(t, func(t *testing.T, s Set) {
			r := newRand(uint64(n))
			x, w, dst := ordinary.into(r, make([]float32, 2*n)), ordinary.into(r, make([]float32, n)), make([]float32, 2*n)
			s.RMSNorm(dst, x, w, 2, 1e-5)
			for i := range dst {
				var sum float64
				for _, v := range x[i/n*n : i/n*n+n] {
					sum += float64(v) * float64(v)
				}
				want := float64(x[i]) / math.Sqrt(sum/float64(n)+1e-5) * float64(w[i%n])
				near(t, fmt.Sprint(i), dst[i], want, 20*half*math.Abs(want))
			}
		})
	}
}

func TestSiluMulAndAddAgainstFloat64(t *testing.T) {
	eachSet(t, func(t *testing.T, s Set) {
		const n = 1001
		r := newRand(1)
		x, dst := ordinary.into(r, make([]float32, 2*n)), make([]float32, n)
		for i := range n {
			x[i] = float32(i-n/2) / 8
		}
		s.Gate(dst, x, 1, Silu)
		sum := append([]float32(nil), dst...)
		s.Add(sum, x[n:])
		for i := range n {
			g := float64(x[i])
			want := g / (1 + math.Exp(-g)) * float64(x[n+i])
			near(t, fmt.Sprintf("silu(%g)·%g", g, x[n+i]), dst[i], want, 8*half*math.Abs(want)+0x1p-149)
			near(t, "add", sum[i], float64(dst[i])+float64(x[n+i]), half*math.Abs(float64(sum[i])))
		}
	})
}

func TestRopeAgainstFloat64(t *testing.T) {
	eachSet(t, func(t *testing.T, s Set) {
		const m, heads, dim, h = 3, 2, 22, 11
		r := newRand(1)
		x, cos, sin := make([]float32, m*heads*dim), make([]float32, m*h), make([]float32, m*h)
		ordinary.into(r, x)
		for i := range cos {
			angle := float64(i) * 0.37
			cos[i], sin[i] = float32(math.Cos(angle)), float32(math.Sin(angle))
		}
		got := append([]float32(nil), x...)
		s.Rope(got, heads*dim, []int{0, 1, 2}, cos, sin, heads, Rotary{Dim: dim, Rot: dim})
		for i := range got {
			row, j := i/(heads*dim), i%dim
			c, sn := float64(cos[row*h+j%h]), float64(sin[row*h+j%h])
			a, b := float64(x[i-j+j%h]), float64(x[i-j+j%h+h])
			want := a*c - b*sn
			if j >= h {
				want = b*c + a*sn
			}
			near(t, fmt.Sprint(i), got[i], want, 4*half*(math.Abs(a)+math.Abs(b)))
		}
	})
}

func TestAttendAgainstFloat64(t *testing.T) {
	for _, dim := range []int{8, 25, 64} {
		for _, n := range []int{1, 5, 64, 65, 150} {
			eachSet(t, func(t *testing.T, s Set) { attendAgainstFloat64(t, s, dim, n) })
		}
	}
}

func attendAgainstFloat64(t *testing.T, s Set, dim, n int) {
	const heads, kvHeads, scale = 4, 2, 0.5
	r := newRand(uint64(dim + n))
	pages := make([]Page, (n+PageSize-1)/PageSize)
	for i := range pages {
		pages[i].K = ordinary.into(r, make([]float32, kvHeads*dim*PageSize))
		pages[i].V = ordinary.into(r, make([]float32, kvHeads*dim*PageSize))
	}
	q, dst := ordinary.into(r, make([]float32, heads*dim)), make([]float32, heads*dim)
	s.Attend(dst, q, 0, []Query{{Pages: pages, To: n}}, Attention{Heads: heads, KVHeads: kvHeads, Dim: dim, Scale: scale})
	for h := range heads {
		g := h / (heads / kvHeads)
		var total, size float64
		want := make([]float64, dim)
		for j := range n {
			p, at := pages[j/PageSize], j%PageSize
			var dot float64
			for d := range dim {
				dot += float64(q[h*dim+d]) * float64(p.K[(g*dim+d)*PageSize+at])
			}
			e := math.Exp(scale * dot)
			total += e
			size = max(size, math.Abs(scale*dot))
			for d := range dim {
				want[d] += e * float64(p.V[(g*PageSize+at)*dim+d])
			}
		}
		for d := range dim {
			near(t, fmt.Sprintf("head %d, %d", h, d), dst[h*dim+d], want[d]/total, 1e-6*(8+size))
		}
	}
}

func TestLogSumExpAgainstFloat64(t *testing.T) {
	for _, n := range []int{1, 2, 15, 16, 17, 50257} {
		eachSet(t, func(t *testing.T, s Set) {
			r := newRand(uint64(n))
			x := ordinary.into(r, make([]float32, n))
			var sum float64
			for i := range x {
				x[i] = 10*x[i] + 100
				sum += math.Exp(float64(x[i]) - 100)
			}
			want := 100 + math.Log(sum)
			near(t, fmt.Sprint(n), s.LogSumExp(x), want, 2*half*math.Abs(want))
		})
	}
	inf := float32(math.Inf(1))
	eachSet(t, func(t *testing.T, s Set) {
		sameBits(t, []float32{s.LogSumExp([]float32{-inf, -inf}), s.LogSumExp([]float32{1, inf}),
			s.LogSumExp([]float32{-inf, 3}), s.LogSumExp([]float32{1, nan32()}), s.LogSumExp([]float32{inf, nan32()})},
			[]float32{-inf, inf, 3, nan32(), nan32()})
	})
}
