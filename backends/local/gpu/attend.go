package gpu

import (
	"fmt"
	"math/bits"
	"unsafe"
)

// PageSize is the number of positions that a page of keys and values holds, and SegmentSize the number that attention sums
// before it merges: segments begin at multiples of it, and pages at multiples of PageSize.
const (
	PageSize    = 64
	SegmentSize = 512
)

// AttendRow is a row of queries and what it attends to: positions From ≤ j < To of the sequence whose position j stands in
// page Pages[j/PageSize]. Pages before From's or after To's last are not looked at.
type AttendRow struct {
	Pages    []int32 // numbers of pages in the pool; rows of one sequence share one slice, which is what makes plans cheap
	From, To int     // 0 ≤ From < To ≤ PageSize·len(Pages)
	Query    int     // the row of queries, and of the output
}

// The lists of a plan: work for blocks of one warp, of a few, and of many.
const (
	narrow = iota
	middle
	wide
	attendLists
)

// AttendPlan says which block of a launch attends which rows to which pages. Its zero value is ready; Build may be called
// again and again and allocates nothing once its memory has grown.
//
// Consecutive rows are put in tiles. A tile has the union of its rows' pages, once each and in the order of positions, and
// for each page which of its rows hold it: a tree of sequences with common beginnings therefore loads a common page once a
// tile. All query heads that share a key head are in one tile. What a row comes to does not depend on its tile, so that
// where tiles begin and end is a matter of speed alone.
//
// A tile's pages are worked off by one block a key head, or, where that would leave the device idle, by several, each of
// some whole segments, whose results are merged by a second kernel. Both give the same bits, since the one block as well
// begins each segment from nothing and merges by the same formula.
//
// The buffer holds, after a header of headerInts, four lists of four ints each:
//
//	items    row0, rows, entry0, entries   of each of the three lists, the longest first
//	merges   query, partial, segments, 0   rows whose segments different blocks attend
//	rows     query, from, to, partial      partial: number of the row's first partial result, or -1 for none
//	entries  page, position of its first key, first row | end row <<16, first | end <<16 of the positions that a row wants
//
// Rows of an entry count from the item's row0. The header is the numbers of items of the three lists, where each begins
// (in ints), and number and begin of the merges, and where rows and entries begin.
type AttendPlan struct {
	g        AttendGeometry
	buffer   []int32
	shape    AttendShape
	partials int

	rows, entries, merges []int32
	tiles                 []attendTile
	items                 []attendItem
	runs                  []attendRun
	starts                []int
}

const (
	headerInts = 16
	recordInts = 4
)

// attendTile is a tile before its work is divided: rows [row, row+rows) and entries [entry, end).
type attendTile struct{ row, rows, entry, end, list int }

// attendItem is a block's work.
type attendItem struct {
	row, rows, entry, entries int
	list, bucket              int
}

// attendRun is a run of rows [lo, hi) of a tile that share a slice of pages and whose ranges leave no page out between from
// and to.
type attendRun struct {
	pages            []int32
	lo, hi, from, to int
}

// AttendShape is the geometry of a plan's launches. A graph that was captured with a shape can be replayed with another
// plan at the same address whose shape Fits in it.
type AttendShape struct {
	Items  [attendLists]int  // blocks a key head of each list
	Parked [attendLists]bool // some block has several segments to merge, and needs memory for it
	Merges int               // rows to merge
}

// Fits reports whether launches of shape t do all work of a plan of shape s.
func (s AttendShape) Fits(t AttendShape) bool {
	for i := range s.Items {
		if s.Items[i] > t.Items[i] || s.Parked[i] && !t.Parked[i] {
			return false
		}
	}
	return s.Merges <= t.Merges
}

// Max returns the smallest shape in which both fit.
func (s AttendShape) Max(t AttendShape) AttendShape {
	for i := range s.Items {
		s.Items[i] = max(s.Items[i], t.Items[i])
		s.Parked[i] = s.Parked[i] || t.Parked[i]
	}
	s.Merges = max(s.Merges, t.Merges)
	return s
}

