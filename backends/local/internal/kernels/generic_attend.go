package kernels

import "math"

func (generic) Attend(dst, q []float32, heads, kvHeads, dim int, pages []Page, n int, scale float32) {
	checkAttend(dst, q, heads, kvHeads, dim, pages, n)
	var p [PageSize]float32
	for h := range heads {
		out, qh := dst[h*dim:(h+1)*dim], q[h*dim:(h+1)*dim]
		at := h / (heads / kvHeads) * dim * PageSize
		clear(out)
		top, total := float32(math.Inf(-1)), float32(0)
		for i := 0; i*PageSize < n; i++ {
			s := p[:min(PageSize, n-i*PageSize)]
			scores(s, qh, pages[i].K[at:at+dim*PageSize], scale)
			decay, next, sum := softmaxStep(s, top)
			top, total = next, float32(total*decay)+sum
			weighValues(out, s, pages[i].V[at:at+dim*PageSize], decay)
		}
		for d := range out {
			out[d] /= total
		}
	}
}

// scores sets s[j] = scale · Σ_d q[d]·k[d][j], one chain over d.
func scores(s, q, k []float32, scale float32) {
	clear(s)
	for d, x := range q {
		for j, y := range k[d*PageSize : d*PageSize+len(s)] {
			s[j] = fma(x, y, s[j])
		}
	}
	for j := range s {
		s[j] *= scale
	}
}

// softmaxStep replaces the scores s by exp(s - next), where next is the largest of top and s. It returns what
// earlier sums are to be scaled by, exp(top - next), and the new numbers' sum, taken in 8 lanes.
func softmaxStep(s []float32, top float32) (decay, next, sum float32) {
	next = top
	for _, v := range s {
		if v > next {
			next = v
		}
	}
	var lanes [16]float32
	for j, v := range s {
		s[j] = exp(v - next)
		lanes[j%8] += s[j]
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
