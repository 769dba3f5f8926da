package scaling

// Label is the verdict on a curve.
type Label string

// The labels, in the order in which the procedure tries them.
const (
	// Undetermined says that the models are too few, or too alike in scale, or contradict each other.
	Undetermined Label = "undetermined"
	// UShaped says that performance falls with scale and then rises.
	UShaped Label = "u-shaped"
	// Inverse says that larger models are worse.
	Inverse Label = "inverse"
	// Flat says that no model is above chance and that a rise worth naming is excluded at the largest.
	Flat Label = "flat"
	// MaybeFlat says that no model is above chance and that the items are too few to exclude a rise.
	MaybeFlat Label = "flat?"
	// NotCorrelated says that models are above chance without a trend over scale.
	NotCorrelated Label = "not-correlated"
	// Smooth says that performance rises over the whole range, or from so early that no floor is seen.
	Smooth Label = "smooth"
	// Emergent says that smaller models are at chance and larger ones significantly above it.
	Emergent Label = "emergent"
)

// Labels lists the labels in the order in which they are tried.
var Labels = [...]Label{Undetermined, UShaped, Inverse, Flat, MaybeFlat, NotCorrelated, Smooth, Emergent}

// Sharpness says how fast an ability appears.
type Sharpness string

// The words for sharpness.
const (
	Abrupt     Sharpness = "abrupt"     // the interval of the transition's width lies below MaxWidth
	Gradual    Sharpness = "gradual"    // it lies above
	Unresolved Sharpness = "unresolved" // the models are too far apart to say
)
