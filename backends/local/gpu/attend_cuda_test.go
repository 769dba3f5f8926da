//go:build cuda

package gpu_test

import (
	"cmp"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/onset-eval/onset/backends/local/gpu"
	"github.com/onset-eval/onset/backends/local/gpu/cu"
	"github.com/onset-eval/onset/backends/local/internal/kernels"
)

// attention is a case: heads, what weighs keys, and the rows.
type attention struct {
	t                   gpu.DType
	heads, kvHeads, dim int
	cap                 float32
	slopes, biases      bool
	rows                []gpu.AttendRow
}

func (c attention) String() string {
	return fmt.Sprintf("%v %d/%d heads of %d, cap %g, slopes %v, biases %v, %d rows", c.t, c.heads, c.kvHeads, c.dim, c.cap,
		c.slopes, c.biases, len(c.rows))
}

// The layers of a test's pool, of which the last is attended to.
const attendTestLayers = 2

// attendBench is a case with its numbers, of which those of type T are rounded to it.
type attendBench struct {
	attention
	pages          map[int32]int // the pages that occur, by what they are called in rows
	ld             int
	q              []float32
	k, v           []float32 // [page][kvHeads][64][dim], NaN where nothing was written
	slope, bias    []float32
	biasLD, extent int
	scale          float32
}

func newAttendBench(c attention, seed uint64) *attendBench {
	b := &attendBench{attention: c, pages: map[int32]int{}, ld: c.heads*c.dim + 24, scale: 2 / float32(math.Sqrt(float64(c.dim)))}
	written := map[int32]int{} // positions
	for _, r := range c.rows {
		b.extent = max(b.extent, r.To)
		for i := 0; i*gpu.PageSize < r.To; i++ {
			if _, ok := b.pages[r.Pages[i]]; !ok {
				b.pages[r.Pages[i]] = len(b.pages)
			}
			written[r.Pages[i]] = max(written[r.Pages[i]], min(r.To-i*gpu.PageSize, gpu.PageSize))
		}
	}
	rnd := rand.New(rand.NewPCG(seed, 5))
	number := func() float32 { return roundTo(c.t, float32(rnd.NormFloat64())) }
	queries := 0
	for _, r := range c.rows {
		queries = max(queries, r.Query+1)
	}
	b.q = make([]float32, queries*b.ld)
	for i := range b.q {
		b.q[i] = number()
	}
	size := c.kvHeads * gpu.PageSize * c.dim
	b.k, b.v = make([]float32, len(b.pages)*size), make([]float32, len(b.pages)*size)
	names := make([]int32, len(b.pages))
	for name, i := range b.pages {
		names[i] = name
	}
	for i, name := range names {
		for at := range size {
			j := i*size + at
			b.k[j], b.v[j] = float32(math.NaN()), float32(math.NaN())
			if at/c.dim%gpu.PageSize < written[name] {
				b.k[j], b.v[j] = number(), number()
			}
		}
	}
	if c.slopes {
		for h := range c.heads {
			b.slope = append(b.slope, float32(math.Exp2(-8*float64(h+1)/float64(c.heads))))
		}
	}
	if c.biases {
		b.biasLD = b.extent + 3
		for range c.heads * b.biasLD {
			b.bias = append(b.bias, float32(rnd.NormFloat64()))
		}
	}
	return b
}

// reference attends by the portable kernels, in float32; values is v or what stands for it.
func (b *attendBench) reference(rows []gpu.AttendRow, values []float32) []float32 {
	size := b.kvHeads * gpu.PageSize * b.dim
	pages := make([]kernels.Page, len(b.pages))
	for i := range pages {
		pages[i] = kernels.NewPage(b.kvHeads, b.dim)
		for j := range size {
			h, at, d := j/b.dim/gpu.PageSize, j/b.dim%gpu.PageSize, j%b.dim
			pages[i].K[(h*b.dim+d)*gpu.PageSize+at] = b.k[i*size+j]
		}
		copy(pages[i].V, values[i*size:(i+1)*size])
	}
	set, err := kernels.ByName("generic")
	if err != nil {
		panic(err)
	}
	width := b.heads * b.dim
	out := make([]float32, len(rows)*width)
	a := kernels.Attention{Heads: b.heads, KVHeads: b.kvHeads, Dim: b.dim, Scale: b.scale, Cap: b.cap, Slopes: b.slope, Biases: b.bias}
	for i, r := range rows {
		q := kernels.Query{From: r.From, To: r.To}
		for _, name := range r.Pages[:(r.To+gpu.PageSize-1)/gpu.PageSize] {
			q.Pages = append(q.Pages, pages[b.pages[name]])
		}
		set.Attend(out[i*width:(i+1)*width], b.q[r.Query*b.ld:(r.Query+1)*b.ld], b.ld, []kernels.Query{q}, a)
	}
	return out
}

