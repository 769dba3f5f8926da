package adaptive

import "math"

// window sums up a cohort of calls that were sent at one level: the next so many, each to its end, since the first to
// end are the short ones. Its goodput is told by whatever weights are known when it is judged. It is kept in parts, the
// first calls in the first, from whose differences the error of the goodput is known.
type window struct {
	level             float64 // to which to return
	want, sent, ended int
	chunk             int // calls a part
	parts             [parts]sums
}

const parts = 8

// sums are over the answers of some calls.
type sums struct {
	n, inFlight                int // calls, and the sum of what was in flight with each when it was sent
	prompt, completion, second float64
}

func newWindow(level float64, want int) window {
	chunk := (want + parts - 1) / parts
	return window{level: level, want: chunk * parts, chunk: chunk}
}

// add takes the answer of a call of the cohort.
func (w *window) add(m mark, o outcome) {
	p := &w.parts[min(m.place/w.chunk, parts-1)]
	p.n++
	p.inFlight += m.inFlight
	p.prompt += float64(o.Prompt)
	p.completion += float64(o.Completion)
	p.second += o.Duration.Seconds()
}

// climb is the window of a climb from one level to twice as much, which ends where the climb does.
func climb(level float64) window {
	return window{level: 2 * level, want: math.MaxInt, chunk: max(2, int(level)/4)}
}

// full says whether all calls of the cohort were sent, and ready whether they have ended, but for a straggler in fifty.
func (w *window) full() bool  { return w.sent >= w.want }
func (w *window) ready() bool { return w.full() && w.sent-w.ended <= w.want/50 }

// extend doubles the cohort.
func (w *window) extend() {
	for i := range parts / 2 {
		w.parts[i] = w.parts[2*i].plus(w.parts[2*i+1])
	}
	for i := parts / 2; i < parts; i++ {
		w.parts[i] = sums{}
	}
	w.chunk *= 2
	w.want *= 2
}

func (s sums) plus(t sums) sums {
	return sums{s.n + t.n, s.inFlight + t.inFlight, s.prompt + t.prompt, s.completion + t.completion, s.second + t.second}
}

// goodput is the logarithm of the work done a second at the window's mean level, in units of the weights, with its standard
// error. By Little's law it is the level times work over time in the server, and both are sums over the same calls, so
// long answers weigh in both. The error is that of a ratio of means, from how the parts stray.
func (w *window) goodput(k weights) (log, err float64) {
	all := w.all()
	work := k.of(all)
	if work <= 0 || all.second <= 0 {
		return math.NaN(), math.Inf(1)
	}
	ratio, squares, n := work/all.second, 0.0, 0
	for _, p := range w.parts {
		if p.n > 0 {
			stray := k.of(p) - ratio*p.second
			squares += stray * stray
			n++
		}
	}
	err = math.Inf(1)
	if n > 1 {
		err = math.Sqrt(squares*float64(n)/float64(n-1)) / work
	}
	return math.Log(all.level() * ratio), err
}

func (w *window) all() (s sums) {
	for _, p := range w.parts {
		s = s.plus(p)
	}
	return s
}

// level is the mean number of calls in flight.
func (s sums) level() float64 { return float64(s.inFlight) / float64(max(1, s.n)) }

// weights say what a call costs a server, in seconds at an unknown load: their ratios count. They make calls of unlike
// lengths comparable.
type weights struct{ call, prompt, completion float64 }

// of is the work of some calls.
func (k weights) of(s sums) float64 {
	return k.call*float64(s.n) + k.prompt*s.prompt + k.completion*s.completion
}

// workModel learns the weights: the least squares of the relative error of
//
//	duration ≈ call + prompt·tokens + completion·tokens
//
// with none of the three negative, older calls counting less (half after 350).
type workModel struct {
	a [3][3]float64 // normal equations
	b [3]float64
	n int
}

const forget = 0.998

func (m *workModel) learn(o outcome) {
	d := o.Duration.Seconds()
	if d <= 0 {
		return
	}
	m.n++
	x := [3]float64{1 / d, float64(o.Prompt) / d, float64(o.Completion) / d}
	for i := range 3 {
		for j := range 3 {
			m.a[i][j] = forget*m.a[i][j] + x[i]*x[j]
		}
		m.b[i] = forget*m.b[i] + x[i]
	}
}

// weights gives the best weights: of all choices of terms the one that explains most, all its weights at least 0.
func (m *workModel) weights() weights {
	best, most := weights{call: 1}, 0.0
	for terms := 1; terms < 8; terms++ {
		if x, ok := m.solve(terms); ok {
			gain := x[0]*m.b[0] + x[1]*m.b[1] + x[2]*m.b[2]
			if gain > most*(1+1e-9) {
				best, most = weights{x[0], x[1], x[2]}, gain
			}
		}
	}
	return best
}

// solve solves the normal equations over the terms in the bit set, and reports whether all are positive and determined.
func (m *workModel) solve(terms int) ([3]float64, bool) {
	var at []int
	for i := range 3 {
		if terms&(1<<i) != 0 {
			at = append(at, i)
		}
	}
	var a [3][4]float64
	for r, i := range at {
		for c, j := range at {
			a[r][c] = m.a[i][j]
		}
		a[r][3] = m.b[i]
	}
	n := len(at)
	for k := range n { // the matrix is positive semidefinite: its diagonal is pivot enough
		if a[k][k] <= 1e-9*m.a[at[k]][at[k]] || a[k][k] == 0 {
			return [3]float64{}, false
		}
		for r := range n {
			if r == k {
				continue
			}
			f := a[r][k] / a[k][k]
			for c := k; c < 4; c++ {
				a[r][c] -= f * a[k][c]
			}
		}
	}
	var x [3]float64
	for k, i := range at {
		if x[i] = a[k][3] / a[k][k]; x[i] < 0 {
			return x, false
		}
	}
	return x, true
}
