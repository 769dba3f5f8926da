package local

import (
	"fmt"
	"math"

	"github.com/onset-eval/onset/backends/local/internal/kernels"
)

// model is a checkpoint ready to compute: weights packed for the kernels, and the rotary angles. It is read-only.
type model struct {
	spec
	embed    table // vocab×width
	head     kernels.Weight
	norm     []float32
	layer    []layer
	cos, sin []float32 // context × headDim/2
}

// layer is one transformer block: attention, then the gated feed-forward, each on a normed input and added to the
// residual stream.
type layer struct {
	attnNorm, ffNorm []float32
	qkv, out         kernels.Weight // q, k and v below each other
	gateUp, down     kernels.Weight // gate and up below each other
}

// loadModel reads a Llama checkpoint by the tensor names of Hugging Face.
func loadModel(s spec, c source) (*model, error) {
	m := &model{spec: s}
	var err error
	if m.embed, err = c.table("model.embed_tokens.weight", s.vocab, s.width); err != nil {
		return nil, err
	}
	if m.norm, err = c.tensor("model.norm.weight", s.width); err != nil {
		return nil, err
	}
	if s.tied {
		m.head, err = c.linear(s.width, whole("model.embed_tokens.weight", "", s.vocab))
	} else {
		m.head, err = c.linear(s.width, whole("lm_head.weight", "", s.vocab))
	}
	if err != nil {
		return nil, err
	}
	for i := range s.layers {
		l, err := loadLayer(s, c, fmt.Sprintf("model.layers.%d.", i))
		if err != nil {
			return nil, err
		}
		m.layer = append(m.layer, l)
	}
	m.angles()
	return m, nil
}

func loadLayer(s spec, c source, prefix string) (layer, error) {
	var l layer
	var err error
	q, kv := s.heads*s.headDim, s.kvHeads*s.headDim
	for _, load := range []func(){
		func() { l.attnNorm, err = c.tensor(prefix+"input_layernorm.weight", s.width) },
		func() { l.ffNorm, err = c.tensor(prefix+"post_attention_layernorm.weight", s.width) },
		func() {
			l.qkv, err = c.linear(s.width, whole(prefix+"self_attn.q_proj.weight", "", q),
				whole(prefix+"self_attn.k_proj.weight", "", kv), whole(prefix+"self_attn.v_proj.weight", "", kv))
		},
		func() { l.out, err = c.linear(q, whole(prefix+"self_attn.o_proj.weight", "", s.width)) },
		func() {
			l.gateUp, err = c.linear(s.width, whole(prefix+"mlp.gate_proj.weight", "", s.ff), whole(prefix+"mlp.up_proj.weight", "", s.ff))
		},
		func() { l.down, err = c.linear(s.ff, whole(prefix+"mlp.down_proj.weight", "", s.width)) },
	} {
		if load(); err != nil {
			return l, err
		}
	}
	return l, nil
}

// angles fills the rotary tables: position p turns pair j by p · theta^(-2j/headDim) (Su et al. 2021, arXiv
// 2104.09864, section 3.2.2), computed in float64 and rounded once.
func (m *model) angles() {
	half := m.headDim / 2
	m.cos, m.sin = make([]float32, m.context*half), make([]float32, m.context*half)
	for j := range half {
		freq := math.Pow(m.theta, -float64(2*j)/float64(m.headDim))
		for p := range m.context {
			sin, cos := math.Sincos(float64(p) * freq)
			m.cos[p*half+j], m.sin[p*half+j] = float32(cos), float32(sin)
		}
	}
}

// row is one token of a sequence at its position, to be run through the model.
type row struct {
	token, pos int
	seq        *sequence
}

// scratch holds the activations of a step for up to rows rows.
type scratch struct {
	x, y, qkv, att, gateUp, hidden []float32
	last, logits                   []float32 // rows that need logits, normed, and their logits
	kept                           []row
	pos                            []int
	slots                          []kernels.Slot
	queries                        []kernels.Query
}

func newScratch(s spec, rows int) *scratch {
	qkv := (s.heads + 2*s.kvHeads) * s.headDim
	return &scratch{
		x: make([]float32, rows*s.width), y: make([]float32, rows*s.width), qkv: make([]float32, rows*qkv),
		att: make([]float32, rows*s.heads*s.headDim), gateUp: make([]float32, rows*2*s.ff), hidden: make([]float32, rows*s.ff),
	}
}

