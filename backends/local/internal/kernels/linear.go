//go:build amd64 || arm64

package kernels

import (
	"slices"
	"sync"
	"unsafe"
)

// blockFloats is how much of a Linear keeps in the second-level cache while it passes over the panels.
const blockFloats = 1 << 17

// product is a Linear in the form that tiles take: outputs from on, for rows of a.
type product struct {
	wide
	typ  DType // of the tiles
	dst  []float32
	ld   int
	a    []float32
	lda  int
	per  int // numbers of k that one of a holds
	m    int
	w    *Weight
	from int
}

func (v vector) panels(dst []float32, ld int, a []float32, m int, w Weight, from, to int) {
	if w.K == 0 {
		genericPanels(dst, ld, a, m, w, from, to)
		return
	}
	rows := blockRows(m, w.K)
	var apart []float32
	if w.K%aliased == 0 && m > 8 {
		buf := apartPool.Get().(*[]float32)
		defer apartPool.Put(buf)
		*buf = slices.Grow((*buf)[:0], rows*(w.K+apartBy))
		apart = (*buf)[:rows*(w.K+apartBy)]
	}
	for i := 0; i < m; i += rows {
		p := product{wide: v.wide, typ: w.Type, dst: dst[i*ld:], ld: ld, a: a[i*w.K:], lda: w.K, per: 1,
			m: min(rows, m-i), w: &w, from: from}
		if apart != nil {
			p.moveApart(apart)
		}
		p.run(to)
	}
}

// apartBy is by how many numbers rows are moved apart: a line of the cache.
const apartBy = 16

// apartPool has room for rows that are moved apart.
var apartPool = sync.Pool{New: func() any { return new([]float32) }}

// moveApart copies the rows to buf, where they do not share lines of the cache.
func (p *product) moveApart(buf []float32) {
	ld := p.lda + apartBy
	for i := range p.m {
		copy(buf[i*ld:], p.a[i*p.lda:(i+1)*p.lda])
	}
	p.a, p.lda = buf, ld
}

// blockRows is how many of m rows of k numbers are taken at a time.
func blockRows(m, k int) int {
	blocks := (m-1)/max(96, blockFloats/k) + 1
	return ((m-1)/blocks + 12) / 12 * 12
}

// run computes outputs up to to. A call of a tile runs under 3 µs.
func (p *product) run(to int) {
	full := p.from + (to-p.from)&^(PanelWidth-1)
	n := p.from
	if step := p.few(p.m) * PanelWidth; step > 0 {
		for ; n+step <= full; n += step {
			p.panelsAt(n, step)
		}
	}
	for ; n < full; n += PanelWidth {
		p.panelAt(n)
	}
	if full < to {
		p.tail(full, to)
	}
}

// at is the address of row i's numbers from k on.
func (p *product) at(i, k int) *float32 { return &p.a[i*p.lda+k/p.per] }

// depth is how far a tile goes from k, in steps of a.
func (p *product) depth(k int) int {
	d := min(BlockK, p.w.K-k)
	if p.typ == dotBF16 {
		d = (d + d&1) / p.per
	}
	return d
}

// panel is the address of a panel's numbers from k on; k is even and n a multiple of PanelWidth.
func (p *product) panel(n, k int) unsafe.Pointer {
	at := n/PanelWidth*panelLen(p.w.K, p.w.Type) + k*PanelWidth
	if p.w.Type == F32 {
		return unsafe.Pointer(&p.w.Data[at])
	}
	return unsafe.Pointer(&p.w.Half[at])
}

// panelAt computes one panel's outputs, from n on.
func (p *product) panelAt(n int) {
	for k := 0; k < p.w.K; k += BlockK {
		b, depth := p.panel(n, k), p.depth(k)
		for i := 0; i < p.m; {
			r := p.tileRows(p.m - i)
			p.tile(p.typ, r, depth, p.at(i, k), p.lda, b, &p.dst[i*p.ld+n-p.from], p.ld, k > 0)
			i += r
		}
	}
	p.addBias(n, PanelWidth)
}

func (p *product) addBias(n, width int) {
	if p.w.Bias != nil {
		p.bias(&p.dst[n-p.from], p.ld, p.m, &p.w.Bias[n], width)
	}
}

// panelsAt computes several panels' outputs, from n on.
func (p *product) panelsAt(n, width int) {
	stride := panelLen(p.w.K, p.w.Type) * p.w.Type.Size()
	for k := 0; k < p.w.K; k += BlockK {
		b, c := p.panel(n, k), &p.dst[n-p.from]
		p.tiles(p.typ, p.m, p.depth(k), p.at(0, k), p.lda, b, stride, c, p.ld, k > 0)
	}
	p.addBias(n, width)
}

// tail computes fewer outputs than a panel, by way of a whole panel's.
func (p *product) tail(from, to int) {
	var c [12 * PanelWidth]float32
	for i := 0; i < p.m; {
		rows := p.tileRows(p.m - i)
		for k := 0; k < p.w.K; k += BlockK {
			p.tile(p.typ, rows, p.depth(k), p.at(i, k), p.lda, p.panel(from, k), &c[0], PanelWidth, k > 0)
		}
		for r := range rows {
			out := p.dst[(i+r)*p.ld+from-p.from:][:to-from]
			copy(out, c[r*PanelWidth:])
			if p.w.Bias != nil {
				for j, b := range p.w.Bias[from:to] {
					out[j] += b
				}
			}
		}
		i += rows
	}
}