// Padded returns a shape in which s fits, with counts rounded up to powers of two, so that few shapes occur and few graphs
// are captured. Blocks beyond the work end at once.
func (s AttendShape) Padded() AttendShape {
	for i, n := range s.Items {
		s.Items[i] = ceilPowerOf2(n)
		s.Parked[i] = n > 0
	}
	s.Merges = ceilPowerOf2(s.Merges)
	return s
}

func ceilPowerOf2(n int) int {
	if n == 0 {
		return 0
	}
	return 1 << bits.Len(uint(n-1))
}

// Buffer returns the plan as the kernels read it, valid until the next Build.
func (p *AttendPlan) Buffer() []int32 { return p.buffer }

// Bytes returns Buffer's memory, to be copied to the device.
func (p *AttendPlan) Bytes() []byte {
	if len(p.buffer) == 0 {
		return nil
	}
	return unsafe.Slice((*byte)(unsafe.Pointer(&p.buffer[0])), 4*len(p.buffer))
}

// Shape returns the geometry of the plan's launches.
func (p *AttendPlan) Shape() AttendShape { return p.shape }

// Geometry returns what Build was given.
func (p *AttendPlan) Geometry() AttendGeometry { return p.g }

// PartialBytes returns how much device memory the partial results of the plan take; it may be 0.
func (p *AttendPlan) PartialBytes() int64 { return int64(p.partials) * p.g.partialBytes() }

// Build makes a plan for rows, of which those of one sequence, and those of sequences with a common beginning, should stand
// together. It panics on rows that do not fit their pages.
func (p *AttendPlan) Build(rows []AttendRow, g AttendGeometry) {
	g.check()
	p.g = g
	p.rows, p.entries, p.merges = p.rows[:0], p.entries[:0], p.merges[:0]
	p.tiles, p.items, p.partials = p.tiles[:0], p.items[:0], 0
	for i := range rows {
		rows[i].check(i)
	}
	for at := 0; at < len(rows); {
		n := g.take(rows[at:])
		p.addTile(rows[at : at+n])
		at += n
	}
	p.divide()
	p.write()
}

func (r *AttendRow) check(i int) {
	if r.From < 0 || r.From >= r.To || r.To > PageSize*len(r.Pages) || r.Query < 0 {
		panic(fmt.Sprintf("gpu: row %d attends to positions %d to %d of %d pages, with query %d",
			i, r.From, r.To, len(r.Pages), r.Query))
	}
}

// pages returns the indices of the pages from the row's first on to behind its last.
func (r *AttendRow) pages() (from, to int) {
	return r.From / PageSize, (r.To + PageSize - 1) / PageSize
}

// take is how many rows from the first on are to be a tile: as many as fit, as long as the pages are no more than half as
// many again as a row has on average, and two. A tile whose rows share little takes as long as all their pages one after the other, while
// most of the block waits.
func (g *AttendGeometry) take(rows []AttendRow) int {
	from, to := rows[0].pages()
	entries, sum := to-from, to-from
	most := min(g.maxRows(), len(rows))
	n := 1
	for ; n < most; n++ {
		from, to := rows[n].pages()
		fresh := newPages(&rows[n-1], &rows[n])
		sum += to - from
		if 2*(entries+fresh)*(n+1) > 3*sum+4*(n+1) {
			break
		}
		entries += fresh
	}
	return n
}

// newPages is how many pages of row r the row before it lacks.
func newPages(before, r *AttendRow) int {
	from, to := r.pages()
	low, high := before.pages()
	low, high = max(from, low), min(to, high) // of these it has a page, the same or another
	fresh := to - from
	if low >= high {
		return fresh
	}
	if sameSlice(before.Pages, r.Pages) {
		return fresh - (high - low)
	}
	for i := low; i < high; i++ {
		if before.Pages[i] == r.Pages[i] {
			fresh--
		}
	}
	return fresh
}

