package gpu

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
)

// forest makes rows of random sequences that share beginnings, in the order of a walk through their tree, as a scheduler
// lists them. Pages are numbered at random.
type forest struct {
	rnd  *rand.Rand
	free []int32
	rows []AttendRow
	ends [][2]int // of each row the length of its sequence and its own position
}

func newForest(seed uint64, pages int) *forest {
	f := &forest{rnd: rand.New(rand.NewPCG(seed, 77))}
	for _, p := range f.rnd.Perm(pages) {
		f.free = append(f.free, int32(p))
	}
	return f
}

func (f *forest) page() int32 {
	p := f.free[0]
	f.free = f.free[1:]
	return p
}

// grow adds a node of n tokens to a path of length positions in pages, rows for some of its tokens, and children.
func (f *forest) grow(pages []int32, length, n, depth, window int, causal bool) {
	own := slices.Clone(pages)
	if length%PageSize != 0 && f.rnd.IntN(2) == 0 {
		own[len(own)-1] = f.page() // the copy of a page that another goes on in
	}
	for len(own)*PageSize < length+n {
		own = append(own, f.page())
	}
	first := length + f.rnd.IntN(n)
	if f.rnd.IntN(3) == 0 {
		first = length
	}
	skip := f.rnd.IntN(4) == 0
	for pos := first; pos < length+n; pos++ {
		if skip && f.rnd.IntN(3) == 0 {
			pos += f.rnd.IntN(n) // rows that are taken again are not always neighbours
		}
		if pos >= length+n {
			break
		}
		to := pos + 1
		if !causal {
			to = length + n
		}
		from := 0
		if window > 0 {
			from = max(0, to-window)
		}
		f.rows = append(f.rows, AttendRow{Pages: own, From: from, To: to})
		f.ends = append(f.ends, [2]int{length + n, pos})
	}
	if depth == 0 {
		return
	}
	for range f.rnd.IntN(4) {
		f.grow(own[:(length+n+PageSize-1)/PageSize], length+n, 1+f.rnd.IntN(90), depth-1, window, causal)
	}
}

func number(rows []AttendRow) []AttendRow {
	for i := range rows {
		rows[i].Query = i
	}
	return rows
}

func randomRows(seed uint64, window int, causal bool) []AttendRow {
	f := newForest(seed, 4000)
	for range 1 + f.rnd.IntN(4) {
		f.grow(nil, 0, 1+f.rnd.IntN([]int{8, 70, 600, 1500}[f.rnd.IntN(4)]), f.rnd.IntN(4), window, causal)
	}
	return number(f.rows)
}

// decoded is a plan as a kernel reads it.
type decoded struct {
	items         [attendLists][][4]int32
	merges        [][4]int32
	rows, entries [][4]int32
}

func decode(buffer []int32) (d decoded) {
	records := func(at, n int32) (r [][4]int32) {
		for i := range n {
			r = append(r, [4]int32(buffer[at+4*i:]))
		}
		return r
	}
	for l := range d.items {
		d.items[l] = records(buffer[attendLists+l], buffer[l])
	}
	d.merges = records(buffer[7], buffer[6])
	d.rows = records(buffer[8], (buffer[9]-buffer[8])/4)
	d.entries = records(buffer[9], (int32(len(buffer))-buffer[9])/4)
	return d
}

