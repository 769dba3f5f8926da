package scaling

import "math"

// FittedAt is a fitted curve model's performance at a scale, in the metric's unit; false where the analysis has no
// such fit, or the model is none of a formula.
func (a *Analysis) FittedAt(model string, x float64) (float64, bool) {
	u, ok := coordinate(a.Axis, x)
	if !ok {
		return 0, false
	}
	for _, f := range a.Fits {
		if f.Model != model {
			continue
		}
		unit := Curve{Baseline: a.Baseline, Perfect: a.Perfect}
		p, ok := formula(model, f.Coefficients, chance(&unit), u)
		return metricUnit(&unit, p), ok
	}
	return 0, false
}

// formula evaluates a curve model at a coordinate, with perfect at 1 and the baseline at c.
func formula(model string, q []float64, c, u float64) (float64, bool) {
	switch model {
	case ModelChance:
		return c, true
	case ModelConst:
		return q[0], true
	case ModelLinear, ModelQuadratic:
		centre, half := q[len(q)-2], q[len(q)-1]
		z := (u - centre) / half
		eta := q[0] + q[1]*z
		if model == ModelQuadratic {
			eta += q[2] * z * z
		}
		return 1 / (1 + math.Exp(-eta)), true
	case ModelStep:
		if u < q[2] {
			return q[0], true
		}
		return q[1], true
	case ModelHinge:
		return q[0] + (1-q[0])*-math.Expm1(-q[1]*max(0, u-q[2])), true
	case ModelSigmoid:
		return c + (q[2]-c)/(1+math.Exp(-(u-q[0])/q[1])), true
	}
	return 0, false
}