// sameSlice reports whether two slices begin at the same element.
func sameSlice(a, b []int32) bool { return unsafe.SliceData(a) == unsafe.SliceData(b) }

// addTile makes a tile of rows.
func (p *AttendPlan) addTile(rows []AttendRow) {
	t := attendTile{row: len(p.rows) / recordInts, rows: len(rows), entry: len(p.entries) / recordInts, list: p.g.list(len(rows))}
	p.runs = p.runs[:0]
	for i := range rows {
		r := &rows[i]
		p.rows = append(p.rows, int32(r.Query), int32(r.From), int32(r.To), -1)
		if k := len(p.runs) - 1; k < 0 || !p.runs[k].extend(r, i) {
			p.runs = append(p.runs, attendRun{pages: r.Pages, lo: i, hi: i + 1, from: r.From, to: r.To})
		}
	}
	p.addEntries()
	t.end = len(p.entries) / recordInts
	p.tiles = append(p.tiles, t)
}

// extend adds row i to the run if it belongs there.
func (u *attendRun) extend(r *AttendRow, i int) bool {
	if !sameSlice(u.pages, r.Pages) || r.From/PageSize > (u.to-1)/PageSize+1 || u.from/PageSize > (r.To-1)/PageSize+1 {
		return false
	}
	if len(r.Pages) > len(u.pages) {
		u.pages = r.Pages
	}
	u.hi, u.from, u.to = i+1, min(u.from, r.From), max(u.to, r.To)
	return true
}

// addEntries lists the pages of the runs. Neighbours that hold the same page share its entry. A run that does not reach a
// page is in nobody's way there: its rows are told from the others by their positions.
func (p *AttendPlan) addEntries() {
	begin, end := p.runs[0].from, p.runs[0].to
	for _, u := range p.runs[1:] {
		begin, end = min(begin, u.from), max(end, u.to)
	}
	for first := begin / PageSize * PageSize; first < end; first += PageSize {
		open := false
		var page int32
		var lo, hi, from, to int
		for k := range p.runs {
			u := &p.runs[k]
			if u.to <= first || u.from >= first+PageSize {
				continue
			}
			if id := u.pages[first/PageSize]; !open || id != page {
				if open {
					p.entry(page, first, lo, hi, from, to)
				}
				open, page, lo, from, to = true, id, u.lo, u.from, u.to
			}
			hi, from, to = u.hi, min(from, u.from), max(to, u.to)
		}
		if open {
			p.entry(page, first, lo, hi, from, to)
		}
	}
}

func (p *AttendPlan) entry(page int32, first, lo, hi, from, to int) {
	from, to = max(from-first, 0), min(to-first, PageSize)
	p.entries = append(p.entries, page, int32(first), int32(lo|hi<<16), int32(from|to<<16))
}

// segment is the segment of an entry.
func (p *AttendPlan) segment(entry int) int { return int(p.entries[entry*recordInts+1]) / SegmentSize }

// divide makes items of the tiles. A tile that takes longer than a block's fair share is divided between segments.
func (p *AttendPlan) divide() {
	work := 0
	for _, t := range p.tiles {
		work += (t.end - t.entry) * p.g.lists[t.list].blocks(p.g)
	}
	fair := max(work/max(p.g.Blocks, 1), 1)
	p.shape = AttendShape{}
	for _, t := range p.tiles {
		if t.end-t.entry <= fair || p.segment(t.entry) == p.segment(t.end-1) || !p.assignPartials(t) {
			p.item(t, t.entry, t.end)
			p.shape.Parked[t.list] = p.shape.Parked[t.list] || p.segment(t.entry) != p.segment(t.end-1)
			continue
		}
		p.divideTile(t, fair)
	}
}

