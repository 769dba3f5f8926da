package local

import (
	"fmt"
	"slices"

	"github.com/onset-eval/onset/backends/local/internal/kernels"
)

// source gives the weights that a model is built of. Architectures name tensors and say which of their rows go where;
// what is behind it decides how they are stored. It is asked in one order for one config, so that what is made of the
// answers can be kept.
type source interface {
	// has reports whether there is a tensor of that name.
	has(name string) bool
	// tensor gives a tensor of the shape as float32, for norms, biases and the like. The caller may change it.
	tensor(name string, shape ...int) ([]float32, error)
	// table gives a matrix of n rows of width elements of which single rows are read: an embedding.
	table(name string, n, width int) (table, error)
	// linear packs the rows of the parts, one part below the other, each row of k elements.
	linear(k int, parts ...outputs) (kernels.Weight, error)
	// bias gives the biases of the parts, one part below the other, zeros for a part that names none. It is nil where
	// no part does.
	bias(parts ...outputs) ([]float32, error)
}

// table is a matrix of which single rows are read.
type table struct {
	width int
	data  []float32
}

// row copies row i to dst, which has the table's width.
func (t *table) row(dst []float32, i int) { copy(dst, t.data[i*t.width:(i+1)*t.width]) }

// outputs is a run of outputs of a linear layer: some rows of a tensor that may hold several layers in one.
type outputs struct {
	name string // of the weight
	bias string // name of the bias, whose elements are picked as the rows are; "" for none
	of   int    // rows of the tensor
	// The rows are count runs of run rows, each stride behind the one before, from row first on.
	first, run, stride, count int
	// transposed says that the tensor is [k × of] and not [of × k] (GPT-2's Conv1D).
	transposed bool
}

// whole is outputs that are all n rows of a tensor.
func whole(name, bias string, n int) outputs {
	return outputs{name: name, bias: bias, of: n, run: n, count: 1}
}

// rows is the number of rows that the part picks.
func (p outputs) rows() int { return p.run * p.count }

// picks calls f for each run of rows with its place in the tensor, in order.
func (p outputs) picks(f func(from, n int)) {
	for i := range p.count {
		f(p.first+i*p.stride, p.run)
	}
}

// fits reports whether the rows that the part picks are the tensor's.
func (p outputs) fits() bool {
	return p.run >= 0 && p.count >= 0 && p.first >= 0 && p.stride >= 0 && p.first+max(0, p.count-1)*p.stride+p.run <= p.of
}

// The source that reads a checkpoint's tensors each time.
var _ source = (*checkpoint)(nil)

func (c *checkpoint) has(name string) bool {
	_, ok := c.tensors[name]
	return ok
}

func (c *checkpoint) table(name string, n, width int) (table, error) {
	data, err := c.tensor(name, n, width)
	return table{width, data}, err
}

func (c *checkpoint) linear(k int, parts ...outputs) (kernels.Weight, error) {
	var all []float32
	n := 0
	for _, p := range parts {
		shape := []int{p.of, k}
		if p.transposed {
			slices.Reverse(shape)
		}
		data, err := c.tensor(p.name, shape...)
		if err != nil {
			return kernels.Weight{}, err
		}
		if !p.fits() {
			return kernels.Weight{}, fmt.Errorf("tensor %q has no such rows as %+v", p.name, p)
		}
		p.picks(func(from, n int) {
			if !p.transposed {
				all = append(all, data[from*k:(from+n)*k]...)
				return
			}
			for i := from; i < from+n; i++ {
				for j := range k {
					all = append(all, data[j*p.of+i])
				}
			}
		})
		n += p.rows()
	}
	return kernels.Pack(n, k, all), nil
}

func (c *checkpoint) bias(parts ...outputs) ([]float32, error) {
	var all []float32
	n, some := 0, false
	for _, p := range parts {
		n += p.rows()
		if p.bias == "" {
			all = append(all, make([]float32, p.rows())...)
			continue
		}
		some = true
		data, err := c.tensor(p.bias, p.of)
		if err != nil {
			return nil, err
		}
		p.picks(func(from, n int) { all = append(all, data[from:from+n]...) })
	}
	if !some {
		return nil, nil
	}
	return all, nil
}
