package kernels

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"unsafe"
)

type runOp = func(t *testing.T, s Set, mem arena, r *rand.Rand, f fill) []float32

// halves are n 16-bit numbers in the arena, against its end.
func (a arena) halves(t *testing.T, n int) []uint16 {
	if n == 0 {
		return nil
	}
	buf := a.make(t, (n+1)/2)
	return unsafe.Slice((*uint16)(unsafe.Pointer(&buf[0])), 2*len(buf))[n&1:]
}

// weight makes a weight in the arena.
func (a arena) weight(t *testing.T, n, k int, typ DType, r *rand.Rand, f fill) Weight {
	w := Weight{N: n, K: k, Type: typ}
	if typ == F32 {
		w.Data = a.make(t, PackedLen(n, k, typ))
	} else {
		w.Half = a.halves(t, PackedLen(n, k, typ))
	}
	w.SetRows(0, f.into(r, make([]float32, n*k)))
	return w
}

func linearOp(m, n, k int, typ DType, bias bool) runOp {
	return func(t *testing.T, s Set, mem arena, r *rand.Rand, f fill) []float32 {
		w := mem.weight(t, n, k, typ, r, f)
		if bias {
			w.Bias = f.into(r, mem.make(t, n))
		}
		a, dst := f.into(r, mem.make(t, m*k)), mem.make(t, m*n)
		s.Linear(dst, a, m, w)
		return dst
	}
}

// roundedOp is another on the set that rounds to bfloat16.
func roundedOp(run runOp) runOp {
	return func(t *testing.T, s Set, mem arena, r *rand.Rand, f fill) []float32 {
		return run(t, RoundBF16(s), mem, r, f)
	}
}

func logProbsOp(m, n, k int, typ DType, l Logits) runOp {
	return func(t *testing.T, s Set, mem arena, r *rand.Rand, f fill) []float32 {
		w := mem.weight(t, n, k, typ, r, f)
		if m%2 == 1 {
			w.Bias = f.into(r, mem.make(t, n))
		}
		rows := make([]Scores, m)
		for i := range rows {
			rows[i].Targets = []int{r.IntN(n), n - 1, 0}[:r.IntN(4)]
			rows[i].Logits = make([]float32, len(rows[i].Targets))
		}
		s.LogProbs(rows, f.into(r, mem.make(t, m*k)), w, l)
		var out []float32
		for _, row := range rows {
			out = append(append(out, row.LogSumExp, row.Top, float32(row.ArgMax)), row.Logits...)
		}
		return out
	}
}

func normOp(n int, layer, weight, bias, inPlace bool) runOp {
	return func(t *testing.T, s Set, mem arena, r *rand.Rand, f fill) []float32 {
		const m = 3
		x, dst := f.into(r, mem.make(t, m*n)), mem.make(t, m*n)
		var w, b []float32
		if weight {
			w = f.into(r, mem.make(t, n))
		}
		if bias {
			b = f.into(r, mem.make(t, n))
		}
		if inPlace {
			dst = x
		}
		if layer {
			s.LayerNorm(dst, x, w, b, m, 1e-5)
		} else {
			s.RMSNorm(dst, x, w, m, 1e-5)
		}
		return dst
	}
}

func activateOp(n int, a Activation) runOp {
	return func(t *testing.T, s Set, mem arena, r *rand.Rand, f fill) []float32 {
		x := f.into(r, mem.make(t, n))
		for i := range x {
			x[i] *= 3
		}
		s.Activate(x, a)
		return x
	}
}

func gateOp(m, n int, a Activation) runOp {
	return func(t *testing.T, s Set, mem arena, r *rand.Rand, f fill) []float32 {
		x, dst := f.into(r, mem.make(t, 2*m*n)), mem.make(t, m*n)
		s.Gate(dst, x, m, a)
		return dst
	}
}

// plainOp is the kernels that change n numbers.
func plainOp(n int, name string) runOp {
	return func(t *testing.T, s Set, mem arena, r *rand.Rand, f fill) []float32 {
		x, y := f.into(r, mem.make(t, n)), f.into(r, mem.make(t, 2*n))
		switch name {
		case "add":
			s.Add(x, y[:n])
		case "bias":
			s.AddBias(y, x, 2)
			return y
		case "scale":
			s.Scale(x, 1.7)
		case "cap":
			s.SoftCap(x, 30)
		case "logsumexp":
			return []float32{s.LogSumExp(x)}
		case "argmax":
			x[r.IntN(n)] = x[r.IntN(n)]
			return []float32{float32(s.ArgMax(x))}
		}
		return x
	}
}

func ropeOp(m, heads, gap int, rot Rotary) runOp {
	return func(t *testing.T, s Set, mem arena, r *rand.Rand, f fill) []float32 {
		const context = 9
		ld := heads*rot.Dim + gap
		x := f.into(r, mem.make(t, m*ld-gap))
		cos, sin := f.into(r, mem.make(t, context*rot.Rot/2)), f.into(r, mem.make(t, context*rot.Rot/2))
		pos := make([]int, m)
		for i := range pos {
			pos[i] = r.IntN(context)
		}
		s.Rope(x, ld, pos, cos, sin, heads, rot)
		return x
	}
}

