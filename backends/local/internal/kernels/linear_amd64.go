package kernels

import "unsafe"

// blockFloats is how much of a Linear keeps in the second-level cache while it passes over the panels.
const blockFloats = 1 << 16

// panels computes outputs from ≤ n < to of m rows into dst, whose rows are ld apart and begin with output from,
// a multiple of PanelWidth. A call of a tile runs under 3 µs.
func (v wide) panels(dst []float32, ld int, a []float32, m int, w Weight, from, to int) {
	if w.K == 0 {
		genericPanels(dst, ld, a, m, w, from, to)
		return
	}
	if m == 0 || from == to {
		return
	}
	full := from + (to-from)&^(PanelWidth-1)
	if v.few(m) > 0 {
		v.fewRows(dst, ld, a, m, w, from, full)
	} else {
		blocks := (m-1)/max(48, blockFloats/w.K) + 1
		rows := ((m-1)/blocks + 12) / 12 * 12
		for i := 0; i < m; i += rows {
			v.rows(dst[i*ld:], ld, a[i*w.K:], min(rows, m-i), w, from, full)
		}
	}
	if full < to {
		v.tail(dst[full-from:], ld, a, m, w, full, to)
	}
}

// panel is the address of a panel's numbers from k on; k is even and n a multiple of PanelWidth.
func (w *Weight) panel(n, k int) unsafe.Pointer {
	at := n/PanelWidth*panelLen(w.K, w.Type) + k*PanelWidth
	if w.Type == F32 {
		return unsafe.Pointer(&w.Data[at])
	}
	return unsafe.Pointer(&w.Half[at])
}

// rows computes whole panels of m rows.
func (v wide) rows(dst []float32, ld int, a []float32, m int, w Weight, from, to int) {
	for n := from; n < to; n += PanelWidth {
		for k := 0; k < w.K; k += BlockK {
			b := w.panel(n, k)
			depth := min(BlockK, w.K-k)
			for i := 0; i < m; {
				r := v.tileRows(m - i)
				v.tile(w.Type, r, depth, &a[i*w.K+k], w.K, b, &dst[i*ld+n-from], ld, k > 0)
				i += r
			}
		}
		if w.Bias != nil {
			v.bias(&dst[n-from], ld, m, &w.Bias[n], PanelWidth)
		}
	}
}

// few is how many panels there are tiles for with m rows, if more than one.
func (v wide) few(m int) int {
	switch {
	case bool(v) && m <= 3:
		return 4
	case bool(v) && m <= 6 || m == 1:
		return 2
	}
	return 0
}

// fewRows is rows by tiles of several panels.
func (v wide) fewRows(dst []float32, ld int, a []float32, m int, w Weight, from, to int) {
	step := v.few(m) * PanelWidth
	stride := panelLen(w.K, w.Type) * w.Type.Size()
	n := from
	for ; n+step <= to; n += step {
		for k := 0; k < w.K; k += BlockK {
			depth := min(BlockK, w.K-k)
			if v {
				panelsavx512(w.Type, m, depth, &a[k], w.K, w.panel(n, k), stride, &dst[n-from], ld, k > 0)
			} else {
				panelsavx2(w.Type, depth, &a[k], w.K, w.panel(n, k), stride, &dst[n-from], ld, k > 0)
			}
		}
		if w.Bias != nil {
			v.bias(&dst[n-from], ld, m, &w.Bias[n], step)
		}
	}
	if n < to {
		v.rows(dst[n-from:], ld, a, m, w, n, to)
	}
}

// tail computes fewer outputs than a panel, by way of a whole panel's.
func (v wide) tail(dst []float32, ld int, a []float32, m int, w Weight, from, to int) {
	var c [12 * PanelWidth]float32
	for i := 0; i < m; {
		rows := v.tileRows(m - i)
		for k := 0; k < w.K; k += BlockK {
			v.tile(w.Type, rows, min(BlockK, w.K-k), &a[i*w.K+k], w.K, w.panel(from, k), &c[0], PanelWidth, k > 0)
		}
		for r := range rows {
			out := dst[(i+r)*ld:][:to-from]
			copy(out, c[r*PanelWidth:])
			if w.Bias != nil {
				for j, b := range w.Bias[from:to] {
					out[j] += b
				}
			}
		}
		i += rows
	}
}

// tileRows is how many of left rows the next tile takes.
func (v wide) tileRows(left int) int {
	switch {
	case !bool(v):
		return min(left, 6)
	case left >= 12:
		return 12
	}
	return min(left, 8)
}

func (v wide) tile(t DType, rows, k int, a *float32, lda int, b unsafe.Pointer, c *float32, ldc int, add bool) {
	if v {
		tileavx512(t, rows, k, a, lda, b, c, ldc, add)
	} else {
		tileavx2(t, rows, k, a, lda, b, c, ldc, add)
	}
}
