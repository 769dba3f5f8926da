package local

import (
	"fmt"
	"math"
	"slices"

	"github.com/onset-eval/onset/backends/local/internal/kernels"
)

// spec describes a transformer as the one forward pass computes it. An architecture is a function from a config.json to
// a blueprint: a spec, and the names of the tensors that fill it. The zero value of a field is what most models do.
type spec struct {
	architecture            string
	vocab, width, layers    int
	heads, kvHeads, headDim int
	ff                      int // width of the feed-forward layer
	context                 int // most positions
	bos                     int // -1 where there is none
	eos                     []int
	tied                    bool // the head is the embedding
	causal                  bool // else each position attends to all, and the model fills in masked tokens
	mask                    int  // the token that masks, -1 where there is none

	embedWidth int     // of the embedding's rows; a projection follows where it is not width
	embedScale float32 // multiplies the embedding; 0 is 1
	positions  int     // rows of the table of learned positions; 0 for none
	offset     int     // row of position 0
	types      int     // types of tokens, of which all tokens of a text are of the first; 0 for none
	ropes      []rope
	interleave bool // rotary pairs are neighbours (GPT-J), and not halves apart

	norm          normKind // of all norms
	eps           float32
	parallel      bool    // the feed-forward layer reads what the attention reads, and both are added at once
	normedStream  bool    // what the attention's input norm gives takes the place of the stream
	residualScale float32 // multiplies what is added to the stream; 0 is 1
	qkNorm        qkNormKind
	clip          float32 // bounds queries, keys and values; 0 for none
	slopes        []float32
	biases        []float32 // [heads × context] in place of slopes, where they are rounded by position
	scoreCap      float32   // soft cap of attention scores; 0 for none
	act           kernels.Activation
	gated         bool // the feed-forward layer multiplies an activated gate with a linear part
	headAct       kernels.Activation
	logits        kernels.Logits
	layer         []layerSpec
}

// layerSpec is what may differ from layer to layer.
type layerSpec struct {
	scale  float32 // of attention scores; 0 is 1/√headDim
	window int     // positions that a row attends to, itself among them; 0 for all
	rope   int     // index of the rotary angles, -1 for none
}

type normKind uint8

const (
	rmsNorm normKind = iota
	layerNorm
)

type qkNormKind uint8

const (
	noQKNorm   qkNormKind = iota
	headQKNorm            // each head by the same weights
	ownQKNorm             // each head by weights of its own
	fullQKNorm            // all heads at once
)

// blueprint is a spec with the names of the tensors that a model of it is built of.
type blueprint struct {
	spec
	names names
}

// names says which tensors make a model. An empty name is of a part that the model does not have.
type names struct {
	embed, positions, types string
	embedNorm               normNames
	embedProj               []outputs
	positionsLate           bool // learned positions are added after the projection
	layer                   []layerNames
	norm                    normNames // before the head
	headProj                []outputs // after that norm, to embedWidth
	transform               []outputs // of the head of a masked model: a layer, its activation and a norm
	transformNorm           normNames
	head                    outputs
	centred                 bool // norm weights are stored less one
}

// normNames names a norm's weights; on without names is a norm that has none.
type normNames struct {
	on           bool
	weight, bias string
}

// layerNames names the weights of one layer, of which each is optional but the linear layers. The norms stand before the
// attention, after it, and after it was added to the stream; and so for the feed-forward layer.
type layerNames struct {
	attnIn, attnOut, attnSum normNames
	ffIn, ffOut, ffSum       normNames
	qkv                      []outputs // queries, keys and values
	qNorm, kNorm             normNames // with %d in the name, one a head
	out                      []outputs
	up                       []outputs // the gate first, where there is one
	down                     []outputs
}

func rms(name string) normNames { return normNames{true, name + ".weight", ""} }
func ln(name string) normNames  { return normNames{true, name + ".weight", name + ".bias"} }

// lin is a whole linear layer by its name.
func lin(name string, n int, bias bool) outputs {
	if bias {
		return whole(name+".weight", name+".bias", n)
	}
	return whole(name+".weight", "", n)
}

// comb picks count runs of run rows, each stride behind the one before.
func (p outputs) comb(first, run, stride, count int) outputs {
	p.first, p.run, p.stride, p.count = first, run, stride, count
	return p
}

// bounds of what a config may ask for, far above any model: a hostile file must not take all memory.
const (
	maxDim     = 1 << 20
	maxLayers  = 1 << 12
	maxContext = 1 << 24
)

