//go:build amd64 || arm64

package kernels

import "math"

// attended is the state of some queries that are attended together: rows of one head, or heads of one row.
type attended struct {
	q, out     *float32 // the first query's and its result
	ldq, ldo   int      // from one query's to the next's
	n          int
	top, total [attendedRows]float32
	decay      [attendedRows]float32
	s          [tileQueries * PageSize]float32
}

// tileQueries is the most that one tile takes.
const tileQueries = 12

func (v vector) Attend(dst, q []float32, ld int, rows []Query, a Attention) {
	checkAttend(dst, q, ld, rows, a)
	v.attendHeads(dst, q, ld, rows, a, 0, a.Heads)
}

func (v vector) attendHeads(dst, q []float32, ld int, rows []Query, a Attention, from, to int) {
	width := a.Heads * a.Dim
	group := a.Heads / a.KVHeads
	for i := range rows {
		clear(dst[i*width+from*a.Dim : i*width+to*a.Dim])
	}
	var b attended
	for i := 0; i < len(rows); {
		n := alike(rows[i:])
		if n < min(group, tileQueries) {
			for h := from; h < to; h += b.n {
				at := h * a.Dim
				b.q, b.ldq, b.out, b.ldo = &q[i*ld+at], a.Dim, &dst[i*width+at], a.Dim
				b.n = min(group-h%group, to-h, tileQueries)
				v.attendHeadsOfRow(&b, &rows[i], &a, h)
			}
			i++
			continue
		}
		for h := from; h < to; h++ {
			at := h * a.Dim
			b.q, b.ldq, b.out, b.ldo, b.n = &q[i*ld+at], ld, &dst[i*width+at], width, n
			v.attendRowsOfHead(&b, rows[i:i+n], &a, h)
		}
		i += n
	}
}

// alike is how many of rows from the first on, at most attendedRows, have a page in common with it.
func alike(rows []Query) int {
	n := 1
	for ; n < min(len(rows), attendedRows); n++ {
		i := max(rows[0].From, rows[n].From) / PageSize
		if i*PageSize >= min(rows[0].To, rows[n].To) || !samePage(rows[0].Pages[i], rows[n].Pages[i]) {
			break
		}
	}
	return n
}

func samePage(a, b Page) bool { return &a.K[0] == &b.K[0] && &a.V[0] == &b.V[0] }

// start empties the state.
func (b *attended) start() {
	for i := range b.n {
		b.top[i], b.total[i] = float32(math.Inf(-1)), 0
	}
}

// attendHeadsOfRow attends heads from h on, which share a key head, of one row.
func (v vector) attendHeadsOfRow(b *attended, row *Query, a *Attention, h int) {
	b.start()
	for i := row.From / PageSize; i*PageSize < row.To; i++ {
		first := i * PageSize
		from, to := max(row.From-first, 0), min(row.To-first, PageSize)
		k, vals := row.Pages[i].head(a, h)
		v.scoresOf(b, 0, b.n, k, a)
		for r := range b.n {
			v.step(b, r, r, a, h+r, first, row.To-1, from, to)
		}
		v.valuesOf(b, 0, 0, b.n, vals, a.Dim, from, to)
	}
	v.finish(b, a.Dim)
}

// head gives the keys and values of query head h.
func (p *Page) head(a *Attention, h int) (k, v *float32) {
	at := h / (a.Heads / a.KVHeads) * a.Dim * PageSize
	return &p.K[at], &p.V[at]
}

// attendRowsOfHead attends one head of several rows. At each page index the rows with the same page are computed
// together: all of them on a prefix that they share, one by one where each has a page of its own.
func (v vector) attendRowsOfHead(b *attended, rows []Query, a *Attention, h int) {
	b.start()
	begin, end := rows[0].From, rows[0].To
	for _, r := range rows {
		begin, end = min(begin, r.From), max(end, r.To)
	}
	for i := begin / PageSize; i*PageSize < end; i++ {
		first := i * PageSize
		for r := 0; r < len(rows); {
			if rows[r].To <= first || rows[r].From >= first+PageSize {
				r++
				continue
			}
			n := 1
			for r+n < len(rows) && rows[r+n].To > first && rows[r+n].From < first+PageSize &&
				samePage(rows[r].Pages[i], rows[r+n].Pages[i]) {
				n++
			}
			for end := r + n; r < end; r += n {
				n = min(end-r, tileQueries)
				v.page(b, rows, r, n, a, h, i)
			}
		}
	}
	v.finish(b, a.Dim)
}

