package local

import (
	"github.com/onset-eval/onset/backends/local/internal/kernels"
)

// row is one token of a sequence at its position, to be run through the model.
type row struct {
	token, pos int
	seq        *sequence
}

// scratch holds the activations of a step for up to rows rows. It grows where more come.
type scratch struct {
	x, y, z, qkv, att, up, hidden []float32
	embed                         []float32
	last, logits                  []float32 // rows that need logits, as the head is given them, and their logits
	kept                          []row
	at                            []int // row i is at i: the angles are gathered
	slots                         []kernels.Slot
	queries                       []kernels.Query
	cos, sin                      [][]float32 // by rope, a row for each row
	ends                          map[*sequence]int
}

func newScratch(s spec, rows int) *scratch {
	b := &scratch{cos: make([][]float32, len(s.ropes)), sin: make([][]float32, len(s.ropes))}
	b.fit(&s, rows)
	return b
}

// fit makes room for n rows.
func (b *scratch) fit(s *spec, n int) {
	up := s.ff
	if s.gated {
		up *= 2
	}
	for _, part := range []struct {
		buffer *[]float32
		width  int
	}{
		{&b.x, s.width}, {&b.y, max(s.width, s.embedWidth)}, {&b.z, s.width}, {&b.qkv, s.q() + 2*s.kv()}, {&b.att, s.q()}, {&b.up, up},
		{&b.hidden, s.ff}, {&b.embed, s.embedWidth},
	} {
		*part.buffer = grow(*part.buffer, n*part.width)
	}
	for i := range s.ropes {
		half := s.ropes[i].dim / 2
		b.cos[i], b.sin[i] = grow(b.cos[i], n*half), grow(b.sin[i], n*half)
	}
}

func grow(s []float32, n int) []float32 {
	if cap(s) < n {
		return make([]float32, n)
	}
	return s[:cap(s)]
}

// forward runs rows through the model and stores their keys and values. It leaves the residual stream of the rows listed
// in keep, which rises, in b.x, one below the other: past the last layer's keys and values the other rows are of no use and
// are not computed. A row attends to its sequence up to its own position, so a sequence's rows stand in order and without
// gaps. In a masked model it attends to all of its sequence, so the rows of a sequence come all at once.
func (m *model) forward(k kernels.Set, b *scratch, rows []row, keep []int) {
	n := len(rows)
	b.fit(&m.spec, n)
	m.begin(k, b, rows)
	m.gatherAngles(b, rows)
	for l := range m.block {
		w := &m.block[l]
		x, y := b.x[:n*m.width], b.y[:n*m.width]
		m.normed(k, y, x, w.attnIn, n)
		if m.normedStream {
			copy(x, y)
		}
		m.queriesAndKeys(k, b, rows, l)
		if l == m.layers-1 {
			rows = m.compact(b, rows, keep)
			n = len(rows)
		}
		m.attend(k, b, rows, l)
		m.finish(k, b, w, n)
	}
}

// begin sets the stream to the rows' embeddings.
func (m *model) begin(k kernels.Set, b *scratch, rows []row) {
	n, e := len(rows), m.embedWidth
	to, narrow := b.x, m.embedProj != nil
	if narrow {
		to = b.embed
	}
	for i, r := range rows {
		m.embed.row(to[i*e:i*e+e], r.token)
	}
	if m.embedScale != 0 {
		k.Scale(to[:n*e], m.embedScale)
	}
	if m.spec.types > 0 {
		row := b.y[:e]
		m.types.row(row, 0)
		k.AddBias(to[:n*e], row, n)
	}
	if m.positions > 0 && !m.positionsLate {
		m.addPositions(k, b, to[:n*e], rows)
	}
	if m.embedNorm != nil {
		m.normed(k, to[:n*e], to[:n*e], m.embedNorm, n)
	}
	if narrow {
		k.Linear(b.x[:n*m.width], to[:n*e], n, *m.embedProj)
	}
	if m.positionsLate {
		m.addPositions(k, b, b.x[:n*m.width], rows)
	}
}

