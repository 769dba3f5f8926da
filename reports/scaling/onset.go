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

// persistentOnset is the index of the first model that is above chance and stays there: no later model's
// upper bound is below p0, at least two thirds of the later ones are above chance, and the last is. It is -1
// where there is none. One significant model among many at chance is not an ability.
func persistentOnset(obs []obs, above []bool, p0 float64) int {
	last := len(obs) - 1
	if last < 0 || !above[last] {
		return -1
	}
	best := -1
	later, laterAbove := 0, 0
	for i := last; i >= 0; i-- {
		if above[i] && 3*laterAbove >= 2*later {
			best = i
		}
		if obs[i].hi < p0 {
			break // nothing before this model can be an onset
		}
		later++
		if above[i] {
			laterAbove++
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