func storeOp(m, kvHeads, dim int) runOp {
	return func(t *testing.T, s Set, mem arena, r *rand.Rand, f fill) []float32 {
		n := kvHeads * dim
		pages := make([]Page, 1+m/PageSize)
		for i := range pages {
			pages[i] = Page{K: mem.make(t, n*PageSize), V: mem.make(t, n*PageSize)}
		}
		slots := make([]Slot, m)
		for i, at := range r.Perm(len(pages) * PageSize)[:m] {
			slots[i] = Slot{pages[at/PageSize], at % PageSize}
		}
		if m%2 == 0 { // neighbours
			for i := range slots {
				slots[i] = Slot{pages[i/PageSize], i % PageSize}
			}
		}
		kv := f.into(r, mem.make(t, 2*n*m))
		s.Store(slots, kv, kv[n:], 2*n, kvHeads, dim)
		var out []float32
		for _, p := range pages {
			out = append(append(out, p.K...), p.V...)
		}
		return out
	}
}

// attendCase is rows of one or more sequences on shared pages.
type attendCase struct {
	Attention
	rows    int
	to      int  // of the first row
	step    int  // by which the next rows' To grows
	window  int  // 0: From is 0
	fork    int  // rows after this many have a last page of their own; 0: none
	slopes  bool // with Slopes
	biases  bool // with Biases
	shuffle bool
}

func (c attendCase) String() string {
	return fmt.Sprintf("heads%d/%d,dim%d,rows%d,to%d+%d,window%d,fork%d,slopes%v,biases%v,cap%g,%v",
		c.Heads, c.KVHeads, c.Dim, c.rows, c.to, c.step, c.window, c.fork, c.slopes, c.biases, c.Cap, c.shuffle)
}

// make builds the operands; what lies past the last row's reach is NaN, which would show in the result.
func (c attendCase) make(t *testing.T, mem arena, r *rand.Rand, f fill) (q []float32, ld int, rows []Query, a Attention) {
	a = c.Attention
	a.Scale = 0.3
	if c.slopes {
		a.Slopes = f.into(r, mem.make(t, a.Heads))
	}
	last := c.to + (c.rows-1)*c.step
	if c.biases {
		a.Biases = f.into(r, mem.make(t, a.Heads*last))
	}
	newPages := func(from int) []Page {
		var pages []Page
		for i := from; i*PageSize < last; i++ {
			p := Page{K: mem.make(t, a.KVHeads*a.Dim*PageSize), V: mem.make(t, a.KVHeads*a.Dim*PageSize)}
			f.into(r, p.K)
			f.into(r, p.V)
			spoil(p, a.KVHeads, a.Dim, last-i*PageSize)
			pages = append(pages, p)
		}
		return pages
	}
	pages := newPages(0)
	forked := append(append([]Page(nil), pages[:len(pages)-1]...), newPages(len(pages)-1)...)
	for i := range c.rows {
		row := Query{Pages: append(append([]Page(nil), pages...), Page{}), To: c.to + i*c.step}
		if c.fork > 0 && i >= c.fork {
			row.Pages = append([]Page(nil), forked...)
		}
		if c.window > 0 {
			row.From = max(0, row.To-c.window)
			for j := range row.From / PageSize {
				row.Pages[j] = Page{}
			}
		}
		rows = append(rows, row)
	}
	if c.shuffle {
		r.Shuffle(len(rows), func(i, j int) { rows[i], rows[j] = rows[j], rows[i] })
	}
	ld = a.Heads*a.Dim + 5
	return f.into(r, mem.make(t, c.rows*ld-5)), ld, rows, a
}

func attendOp(c attendCase) runOp {
	return func(t *testing.T, s Set, mem arena, r *rand.Rand, f fill) []float32 {
		q, ld, rows, a := c.make(t, mem, r, f)
		dst := mem.make(t, len(rows)*a.Heads*a.Dim)
		s.Attend(dst, q, ld, rows, a)
		return dst
	}
}

// spoil fills what lies past the first n positions with NaN.
func spoil(p Page, kvHeads, dim, n int) {
	nan := nan32()
	for h := range kvHeads {
		for j := max(n, 0); j < PageSize; j++ {
			for d := range dim {
				p.K[(h*dim+d)*PageSize+j] = nan
				p.V[(h*PageSize+j)*dim+d] = nan
			}
		}
	}
}

// TestBiases holds that biases of a slope are that slope, on every set.
func TestBiases(t *testing.T) {
	const heads, dim, n = 3, 8, 100
	r := rand.New(rand.NewPCG(1, 2))
	pages := []Page{NewPage(1, dim), NewPage(1, dim)}
	q := make([]float32, heads*dim)
	for _, x := range [][]float32{pages[0].K, pages[0].V, pages[1].K, pages[1].V, q} {
		for i := range x {
			x[i] = float32(r.NormFloat64())
		}
	}
	a := Attention{Heads: heads, KVHeads: 1, Dim: dim, Scale: 0.3, Slopes: []float32{0.5, 0.25, 2}}
	b := a
	b.Slopes = nil
	for h := range heads {
		for j := range n {
			b.Biases = append(b.Biases, a.Slopes[h]*float32(j))
		}
	}
	rows := []Query{{Pages: pages, To: n}, {Pages: pages, From: 3, To: 70}}
	q2 := append(append([]float32(nil), q...), q...)
	var first []float32
	for _, s := range All() {
		want, got := make([]float32, 2*heads*dim), make([]float32, 2*heads*dim)
		s.Attend(want, q2, heads*dim, rows, a)
		s.Attend(got, q2, heads*dim, rows, b)
		for i := range want {
			if d := got[i] - want[i]; d > 1e-4 || d < -1e-4 {
				t.Errorf("%s: %v, want %v", s.Name(), got[i], want[i])
			}
		}
		if first == nil {
			first = got
		}
		for i := range got {
			if got[i] != first[i] {
				t.Errorf("%s has other bits", s.Name())
			}
		}
	}
}