// attendDevice holds a bench's numbers on the device.
type attendDevice struct {
	*attendBench
	dev                  gpu.Device
	ops                  *gpu.Ops
	q, pool, slope, bias gpu.Ptr
	number               []int32 // of each page in the pool
	memory               []gpu.Ptr
	plan                 gpu.AttendPlan
	blocks               int  // to divide the work for, unless 0
	shared               int  // memory that a block may use, unless 0
	pad                  bool // the launches' shape
}

// place copies a bench's numbers to the device; page i of the bench is page number[i] of the pool.
func (b *attendBench) place(t *testing.T, dev gpu.Device, number []int32) *attendDevice {
	t.Helper()
	ops, err := gpu.NewOps(dev, b.t)
	if err != nil {
		t.Fatal(err)
	}
	d := &attendDevice{attendBench: b, dev: dev, ops: ops, number: number}
	t.Cleanup(func() {
		for _, p := range d.memory {
			if err := dev.Free(p); err != nil {
				t.Error(err)
			}
		}
		if err := ops.Close(); err != nil {
			t.Error(err)
		}
	})
	size := b.kvHeads * gpu.PageSize * b.dim
	pool := make([]float32, int(slices.Max(number)+1)*attendTestLayers*2*size)
	for i := range pool {
		pool[i] = float32(math.NaN())
	}
	for i, p := range number {
		at := (int(p)*attendTestLayers + attendTestLayers - 1) * 2 * size
		copy(pool[at:at+size], b.k[i*size:])
		copy(pool[at+size:at+2*size], b.v[i*size:])
	}
	d.q, d.pool = d.upload(t, packed(b.t, b.q)), d.upload(t, packed(b.t, pool))
	if b.slope != nil {
		d.slope = d.upload(t, packed(gpu.F32, b.slope))
	}
	if b.bias != nil {
		d.bias = d.upload(t, packed(gpu.F32, b.bias))
	}
	return d
}

func (d *attendDevice) alloc(t *testing.T, bytes int) gpu.Ptr {
	t.Helper()
	p, err := d.dev.Alloc(int64(bytes))
	if err != nil {
		t.Fatal(err)
	}
	d.memory = append(d.memory, p)
	return p
}

func (d *attendDevice) upload(t *testing.T, data []byte) gpu.Ptr {
	t.Helper()
	p := d.alloc(t, len(data))
	if err := d.dev.ToDevice(p, data, 0); err != nil {
		t.Fatal(err)
	}
	return p
}

func (d *attendDevice) geometry() gpu.AttendGeometry {
	info := d.ops.Info()
	if d.shared > 0 {
		info.SharedPerBlock = d.shared
	}
	return gpu.NewAttendGeometry(info, d.t, d.heads, d.kvHeads, d.dim)
}

