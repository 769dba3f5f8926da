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
	for n := from; n < to; n += PanelWidth {
		width := min(PanelWidth, to-n)
		for k := 0; k < max(w.K, 1); k += BlockK {
			end := min(k+BlockK, w.K)
			w.expand(block[:], n, k, end)
			for i := range m {
				var sum [PanelWidth]float32
				panelChain(&sum, a[i*w.K+k:i*w.K+end], block[:])
				out := dst[i*ld+n-from:][:width]
				for j := range out {
					if k > 0 {
						sum[j] = out[j] + sum[j]
					}
					if end == w.K && w.Bias != nil {
						sum[j] += w.Bias[n+j]
					}
					out[j] = sum[j]
				}
			}
		}
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
