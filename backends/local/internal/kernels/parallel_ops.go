package kernels

// The sizes from which sharing pays, and the least piece: a piece takes some microseconds at least.
const (
	shareFlops  = 1 << 18 // multiply-adds of Linear and Attend
	shareValues = 1 << 13 // numbers that are passed over
)

// cut splits n things into pieces that are multiples of unit, about four for each worker.
func (p *Pool) cut(n, unit, others int) (pieces, size int) {
	if n == 0 {
		return 0, unit
	}
	units := (n + unit - 1) / unit
	want := max(1, min(units, (4*p.workers+others-1)/others))
	size = (units + want - 1) / want * unit
	return (n + size - 1) / size, size
}

// Linear shares outputs, and rows where there are many.
func (p *Pool) Linear(dst, a []float32, m int, w Weight) {
	checkLinear(dst, a, m, w)
	if m*w.N*w.K < shareFlops {
		p.parts.Linear(dst, a, m, w)
		return
	}
	rowPieces, rows := 1, m
	if m >= 2*96 {
		rowPieces, rows = p.cut(m, 96, 1)
	}
	unit := PanelWidth
	if m <= 6 {
		unit = 4 * PanelWidth
	}
	outPieces, outs := p.cut(w.N, unit, rowPieces)
	p.share(rowPieces*outPieces, func(piece int) {
		i, n := piece/outPieces*rows, piece%outPieces*outs
		end := min(i+rows, m)
		p.panels(dst[i*w.N+n:], w.N, a[i*w.K:end*w.K], end-i, w, n, min(n+outs, w.N))
	})
}

// LogProbs shares blocks of the vocabulary, and merges them in order.
func (p *Pool) LogProbs(rows []Scores, x []float32, head Weight, l Logits) {
	checkLogProbs(rows, x, head, l)
	if len(rows)*head.N*head.K < shareFlops {
		p.parts.LogProbs(rows, x, head, l)
		return
	}
	blocks := (head.N + LogBlock - 1) / LogBlock
	for len(rows) > 0 {
		m := min(scoredRows, len(rows))
		found := make([]blockScore, m*blocks)
		pieces, size := p.cut(blocks, 1, 1)
		p.share(pieces, func(piece int) {
			z := logitsPool.Get().(*logits)
			for b := piece * size; b < min((piece+1)*size, blocks); b++ {
				scoreBlock(p.parts, z, found[b*m:(b+1)*m], rows[:m], x, head, l, b)
			}
			logitsPool.Put(z)
		})
		mergeScores(rows[:m], found)
		rows, x = rows[m:], x[m*head.K:]
	}
}

// Attend shares rows and the key heads.
func (p *Pool) Attend(dst, q []float32, ld int, rows []Query, a Attention) {
	checkAttend(dst, q, ld, rows, a)
	var keys int
	for _, r := range rows {
		keys += r.To - r.From
	}
	if keys*a.Heads*a.Dim < shareFlops/2 {
		p.parts.Attend(dst, q, ld, rows, a)
		return
	}
	width := a.Heads * a.Dim
	group := a.Heads / a.KVHeads
	rowPieces, size := p.cut(len(rows), attendedRows, a.KVHeads)
	p.share(rowPieces*a.KVHeads, func(piece int) {
		// The last rows come first: theirs is the most work.
		i := (rowPieces - 1 - piece/a.KVHeads) * size
		end := min(i+size, len(rows))
		h := piece % a.KVHeads * group
		p.attendHeads(dst[i*width:end*width], q[i*ld:], ld, rows[i:end], a, h, h+group)
	})
}

// shareRows shares m rows of n numbers.
func (p *Pool) shareRows(m, n int, run func(from, to int)) {
	if m*n < shareValues || m == 1 {
		run(0, m)
		return
	}
	pieces, size := p.cut(m, max(1, shareValues/4/n), 1)
	p.share(pieces, func(piece int) { run(piece*size, min((piece+1)*size, m)) })
}

// shareAll shares n numbers.
func (p *Pool) shareAll(n int, run func(from, to int)) {
	if n < shareValues {
		run(0, n)
		return
	}
	pieces, size := p.cut(n, shareValues/4, 1)
	p.share(pieces, func(piece int) { run(piece*size, min((piece+1)*size, n)) })
}

// RMSNorm shares rows.
func (p *Pool) RMSNorm(dst, x, weight []float32, m int, eps float32) {
	n := checkNorm(dst, x, weight, nil, m)
	p.shareRows(m, n, func(i, j int) { p.parts.RMSNorm(dst[i*n:j*n], x[i*n:j*n], weight, j-i, eps) })
}

// LayerNorm shares rows.
func (p *Pool) LayerNorm(dst, x, weight, bias []float32, m int, eps float32) {
	n := checkNorm(dst, x, weight, bias, m)
	p.shareRows(m, n, func(i, j int) { p.parts.LayerNorm(dst[i*n:j*n], x[i*n:j*n], weight, bias, j-i, eps) })
}

// Activate shares the numbers.
func (p *Pool) Activate(x []float32, f Activation) {
	p.shareAll(len(x), func(i, j int) { p.parts.Activate(x[i:j], f) })
}

// Gate shares rows.
func (p *Pool) Gate(dst, gateUp []float32, m int, f Activation) {
	n := checkGate(dst, gateUp, m)
	p.shareRows(m, n, func(i, j int) { p.parts.Gate(dst[i*n:j*n], gateUp[2*i*n:2*j*n], j-i, f) })
}

// Add shares the numbers.
func (p *Pool) Add(dst, x []float32) {
	checkAdd(dst, x)
	p.shareAll(len(x), func(i, j int) { p.parts.Add(dst[i:j], x[i:j]) })
}

// AddBias shares rows.
func (p *Pool) AddBias(x, bias []float32, m int) {
	checkBias(x, bias, m)
	n := len(bias)
	p.shareRows(m, n, func(i, j int) { p.parts.AddBias(x[i*n:j*n], bias, j-i) })
}

// Scale shares the numbers.
func (p *Pool) Scale(x []float32, by float32) {
	p.shareAll(len(x), func(i, j int) { p.parts.Scale(x[i:j], by) })
}

// SoftCap shares the numbers.
func (p *Pool) SoftCap(x []float32, limit float32) {
	checkCap(limit)
	p.shareAll(len(x), func(i, j int) { p.parts.SoftCap(x[i:j], limit) })
}

// Rope shares rows.
func (p *Pool) Rope(x []float32, ld int, pos []int, cos, sin []float32, heads int, r Rotary) {
	checkRope(x, ld, pos, cos, sin, heads, r)
	p.shareRows(len(pos), heads*r.Rot, func(i, j int) {
		if i < j {
			p.parts.Rope(x[i*ld:], ld, pos[i:j], cos, sin, heads, r)
		}
	})
}

// Store shares rows.
func (p *Pool) Store(slots []Slot, k, v []float32, ld, kvHeads, dim int) {
	checkStore(slots, k, v, ld, kvHeads, dim)
	p.shareRows(len(slots), 2*kvHeads*dim, func(i, j int) {
		if i < j {
			p.parts.Store(slots[i:j], k[i*ld:], v[i*ld:], ld, kvHeads, dim)
		}
	})
}