// attend runs rows, whose outputs it gives in their order: the bytes of T. What stands around the outputs must stay as it
// was.
func (d *attendDevice) attend(t *testing.T, rows []gpu.AttendRow) []byte {
	t.Helper()
	width, guard := d.heads*d.dim*d.t.Size(), 256
	queries := len(d.attendBench.q) / d.ld
	g := d.geometry()
	if d.blocks > 0 {
		g.Blocks = d.blocks
	}
	renumbered := make([]gpu.AttendRow, len(rows))
	lists := map[*int32][]int32{}
	for i, r := range rows {
		list, ok := lists[&r.Pages[0]]
		if !ok || len(list) < len(r.Pages) {
			list = nil
			for _, name := range r.Pages {
				at, ok := d.pages[name]
				if !ok {
					at = 0
				}
				list = append(list, d.number[at])
			}
			lists[&r.Pages[0]] = list
		}
		renumbered[i] = r
		renumbered[i].Pages = list
	}
	d.plan.Build(renumbered, g)
	before := make([]byte, 2*guard+queries*width)
	for i := range before {
		before[i] = byte(i*7 + 3)
	}
	out := d.upload(t, before)
	plan := d.upload(t, d.plan.Bytes())
	var partials gpu.Ptr
	if n := d.plan.PartialBytes(); n > 0 {
		partials = d.alloc(t, int(n))
	}
	shape := d.plan.Shape()
	if d.pad {
		shape = shape.Padded()
		if shape.Merges > 0 && partials == 0 {
			t.Fatal("padding made merges")
		}
	}
	d.ops.Attend(&g, shape, gpu.Attention{Out: out.Add(int64(guard)), Q: d.q, LD: d.ld, Plan: plan, Partials: partials, Pool: d.pool,
		Layer: attendTestLayers - 1, Layers: attendTestLayers, Scale: d.scale, Cap: d.cap, Slopes: d.slope, Biases: d.bias, BiasLD: d.biasLD})
	if err := d.ops.Err(); err != nil {
		t.Fatal(err)
	}
	after := make([]byte, len(before))
	if err := d.dev.ToHost(after, out, 0); err != nil {
		t.Fatal(err)
	}
	if err := d.dev.Synchronize(0); err != nil {
		t.Fatal(err)
	}
	return d.pick(t, before, after, rows, width, guard)
}

// pick takes the rows' outputs out of all and checks the rest.
func (d *attendDevice) pick(t *testing.T, before, after []byte, rows []gpu.AttendRow, width, guard int) []byte {
	t.Helper()
	var out []byte
	for _, r := range rows {
		at := guard + r.Query*width
		out = append(out, after[at:at+width]...)
		copy(after[at:at+width], before[at:])
	}
	if !slices.Equal(before, after) {
		t.Fatal("something beside the rows' outputs was written")
	}
	return out
}

// numbers are 0, 1, 2, … for as many pages as the bench has.
func (b *attendBench) numbers() []int32 {
	var n []int32
	for i := range len(b.pages) {
		n = append(n, int32(i))
	}
	return n
}

func openAttendDevice(t *testing.T) gpu.Device {
	t.Helper()
	dev, err := cu.Open(0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := dev.Close(); err != nil {
			t.Error(err)
		}
	})
	return dev
}

// compare checks outputs against the reference. The bounds, with A = Σ weight·|v|: float32 differs by its exp and by where
// sums are merged, a few 2⁻²⁴ of A, and by its tanh under a cap; bf16 and f16 besides round weights and the result, half a
// unit in the last place of each, and f16 loses weights below 2⁻²⁵.
func (b *attendBench) compare(rows []gpu.AttendRow, got []byte) error {
	want, scaleOf := b.reference(rows, b.v), b.reference(rows, absolute(b.v))
	unit := map[gpu.DType]float64{gpu.F32: 0, gpu.BF16: 0x1p-8, gpu.F16: 0x1p-11}[b.t]
	exact := 3e-6
	if b.cap != 0 {
		exact = 2e-5
	}
	for i, x := range unpacked(b.t, got) {
		row := i / (b.heads * b.dim)
		a, w := float64(scaleOf[i]), float64(want[i])
		bound := (unit*1.02+exact)*a + unit*1.02*math.Abs(w) + 1e-7
		if b.t == gpu.F16 {
			bound += float64(rows[row].To-rows[row].From)*0x1p-25*5 + 0x1p-25
		}
		if diff := math.Abs(float64(x) - w); !(diff <= bound) {
			return fmt.Errorf("row %d (positions %d to %d), head %d, column %d is %g, not %g: off by %g, allowed %g", row, rows[row].From,
				rows[row].To, i/b.dim%b.heads, i%b.dim, x, w, diff, bound)
		}
	}
	return nil
}

// straight are rows of one sequence of n positions, of which the last few are asked for.
func straight(n, rows, window int) []gpu.AttendRow {
	var pages []int32
	for i := range (n + gpu.PageSize - 1) / gpu.PageSize {
		pages = append(pages, int32(i))
	}
	var list []gpu.AttendRow
	for pos := max(0, n-rows); pos < n; pos++ {
		from := 0
		if window > 0 {
			from = max(0, pos+1-window)
		}
		list = append(list, gpu.AttendRow{Pages: pages, From: from, To: pos + 1, Query: len(list)})
	}
	return list
}