// divideTile makes items of about fair entries, of whole segments each.
func (p *AttendPlan) divideTile(t attendTile, fair int) {
	for at := t.entry; at < t.end; {
		next, until := at, at
		for next < t.end {
			for s := p.segment(next); next < t.end && p.segment(next) == s; {
				next++
			}
			if until > at && next-at > fair {
				break
			}
			until = next
		}
		p.item(t, at, until)
		at = until
	}
}

func (p *AttendPlan) item(t attendTile, entry, end int) {
	n := end - entry
	p.items = append(p.items, attendItem{row: t.row, rows: t.rows, entry: entry, entries: n, list: t.list, bucket: bucket(n)})
	p.shape.Items[t.list]++
}

// assignPartials gives the rows of a tile that is to be divided room for their partial results, if there is any. Rows of one
// segment need none: one block has all of theirs.
func (p *AttendPlan) assignPartials(t attendTile) bool {
	n := 0
	for i := t.row; i < t.row+t.rows; i++ {
		if s := p.segmentsOf(i); s > 1 {
			n += s
		}
	}
	if p.g.Partials > 0 && int64(p.partials+n)*p.g.partialBytes() > p.g.Partials {
		return false
	}
	for i := t.row; i < t.row+t.rows; i++ {
		s := p.segmentsOf(i)
		if s == 1 {
			continue
		}
		p.rows[i*recordInts+3] = int32(p.partials)
		p.merges = append(p.merges, p.rows[i*recordInts], int32(p.partials), int32(s), 0)
		p.partials += s
	}
	return true
}

// segmentsOf is the number of segments that row i of the plan attends to.
func (p *AttendPlan) segmentsOf(i int) int {
	from, to := int(p.rows[i*recordInts+1]), int(p.rows[i*recordInts+2])
	return (to-1)/SegmentSize - from/SegmentSize + 1
}

// Items are ordered by the number of entries, to a quarter of it, so that the long ones begin first and those that share
// pages stay together.
const attendBuckets = 4 * 32

// bucket is smaller for more entries.
func bucket(entries int) int {
	e := bits.Len(uint(entries))
	return attendBuckets - 1 - (4*e + entries<<2>>max(e-1, 0)&3)
}

// write puts the lists in the buffer.
func (p *AttendPlan) write() {
	p.shape.Merges = len(p.merges) / recordInts
	total := headerInts + recordInts*len(p.items) + len(p.merges) + len(p.rows) + len(p.entries)
	if cap(p.buffer) < total {
		p.buffer = make([]int32, total, total+total/2)
	}
	p.buffer = p.buffer[:total]
	h := p.buffer[:headerInts]
	clear(h)
	at := headerInts
	for l, n := range p.shape.Items {
		h[l], h[attendLists+l] = int32(n), int32(at)
		at += n * recordInts
	}
	p.writeItems(h[attendLists : 2*attendLists])
	h[6], h[7] = int32(p.shape.Merges), int32(at)
	at += copy(p.buffer[at:], p.merges)
	h[8] = int32(at)
	at += copy(p.buffer[at:], p.rows)
	h[9] = int32(at)
	copy(p.buffer[at:], p.entries)
}

// writeItems writes the items of each list from where it begins on, ordered by bucket and else as they are.
func (p *AttendPlan) writeItems(begin []int32) {
	const n = attendLists * attendBuckets
	if p.starts == nil {
		p.starts = make([]int, n)
	}
	clear(p.starts)
	for _, it := range p.items {
		p.starts[it.list*attendBuckets+it.bucket]++
	}
	for l := range attendLists {
		at := int(begin[l])
		for b := range attendBuckets {
			s := &p.starts[l*attendBuckets+b]
			*s, at = at, at+*s*recordInts
		}
	}
	for _, it := range p.items {
		s := &p.starts[it.list*attendBuckets+it.bucket]
		copy(p.buffer[*s:], []int32{int32(it.row), int32(it.rows), int32(it.entry), int32(it.entries)})
		*s += recordInts
	}
}
