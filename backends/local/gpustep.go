package local

import (
	"github.com/onset-eval/onset/backends/local/gpu"
	"github.com/onset-eval/onset/backends/local/internal/kernels"
)

// step enqueues the forward pass of a step.
func (e *gpuExecutor) step(s *gpuSlot, rows []row, keep []int) {
	s.kept = len(keep)
	e.findEnds(rows)
	if len(keep) == len(rows) && e.replay(s, rows) {
		return
	}
	p := e.newPass(s, rows, keep)
	if s.to.move(); e.ops.Err() == nil { // without it all of the step's numbers are on the device
		s.head = e.run(p)
	}
}

// newPass puts a step's numbers into its room.
func (e *gpuExecutor) newPass(s *gpuSlot, rows []row, keep []int) *gpuPass {
	n, ropes := len(rows), len(e.model.angles)
	p := &gpuPass{n: n, kept: len(keep), windows: e.windows}
	lists, at := s.to.ints((3 + ropes) * n)
	p.place(at, n, ropes)
	e.fill(p, lists, n, rows, &s.to)
	if p.kept < n {
		kept, at := s.to.ints(max(1, p.kept))
		for i, k := range keep {
			kept[i] = int32(k)
		}
		p.keep = at
	}
	last := e.model.layers - 1
	for i, w := range e.windows {
		if w.shared || p.kept == n && e.windowOf(last) == i {
			e.planRows(rows, nil, w.window)
			w.set(e, &s.to)
		}
	}
	if p.last = e.windows[e.windowOf(last)]; p.kept < n && p.kept > 0 {
		p.last = &e.last
		e.planRows(rows, keep, e.last.window)
		e.last.set(e, &s.to)
	}
	return p
}

// place says where a pass's lists are, of n each, one behind the other.
func (p *gpuPass) place(at gpu.Ptr, n, ropes int) {
	list := func(i int) gpu.Ptr { return at.Add(4 * int64(i) * int64(n)) }
	p.tokens, p.positions, p.slots = list(0), list(1), list(2)
	p.angles = p.angles[:0]
	for r := range ropes {
		p.angles = append(p.angles, list(3+r))
	}
}

// fill sets a pass's lists, of n each, of which the first rows are the step's and the others for nothing: token 0 at
// position 0, whose keys and values go to page 0.
func (e *gpuExecutor) fill(p *gpuPass, lists []int32, n int, rows []row, room *gpuRoom) {
	tokens, positions, slots := lists[:n], lists[n:2*n], lists[2*n:3*n]
	for i, r := range rows {
		tokens[i], positions[i] = int32(r.token), int32(r.pos+e.model.offset)
		slots[i] = r.seq.ids[r.pos/kernels.PageSize]*kernels.PageSize + int32(r.pos%kernels.PageSize)
	}
	for i := len(rows); i < n; i++ {
		tokens[i], positions[i], slots[i] = 0, int32(e.model.offset), int32(i%kernels.PageSize)
	}
	p.far = p.far[:0]
	for r := range e.model.angles {
		at := lists[(3+r)*n : (4+r)*n]
		clear(at)
		for i, row := range rows {
			if !e.inTable(r, row) {
				e.addFar(p, r, i, rows, room)
				continue
			}
			at[i] = int32(row.pos)
		}
	}
}

// inTable reports whether the table of a rope has a row's angles.
func (e *gpuExecutor) inTable(r int, row row) bool {
	rope := &e.model.ropes[r]
	return row.pos < e.model.angles[r].rows && (rope.beyond == 0 || max(row.seq.length, row.pos+1) <= rope.beyond)
}

// addFar computes the angles of a run of rows that begins with row i, if it does, which no table has.
func (e *gpuExecutor) addFar(p *gpuPass, r, i int, rows []row, room *gpuRoom) {
	if i > 0 && !e.inTable(r, rows[i-1]) {
		return
	}
	n := 1
	for i+n < len(rows) && !e.inTable(r, rows[i+n]) {
		n++
	}
	rope := &e.model.ropes[r]
	half := rope.dim / 2
	bytes, _ := room.take(2 * 4 * n * half)
	f := farAngles{rope: r, from: i, n: n, cos: bytes[:4*n*half], sin: bytes[4*n*half : 8*n*half]}
	cos, sin := floats(f.cos), floats(f.sin)
	for j, row := range rows[i : i+n] {
		freq := rope.frequencies(max(row.seq.length, row.pos+1))
		rope.angles(cos[j*half:(j+1)*half], sin[j*half:(j+1)*half], freq, row.pos)
	}
	p.far = append(p.far, f)
}

// findEnds notes where each sequence of a masked model ends.
func (e *gpuExecutor) findEnds(rows []row) {
	if e.model.causal {
		return
	}
	clear(e.ends)
	for _, r := range rows {
		e.ends[r.seq] = max(e.ends[r.seq], r.pos+1)
	}
}

// planRows lists what rows attend to in layers of a window: all rows, or those that are kept.
func (e *gpuExecutor) planRows(rows []row, keep []int, window int) {
	e.rows = e.rows[:0]
	add := func(r *row) {
		to := r.pos + 1
		if !e.model.causal {
			to = e.ends[r.seq]
		}
		from := 0
		if window > 0 {
			from = max(0, to-window)
		}
		e.rows = append(e.rows, gpu.AttendRow{Pages: r.seq.ids, From: from, To: to, Query: len(e.rows)})
	}
	if keep == nil {
		for i := range rows {
			add(&rows[i])
		}
	}
	for _, i := range keep {
		add(&rows[i])
	}
}

// set plans the attention of the rows that were listed, in a step's room.
func (w *gpuWindow) set(e *gpuExecutor, room *gpuRoom) {
	w.plan.Build(e.rows, e.attend)
	host, at := room.take(len(w.plan.Bytes()))
	copy(host, w.plan.Bytes())
	w.at, w.shape = at, w.plan.Shape()
}

// windowOf is the index of a layer's window.
func (e *gpuExecutor) windowOf(l int) int {
	for i, w := range e.windows {
		if w.window == e.model.layer[l].window {
			return i
		}
	}
	panic("a layer has a window that no layer has")
}

// listWindows lists the windows of the layers, and which of them layers before the last have.
func (e *gpuExecutor) listWindows() {
	for l, layer := range e.model.layer {
		i := 0
		for i < len(e.windows) && e.windows[i].window != layer.window {
			i++
		}
		if i == len(e.windows) {
			e.windows = append(e.windows, &gpuWindow{window: layer.window})
		}
		e.windows[i].shared = e.windows[i].shared || l < e.model.layers-1
	}
	e.last.window = e.model.layer[e.model.layers-1].window
}
