package kernels

import "fmt"

// Weight is a matrix of N outputs by K inputs, packed for Linear in ceil(N/PanelWidth) panels, outputs past N
// zero, with an optional bias. A panel is [K][PanelWidth] of F32 (in Data) or F16 (in Half), or
// [ceil(K/2)][PanelWidth][2] of BF16 (in Half): pairs of neighbours in k, zero past K.
type Weight struct {
	N, K int
	Type DType
	Data []float32 // of type F32
	Half []uint16  // of type BF16 or F16
	Bias []float32 // nil, or N numbers that Linear adds
	// Device, where Data and Half are nil, is the address of the matrix in a device's memory, which no kernel here reads.
	Device uint64
}

// PackedLen is the count of numbers that a packed n×k matrix of a type takes: n rounded up to whole panels,
// times k (rounded up to pairs for BF16). Times the type's Size these are its bytes.
func PackedLen(n, k int, t DType) int {
	return (n + PanelWidth - 1) / PanelWidth * panelLen(k, t)
}

func panelLen(k int, t DType) int {
	if t == BF16 {
		k += k & 1
	}
	return PanelWidth * k
}

// NewWeight makes a zero matrix, for SetRows to fill.
func NewWeight(n, k int, t DType) Weight {
	if t == F32 {
		return Weight{N: n, K: k, Data: make([]float32, PackedLen(n, k, t))}
	}
	return Weight{N: n, K: k, Type: t, Half: make([]uint16, PackedLen(n, k, t))}
}

// Pack copies w, n×k row-major (n outputs, k inputs), into a new Weight of type F32. It panics if len(w) is
// not n·k.
func Pack(n, k int, w []float32) Weight {
	p := NewWeight(n, k, F32)
	if len(w) != n*k {
		panic(fmt.Sprintf("kernels: pack of %d×%d from %d values", n, k, len(w)))
	}
	p.SetRows(0, w)
	return p
}

// SetRows writes whole outputs, row-major with K numbers each, from output at on, rounding to the nearest of
// the Weight's type. It panics unless they are whole and fit. Calls on disjoint outputs may be concurrent if
// they are in disjoint panels.
func (w Weight) SetRows(at int, rows []float32) {
	n := w.checkRows(at, len(rows))
	half := w.halfRow()
	for r := range n {
		row := rows[r*w.K : (r+1)*w.K]
		if w.Type == F32 {
			to := w.Data[w.index(at+r):]
			for i, v := range row {
				to[i*PanelWidth] = v
			}
			continue
		}
		for i, v := range row {
			half[i] = w.Type.narrow(v)
		}
		w.setHalf(at+r, half)
	}
}

// SetHalfRows is SetRows from numbers stored as type t, BF16 or F16. Where the Weight's type is the same they
// are copied bit for bit.
func (w Weight) SetHalfRows(at int, rows []uint16, t DType) {
	n := w.checkRows(at, len(rows))
	if t == F32 {
		panic("kernels: half rows of f32")
	}
	half := w.halfRow()
	for r := range n {
		row := rows[r*w.K : (r+1)*w.K]
		switch w.Type {
		case F32:
			to := w.Data[w.index(at+r):]
			for i, v := range row {
				to[i*PanelWidth] = t.widen(v)
			}
		case t:
			w.setHalf(at+r, row)
		default:
			for i, v := range row {
				half[i] = w.Type.narrow(t.widen(v))
			}
			w.setHalf(at+r, half)
		}
	}
}

func (w Weight) checkRows(at, size int) int {
	if w.K == 0 {
		return 0
	}
	n := size / w.K
	if at < 0 || n*w.K != size || at+n > w.N || len(w.Data)+len(w.Half) != PackedLen(w.N, w.K, w.Type) {
		panic(fmt.Sprintf("kernels: %d values at output %d of %d×%d %s", size, at, w.N, w.K, w.Type))
	}
	return n
}

// index is where output n's first number stands; the i-th stands i·PanelWidth on, or as setHalf says for BF16.
func (w Weight) index(n int) int {
	at := n / PanelWidth * panelLen(w.K, w.Type)
	if w.Type == BF16 {
		return at + n%PanelWidth*2
	}
	return at + n%PanelWidth
}

// halfRow is room for a row in the Weight's type, if it has 16 bits.
func (w Weight) halfRow() []uint16 {
	if w.Type == F32 {
		return nil
	}
	return make([]uint16, w.K)
}

// setHalf writes output n.
func (w Weight) setHalf(n int, row []uint16) {
	to := w.Half[w.index(n):]
	if w.Type != BF16 {
		for i, v := range row {
			to[i*PanelWidth] = v
		}
		return
	}
	pairs := len(row) / 2
	for i := range pairs {
		pair := to[2*PanelWidth*i:]
		pair[0], pair[1] = row[2*i], row[2*i+1]
	}
	if len(row)%2 == 1 {
		to[2*PanelWidth*pairs] = row[2*pairs]
	}
}

// Row copies output n's K numbers to dst as float32: a row of the unpacked matrix, such as a token's embedding
// where embeddings are tied to the head.
func (w Weight) Row(dst []float32, n int) {
	if n < 0 || n >= w.N || len(dst) != w.K {
		panic(fmt.Sprintf("kernels: row %d of %d×%d to %d", n, w.N, w.K, len(dst)))
	}
	at := w.index(n)
	switch w.Type {
	case F32:
		for i := range dst {
			dst[i] = w.Data[at+i*PanelWidth]
		}
	case BF16:
		for i := range dst {
			dst[i] = FromBF16(w.Half[at+i/2*2*PanelWidth+i&1])
		}
	default:
		for i := range dst {
			dst[i] = FromF16(w.Half[at+i*PanelWidth])
		}
	}
}

// expand writes the numbers of k from ≤ i < to of the panel that begins with output n to block, as
// [to-from][PanelWidth]; from is even.
func (w Weight) expand(block []float32, n, from, to int) {
	at := w.index(n) + from*PanelWidth
	switch w.Type {
	case F32:
		copy(block, w.Data[at:at+(to-from)*PanelWidth])
	case F16:
		for i, v := range w.Half[at : at+(to-from)*PanelWidth] {
			block[i] = FromF16(v)
		}
	default:
		for i := range to - from {
			for j := range PanelWidth {
				block[i*PanelWidth+j] = FromBF16(w.Half[at+i/2*2*PanelWidth+2*j+i&1])
			}
		}
	}
}
