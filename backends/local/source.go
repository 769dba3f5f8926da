package local

import "github.com/onset-eval/onset/backends/local/internal/kernels"

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

// table is a matrix of which single rows are read. It shares the packed form of a head that is tied to it.
type table struct{ packed kernels.Weight }

// row copies row i to dst, which has the table's width.
func (t *table) row(dst []float32, i int) { t.packed.Row(dst, i) }

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
