package kernels

import "math"

func (generic) Linear(dst, a []float32, m int, w Weight) {
	checkLinear(dst, a, m, w)
	genericPanels(dst, w.N, a, m, w, 0, w.N)
}

// genericPanels computes outputs from ≤ n < to, whole panels but for the last, of m rows into dst, whose rows
// are ld apart and begin with output from.
func genericPanels(dst []float32, ld int, a []float32, m int, w Weight, from, to int) {
	var block [BlockK * PanelWidth]float32
	eachBlock(w, from, to, func(n, k, end int) {
		w.expand(block[:], n, k, end)
		for i := range m {
			var sum [PanelWidth]float32
			panelChain(&sum, a[i*w.K+k:i*w.K+end], block[:])
			w.finish(dst[i*ld+n-from:], &sum, n, min(PanelWidth, to-n), k, end)
		}
	})
}

// eachBlock visits the blocks k ≤ i < end of the panels that begin with outputs n from from to to.
func eachBlock(w Weight, from, to int, visit func(n, k, end int)) {
	for n := from; n < to; n += PanelWidth {
		for k := 0; k < max(w.K, 1); k += BlockK {
			visit(n, k, min(k+BlockK, w.K))
		}
	}
}

// finish adds the sums of block k ≤ i < end to the width outputs from n on of one row, and the bias to the last.
func (w *Weight) finish(out []float32, sum *[PanelWidth]float32, n, width, k, end int) {
	for j := range width {
		s := sum[j]
		if k > 0 {
			s = out[j] + s
		}
		if end == w.K && w.Bias != nil {
			s += w.Bias[n+j]
		}
		out[j] = s
	}
}

// panelChain adds a·panel to sum, one chain over k an output; panel is [len(a)][PanelWidth].
func panelChain(sum *[PanelWidth]float32, a, panel []float32) {
	for k, x := range a {
		line := (*[PanelWidth]float32)(panel[k*PanelWidth:])
		for j := range sum {
			// fma, which is too long for the compiler to inline.
			p, c := float64(x)*float64(line[j]), float64(sum[j])
			s := p + c
			if math.Float64bits(s)<<35 == 1<<63 || math.Abs(s) < 0x1p-126 {
				sum[j] = roundOdd(p, c, s)
				continue
			}
			sum[j] = float32(s)
		}
	}
}

func (generic) panels(dst []float32, ld int, a []float32, m int, w Weight, from, to int) {
	genericPanels(dst, ld, a, m, w, from, to)
}
