package kernels

import "fmt"

// PackedLen is the number of float32 that a packed n×k matrix takes: n rounded up to whole panels, times k.
func PackedLen(n, k int) int { return (n + PanelWidth - 1) / PanelWidth * PanelWidth * k }

// Pack copies w, n×k row-major (n outputs, k inputs), into a new Weight. It panics if len(w) is not n·k.
func Pack(n, k int, w []float32) Weight {
	return PackInto(make([]float32, PackedLen(n, k)), n, k, w)
}

// PackInto is Pack into dst, whose length must be PackedLen(n, k); the Weight keeps dst.
func PackInto(dst []float32, n, k int, w []float32) Weight {
	if n < 0 || k < 0 || len(w) != n*k || len(dst) != PackedLen(n, k) {
		panic(fmt.Sprintf("kernels: pack of %d×%d from %d values into %d", n, k, len(w), len(dst)))
	}
	for p := 0; p*PanelWidth < n; p++ {
		panel := dst[p*PanelWidth*k : (p+1)*PanelWidth*k]
		rows := min(PanelWidth, n-p*PanelWidth)
		for j := range rows {
			row := w[(p*PanelWidth+j)*k : (p*PanelWidth+j+1)*k]
			for i, v := range row {
				panel[i*PanelWidth+j] = v
			}
		}
		for j := rows; j < PanelWidth; j++ {
			for i := range k {
				panel[i*PanelWidth+j] = 0
			}
		}
	}
	return Weight{N: n, K: k, Data: dst}
}