// attention sets heads, key heads and the size of a head from what the config says, with the usual defaults.
func (b *blueprint) attention(heads, kvHeads, headDim int) {
	b.heads, b.kvHeads, b.headDim = heads, kvHeads, headDim
	if b.headDim == 0 && heads > 0 {
		b.headDim = b.width / heads
	}
}

// q and kv are the widths of all queries and of all keys.
func (s *spec) q() int  { return s.heads * s.headDim }
func (s *spec) kv() int { return s.kvHeads * s.headDim }

// setLayers makes n layers, alike but for what f changes.
func (b *blueprint) setLayers(n int, f func(i int, l *layerSpec, names *layerNames)) {
	b.layers = n
	if n < 1 || n > maxLayers {
		return // check says so
	}
	b.layer, b.names.layer = make([]layerSpec, n), make([]layerNames, n)
	for i := range n {
		f(i, &b.layer[i], &b.names.layer[i])
	}
}

// finish fills in what follows from the rest.
func (b *blueprint) finish() {
	if b.embedWidth == 0 {
		b.embedWidth = b.width
	}
	if b.tied {
		b.names.head.name = b.names.embed
	}
	for i := range b.layer {
		if b.layer[i].scale == 0 {
			b.layer[i].scale = float32(1 / math.Sqrt(float64(b.headDim)))
		}
		if b.layer[i].window >= b.context {
			b.layer[i].window = 0
		}
	}
	if len(b.ropes) == 0 {
		for i := range b.layer {
			b.layer[i].rope = -1
		}
	}
}

// check refuses sizes that no model has or that do not fit each other.
func (b *blueprint) check() error {
	for _, d := range []struct {
		name  string
		value int
		most  int
	}{
		{"vocabulary", b.vocab, maxContext},
		{"width", b.width, maxDim},
		{"width of the embedding", b.embedWidth, maxDim},
		{"width of the feed-forward layer", b.ff, maxDim},
		{"number of attention heads", b.heads, maxDim},
		{"number of key heads", b.kvHeads, maxDim},
		{"size of a head", b.headDim, maxDim},
		{"number of positions", b.context, maxContext},
		{"number of layers", b.layers, maxLayers},
	} {
		if d.value < 1 || d.value > d.most {
			return fmt.Errorf("the %s is %d", d.name, d.value)
		}
	}
	switch {
	case b.heads*b.headDim > maxDim:
		return fmt.Errorf("%d attention heads of %d are too wide", b.heads, b.headDim)
	case b.heads%b.kvHeads != 0:
		return fmt.Errorf("%d attention heads do not share %d key heads evenly", b.heads, b.kvHeads)
	case !(b.eps >= 0) || math.IsInf(float64(b.eps), 0):
		return fmt.Errorf("the epsilon of the norms is %g", b.eps)
	case b.positions > 0 && b.offset+b.context > b.positions:
		return fmt.Errorf("%d learned positions from the %d-th on are too few for a context of %d", b.positions, b.offset, b.context)
	case b.bos >= b.vocab || slices.ContainsFunc(b.eos, func(id int) bool { return id < 0 || id >= b.vocab }):
		return fmt.Errorf("bos_token_id or eos_token_id is outside of the vocabulary of %d", b.vocab)
	}
	for _, r := range b.ropes {
		if err := r.check(b.headDim); err != nil {
			return err
		}
	}
	for i, l := range b.layer {
		if l.window < 0 || l.rope >= len(b.ropes) || !(math.Abs(float64(l.scale)) < 1e6) {
			return fmt.Errorf("layer %d: a window of %d, or a scale of %g", i, l.window, l.scale)
		}
	}
	return nil
}

// activations by the names of transformers.
var activations = map[string]kernels.Activation{
	"silu": kernels.Silu, "swish": kernels.Silu,
	"gelu": kernels.GeluErf, "gelu_python": kernels.GeluErf,
	"gelu_new": kernels.GeluTanh, "gelu_fast": kernels.GeluTanh, "gelu_pytorch_tanh": kernels.GeluTanh,
	"gelu_python_tanh": kernels.GeluTanh, "gelu_accurate": kernels.GeluTanh,
	"relu": kernels.Relu, "relu2": kernels.ReluSquared, "quick_gelu": kernels.QuickGelu, "tanh": kernels.Tanh,
}

// activation reads the name of an activation.
func (c *config) activation(def string, names ...string) kernels.Activation {
	name := c.str(def, names...)
	f, ok := activations[name]
	if !ok {
		var known []string
		for n := range activations {
			known = append(known, n)
		}
		slices.Sort(known)
		c.unsupported(names[0], fmt.Sprintf("%q", name), fmt.Sprint(known))
	}
	return f
}
