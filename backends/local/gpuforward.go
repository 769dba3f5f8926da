package local

import (
	"github.com/onset-eval/onset/backends/local/gpu"
)

// gpuPass is where the numbers of a step stand in the device's memory. A graph is of one gpuPass.
type gpuPass struct {
	n, kept                  int // rows, and those that are kept
	tokens, positions, slots gpu.Ptr
	angles                   []gpu.Ptr // by rope, rows of its table
	far                      []farAngles
	keep                     gpu.Ptr // the kept rows, where they are not all
	windows                  []*gpuWindow
	last                     *gpuWindow // of the last layer
}

// farAngles are angles of some neighbouring rows that no table has.
type farAngles struct {
	rope, from, n int
	cos, sin      []byte // page-locked
}

// add is what a layer leaves to be added to the stream.
type added struct {
	z             gpu.Ptr
	before, after *gpuNorm
}

// normOf gives a norm as the kernels take it.
func (m *gpuModel) normOf(n *gpuNorm) gpu.Norm {
	if n == nil {
		return gpu.Norm{}
	}
	kind := gpu.RMSNorm
	if m.norm == layerNorm {
		kind = gpu.LayerNorm
	}
	return gpu.Norm{Kind: kind, Weight: n.weight, Bias: n.bias, Eps: m.eps}
}

func (e *gpuExecutor) linear(y, x gpu.Ptr, l *gpuLinear, n int) {
	e.ops.Linear(y, x, l.weight, l.bias, n, l.n, l.k, l.k, l.n)
}

// run enqueues the forward pass of a step, as model.forward computes it. It leaves what the head is given of the kept
// rows, and gives its place.
func (e *gpuExecutor) run(p *gpuPass) gpu.Ptr {
	m, b := e.model, &e.buffers
	n, x := p.n, b[bufX]
	e.begin(p)
	e.gatherAngles(p)
	var pending added
	for l := range m.block {
		w := &m.block[l]
		e.add(x, pending, w.attnIn, n, m.normedStream)
		e.queriesAndKeys(p, l)
		q, ld, win, y := b[bufQKV], w.qkv.n, p.windows[e.windowOf(l)], b[bufY]
		if l == m.layers-1 {
			if win = p.last; p.kept < n {
				x, q, ld, y = b[bufKeptX], b[bufUp], m.q(), b[bufKeptY]
				e.compact(p, w)
			}
			if n = p.kept; n == 0 {
				return 0
			}
		}
		e.attention(win, l, q, ld)
		pending = e.finish(x, y, w, n)
	}
	e.add(x, pending, m.lastNorm, n, false)
	return e.headInput(n)
}

// begin sets the stream to the rows' embeddings.
func (e *gpuExecutor) begin(p *gpuPass) {
	m, b, o := e.model, &e.buffers, e.ops
	to, width, narrow := b[bufX], m.embedWidth, m.embedProj != nil
	if narrow {
		to = b[bufEmbed]
	}
	o.Embed(to, m.embed, p.tokens, p.n, width, m.embedScale)
	if m.types > 0 {
		o.AddRows(to, m.typeTable, b[bufZero], p.n, width)
	}
	if m.positions > 0 && !m.positionsLate {
		o.AddRows(to, m.positionTable, p.positions, p.n, width)
	}
	if m.embedNorm != nil {
		o.AddNorm(gpu.AddNorm{X: to, Norm: m.normOf(m.embedNorm), Write: true}, p.n, width)
	}
	if narrow {
		l := m.embedProj
		o.AddNorm(gpu.AddNorm{X: to, Y: b[bufY]}, p.n, width)
		o.LinearF32(b[bufX], b[bufY], l.weight, l.bias, p.n, l.n, l.k, l.k, l.n)
	}
	if m.positionsLate {
		o.AddRows(b[bufX], m.positionTable, p.positions, p.n, m.width)
	}
}

