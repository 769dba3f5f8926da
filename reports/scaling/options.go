package scaling

// Options are the settings of an analysis. The zero value is the default of each, a negative number is 0, and one out of range is its bound.
// The defaults are those of the procedure; none is fitted to a task.
type Options struct {
	// Delta is the rise above the baseline, as a share of what is left to perfect, that is still "at chance":
	// p0 = c + Delta (1-c). With chance 0 a test against 0 would make one lucky item significant. Default 0.02.
	Delta float64
	// Sigma0 is the standard deviation that seeds, prompts and formats give to a model's true accuracy, which
	// no number of items removes. Default 0.01; take 0.02 to 0.05 where families are pooled.
	Sigma0 float64
	// Alpha is the family-wise error of the tests within one curve. Default 0.05.
	Alpha float64
	// Level is the confidence of the intervals. Default 0.95.
	Level float64
	// UnknownN is the number of items assumed where a score has neither count nor standard error. Default 100.
	UnknownN float64
	// MinModels and MinDecades are the fewest models and the shortest range with a label. Defaults 5 and 1.
	MinModels  int
	MinDecades float64
	// FewItems is the count below which a curve carries a warning. Default 100.
	FewItems float64
	// FlatRise is the normalised rise that a flat curve must exclude. Default 0.10.
	FlatRise float64
	// MinRise is the least normalised score of the largest model of an emergent curve. Default 0.10.
	MinRise float64
	// LateShare is the share of the range from which on the bracket's middle is late enough for the floor
	// alone to make a curve emergent. Default 0.60.
	LateShare float64
	// MinFloor is the shortest floor, and MaxWidth the longest transition (of its middle eight tenths), of a
	// break, both in decades. Defaults 0.5 and 1.
	MinFloor, MaxWidth float64
	// AICcGap is by how much one curve model must beat another. Default 2.
	AICcGap float64
	// FloorAlpha is the level of the test that the models before an onset are at chance together. Default 0.01.
	FloorAlpha float64
	// FloorGain is by how much, in nats of log-likelihood, a break after a floor must beat a rise from the first
	// model on. Default 0.25: over the designs of the power table it brings false emergents on smooth curves from
	// 3.2 to 2.1 % and costs half a point of power; 1, the price of a parameter by AIC, 1.3 % and 3 points.
	FloorGain float64
	// MinDrop and MinZ are the least difference, as a share of perfect, and its z-value for u-shaped and
	// inverse curves. Defaults 0.03 and 2.3.
	MinDrop, MinZ float64
	// TrendAlpha is the level of the test for a slope. Default 0.01.
	TrendAlpha float64
	// BreakGrid is the number of positions at which a break is tried. Default 161.
	BreakGrid int
	// Replicates is the size of the parametric bootstrap behind the label's stability. Default 0: none.
	Replicates int
	// Seed starts the bootstrap's random source, together with the curve's name.
	Seed uint64
}

// maxSigma0 and maxDelta bound the two settings: noise or a margin beyond them leaves nothing to be seen.
const maxSigma0, maxDelta = 0.2, 0.9

// withDefaults resolves the zero and negative settings.
func (o Options) withDefaults() Options {
	for _, s := range []struct {
		v         *float64
		byDefault float64
	}{
		{&o.Delta, 0.02}, {&o.Sigma0, 0.01}, {&o.Alpha, 0.05}, {&o.Level, 0.95}, {&o.UnknownN, 100},
		{&o.MinDecades, 1}, {&o.FewItems, 100}, {&o.FlatRise, 0.10}, {&o.MinRise, 0.10}, {&o.LateShare, 0.60},
		{&o.MinFloor, 0.5}, {&o.MaxWidth, 1}, {&o.AICcGap, 2}, {&o.FloorAlpha, 0.01}, {&o.FloorGain, 0.25},
		{&o.MinDrop, 0.03}, {&o.MinZ, 2.3}, {&o.TrendAlpha, 0.01},
	} {
		*s.v = setting(*s.v, s.byDefault)
	}
	o.Sigma0, o.Delta = min(o.Sigma0, maxSigma0), min(o.Delta, maxDelta)
	if o.Level >= 1 || o.Level == 0 {
		o.Level = 0.95
	}
	if o.MinModels == 0 {
		o.MinModels = 5
	}
	if o.BreakGrid <= 1 {
		o.BreakGrid = 161
	}
	return o
}

// setting is v, or byDefault for 0 and what is no number, or 0 for a negative v.
func setting(v, byDefault float64) float64 {
	switch {
	case v == 0 || !measurable(v):
		return byDefault
	case v < 0:
		return 0
	}
	return v
}
