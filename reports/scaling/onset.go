package scaling

// Onset is the bracket in which an ability appears: after the last model at chance, up to the first above.
type Onset struct {
	// Below is the scale of the model before the onset, nil where the first model is above chance already:
	// then the onset is at or before Above.
	Below      *float64 `json:"below"`
	BelowModel string   `json:"below_model,omitempty"`
	// Above is the scale of the first model above chance.
	Above      float64 `json:"above"`
	AboveModel string  `json:"above_model"`
	// Index is the place of the first model above chance among the analysis's points.
	Index int `json:"index"`
}

// persistentOnset is the index of the first model that is above chance and stays there, -1 where there is none:
// one significant model among many at chance is not an ability. The first must be above after Holm's
// adjustment. Given that, no later model may be below p0 with its upper bound, and at least two thirds of the
// later ones and the last must be above at the unadjusted alpha: they confirm one finding, and make no new one.
func (j *judge) persistentOnset() int {
	last := len(j.all) - 1
	if last < 0 || j.p[last] >= j.o.Alpha {
		return -1
	}
	best, later, confirmed := -1, 0, 0
	for i := last; i >= 0; i-- {
		if j.above[i] && 3*confirmed >= 2*later {
			best = i
		}
		if j.all[i].y < j.p0 && j.all[i].pBelow(j.p0) < (1-j.o.Level)/2 {
			break // nothing before this model can be an onset
		}
		later++
		if j.p[i] < j.o.Alpha {
			confirmed++
		}
	}
	return best
}

// bracket names the models around the onset at index i.
func bracket(points []Point, i int) *Onset {
	if i < 0 {
		return nil
	}
	on := &Onset{Above: points[i].X, AboveModel: points[i].Model, Index: i}
	if i > 0 {
		below := points[i-1].X
		on.Below, on.BelowModel = &below, points[i-1].Model
	}
	return on
}
