package local

import (
	"fmt"
	"slices"
	"strings"

	"github.com/onset-eval/onset/backends/local/internal/kernels"
)

// The source that a model is built of: tensors by name, and a store that decides where their packed form lies.
var _ source = (*checkpoint)(nil)

func (c *checkpoint) has(name string) bool {
	_, ok := c.tensors[name]
	return ok
}

func (c *checkpoint) tensor(name string, shape ...int) ([]float32, error) {
	if err := c.check(name, shape...); err != nil {
		return nil, err
	}
	return c.tensors[name].Float32s()
}

// check sees that a tensor of numbers has the shape that the config asks for, and counts it as used.
func (c *checkpoint) check(name string, shape ...int) error {
	if c.store == nil {
		c.restart(memoryStore{})
	}
	t, ok := c.tensors[name]
	switch {
	case !ok:
		return c.missing(name)
	case !slices.Equal(t.Shape, shape):
		return fmt.Errorf("tensor %q has the shape %v, and config.json asks for %v", name, t.Shape, shape)
	}
	if _, err := storage(t.DType); err != nil {
		return fmt.Errorf("tensor %q: %w", name, err)
	}
	c.used[name] = int64(t.Len())
	return nil
}

// missing says that a tensor is not there, and why where other tensors tell.
func (c *checkpoint) missing(name string) error {
	stem := strings.TrimSuffix(name, "weight")
	for _, q := range quantizedTensors {
		if c.has(stem + q.suffix) {
			return quantized(fmt.Sprintf("tensor %q (%s)", stem+q.suffix, q.what))
		}
	}
	return fmt.Errorf("the checkpoint has no tensor %q, which its config.json asks for", name)
}

func (c *checkpoint) table(name string, n, width int) (table, error) {
	r, err := c.recipe(width, []outputs{whole(name, "", n)})
	if err != nil {
		return table{}, err
	}
	if c.rows == 0 {
		c.rows, c.width = n, width
	}
	c.embedding[name] = true
	w, err := c.pack(r, []outputs{{name: name}})
	return table{w}, err
}

func (c *checkpoint) linear(k int, parts ...outputs) (kernels.Weight, error) {
	r, err := c.recipe(k, parts)
	if err != nil {
		return kernels.Weight{}, err
	}
	if c.isHead(r, parts) {
		c.embedding[parts[0].name] = true
	}
	c.multiplied[r.name] = r.bytes()
	return c.pack(r, parts)
}

// pack makes a matrix, once.
func (c *checkpoint) pack(r *recipe, parts []outputs) (kernels.Weight, error) {
	if w, ok := c.made[r.name]; ok {
		return w, nil
	}
	w, err := c.store.weight(r)
	if err != nil {
		return w, fmt.Errorf("pack %s: %w", parts[0].name, err)
	}
	c.made[r.name] = w
	for _, p := range parts {
		c.drop(p.name)
	}
	return w, nil
}

// isHead reports whether a matrix is the head: an output for each row of the first table, outside of the layers.
func (c *checkpoint) isHead(r *recipe, parts []outputs) bool {
	inLayer := func(part string) bool { return strings.Trim(part, "0123456789") == "" }
	return c.rows > 0 && len(parts) == 1 && r.n == c.rows && r.k == c.width && !slices.ContainsFunc(strings.Split(parts[0].name, "."), inLayer)
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
		if !p.fits() {
			return nil, fmt.Errorf("tensor %q has no such elements as %+v", p.bias, p)
		}
		p.picks(func(from, n int) { all = append(all, data[from:from+n]...) })
	}
	if !some {
		return nil, nil
	}
	return all, nil
}

// read is the size of the packed matrices that each token is multiplied with: what decoding one text reads for each.
func (c *checkpoint) read() int64 {
	total := int64(0)
	for _, n := range c.multiplied {
		total += n
	}
	return total
}

// params counts the elements of the tensors that the model is built of, each once, and of them those that are neither
// in an embedding (of tokens, positions or types) nor in the head, as Kaplan et al. 2020 (arXiv 2001.08361, section
// 2.1) count: buffers, and a copy of a tied head, are no parameters.
func (c *checkpoint) params() (all, nonEmbedding int64) {
	for name, n := range c.used {
		all += n
		if !c.embedding[name] {
			nonEmbedding += n
		}
	}
	return all, nonEmbedding
}
