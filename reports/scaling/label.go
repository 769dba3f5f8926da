package scaling

// Label is the verdict on a curve.
type Label string

// The labels.
const (
	// Undetermined says that the models are too few, or too alike in scale, or contradict each other.
	Undetermined Label = "undetermined"
	// Flat says that no model is above chance and that a rise worth naming is excluded at the largest.
	Flat Label = "flat"
	// MaybeFlat says that no model is above chance and that the items are too few to exclude a rise.
	MaybeFlat Label = "flat?"
	// Appears says that the ability is absent in smaller models and present in larger ones.
	Appears Label = "appears"
	// Present says that the smallest model is above chance already.
	Present Label = "present"
)

// label gives the first label that applies.
func label(all []obs, above []bool, on int, c0, decades float64, o *Options) Label {
	if len(all) < o.MinModels || decades < o.MinDecades {
		return Undetermined
	}
	switch {
	case on == 0:
		return Present
	case on > 0:
		return Appears
	}
	for _, is := range above {
		if is {
			return Undetermined
		}
	}
	if all[len(all)-1].hi < c0+o.FlatRise*(1-c0) {
		return Flat
	}
	return MaybeFlat
}