// checkPlan compares a plan with its rows position by position.
func checkPlan(p *AttendPlan, rows []AttendRow, once bool) error {
	d := decode(p.Buffer())
	g := p.Geometry()
	seen := make([][]int, len(rows)) // by query: the positions attended to, in the order of the items
	blocks := map[[2]int32]int{}     // by query and segment: the item, which all of a row's positions there have
	whole := map[int32]int{}
	used := make([]bool, len(d.entries))
	count := 0
	for l, items := range d.items {
		for k, it := range items {
			count++
			if k > 0 && bucket(int(it[3])) < bucket(int(items[k-1][3])) {
				return fmt.Errorf("list %d: an item of %d entries stands behind one of %d", l, it[3], items[k-1][3])
			}
			if it[3] < 1 || int(it[1]) > g.lists[l].rows {
				return fmt.Errorf("list %d: item %v", l, it)
			}
			for e := it[2]; e < it[2]+it[3]; e++ {
				entry := d.entries[e]
				if e > it[2] && entry[1] < d.entries[e-1][1] {
					return fmt.Errorf("entry %d at %d stands behind one at %d", e, entry[1], d.entries[e-1][1])
				}
				used[e] = true
				if once && e > it[2] && entry[1] == d.entries[e-1][1] && entry[0] == d.entries[e-1][0] {
					return fmt.Errorf("neighbours in a tile have page %d twice", entry[0])
				}
				anybody := false
				for r := entry[2] & 0xffff; r < entry[2]>>16; r++ {
					record := d.rows[it[0]+r]
					row := rows[record[0]]
					if int(record[1]) != row.From || int(record[2]) != row.To {
						return fmt.Errorf("row %d is %v, wanted %d to %d", record[0], record, row.From, row.To)
					}
					first := int(entry[1])
					from, to := max(row.From, first), min(row.To, first+PageSize)
					if from >= to {
						continue
					}
					anybody = true
					if row.Pages[first/PageSize] != entry[0] {
						return fmt.Errorf("row %d attends to page %d at %d, not to its own %d", record[0], entry[0], first, row.Pages[first/PageSize])
					}
					if lo, hi := first+int(entry[3]&0xffff), first+int(entry[3]>>16); from < lo || to > hi {
						return fmt.Errorf("row %d wants %d to %d of an entry that loads %d to %d", record[0], from, to, lo, hi)
					}
					for pos := from; pos < to; pos++ {
						seen[record[0]] = append(seen[record[0]], pos)
					}
					id := 1000000*l + k
					key := [2]int32{record[0], entry[1] / SegmentSize}
					if other, ok := blocks[key]; ok && other != id {
						return fmt.Errorf("two blocks attend row %d in segment %d", record[0], key[1])
					}
					blocks[key] = id
					if record[3] < 0 {
						if other, ok := whole[record[0]]; ok && other != id {
							return fmt.Errorf("two blocks attend row %d, which is not merged", record[0])
						}
						whole[record[0]] = id
						if !p.Shape().Parked[l] && (row.To-1)/SegmentSize != row.From/SegmentSize {
							return fmt.Errorf("list %d has no memory for the segments of row %d", l, record[0])
						}
					}
				}
				if !anybody {
					return fmt.Errorf("entry %d, page %d at %d, is loaded for nobody", e, entry[0], entry[1])
				}
			}
		}
	}
	for i, u := range used {
		if !u {
			return fmt.Errorf("entry %d is in no item", i)
		}
	}
	if total := p.Shape().Items[0] + p.Shape().Items[1] + p.Shape().Items[2]; total != count {
		return fmt.Errorf("the shape has %d items, the buffer %d", total, count)
	}
	return checkPlanRows(p, d, rows, seen)
}

// checkPlanRows checks that each row attends to all its positions, once and, but for rows that are merged, in order.
func checkPlanRows(p *AttendPlan, d decoded, rows []AttendRow, seen [][]int) error {
	partials := map[int32]int32{}
	slots := map[int32]bool{}
	for _, m := range d.merges {
		partials[m[0]] = m[1]
		n := int32((rows[m[0]].To-1)/SegmentSize - rows[m[0]].From/SegmentSize + 1)
		if n != m[2] || n < 2 {
			return fmt.Errorf("merge %v of %d segments", m, n)
		}
		for s := m[1]; s < m[1]+n; s++ {
			if slots[s] || int64(s+1)*p.g.partialBytes() > p.PartialBytes() {
				return fmt.Errorf("partial result %d is taken twice or beyond %d", s, p.PartialBytes())
			}
			slots[s] = true
		}
	}
	if len(d.rows) != len(rows) {
		return fmt.Errorf("%d rows of %d", len(d.rows), len(rows))
	}
	for i, r := range d.rows {
		if int(r[0]) != rows[i].Query {
			return fmt.Errorf("row %d has query %d", i, r[0])
		}
		if at, ok := partials[r[0]]; ok != (r[3] >= 0) || ok && at != r[3] {
			return fmt.Errorf("row %d: partial results at %d, merged from %d", i, r[3], at)
		}
		got := seen[r[0]]
		if r[3] >= 0 {
			slices.Sort(got)
		}
		if len(got) != rows[i].To-rows[i].From {
			return fmt.Errorf("row %d attends to %d positions of %d", i, len(got), rows[i].To-rows[i].From)
		}
		for k, pos := range got {
			if pos != rows[i].From+k {
				return fmt.Errorf("row %d attends to position %d where %d is next", i, pos, rows[i].From+k)
			}
		}
	}
	return nil
}

var testInfo = Info{Name: "test", Major: 8, Minor: 0, Multiprocessors: 108, SharedPerBlock: 163 << 10}