// gatherAngles sets the rows' angles for each rope.
func (e *gpuExecutor) gatherAngles(p *gpuPass) {
	for r := range e.model.angles {
		cos, sin := e.anglesOf(r)
		half, t := e.model.ropes[r].dim/2, &e.model.angles[r]
		e.ops.GatherF32(cos, t.cos, p.angles[r], p.n, half)
		e.ops.GatherF32(sin, t.sin, p.angles[r], p.n, half)
	}
	for _, f := range p.far {
		cos, sin := e.anglesOf(f.rope)
		at := 4 * int64(f.from) * int64(e.model.ropes[f.rope].dim/2)
		e.send(cos.Add(at), f.cos)
		e.send(sin.Add(at), f.sin)
	}
}

func (e *gpuExecutor) send(to gpu.Ptr, from []byte) {
	if e.ops.Err() != nil {
		return
	}
	if err := e.dev.ToDevice(to, from, e.ops.Stream); err != nil {
		e.ops.Fail(err)
	}
}

// anglesOf is where the step's cosines and sines of a rope are.
func (e *gpuExecutor) anglesOf(r int) (cos, sin gpu.Ptr) {
	at := e.buffers[bufAngles]
	for i := range r {
		at = at.Add(2 * 4 * int64(e.model.ropes[i].dim/2) * int64(e.plan.rows))
	}
	return at, at.Add(4 * int64(e.model.ropes[r].dim/2) * int64(e.plan.rows))
}

// add adds what is pending to n rows of the stream, and norms them for what comes next. The normed stream takes the
// stream's place if write.
func (e *gpuExecutor) add(x gpu.Ptr, p added, in *gpuNorm, n int, write bool) {
	m, y := e.model, e.buffers[bufY]
	a := gpu.AddNorm{X: x, Z: p.z, ZNorm: m.normOf(p.before), ZScale: m.residualScale, Y: y}
	switch {
	case p.after == nil:
		a.Norm, a.Write = m.normOf(in), write && in != nil
	case in == nil:
		a.Norm, a.Write = m.normOf(p.after), true
	default:
		a.Norm, a.Write, a.Y = m.normOf(p.after), true, 0
		e.ops.AddNorm(a, n, m.width)
		a = gpu.AddNorm{X: x, Norm: m.normOf(in), Y: y, Write: write}
	}
	e.ops.AddNorm(a, n, m.width)
}

// queriesAndKeys turns the queries of a layer, and stores keys and values.
func (e *gpuExecutor) queriesAndKeys(p *gpuPass, l int) {
	m, o, w, qkv := e.model, e.ops, &e.model.block[l], e.buffers[bufQKV]
	width := w.qkv.n
	e.linear(qkv, e.buffers[bufY], &w.qkv, p.n)
	if m.clip > 0 {
		o.Clip(qkv, width, p.n, width, m.clip)
	}
	if m.qkNorm == fullQKNorm {
		e.normAll(qkv, width, w.qNorm, m.q(), p.n)
		e.normAll(qkv.Add(int64(m.q()*e.plan.t.Size())), width, w.kNorm, m.kv(), p.n)
	}
	s := gpu.RopeStore{QKV: qkv, LD: width, Heads: m.heads, Pool: e.pool, Layer: l, Slots: p.slots}
	if r := m.layer[l].rope; r >= 0 {
		s.Rot, s.Interleaved = m.ropes[r].dim, m.interleave
		s.Cos, s.Sin = e.anglesOf(r)
	}
	if m.qkNorm == headQKNorm || m.qkNorm == ownQKNorm {
		q, k := m.normOf(w.qNorm), m.normOf(w.kNorm)
		s.Norm = gpu.HeadNorm{Kind: q.Kind, Eps: q.Eps, Query: q.Weight, Key: k.Weight, QueryB: q.Bias, KeyB: k.Bias}
		if m.qkNorm == ownQKNorm {
			s.Norm.Stride = m.headDim
		}
	}
	o.RopeStore(s, p.n)
}

