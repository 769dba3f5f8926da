package reports

import (
	"github.com/onset-eval/onset/reports/scaling"
	"github.com/onset-eval/onset/reports/stats"
	"github.com/onset-eval/onset/tasks"
)

// pairKey names two settings of one metric of a task on one model, whatever their filters.
type pairKey struct {
	of   CellKey
	than tasks.Style
	// shots are those of the setting that is compared with.
	shots int
}

// Pairs are the differences between settings over the same samples, with errors that know it.
type Pairs map[pairKey]scaling.Pair

// pairUp compares the cells of primary metrics that differ in style alone, or in shots against none.
func pairUp(cells map[CellKey]*accumulator) Pairs {
	out := make(Pairs)
	primary := make(map[CellKey]*accumulator)
	for key, a := range cells {
		if a.primary {
			key.Filter = ""
			primary[key] = a
		}
	}
	for key, a := range primary {
		var others []CellKey
		if key.Shots > 0 {
			zero := key
			zero.Shots = 0
			others = append(others, zero)
		}
		if key.Style != tasks.Direct {
			direct := key
			direct.Style = tasks.Direct
			others = append(others, direct)
		}
		for _, other := range others {
			b := primary[other]
			if b == nil {
				continue
			}
			if p, ok := pair(a, b); ok {
				out[pairKey{key, other.Style, other.Shots}] = p
			}
		}
	}
	return out
}

// pair compares the mean values of the samples that both cells judged.
func pair(a, b *accumulator) (scaling.Pair, bool) {
	xs, ys := a.sampleMeans(), b.sampleMeans()
	var of, over []float64
	for i, k := 0, 0; i < len(xs) && k < len(ys); {
		switch {
		case xs[i].sample < ys[k].sample:
			i++
		case xs[i].sample > ys[k].sample:
			k++
		default:
			of, over = append(of, xs[i].value), append(over, ys[k].value)
			i, k = i+1, k+1
		}
	}
	if len(of) < 2 {
		return scaling.Pair{}, false
	}
	e := stats.PairedDiff(of, over, stats.DefaultLevel)
	return scaling.Pair{Value: e.Value, StdErr: e.StdErr}, e.StdErr > 0
}

// sampleMeans averages the records of each sample, in the order of the samples' hashes.
func (a *accumulator) sampleMeans() []judged {
	var out []judged
	n := 0.0
	for i, j := range a.judged {
		if i == 0 || j.sample != a.judged[i-1].sample {
			out, n = append(out, judged{sample: j.sample}), 0
		}
		n++
		last := &out[len(out)-1]
		last.value += (j.value - last.value) / n
	}
	return out
}

// Paired gives the differences of the models of two curves, for scaling.Compare.
func (p Pairs) Paired(of, over scaling.Curve) func(model string) (scaling.Pair, bool) {
	return func(model string) (scaling.Pair, bool) {
		cell := CellKey{Model: model, Task: of.Task, Style: tasks.Style(of.Style), Shots: of.Shots, Metric: of.Metric}
		v, ok := p[pairKey{cell, tasks.Style(over.Style), over.Shots}]
		return v, ok
	}
}
