package local

import (
	"github.com/onset-eval/onset/backends/local/gpu"
	"github.com/onset-eval/onset/backends/local/internal/kernels"
)

// gpuModel is a model's weights in a device's memory. It is read-only.
type gpuModel struct {
	*spec
	embed, positionTable, typeTable gpu.Ptr
	positionsLate                   bool
	embedNorm                       *gpuNorm
	embedProj                       *gpuLinear
	block                           []gpuBlock
	lastNorm                        *gpuNorm
	headProj, transform             *gpuLinear
	transformNorm                   *gpuNorm
	head                            gpuLinear
	angles                          []gpuRope // by rope
	slopeTable, biasTable           gpu.Ptr   // of attention; 0 for none
}

// gpuNorm is a norm's weights and bias, float32; 0 for ones and for zeros.
type gpuNorm struct{ weight, bias gpu.Ptr }

// gpuLinear is a matrix [n×k] in the device's type with a bias in float32, 0 for none.
type gpuLinear struct {
	weight, bias gpu.Ptr
	n, k         int
}

// gpuBlock is the weights of one layer.
type gpuBlock struct {
	attnIn, attnOut, attnSum *gpuNorm
	ffIn, ffOut, ffSum       *gpuNorm
	qkv, out, up, down       gpuLinear
	qNorm, kNorm             *gpuNorm
}

// gpuRope is where a rope's angles are: a row of half its dimension for each of the first positions.
type gpuRope struct {
	cos, sin gpu.Ptr
	rows     int
}

// vectors are numbers on their way to a device: float32, one behind the other, each beginning aligned.
type vectors struct {
	base gpu.Ptr
	data []byte
	seen map[*float32]gpu.Ptr
}

// put gives the place of numbers in the device's memory, the same for the same slice.
func (v *vectors) put(x []float32) gpu.Ptr {
	if len(x) == 0 {
		return 0
	}
	if at, ok := v.seen[&x[0]]; ok {
		return at
	}
	at := v.base.Add(int64(len(v.data)))
	v.data = append(v.data, bytesOf(x)...)
	v.data = append(v.data, make([]byte, aligned(int64(len(v.data)))-int64(len(v.data)))...)
	v.seen[&x[0]] = at
	return at
}

func (v *vectors) norm(n *norm) *gpuNorm {
	if n == nil {
		return nil
	}
	return &gpuNorm{v.put(n.weight), v.put(n.bias)}
}

func (v *vectors) linear(w kernels.Weight) gpuLinear {
	return gpuLinear{weight: gpu.Ptr(w.Device), bias: v.put(w.Bias), n: w.N, k: w.K}
}

func (v *vectors) maybe(w *kernels.Weight) *gpuLinear {
	if w == nil {
		return nil
	}
	l := v.linear(*w)
	return &l
}

// gpuTablePositions and gpuTableAngles bound the angles that a device has; those of positions past them are sent.
const (
	gpuTablePositions = 1 << 15
	gpuTableAngles    = 1 << 22
)

// newGPUModel gives a model's weights as they are placed: matrices where they were uploaded, the rest from base on. Its
// bytes are to be copied there. With another base it has as many.
func newGPUModel(m *model, base gpu.Ptr) (*gpuModel, []byte) {
	v := &vectors{base: base, seen: make(map[*float32]gpu.Ptr)}
	g := &gpuModel{
		spec: &m.spec, positionsLate: m.positionsLate,
		embed: gpu.Ptr(m.embed.packed.Device), positionTable: gpu.Ptr(m.positionTable.packed.Device), typeTable: gpu.Ptr(m.types.packed.Device),
		embedNorm: v.norm(m.embedNorm), embedProj: v.maybe(m.embedProj),
		lastNorm: v.norm(m.norm), headProj: v.maybe(m.headProj), transform: v.maybe(m.transform), transformNorm: v.norm(m.transformNorm),
		head: v.linear(m.head), slopeTable: v.put(m.slopes), biasTable: v.put(m.biases),
	}
	for i := range m.block {
		b := &m.block[i]
		g.block = append(g.block, gpuBlock{
			attnIn: v.norm(b.attnIn), attnOut: v.norm(b.attnOut), attnSum: v.norm(b.attnSum),
			ffIn: v.norm(b.ffIn), ffOut: v.norm(b.ffOut), ffSum: v.norm(b.ffSum),
			qkv: v.linear(b.qkv), out: v.linear(b.out), up: v.linear(b.up), down: v.linear(b.down),
			qNorm: v.norm(b.qNorm), kNorm: v.norm(b.kNorm),
		})
	}
	for i := range m.ropes {
		t := newAngleTable(&m.ropes[i], min(m.context, gpuTablePositions), gpuTableAngles)
		g.angles = append(g.angles, gpuRope{v.put(t.cos), v.put(t.sin), len(t.cos) / (m.ropes[i].dim / 2)})
	}
	return g, v.data
}