// normAll norms all heads of the rows' queries or keys at once, in place.
func (e *gpuExecutor) normAll(x gpu.Ptr, ld int, w *gpuNorm, d, n int) {
	e.ops.NormInPlace(gpu.NormGroups{X: x, LD: ld, Groups: 1}, e.model.normOf(w), n, d)
}

// compact puts the kept rows' streams and queries, and where the feed-forward layer reads it their normed streams, one
// below the other.
func (e *gpuExecutor) compact(p *gpuPass, w *gpuBlock) {
	m, b := e.model, &e.buffers
	if p.kept == 0 {
		return
	}
	e.ops.GatherF32(b[bufKeptX], b[bufX], p.keep, p.kept, m.width)
	e.ops.Gather(b[bufUp], b[bufQKV], w.qkv.n, p.keep, p.kept, m.q())
	if m.parallel && w.ffIn == nil {
		e.ops.Gather(b[bufKeptY], b[bufY], m.width, p.keep, p.kept, m.width)
	}
}

// attention lets the rows of a plan attend to their sequences.
func (e *gpuExecutor) attention(w *gpuWindow, l int, q gpu.Ptr, ld int) {
	m := e.model
	a := gpu.Attention{
		Out: e.buffers[bufAtt], Q: q, LD: ld, Plan: w.at, Partials: e.parts, Pool: e.pool.At, Layer: l, Layers: m.layers,
		Scale: m.layer[l].scale, Cap: m.scoreCap, Slopes: m.slopeTable, Biases: m.biasTable,
	}
	if m.biasTable != 0 {
		a.BiasLD = m.context
	}
	e.ops.Attend(&e.attend, w.shape, a)
}

// finish computes the rest of a layer for n rows of the stream x, and gives what is to be added to it still. Where attention
// and feed-forward layer read the same normed stream, that is y.
func (e *gpuExecutor) finish(x, y gpu.Ptr, w *gpuBlock, n int) added {
	m, b, o := e.model, &e.buffers, e.ops
	if m.parallel && w.ffIn != nil {
		y = b[bufY]
		o.AddNorm(gpu.AddNorm{X: x, Norm: m.normOf(w.ffIn), Y: y}, n, m.width)
	}
	e.linear(b[bufZ], b[bufAtt], &w.out, n)
	z := added{b[bufZ], w.attnOut, w.attnSum}
	if m.parallel {
		o.AddNorm(gpu.AddNorm{
			X: x, Z: z.z, ZNorm: m.normOf(z.before), ZScale: m.residualScale, Norm: m.normOf(z.after), Write: z.after != nil,
		}, n, m.width)
	} else {
		y = b[bufY]
		e.add(x, z, w.ffIn, n, m.normedStream)
	}
	hidden := b[bufUp]
	e.linear(hidden, y, &w.up, n)
	if m.gated {
		o.Gate(b[bufHidden], hidden, n, m.ff, gpu.Activation(m.act))
		hidden = b[bufHidden]
	} else {
		o.Activate(hidden, int64(n)*int64(w.up.n), gpu.Activation(m.act))
	}
	e.linear(b[bufZ], hidden, &w.down, n)
	return added{b[bufZ], w.ffOut, w.ffSum}
}

// headInput computes what the head is given of n rows whose last norm is computed, and gives its place.
func (e *gpuExecutor) headInput(n int) gpu.Ptr {
	m, in := e.model, e.buffers[bufY]
	if m.headProj != nil {
		e.linear(e.buffers[bufHead], in, m.headProj, n)
		in = e.buffers[bufHead]
	}
	if t := m.transform; t != nil {
		out := e.buffers[bufTransform]
		e.linear(out, in, t, n)
		e.ops.Activate(out, int64(n)*int64(t.n), gpu.Activation(m.headAct))
		e.ops.NormInPlace(gpu.NormGroups{X: out, LD: t.n, Groups: 1}, m.normOf(m.transformNorm), n, t.n)
		in = out
	}
	return in
}
