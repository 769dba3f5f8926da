package local

import (
	"fmt"
	"strings"

	"github.com/onset-eval/onset/backends/local/internal/kernels"
)

// model is a checkpoint ready to compute: weights packed for the kernels, and the rotary angles. It is read-only.
type model struct {
	spec
	embed         table
	positionTable table
	positionsLate bool
	types         table // of which the first row is added to every embedding
	embedNorm     *norm
	embedProj     *kernels.Weight
	block         []block
	norm          *norm
	headProj      *kernels.Weight
	transform     *kernels.Weight
	transformNorm *norm
	head          kernels.Weight
	angles        []angleTable // by rope
}

// norm is a norm's weights, nil for ones, and bias, nil for zeros.
type norm struct{ weight, bias []float32 }

// block is the weights of one layer. A norm that it does not have is nil.
type block struct {
	attnIn, attnOut, attnSum *norm
	ffIn, ffOut, ffSum       *norm
	qkv, out, up, down       kernels.Weight
	qNorm, kNorm             *norm
}

// loader builds a model and keeps the first error.
type loader struct {
	source
	b   *blueprint
	err error
}

// loadModel builds what the blueprint describes of a checkpoint's tensors.
func loadModel(b *blueprint, s source) (*model, error) {
	if a := findArchitecture([]string{b.architecture}, ""); a != nil {
		s = aliases{s, a.rename}
	}
	l := &loader{source: s, b: b}
	n := &b.names
	m := &model{spec: b.spec, positionsLate: n.positionsLate}
	m.embed = l.rows(n.embed, b.vocab, b.embedWidth)
	if n.positions != "" {
		width := b.embedWidth
		if n.positionsLate {
			width = b.width
		}
		m.positionTable = l.rows(n.positions, b.positions, width)
	}
	if n.types != "" {
		m.types = l.rows(n.types, b.types, b.embedWidth)
	}
	m.embedNorm = l.norm(n.embedNorm, b.embedWidth)
	m.embedProj = l.maybe(n.embedProj, b.embedWidth)
	shared := make(map[string]int) // layers by the name of their first tensor
	for i := range n.layer {
		first := n.layer[i].qkv[0].name
		if at, ok := shared[first]; ok {
			m.block = append(m.block, m.block[at])
			continue
		}
		shared[first] = i
		m.block = append(m.block, l.layer(&n.layer[i]))
		if l.err != nil {
			return nil, l.err
		}
	}
	m.norm = l.norm(n.norm, b.width)
	m.headProj = l.maybe(n.headProj, b.width)
	k := b.embedWidth
	if len(n.headProj) == 0 && len(n.transform) == 0 {
		k = b.width
	}
	if m.transform = l.maybe(n.transform, b.width); m.transform != nil {
		k = m.transform.N
	}
	m.transformNorm = l.norm(n.transformNorm, k)
	m.head = l.weight(k, n.head)
	for i := range b.ropes {
		m.angles = append(m.angles, newAngleTable(&b.ropes[i], min(b.context, tablePositions), tableAngles))
	}
	return m, l.err
}

// layer builds one layer.
func (l *loader) layer(n *layerNames) block {
	s := &l.b.spec
	up := s.ff
	if s.gated {
		up *= 2
	}
	w := block{
		attnIn: l.norm(n.attnIn, s.width), attnOut: l.norm(n.attnOut, s.width), attnSum: l.norm(n.attnSum, s.width),
		ffIn: l.norm(n.ffIn, s.width), ffOut: l.norm(n.ffOut, s.width), ffSum: l.norm(n.ffSum, s.width),
		qkv: l.weight(s.width, n.qkv...), out: l.weight(s.q(), n.out...),
		up: l.weight(s.width, n.up...), down: l.weight(s.ff, n.down...),
		qNorm: l.headNorm(n.qNorm, s.heads), kNorm: l.headNorm(n.kNorm, s.kvHeads),
	}
	for _, c := range []struct {
		what      string
		got, want int
	}{{"queries, keys and values", w.qkv.N, s.q() + 2*s.kv()}, {"attention's output", w.out.N, s.width}, {"feed-forward layer", w.up.N, up}, {"feed-forward output", w.down.N, s.width}} {
		if l.err == nil && c.got != c.want {
			l.err = fmt.Errorf("the %s of a layer have %d outputs, not %d", c.what, c.got, c.want)
		}
	}
	return w
}

// weight packs linear layers with their biases, one below the other.
func (l *loader) weight(k int, parts ...outputs) kernels.Weight {
	if l.err != nil {
		return kernels.Weight{}
	}
	w, err := l.linear(k, parts...)
	if err == nil {
		w.Bias, err = l.bias(parts...)
	}
	l.err = err
	return w
}

// maybe is weight of a layer that a model may do without.
func (l *loader) maybe(parts []outputs, k int) *kernels.Weight {
	if len(parts) == 0 {
		return nil
	}
	w := l.weight(k, parts...)
	return &w
}

func (l *loader) rows(name string, n, width int) table {
	if l.err != nil {
		return table{}
	}
	t, err := l.table(name, n, width)
	l.err = err
	return t
}

// vector reads a tensor as numbers.
func (l *loader) vector(name string, shape ...int) []float32 {
	if l.err != nil || name == "" {
		return nil
	}
	v, err := l.tensor(name, shape...)
	l.err = err
	return v
}

func (l *loader) norm(n normNames, width int) *norm {
	if !n.on {
		return nil
	}
	return &norm{l.normWeight(n.weight, width), l.vector(n.bias, width)}
}

// normWeight reads a norm's weights; Gemma's are stored less one.
func (l *loader) normWeight(name string, shape ...int) []float32 {
	v := l.vector(name, shape...)
	if l.b.names.centred {
		for i := range v {
			v[i]++
		}
	}
	return v
}

// headNorm reads the norm of queries or keys: of one head, of all heads at once, or of each head.
func (l *loader) headNorm(n normNames, heads int) *norm {
	d := l.b.headDim
	switch {
	case !n.on:
		return nil
	case l.b.qkNorm == fullQKNorm:
		return l.norm(n, heads*d)
	case l.b.qkNorm == headQKNorm:
		return l.norm(n, d)
	case !strings.Contains(n.weight, "%d"): // a matrix
		return &norm{weight: l.normWeight(n.weight, heads, d)}
	}
	all := new(norm)
	for h := 0; h < heads && l.err == nil; h++ {
		all.weight = append(all.weight, l.normWeight(fmt.Sprintf(n.weight, h), d)...)
	}
	return all
}
