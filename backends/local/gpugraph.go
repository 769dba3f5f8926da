package local

import (
	"github.com/onset-eval/onset/backends/local/gpu"
)

// Graphs are forward passes that were recorded, to be enqueued by one call: while texts are generated a step is so short
// that launching its kernels one by one would take longer than they do. A graph's numbers lie in one place, where each step
// puts its own, and its rows are so many that steps of a few rows more or less share it; rows past the step's are for
// nothing. What a row comes to does not depend on any of it.

const (
	// gpuGraphRows is the most rows of a graph: from there on kernels take longer than their launches.
	gpuGraphRows = 1 << 9
	// mostGraphs bounds the graphs that are kept.
	mostGraphs = 64
	// graphWindows is the most windows of a model with graphs, graphPlan the bytes for the plan of one.
	graphWindows = 3
	graphPlan    = 1 << 20
)

// graphKey is what decides a graph's launches.
type graphKey struct {
	rows   int
	shapes [graphWindows]gpu.AttendShape
}

// graphs are those of an executor.
type graphs struct {
	off  bool
	at   gpu.Ptr // lists, and behind them plans
	kept map[graphKey]*stepGraph
	used int64
	pass gpuPass // of the graph that is being made
}

// stepGraph is a graph once it is made: the second time that it would be of use.
type stepGraph struct {
	graph gpu.Graph
	head  gpu.Ptr
	used  int64
}

// graphBytes is the memory for a graph's numbers.
func (p *gpuPlan) graphBytes(s *spec) int64 {
	return graphWindows*graphPlan + p.graphLists(len(s.ropes))
}

func (p *gpuPlan) graphLists(ropes int) int64 {
	return aligned(4 * int64(3+ropes) * int64(p.graphRows))
}

// graphStep is the number of rows of the graph that serves a number of rows: powers of two, and halfway between.
func graphStep(n int) int {
	for size := 1; ; size *= 2 {
		if n <= size {
			return size
		}
		if size >= 4 && n <= size*3/2 {
			return size * 3 / 2
		}
	}
}

// replay enqueues a step all of whose rows are kept as a graph, if it can be. The first step of a kind is enqueued as it
// would be in the graph.
func (e *gpuExecutor) replay(s *gpuSlot, rows []row) bool {
	g, n := &e.graphs, graphStep(len(rows))
	if g.off || n > e.plan.graphRows || len(e.windows) > graphWindows || !e.model.causal || e.ops.Err() != nil {
		return false
	}
	for r := range e.model.angles {
		for _, row := range rows {
			if !e.inTable(r, row) {
				return false
			}
		}
	}
	key := graphKey{rows: n}
	if !e.planGraph(&key, rows) {
		return false
	}
	e.sendGraph(s, rows, n)
	if e.ops.Err() != nil {
		return true
	}
	g.used++
	made := g.kept[key]
	switch {
	case made == nil:
		e.forget()
		g.kept[key] = &stepGraph{used: g.used}
		s.head = e.run(&g.pass)
		return true
	case made.graph == 0 && !e.capture(made):
		s.head = e.run(&g.pass)
		return true
	}
	made.used = g.used
	s.head = made.head
	if err := e.dev.Replay(made.graph, e.ops.Stream); err != nil {
		e.ops.Fail(err)
	}
	return true
}

// planGraph plans the attention of a step's rows and of those that fill it up, in shapes that many steps have.
func (e *gpuExecutor) planGraph(key *graphKey, rows []row) bool {
	for i, w := range e.windows {
		e.planRows(rows, nil, w.window)
		for len(e.rows) < key.rows {
			e.rows = append(e.rows, gpu.AttendRow{Pages: dummyPages[:], To: 1, Query: len(e.rows)})
		}
		w.plan.Build(e.rows, e.attend)
		if len(w.plan.Bytes()) > graphPlan {
			return false
		}
		w.shape = w.plan.Shape().Padded()
		key.shapes[i] = w.shape
	}
	return true
}

// dummyPages is what rows for nothing attend to.
var dummyPages = [1]int32{0}

// sendGraph sends a step's numbers to where its graph reads them.
func (e *gpuExecutor) sendGraph(s *gpuSlot, rows []row, n int) {
	g, ropes := &e.graphs, len(e.model.angles)
	s.to.move()
	lists, _ := s.to.ints((3 + ropes) * n)
	p := &g.pass
	p.n, p.kept, p.windows, p.last = n, n, e.windows, e.windows[e.windowOf(e.model.layers-1)]
	p.place(g.at, n, ropes)
	e.fill(p, lists, n, rows, &s.to)
	e.send(g.at, bytesOf(lists))
	at := g.at.Add(e.plan.graphLists(ropes))
	for i, w := range e.windows {
		host, _ := s.to.take(len(w.plan.Bytes()))
		copy(host, w.plan.Bytes())
		w.at = at.Add(int64(i) * graphPlan)
		e.send(w.at, host[:len(w.plan.Bytes())])
	}
	s.to.keep()
}

// capture makes a graph of the pass. Where that cannot be, there are no graphs any more.
func (e *gpuExecutor) capture(to *stepGraph) bool {
	g := &e.graphs
	graph, err := e.dev.Capture(e.ops.Stream, func() error {
		to.head = e.run(&g.pass)
		return e.ops.Err()
	})
	if err != nil {
		g.off = true
		if e.ops.Err() != nil && !lost(err) {
			e.ops.ClearErr()
		}
		return false
	}
	to.graph = graph
	return true
}

// forget makes room for a further graph: the one that was used longest ago goes.
func (e *gpuExecutor) forget() {
	g := &e.graphs
	if len(g.kept) < mostGraphs {
		return
	}
	var oldest graphKey
	first := int64(-1)
	for key, made := range g.kept {
		if first < 0 || made.used < first {
			oldest, first = key, made.used
		}
	}
	// Its replays have run by the time that the stream is waited for.
	if err := e.dev.Synchronize(e.ops.Stream); err != nil {
		e.ops.Fail(err)
		return
	}
	e.dev.DropGraph(g.kept[oldest].graph)
	delete(g.kept, oldest)
}

// drop gives all graphs back.
func (g *graphs) drop(dev gpu.Device) {
	for _, made := range g.kept {
		dev.DropGraph(made.graph)
	}
	clear(g.kept)
}