// TestAttendPlan compares plans of random trees with brute force.
func TestAttendPlan(t *testing.T) {
	groups := []int{1, 2, 3, 4, 7, 8, 24, 71, 200}
	for seed := range uint64(300) {
		window, causal := []int{0, 0, 40, 64, 700}[seed%5], seed%3 != 0
		rows := randomRows(seed, window, causal)
		g := NewAttendGeometry(testInfo, DType(seed%3), 2*groups[int(seed)%len(groups)], 2, []int{20, 64, 96, 128, 256, 300}[seed/5%6])
		g.Blocks = []int{1, 8, 432, 100000}[seed/3%4]
		if seed%7 == 0 {
			g.Partials = 1 << 20
		}
		var p AttendPlan
		p.Build(rows, g)
		if err := checkPlan(&p, rows, true); err != nil {
			t.Fatalf("seed %d, %d rows: %v", seed, len(rows), err)
		}
		if g.Partials > 0 && p.PartialBytes() > g.Partials {
			t.Fatalf("seed %d: %d bytes of partial results of %d", seed, p.PartialBytes(), g.Partials)
		}
	}
}

// TestAttendPlanOrder builds plans of rows in any order: they stay right, though pages may be loaded twice.
func TestAttendPlanOrder(t *testing.T) {
	for seed := range uint64(50) {
		rows := randomRows(seed, 0, true)
		rnd := rand.New(rand.NewPCG(seed, 3))
		rnd.Shuffle(len(rows), func(i, j int) { rows[i], rows[j] = rows[j], rows[i] })
		var p AttendPlan
		p.Build(number(rows), NewAttendGeometry(testInfo, BF16, 4, 4, 64))
		if err := checkPlan(&p, rows, false); err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
	}
}

// TestAttendPlanShares states what plans come to for the loads that matter.
func TestAttendPlanShares(t *testing.T) {
	pages := func(first, n int) (p []int32) {
		for i := range n {
			p = append(p, int32(first+i))
		}
		return p
	}
	g := NewAttendGeometry(testInfo, BF16, 32, 8, 128)
	var p AttendPlan
	t.Run("prefill", func(t *testing.T) {
		var rows []AttendRow
		seq := pages(1, 8)
		for pos := range 512 {
			rows = append(rows, AttendRow{Pages: seq, To: pos + 1})
		}
		p.Build(number(rows), g)
		// 32 rows of four heads a block: 16 blocks, whose pages are 1, 1, 2, 2, 3, …, 8.
		if s := p.Shape(); s.Items != [3]int{0, 0, 16} || s.Merges != 0 || len(p.entries)/4 != 72 {
			t.Errorf("shape %+v, %d entries", s, len(p.entries)/4)
		}
	})
	t.Run("choices", func(t *testing.T) {
		var rows []AttendRow
		prefix := pages(1, 20)
		for c := range 4 { // four tokens each, in a page of its own behind 20 that are shared
			seq := append(slices.Clone(prefix), int32(100+c))
			for pos := 1280; pos < 1284; pos++ {
				rows = append(rows, AttendRow{Pages: seq, To: pos + 1})
			}
		}
		p.Build(number(rows), g)
		if len(p.tiles) != 1 || len(p.entries)/4 != 24 {
			t.Errorf("%d tiles, %d entries", len(p.tiles), len(p.entries)/4)
		}
	})
	t.Run("decoding", func(t *testing.T) {
		var rows []AttendRow
		for s := range 6 {
			rows = append(rows, AttendRow{Pages: pages(100*s, 33), To: 2100})
		}
		p.Build(number(rows), g)
		// Nothing is shared, so each sequence is alone, in one warp, and divided between its five segments.
		if s := p.Shape(); s.Items != [3]int{30, 0, 0} || s.Merges != 6 || p.PartialBytes() != 6*5*32*132*4 {
			t.Errorf("shape %+v, %d bytes", s, p.PartialBytes())
		}
	})
	t.Run("many decoding", func(t *testing.T) {
		var rows []AttendRow
		for s := range 2000 {
			rows = append(rows, AttendRow{Pages: pages(100*s, 33), To: 2100})
		}
		p.Build(number(rows), g)
		if s := p.Shape(); s.Items != [3]int{2000, 0, 0} || s.Merges != 0 || !s.Parked[narrow] {
			t.Errorf("shape %+v: enough to do without dividing", s)
		}
	})
}

// TestAttendPlanAllocates holds that a plan's memory is used again.
func TestAttendPlanAllocates(t *testing.T) {
	g := NewAttendGeometry(testInfo, F16, 8, 2, 64)
	rows := randomRows(3, 0, true)
	var p AttendPlan
	p.Build(rows, g)
	if n := testing.AllocsPerRun(10, func() { p.Build(rows, g) }); n != 0 {
		t.Errorf("a plan of %d rows allocates %v times", len(rows), n)
	}
}