// TestAttendLengths runs sequences of odd lengths, with and without windows.
func TestAttendLengths(t *testing.T) {
	dev := openAttendDevice(t)
	for _, dtype := range []gpu.DType{gpu.F32, gpu.BF16, gpu.F16} {
		for _, n := range []int{1, 2, 15, 16, 17, 63, 64, 65, 127, 200, 511, 512, 513, 1023, 1024, 1025, 1100} {
			for _, window := range []int{0, 1, 30, 64, 100, 600} {
				c := attention{t: dtype, heads: 2, kvHeads: 1, dim: 16, rows: straight(n, 70, window)}
				b := newAttendBench(c, uint64(n+window))
				d := b.place(t, dev, b.numbers())
				d.blocks = []int{1, 0, 1 << 20}[window%3] // one block for all segments, or each its own
				if err := b.compare(c.rows, d.attend(t, c.rows)); err != nil {
					t.Errorf("%v, %d positions, window %d: %v", c, n, window, err)
				}
			}
		}
	}
}

// TestAttendHeads runs heads of all sizes and groups over trees, with all that weighs keys.
func TestAttendHeads(t *testing.T) {
	dev := openAttendDevice(t)
	seed := uint64(0)
	for _, dtype := range []gpu.DType{gpu.F32, gpu.BF16, gpu.F16} {
		for i, dim := range []int{1, 2, 5, 8, 12, 16, 20, 24, 31, 32, 48, 64, 72, 80, 96, 100, 128, 136, 160, 256, 257, 320} {
			for j, group := range []int{1, 2, 3, 4, 7, 8} {
				seed++
				if (i+j)%5 != int(dtype) { // a case takes a third of a second, and all sizes in all types are enough
					continue
				}
				rows := gpu.RandomRows(seed%40, []int{0, 0, 50, 700}[seed%4], seed%5 != 0)
				rows = rows[:min(len(rows), 40)]
				c := attention{t: dtype, heads: 2 * group, kvHeads: 2, dim: dim, rows: rows, slopes: seed%4 == 1, biases: seed%4 == 2}
				if seed%3 == 1 {
					c.cap = 5
				}
				b := newAttendBench(c, seed)
				d := b.place(t, dev, b.numbers())
				d.pad = seed%2 == 0
				if err := b.compare(c.rows, d.attend(t, c.rows)); err != nil {
					t.Errorf("%v, seed %d: %v", c, seed, err)
				}
			}
		}
	}
}

// TestAttendInvariance holds that a row comes to the same bits alone, in any company, in any order, in chunks, whether or
// not its segments are divided between blocks, and wherever its pages stand.
func TestAttendInvariance(t *testing.T) {
	dev := openAttendDevice(t)
	for seed := range uint64(15) {
		dtype := gpu.DType(seed % 3)
		window, causal := []int{0, 0, 40, 700}[seed/3%4], seed%5 != 4
		rows := gpu.RandomRows(seed, window, causal)
		rnd := rand.New(rand.NewPCG(seed, 9))
		if len(rows) > 150 {
			at := rnd.IntN(len(rows) - 150)
			rows = rows[at : at+150]
			for i := range rows {
				rows[i].Query = i
			}
		}
		group := []int{1, 2, 3, 4, 7, 8}[seed/4%6]
		c := attention{t: dtype, heads: 2 * group, kvHeads: 2, dim: []int{16, 24, 64, 96, 300}[seed%5], rows: rows,
			slopes: seed%7 == 3}
		b := newAttendBench(c, seed)
		d := b.place(t, dev, b.numbers())
		want := d.attend(t, rows)
		width := len(want) / len(rows)
		same := func(what string, list []gpu.AttendRow, got []byte) {
			t.Helper()
			for i, r := range list {
				if !slices.Equal(got[i*width:(i+1)*width], want[r.Query*width:(r.Query+1)*width]) {
					t.Fatalf("%v, seed %d: row %d (positions %d to %d) differs %s", c, seed, r.Query, r.From, r.To, what)
				}
			}
		}
		for range 6 {
			i := rnd.IntN(len(rows))
			same("alone", rows[i:i+1], d.attend(t, rows[i:i+1]))
		}
		for _, blocks := range []int{1, 1 << 20} {
			d.blocks = blocks
			same(fmt.Sprintf("for %d blocks", blocks), rows, d.attend(t, rows))
			i := rnd.IntN(len(rows))
			same("alone", rows[i:i+1], d.attend(t, rows[i:i+1]))
		}
		d.blocks = 0
		shuffled := slices.Clone(rows)
		rnd.Shuffle(len(rows), func(i, j int) { shuffled[i], shuffled[j] = shuffled[j], shuffled[i] })
		same("in another order", shuffled, d.attend(t, shuffled))
		order := map[*int32]int{}
		for _, r := range rows {
			if _, ok := order[&r.Pages[0]]; !ok {
				order[&r.Pages[0]] = len(order)
			}
		}
		reversed := slices.Clone(rows)
		slices.SortStableFunc(reversed, func(x, y gpu.AttendRow) int {
			return cmp.Compare(order[&y.Pages[0]], order[&x.Pages[0]])
		})
		same("with sequences in another order", reversed, d.attend(t, reversed))
		for at, n := 0, 0; at < len(rows); at += n {
			n = min(1+rnd.IntN(40), len(rows)-at)
			same("in chunks", rows[at:at+n], d.attend(t, rows[at:at+n]))
		}
		number := make([]int32, len(b.pages))
		for i, p := range rnd.Perm(len(number) + 5)[:len(number)] {
			number[i] = int32(p)
		}
		same("in other pages", rows, b.place(t, dev, number).attend(t, rows))
	}
}

