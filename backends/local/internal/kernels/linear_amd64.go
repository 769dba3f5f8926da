package kernels

// blockFloats is how much of a Linear keeps in the second-level cache while it passes over the panels.
const blockFloats = 1 << 16

// linear is Linear by the tiles of AVX2, or of AVX-512 where wide. A call of a tile runs under 2 µs.
func linear(wide bool, dst, a []float32, m int, w Weight) {
	if w.Type != F32 {
		generic{}.Linear(dst, a, m, w)
		return
	}
	checkLinear(dst, a, m, w)
	if len(dst) == 0 {
		return
	}
	if w.K == 0 {
		generic{}.Linear(dst, a, m, w)
		return
	}
	full := w.N / PanelWidth * PanelWidth
	if m == 1 {
		linearRow(wide, dst, a, w, full)
	} else {
		rows := max(48, blockFloats/w.K/12*12)
		for i := 0; i < m; i += rows {
			linearRows(wide, dst, a, i, min(i+rows, m), w, full)
		}
	}
	if full < w.N {
		linearTail(wide, dst, a, m, w, full)
	}
	if w.Bias != nil {
		avx2{}.AddBias(dst, w.Bias, m)
	}
}

// linearRows computes rows from to end of the first full columns.
func linearRows(wide bool, dst, a []float32, from, end int, w Weight, full int) {
	for n := 0; n < full; n += PanelWidth {
		for k := 0; k < w.K; k += BlockK {
			b := &w.Data[n*w.K+k*PanelWidth]
			depth := min(BlockK, w.K-k)
			for i := from; i < end; {
				rows := tileRows(wide, end-i)
				tile(wide, rows, depth, &a[i*w.K+k], w.K, b, &dst[i*w.N+n], w.N, k > 0)
				i += rows
			}
		}
	}
}

// linearRow is linearRows for the only row there is, several panels a call.
func linearRow(wide bool, dst, a []float32, w Weight, full int) {
	step := 2 * PanelWidth
	if wide {
		step = 4 * PanelWidth
	}
	for n := 0; n < full; {
		several := n+step <= full
		for k := 0; k < w.K; k += BlockK {
			b := &w.Data[n*w.K+k*PanelWidth]
			depth := min(BlockK, w.K-k)
			switch {
			case several && wide:
				gemv128avx512(depth, &a[k], b, PanelWidth*w.K, &dst[n], k > 0)
			case several:
				gemv64avx2(depth, &a[k], b, PanelWidth*w.K, &dst[n], k > 0)
			default:
				tile(wide, 1, depth, &a[k], w.K, b, &dst[n], w.N, k > 0)
			}
		}
		if several {
			n += step
		} else {
			n += PanelWidth
		}
	}
}

// linearTail computes the columns from n on, fewer than a panel, by way of a whole panel's.
func linearTail(wide bool, dst, a []float32, m int, w Weight, n int) {
	var c [12 * PanelWidth]float32
	for i := 0; i < m; {
		rows := tileRows(wide, m-i)
		for k := 0; k < w.K; k += BlockK {
			b := &w.Data[n*w.K+k*PanelWidth]
			tile(wide, rows, min(BlockK, w.K-k), &a[i*w.K+k], w.K, b, &c[0], PanelWidth, k > 0)
		}
		for r := range rows {
			copy(dst[(i+r)*w.N+n:(i+r+1)*w.N], c[r*PanelWidth:])
		}
		i += rows
	}
}

// tileRows is how many of left rows the next tile takes.
func tileRows(wide bool, left int) int {
	if !wide {
		return min(left, 6)
	}
	switch {
	case left >= 12:
		return 12
	case left >= 8:
		return 8
	case left >= 4:
		return 4
	case left >= 2:
		return 2
	}
	return 1
}

// tile runs the tile of so many rows on one panel. It is a switch and not a function value, which would let
// its arguments escape.
func tile(wide bool, rows, k int, a *float32, lda int, b, c *float32, ldc int, add bool) {
	if wide {
		switch rows {
		case 12:
			tile12x32avx512(k, a, lda, b, c, ldc, add)
		case 8:
			tile8x32avx512(k, a, lda, b, c, ldc, add)
		case 4:
			tile4x32avx512(k, a, lda, b, c, ldc, add)
		case 2:
			tile2x32avx512(k, a, lda, b, c, ldc, add)
		default:
			tile1x32avx512(k, a, lda, b, c, ldc, add)
		}
		return
	}
	switch rows {
	case 3:
		tile3x32avx2(k, a, lda, b, c, ldc, add)
	case 2:
		tile2x32avx2(k, a, lda, b, c, ldc, add)
	case 1:
		tile1x32avx2(k, a, lda, b, c, ldc, add)
	default:
		b2, c2 := second(b), second(c)
		switch rows {
		case 6:
			tile6x16avx2(k, a, lda, b, c, ldc, add)
			tile6x16avx2(k, a, lda, b2, c2, ldc, add)
		case 5:
			tile5x16avx2(k, a, lda, b, c, ldc, add)
			tile5x16avx2(k, a, lda, b2, c2, ldc, add)
		case 4:
			tile4x16avx2(k, a, lda, b, c, ldc, add)
			tile4x16avx2(k, a, lda, b2, c2, ldc, add)
		}
	}
}
