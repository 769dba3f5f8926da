package kernels

// Page holds one layer's keys and values at PageSize consecutive positions: K is [kvHeads][dim][PageSize]
// (so that one query meets PageSize keys a step), V is [kvHeads][PageSize][dim].
type Page struct {
	K, V []float32
}

// Slot is one position of a page.
type Slot struct {
	Page Page
	At   int // 0 ≤ At < PageSize
}

// NewPage makes an empty page for kvHeads key heads of dim elements.
func NewPage(kvHeads, dim int) Page {
	n := kvHeads * dim * PageSize
	data := make([]float32, 2*n)
	return Page{K: data[:n:n], V: data[n:]}
}

// CopyPrefix copies the first n positions of src.
func (p Page) CopyPrefix(src Page, n, kvHeads, dim int) {
	for i := range kvHeads * dim {
		copy(p.K[i*PageSize:i*PageSize+n], src.K[i*PageSize:])
	}
	for h := range kvHeads {
		at := h * PageSize * dim
		copy(p.V[at:at+n*dim], src.V[at:])
	}
}

// Put stores the keys and values of one position, each [kvHeads·dim], at a slot of the page.
func (p Page) Put(slot, kvHeads, dim int, k, v []float32) {
	for i, x := range k[:kvHeads*dim] {
		p.K[i*PageSize+slot] = x
	}
	for h := range kvHeads {
		copy(p.V[(h*PageSize+slot)*dim:][:dim], v[h*dim:])
	}
}