// TestAttendGeometry holds that what is laid out fits the device, and that what cannot is an error.
func TestAttendGeometry(t *testing.T) {
	for _, shared := range []int{99 << 10, 163 << 10, 227 << 10} {
		for _, dtype := range []DType{F32, BF16, F16} {
			for dim := 1; dim < 600; dim += 7 {
				for _, group := range []int{1, 3, 8, 71, 400} {
					info := testInfo
					info.SharedPerBlock = shared
					g := NewAttendGeometry(info, dtype, group, 1, dim)
					for _, l := range g.lists {
						if l.rows == 0 {
							continue
						}
						if l.heads*l.chunks < group || l.heads*(l.chunks-1) >= group || l.rows*l.heads > l.warps*warpPairs {
							t.Fatalf("%d heads of %d in %v: list %+v", group, dim, dtype, l)
						}
						if g.plain {
							continue
						}
						slots := g.layout.slots(l.warps, true)
						if slots < minSlots || g.layout.size(l.warps, slots, true) > shared {
							t.Fatalf("%d heads of %d in %v: %d slots, %d bytes", group, dim, dtype, slots, g.layout.size(l.warps, slots, true))
						}
					}
				}
			}
		}
	}
	if g := NewAttendGeometry(Info{}, F32, 1, 1, 256); !g.plain {
		t.Error("heads of 256 in float32 fit 48 KiB")
	}
}

// TestAttendShape holds that padded shapes are few and large enough.
func TestAttendShape(t *testing.T) {
	s := AttendShape{Items: [3]int{5, 0, 8}, Merges: 3}
	want := AttendShape{Items: [3]int{8, 0, 8}, Parked: [3]bool{true, false, true}, Merges: 4}
	if got := s.Padded(); got != want || !s.Fits(got) || got.Fits(s) {
		t.Errorf("%+v padded is %+v", s, got)
	}
	u := AttendShape{Items: [3]int{1, 2, 3}, Merges: 9}
	if m := s.Max(u); !s.Fits(m) || !u.Fits(m) || m.Items != [3]int{5, 2, 8} || m.Merges != 9 {
		t.Errorf("the larger of %+v and %+v is %+v", s, u, m)
	}
}

// FuzzAttendPlan compares plans of rows made of bytes with brute force.
func FuzzAttendPlan(f *testing.F) {
	f.Add([]byte{1, 2, 3}, uint8(1), uint8(1))
	f.Add([]byte{0, 200, 17, 0, 200, 18, 1, 255, 255, 9, 9, 9}, uint8(3), uint8(9))
	f.Add([]byte("a few sequences with random ranges, of which none is sorted"), uint8(8), uint8(200))
	f.Fuzz(func(t *testing.T, data []byte, group, blocks uint8) {
		if len(data) > 600 {
			return
		}
		seqs := make([][]int32, 4)
		for s := range seqs {
			for i := range 41 {
				page := int32(i)
				if i >= 5*s {
					page += int32(100 * s)
				}
				seqs[s] = append(seqs[s], page)
			}
		}
		var rows []AttendRow
		for ; len(data) >= 3; data = data[3:] {
			from, to := int(data[1])*10, int(data[2])*10
			rows = append(rows, AttendRow{Pages: seqs[data[0]%4], From: min(from, to), To: max(from, to) + 1 + int(data[0]/4)})
		}
		g := NewAttendGeometry(testInfo, BF16, 1+int(group), 1, 64)
		g.Blocks = int(blocks)
		var p AttendPlan
		p.Build(number(rows), g)
		if err := checkPlan(&p, rows, false); err != nil {
			t.Fatal(err)
		}
	})
}

// BenchmarkAttendPlan plans steps as a card takes them.
func BenchmarkAttendPlan(b *testing.B) {
	info := testInfo
	loads := map[string][]AttendRow{}
	var long []int32
	for i := range 128 {
		long = append(long, int32(i))
	}
	for pos := range 8192 {
		loads["prefill of 8192"] = append(loads["prefill of 8192"], AttendRow{Pages: long, To: pos + 1, Query: pos})
	}
	for s := range 256 {
		seq := append(slices.Clone(long[:16]), int32(1000+s), int32(2000+s))
		for pos := 1024; pos < 1056; pos++ {
			loads["choices"] = append(loads["choices"], AttendRow{Pages: seq, To: pos + 1, Query: len(loads["choices"])})
		}
		own := make([]int32, 32)
		for i := range own {
			own[i] = int32(1000*s + i)
		}
		loads["decoding 256"] = append(loads["decoding 256"], AttendRow{Pages: own, To: 2000, Query: s})
	}
	for name, rows := range loads {
		b.Run(name, func(b *testing.B) {
			g := NewAttendGeometry(info, BF16, 32, 8, 128)
			var p AttendPlan
			for b.Loop() {
				p.Build(rows, g)
			}
			b.ReportMetric(float64(len(p.buffer)*4), "bytes")
		})
	}
}