// addPositions adds the learned positions of the rows.
func (m *model) addPositions(k kernels.Set, b *scratch, x []float32, rows []row) {
	w := m.positionTable.packed.K
	for i, r := range rows {
		m.positionTable.row(b.y[i*w:i*w+w], r.pos+m.offset)
	}
	k.Add(x, b.y[:len(x)])
}

// normed norms n rows; a norm that is nil leaves them as they are.
func (m *model) normed(k kernels.Set, dst, x []float32, w *norm, n int) {
	switch {
	case w == nil:
		copy(dst, x)
	case m.spec.norm == layerNorm:
		k.LayerNorm(dst, x, w.weight, w.bias, n, m.eps)
	default:
		k.RMSNorm(dst, x, w.weight, n, m.eps)
	}
}

// queriesAndKeys sets b.qkv from the normed stream in b.y, turned by the positions, and stores keys and values.
func (m *model) queriesAndKeys(k kernels.Set, b *scratch, rows []row, l int) {
	w, n := &m.block[l], len(rows)
	q, kv := m.q(), m.kv()
	width := q + 2*kv
	qkv := b.qkv[:n*width]
	k.Linear(qkv, b.y[:n*m.width], n, w.qkv)
	if m.clip > 0 {
		for i, v := range qkv {
			qkv[i] = min(max(v, -m.clip), m.clip)
		}
	}
	if m.qkNorm != noQKNorm {
		for i := range rows {
			m.normHeads(k, qkv[i*width:i*width+q], w.qNorm, m.heads)
			m.normHeads(k, qkv[i*width+q:i*width+q+kv], w.kNorm, m.kvHeads)
		}
	}
	if r := m.layer[l].rope; r >= 0 {
		k.Rope(qkv, width, b.at[:n], b.cos[r], b.sin[r], m.heads+m.kvHeads,
			kernels.Rotary{Dim: m.headDim, Rot: m.ropes[r].dim, Interleaved: m.interleave})
	}
	b.slots = b.slots[:0]
	for _, r := range rows {
		b.slots = append(b.slots, kernels.Slot{Page: r.seq.pages[l][r.pos/kernels.PageSize], At: r.pos % kernels.PageSize})
	}
	k.Store(b.slots, qkv[q:], qkv[q+kv:], width, m.kvHeads, m.headDim)
}

// normHeads norms the heads of one row's queries or keys in place.
func (m *model) normHeads(k kernels.Set, x []float32, w *norm, heads int) {
	d := m.headDim
	switch m.qkNorm {
	case fullQKNorm:
		m.normed(k, x, x, w, 1)
	case headQKNorm:
		m.normed(k, x, x, w, heads)
	case ownQKNorm:
		for h := range heads {
			m.normed(k, x[h*d:h*d+d], x[h*d:h*d+d], &norm{weight: w.weight[h*d : h*d+d]}, 1)
		}
	}
}

// compact moves the streams, normed streams and queries of the rows listed in keep to the front, and gives these rows.
func (m *model) compact(b *scratch, rows []row, keep []int) []row {
	d, width := m.width, m.q()+2*m.kv()
	b.kept = b.kept[:0]
	for to, from := range keep {
		copy(b.x[to*d:to*d+d], b.x[from*d:from*d+d])
		copy(b.y[to*d:to*d+d], b.y[from*d:from*d+d])
		copy(b.qkv[to*width:to*width+width], b.qkv[from*width:from*width+width])
		b.kept = append(b.kept, rows[from])
	}
	return b.kept
}

// attend lets each row's query attend to its sequence.
func (m *model) attend(k kernels.Set, b *scratch, rows []row, l int) {
	s := &m.layer[l]
	b.queries = b.queries[:0]
	for _, r := range rows {
		to := r.pos + 1
		if !m.causal {
			to = b.ends[r.seq]
		}
		from := 0
		if s.window > 0 {
			from = max(0, to-s.window)
		}
		b.queries = append(b.queries, kernels.Query{Pages: r.seq.pages[l], From: from, To: to})
	}
	k.Attend(b.att[:len(rows)*m.q()], b.qkv, m.q()+2*m.kv(), b.queries, kernels.Attention{
		Heads: m.heads, KVHeads: m.kvHeads, Dim: m.headDim, Scale: s.scale, Cap: m.scoreCap, Slopes: m.slopes, Biases: m.biases,
	})
}

