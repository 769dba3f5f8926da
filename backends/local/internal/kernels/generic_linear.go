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

func (g generic) LogProbs(rows []Scores, x []float32, head Weight, l Logits) {
	checkLogProbs(rows, x, head, l)
	logProbs(g, genericPanels, rows, x, head, l)
}

// panels computes outputs of a Linear as genericPanels does.
type panels func(dst []float32, ld int, a []float32, m int, w Weight, from, to int)

// scoredRows is how many rows logProbs takes at a time.
const scoredRows = 8

// logProbs is LogProbs by a set's other kernels, a block of logits at a time.
func logProbs(k Set, linear panels, rows []Scores, x []float32, head Weight, l Logits) {
	var z [scoredRows * LogBlock]float32
	for len(rows) > 0 {
		m := min(scoredRows, len(rows))
		var sums [scoredRows]logSum
		for i := range m {
			sums[i] = emptyLogSum()
			rows[i].Top, rows[i].ArgMax = float32(math.Inf(-1)), 0
		}
		for n := 0; n < head.N; n += LogBlock {
			width := min(LogBlock, head.N-n)
			block := z[:m*width]
			linear(block, width, x[:m*head.K], m, head, n, n+width)
			l.apply(k, block)
			for i := range m {
				row := block[i*width : (i+1)*width]
				sums[i].merge(blockSum(row))
				rows[i].note(k, row, n)
			}
		}
		for i := range m {
			rows[i].LogSumExp = sums[i].log()
		}
		rows, x = rows[m:], x[m*head.K:]
	}
}

// apply makes outputs of the head logits.
func (l Logits) apply(k Set, z []float32) {
	if l.Scale != 0 {
		k.Scale(z, l.Scale)
	}
	if l.Cap != 0 {
		k.SoftCap(z, l.Cap)
	}
}

// note takes from a block of logits, which begins with output from, what is asked for.
func (s *Scores) note(k Set, block []float32, from int) {
	at := k.ArgMax(block)
	if block[at] > s.Top {
		s.Top, s.ArgMax = block[at], from+at
	}
	for i, t := range s.Targets {
		if t >= from && t < from+len(block) {
			s.Logits[i] = block[t-from]
		}
	}
}
