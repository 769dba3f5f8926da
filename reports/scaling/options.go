package scaling

// Options are the settings of an analysis. The zero value is the default of each.
type Options struct {
	// Delta is the rise above the baseline, as a share of what is left to perfect, that is still "at chance":
	// p0 = c + Delta (1-c). With chance 0 a test against 0 would make one lucky item significant. 0 means
	// 0.02, negative none.
	Delta float64
	// Sigma0 is the standard deviation that seeds, prompts and formats give to a model's true accuracy, which
	// no number of items removes. 0 means 0.01, negative none; take 0.02 to 0.05 where families are pooled.
	Sigma0 float64
	// Alpha is the family-wise error of the tests within one curve. 0 means 0.05.
	Alpha float64
	// Level is the confidence of the intervals. 0 means 0.95.
	Level float64
	// UnknownN is the number of items assumed where a score has neither count nor standard error. 0 means 100.
	UnknownN float64
	// MinModels and MinDecades are the fewest models and the shortest range with a label. 0 means 5 and 1.
	MinModels  int
	MinDecades float64
	// FewItems is the count below which a curve carries a warning. 0 means 100.
	FewItems float64
	// FlatRise is the normalised rise that a flat curve must exclude. 0 means 0.10.
	FlatRise float64
}

// withDefaults resolves the zero and negative settings.
func (o Options) withDefaults() Options {
	o.Delta = setting(o.Delta, 0.02)
	o.Sigma0 = setting(o.Sigma0, 0.01)
	o.Alpha = setting(o.Alpha, 0.05)
	o.Level = setting(o.Level, 0.95)
	o.UnknownN = setting(o.UnknownN, 100)
	o.MinDecades = setting(o.MinDecades, 1)
	o.FewItems = setting(o.FewItems, 100)
	o.FlatRise = setting(o.FlatRise, 0.10)
	if o.MinModels == 0 {
		o.MinModels = 5
	}
	return o
}

// setting is v, or byDefault for 0, or 0 for a negative v.
func setting(v, byDefault float64) float64 {
	switch {
	case v == 0:
		return byDefault
	case v < 0:
		return 0
	}
	return v
}
