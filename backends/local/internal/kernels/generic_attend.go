package kernels

import "math"

// attendedRows is how many rows are attended together at most.
const attendedRows = 48

func (g generic) Attend(dst, q []float32, ld int, rows []Query, a Attention) {
	checkAttend(dst, q, ld, rows, a)
	g.attendHeads(dst, q, ld, rows, a, 0, a.Heads)
}

func (generic) attendHeads(dst, q []float32, ld int, rows []Query, a Attention, from, to int) {
	width := a.Heads * a.Dim
	for i, row := range rows {
		for h := from; h < to; h++ {
			at := h * a.Dim
			attendHead(dst[i*width+at:][:a.Dim], q[i*ld+at:][:a.Dim], row, a, h)
		}
	}
}

// attendHead is one head of one row.
func attendHead(out, q []float32, row Query, a Attention, h int) {
	var p [PageSize]float32
	at := h / (a.Heads / a.KVHeads) * a.Dim * PageSize
	clear(out)
	top, total := float32(math.Inf(-1)), float32(0)
	for i := row.From / PageSize; i*PageSize < row.To; i++ {
		first := i * PageSize
		from, to := max(row.From-first, 0), min(row.To-first, PageSize)
		scores(&p, q, row.Pages[i].K[at:at+a.Dim*PageSize], a.Scale)
		a.adjust(&p, h, first-(row.To-1))
		if n := len(a.Biases) / a.Heads; n > 0 {
			for j, bias := range a.Biases[h*n+first : h*n+first+to] {
				p[j] += bias
			}
		}
		decay, next, sum := softmaxStep(&p, from, to, top)
		top, total = next, float32(total*decay)+sum
		weighValues(out, p[from:to], row.Pages[i].V[at+from*a.Dim:], decay)
	}
	for d := range out {
		out[d] = out[d]/total + 0
	}
}

// scores sets s[j] = scale · Σ_d q[d]·k[d][j], one chain over d.
func scores(s *[PageSize]float32, q, k []float32, scale float32) {
	clear(s[:])
	for d, x := range q {
		for j, y := range k[d*PageSize : (d+1)*PageSize] {
			s[j] = fma(x, y, s[j])
		}
	}
	for j := range s {
		s[j] *= scale
	}
}

// adjust caps the scores of a page and adds the slope times their distance; the page's first position is at
// ahead of the row's last.
func (a *Attention) adjust(s *[PageSize]float32, head, ahead int) {
	if a.Cap != 0 {
		inv := 1 / a.Cap
		for j := range s {
			s[j] = softCap(s[j], a.Cap, inv)
		}
	}
	if a.Slopes != nil {
		for j := range s {
			s[j] = fma(a.Slopes[head], float32(ahead+j), s[j])
		}
	}
}

// softmaxStep replaces the scores s at from ≤ j < to by exp(s - next), where next is the largest of top and
// these, and the others by 0. It returns what earlier sums are to be scaled by, exp(top - next), and the new
// numbers' sum, taken in 16 lanes.
func softmaxStep(s *[PageSize]float32, from, to int, top float32) (decay, next, sum float32) {
	next = top
	for _, v := range s[from:to] {
		if v > next {
			next = v
		}
	}
	var lanes [16]float32
	for j, v := range s {
		if j < from || j >= to {
			s[j] = 0
			continue
		}
		s[j] = exp(v - next)
		lanes[j%16] += s[j]
	}
	return exp(top - next), next, tree(&lanes)
}

// weighValues sets out[d] = out[d]·decay + Σ_j p[j]·v[j][d], one chain over the positions j.
func weighValues(out, p, v []float32, decay float32) {
	dim := len(out)
	for d := range out {
		out[d] *= decay
	}
	for j, x := range p {
		for d, y := range v[j*dim : (j+1)*dim] {
			out[d] = fma(x, y, out[d])
		}
	}
}
