package local

import (
	"fmt"
	"slices"
	"strings"
	"unsafe"

	"github.com/onset-eval/onset/backends/local/internal/kernels"
	"github.com/onset-eval/onset/backends/local/internal/safetensors"
)

// recipe says of which rows of which tensors a packed matrix is made.
type recipe struct {
	name string // says all that decides the packed bytes but the tensors' own; names them in the packed file
	n, k int
	as   kernels.DType
	runs []run
}

// run is rows that lie together, in a tensor and in the matrix.
type run struct {
	tensor safetensors.Tensor
	stored kernels.DType
	from   int // first row in the tensor
	to     int // first row in the matrix
	n      int
	of     int // rows of the tensor
	// transposed says that the tensor is [k × of].
	transposed bool
}

// storage is the type in which numbers of a tensor's type are kept: their own.
func storage(t safetensors.DType) (kernels.DType, error) {
	switch t {
	case safetensors.F32:
		return kernels.F32, nil
	case safetensors.F16:
		return kernels.F16, nil
	case safetensors.BF16:
		return kernels.BF16, nil
	}
	return 0, &hintError{
		fmt.Errorf("its numbers are of type %s; the engine computes with F32, F16 and BF16", t),
		"convert the checkpoint to bfloat16, or serve it with a model server and use that",
	}
}

// recipe checks the parts of a matrix against the checkpoint. Parts of one type keep it, unless the checkpoint is to be
// held in another; what is mixed is kept as f32.
func (c *checkpoint) recipe(k int, parts []outputs) (*recipe, error) {
	if len(parts) == 0 {
		return nil, fmt.Errorf("a matrix of no parts is asked for")
	}
	r := &recipe{k: k}
	var name strings.Builder
	for i, p := range parts {
		shape := []int{p.of, k}
		if p.transposed {
			slices.Reverse(shape)
		}
		if err := c.check(p.name, shape...); err != nil {
			return nil, err
		}
		if !p.fits() {
			return nil, fmt.Errorf("tensor %q has no such rows as %+v", p.name, p)
		}
		t := c.tensors[p.name]
		stored, err := storage(t.DType)
		if err != nil {
			return nil, err
		}
		if i == 0 {
			r.as = stored
		} else if r.as != stored {
			r.as = kernels.F32
		}
		p.picks(func(from, n int) {
			r.runs = append(r.runs, run{tensor: t, stored: stored, from: from, to: r.n, n: n, of: p.of, transposed: p.transposed})
			r.n += n
		})
		fmt.Fprintf(&name, "%q %d+%d/%d*%d of %d", p.name, p.first, p.run, p.stride, p.count, p.of)
		if p.transposed {
			name.WriteString(" transposed")
		}
		name.WriteString("; ")
	}
	if c.as != nil {
		r.as = *c.as
	}
	r.name = fmt.Sprintf("%s%d×%d %s", name.String(), r.n, r.k, r.as)
	return r, nil
}

// partBytes is about what is packed at a time.
const partBytes = 4 << 20

// partRows is the number of outputs that are packed at a time: whole panels.
func (r *recipe) partRows() int {
	panel := max(1, kernels.PackedLen(kernels.PanelWidth, r.k, r.as)*r.as.Size())
	return kernels.PanelWidth * max(1, partBytes/panel)
}

// fill packs the matrix's outputs from row on into w, which has room for whole panels of them and is zero.
func (r *recipe) fill(w kernels.Weight, row int) {
	for _, run := range r.runs {
		lo, hi := max(row, run.to), min(row+w.N, run.to+run.n)
		if lo < hi {
			run.set(w, lo-row, run.from+lo-run.to, hi-lo)
		}
	}
}

// set copies n rows of the run's tensor, from one on, to outputs of w from at on.
func (r *run) set(w kernels.Weight, at, from, n int) {
	size := r.stored.Size()
	if !r.transposed {
		raw := r.tensor.Data[from*w.K*size : (from+n)*w.K*size]
		if r.stored == kernels.F32 {
			w.SetRows(at, floats(raw))
		} else {
			w.SetHalfRows(at, halves(raw), r.stored)
		}
		return
	}
	// Rows are columns of the tensor: some of them are gathered at a time, line by line.
	for ; n > 0; at, from, n = at+kernels.PanelWidth, from+kernels.PanelWidth, n-kernels.PanelWidth {
		some := min(n, kernels.PanelWidth)
		if r.stored == kernels.F32 {
			w.SetRows(at, columns(floats(r.tensor.Data), w.K, r.of, from, some))
		} else {
			w.SetHalfRows(at, columns(halves(r.tensor.Data), w.K, r.of, from, some), r.stored)
		}
	}
}

// columns gives n columns of data, [k × of], from one on, as rows.
func columns[T any](data []T, k, of, from, n int) []T {
	rows := make([]T, n*k)
	for j := range k {
		for i, v := range data[j*of+from : j*of+from+n] {
			rows[i*k+j] = v
		}
	}
	return rows
}

// littleEndian reports whether this machine keeps numbers as safetensors files do.
func littleEndian() bool {
	one := uint16(1)
	return *(*byte)(unsafe.Pointer(&one)) == 1
}

// floats gives the float32 that bytes are: the same memory where it is aligned, a copy where not.
func floats(raw []byte) []float32 { return numbersOf[float32](raw) }

// halves gives the 16-bit numbers that bytes are, as floats does.
func halves(raw []byte) []uint16 { return numbersOf[uint16](raw) }

func numbersOf[T float32 | int32 | uint16](raw []byte) []T {
	var zero T
	size := int(unsafe.Sizeof(zero))
	n := len(raw) / size
	if n == 0 {
		return nil
	}
	if littleEndian() && uintptr(unsafe.Pointer(&raw[0]))%uintptr(size) == 0 {
		return unsafe.Slice((*T)(unsafe.Pointer(&raw[0])), n)
	}
	out := make([]T, n)
	to := unsafe.Slice((*byte)(unsafe.Pointer(&out[0])), n*size)
	copy(to, raw)
	if !littleEndian() {
		for i := 0; i < len(to); i += size {
			slices.Reverse(to[i : i+size])
		}
	}
	return out
}

func addr(b []byte) uintptr { return uintptr(unsafe.Pointer(unsafe.SliceData(b))) }