// forward runs rows through the model and stores their keys and values. It leaves the residual stream of the rows listed
// in keep, which rises, in b.x, one below the other: past the last layer's keys and values the other rows are of no use and
// are not computed. A row attends to its sequence up to its own position, so a sequence's rows stand in order and without
// gaps.
func (m *model) forward(k kernels.Set, b *scratch, rows []row, keep []int) {
	n, d := len(rows), m.width
	for i, r := range rows {
		m.embed.row(b.x[i*d:i*d+d], r.token)
	}
	for l := range m.layer {
		w := &m.layer[l]
		x, y := b.x[:n*d], b.y[:n*d]
		k.RMSNorm(y, x, w.attnNorm, n, m.eps)
		k.Linear(b.qkv[:n*w.qkv.N], y, n, w.qkv)
		m.storeKeys(k, b, rows, l)
		if l == m.layers-1 {
			rows = m.compact(b, rows, keep)
			n = len(rows)
			x, y = b.x[:n*d], b.y[:n*d]
		}
		hidden, gateUp := b.hidden[:n*m.ff], b.gateUp[:2*n*m.ff]
		m.attend(k, b, rows, l)
		k.Linear(y, b.att[:n*w.out.K], n, w.out)
		k.Add(x, y)
		k.RMSNorm(y, x, w.ffNorm, n, m.eps)
		k.Linear(gateUp, y, n, w.gateUp)
		k.Gate(hidden, gateUp, n, kernels.Silu)
		k.Linear(y, hidden, n, w.down)
		k.Add(x, y)
	}
}

// compact moves the streams and queries of the rows listed in keep to the front, and gives these rows.
func (m *model) compact(b *scratch, rows []row, keep []int) []row {
	d, width := m.width, (m.heads+2*m.kvHeads)*m.headDim
	b.kept = b.kept[:0]
	for to, from := range keep {
		copy(b.x[to*d:to*d+d], b.x[from*d:from*d+d])
		copy(b.qkv[to*width:to*width+width], b.qkv[from*width:from*width+width])
		b.kept = append(b.kept, rows[from])
	}
	return b.kept
}

// storeKeys turns queries and keys by their positions and stores keys and values.
func (m *model) storeKeys(k kernels.Set, b *scratch, rows []row, l int) {
	hd := m.headDim
	q, kv := m.heads*hd, m.kvHeads*hd
	width := q + 2*kv
	b.pos, b.slots = b.pos[:0], b.slots[:0]
	for _, r := range rows {
		b.pos = append(b.pos, r.pos)
		page := r.seq.pages[l][r.pos/kernels.PageSize]
		b.slots = append(b.slots, kernels.Slot{Page: page, At: r.pos % kernels.PageSize})
	}
	k.Rope(b.qkv, width, b.pos, m.cos, m.sin, m.heads+m.kvHeads, kernels.Rotary{Dim: hd, Rot: hd})
	k.Store(b.slots, b.qkv[q:], b.qkv[q+kv:], width, m.kvHeads, hd)
}

// attend lets each row's query attend to its sequence.
func (m *model) attend(k kernels.Set, b *scratch, rows []row, l int) {
	hd := m.headDim
	q := m.heads * hd
	b.queries = b.queries[:0]
	for _, r := range rows {
		b.queries = append(b.queries, kernels.Query{Pages: r.seq.pages[l], To: r.pos + 1})
	}
	k.Attend(b.att[:len(rows)*q], b.qkv, q+2*m.kvHeads*hd, b.queries,
		kernels.Attention{Heads: m.heads, KVHeads: m.kvHeads, Dim: hd, Scale: float32(1 / math.Sqrt(float64(hd)))})
}

// headInput gives what the head is given of n rows that the last forward kept, from the from-th: [n×head.K], valid until
// the next call.
func (m *model) headInput(k kernels.Set, b *scratch, from, n int) []float32 {
	d := m.width
	b.last = grow(b.last, n*d)
	k.RMSNorm(b.last[:n*d], b.x[from*d:(from+n)*d], m.norm, n, m.eps)
	return b.last[:n*d]
}

// logits gives the logits of n rows that the last forward kept, from the from-th: [n×vocab], valid until the next call.
func (m *model) logits(k kernels.Set, b *scratch, from, n int) []float32 {
	in := m.headInput(k, b, from, n)
	b.logits = grow(b.logits, n*m.vocab)
	logits := b.logits[:n*m.vocab]
	k.Linear(logits, in, n, m.head)
	return logits
}

func grow(s []float32, n int) []float32 {
	if cap(s) < n {
		return make([]float32, n+n/2)
	}
	return s[:cap(s)]
}