// page takes n rows from the r-th on over page i, which they share. Positions that all of them reach are weighed
// together; what some reach before and after stays for each alone, in order.
func (v vector) page(b *attended, rows []Query, r, n int, a *Attention, h, i int) {
	first := i * PageSize
	k, vals := rows[r].Pages[i].head(a, h)
	v.scoresOf(b, r, n, k, a)
	var from, to [tileQueries]int
	low, high := 0, PageSize
	for j := range n {
		row := &rows[r+j]
		from[j], to[j] = max(row.From-first, 0), min(row.To-first, PageSize)
		low, high = max(low, from[j]), min(high, to[j])
		v.step(b, r+j, j, a, h, first, row.To-1, from[j], to[j])
	}
	if low >= high { // nothing in common
		for j := range n {
			v.valuesOf(b, r+j, j, 1, vals, a.Dim, from[j], to[j])
		}
		return
	}
	for j := range n {
		if from[j] < low {
			v.valuesOf(b, r+j, j, 1, vals, a.Dim, from[j], low)
			b.decay[r+j] = 1
		}
	}
	v.valuesOf(b, r, 0, n, vals, a.Dim, low, high)
	for j := range n {
		if to[j] > high {
			b.decay[r+j] = 1
			v.valuesOf(b, r+j, j, 1, vals, a.Dim, high, to[j])
		}
	}
}

// scoresOf computes the scores of n queries from the r-th on with a page's keys, to rows of b.s from its first on.
func (v vector) scoresOf(b *attended, r, n int, k *float32, a *Attention) {
	for at := 0; at < n; {
		rows := v.tileRows(n - at)
		v.scores(rows, &b.s[at*PageSize], offset(b.q, (r+at)*b.ldq), b.ldq, k, a.Dim)
		at += rows
	}
}

// step makes the scores of query r, in row at of b.s, the weights of positions from ≤ j < to of the page that begins
// with position first, and notes the decay of what was before. The row reaches to position last.
func (v vector) step(b *attended, r, at int, a *Attention, h, first, last, from, to int) {
	s := &b.s[at*PageSize]
	scale := a.Scale
	if a.Cap != 0 || a.Slopes != nil || a.Biases != nil {
		v.scale(s, PageSize, scale)
		scale = 1
		if a.Cap != 0 {
			v.softCap(s, PageSize, a.Cap, 1/a.Cap)
		}
		if a.Slopes != nil {
			v.ramp(s, a.Slopes[h], float32(first-last))
		}
		if n := len(a.Biases) / a.Heads; n > 0 {
			v.add(s, &a.Biases[h*n+first], to)
		}
	}
	decay, next, sum := v.softmax(s, from, to, scale, b.top[r])
	b.top[r], b.total[r] = next, float32(b.total[r]*decay)+sum
	b.decay[r] = decay
}

// valuesOf adds the values of positions from ≤ j < to of a page to the results of n queries from the r-th on, weighted
// by rows of b.s from row at on.
func (v vector) valuesOf(b *attended, r, at, n int, vals *float32, dim, from, to int) {
	for end := r + n; r < end; {
		rows := v.tileRows(end - r)
		v.values(rows, offset(b.out, r*b.ldo), b.ldo, &b.s[at*PageSize+from], offset(vals, from*dim), dim, to-from, &b.decay[r])
		r, at = r+rows, at+rows
	}
}

// finish divides by the sums of weights.
func (v vector) finish(b *attended, dim int) {
	for r := range b.n {
		v.divide(offset(b.out, r*b.ldo), dim, b.total[r])
	}
}