// TestAttendLayouts holds that a row comes to the same bits whatever shared memory allows of warps and of slots in the ring.
func TestAttendLayouts(t *testing.T) {
	dev := openAttendDevice(t)
	most := dev.Info().SharedPerBlock
	for _, dtype := range []gpu.DType{gpu.F32, gpu.BF16, gpu.F16} {
		seen := map[int]bool{}
		rows := straight(700, 40, 0)
		rows = append(rows, gpu.AttendRow{Pages: rows[0].Pages, From: 500, To: 600, Query: len(rows)})
		b := newAttendBench(attention{t: dtype, heads: 4, kvHeads: 2, dim: 128, rows: rows}, 3)
		d := b.place(t, dev, b.numbers())
		d.blocks = 1
		want := d.attend(t, rows)
		if err := b.compare(rows, want); err != nil {
			t.Errorf("%v: %v", dtype, err)
		}
		for _, kib := range []int{54, 70, 74, 86, 90, 120, 163, 227} {
			if d.shared = kib << 10; d.shared > most {
				continue
			}
			for _, list := range [][]gpu.AttendRow{rows, rows[:40], rows[20:24], rows[40:]} {
				g := d.geometry()
				for _, n := range gpu.AttendSlots(&g, true) {
					seen[n] = true
				}
				got := d.attend(t, list)
				width, at := len(want)/len(rows), list[0].Query
				if !slices.Equal(got, want[at*width:(at+len(list))*width]) {
					t.Errorf("%v, %d KiB: %d rows differ", dtype, kib, len(list))
				}
			}
		}
		for n := 2; n <= 4; n++ {
			if !seen[n] {
				t.Errorf("%v: no ring of %d slots among %v", dtype, n, seen)
			}
		}
	}
}

// TestAttendOverflow holds that infinite and NaN values of one sequence do not reach another that shares its tile.
func TestAttendOverflow(t *testing.T) {
	dev := openAttendDevice(t)
	for _, dtype := range []gpu.DType{gpu.F32, gpu.BF16, gpu.F16} {
		var rows []gpu.AttendRow
		for s := range int32(4) {
			pages := []int32{100, 101, s}
			for pos := 128; pos < 131; pos++ {
				rows = append(rows, gpu.AttendRow{Pages: pages, To: pos + 1, Query: len(rows)})
			}
		}
		b := newAttendBench(attention{t: dtype, heads: 2, kvHeads: 1, dim: 32, rows: rows}, 1)
		d := b.place(t, dev, b.numbers())
		want := d.attend(t, rows)
		for i, x := range []float32{float32(math.Inf(1)), float32(math.NaN())} {
			page := b.pages[int32(i+1)] * gpu.PageSize * b.dim
			for j := range 3 * b.dim {
				b.v[page+j], b.k[page+j] = x, x
			}
		}
		got := b.place(t, dev, b.numbers()).attend(t, rows)
		width := len(want) / len(rows)
		for i := range rows {
			same := slices.Equal(got[i*width:(i+1)*width], want[i*width:(i+1)*width])
			if hit := i/3 == 1 || i/3 == 2; same == hit {
				t.Errorf("%v: row %d, of sequence %d: the same %v", dtype, i, i/3, same)
			}
		}
	}
}