// finish adds attention and feed-forward layer to the stream of n rows: one after the other, or both at once.
func (m *model) finish(k kernels.Set, b *scratch, w *block, n int) {
	x, y, z := b.x[:n*m.width], b.y[:n*m.width], b.z[:n*m.width]
	if m.parallel && w.ffIn != nil {
		m.normed(k, y, x, w.ffIn, n)
	}
	k.Linear(z, b.att[:n*m.q()], n, w.out)
	m.add(k, x, z, w.attnOut, w.attnSum, n)
	if !m.parallel {
		m.normed(k, y, x, w.ffIn, n)
	}
	if m.normedStream {
		copy(x, y)
	}
	m.feedForward(k, b, w, n)
	m.add(k, x, z, w.ffOut, w.ffSum, n)
}

// feedForward sets b.z from b.y.
func (m *model) feedForward(k kernels.Set, b *scratch, w *block, n int) {
	up, hidden := b.up[:n*w.up.N], b.hidden[:n*m.ff]
	k.Linear(up, b.y[:n*m.width], n, w.up)
	if m.gated {
		k.Gate(hidden, up, n, m.act)
	} else {
		k.Activate(up, m.act)
		hidden = up
	}
	k.Linear(b.z[:n*m.width], hidden, n, w.down)
}

// add adds z, normed and scaled, to the stream x, and norms the sum.
func (m *model) add(k kernels.Set, x, z []float32, before, after *norm, n int) {
	if before != nil {
		m.normed(k, z, z, before, n)
	}
	if m.residualScale != 0 {
		k.Scale(z, m.residualScale)
	}
	k.Add(x, z)
	if after != nil {
		m.normed(k, x, x, after, n)
	}
}

// headInput gives what the head is given of n rows that the last forward kept, from the from-th: [n×head.K], valid until
// the next call. The head's outputs are logits by m.spec.logits.
func (m *model) headInput(k kernels.Set, b *scratch, from, n int) []float32 {
	last := m.finalHidden(k, b, from, n)
	if m.transform == nil {
		return last
	}
	out := m.transform.N
	b.hidden = grow(b.hidden, n*out)
	t := b.hidden[:n*out]
	k.Linear(t, last, n, *m.transform)
	k.Activate(t, m.headAct)
	m.normed(k, t, t, m.transformNorm, n)
	return t
}

// finalHidden is the hidden states of the kept rows behind the last norm and, where there is one, the projection.
func (m *model) finalHidden(k kernels.Set, b *scratch, from, n int) []float32 {
	d := m.width
	b.last = grow(b.last, n*d)
	last := b.last[:n*d]
	m.normed(k, last, b.x[from*d:(from+n)*d], m.norm, n)
	if m.headProj == nil {
		return last
	}
	out := m.headProj.N
	b.embed = grow(b.embed, n*out)
	k.Linear(b.embed[:n*out], last, n, *m.headProj)
	return b.embed[:n*out]
}

// logits gives the logits of n rows that the last forward kept, from the from-th: [n×vocab], valid until the next call.
func (m *model) logits(k kernels.Set, b *scratch, from, n int) []float32 {
	in := m.headInput(k, b, from, n)
	b.logits = grow(b.logits, n*m.vocab)
	logits := b.logits[:n*m.vocab]
	k.Linear(logits, in, n, m.head)
	if m.spec.logits.Scale != 0 {
		k.Scale(logits, m.spec.logits.Scale)
	}
	if m.spec.logits.Cap != 0 {
		k.SoftCap(logits, m.spec.logits.Cap)
	}
	return logits
}
