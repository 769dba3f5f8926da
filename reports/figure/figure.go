// Package figure draws curves of a metric against scale, and heat maps, as
// vector files for papers. Its input is plain data: it knows nothing of
// records, tests or verdicts. It is the last stage of a report.
//
// Invariants: the same input gives the same bytes; text is outlined, so no
// reader needs a font; nothing is drawn outside the page; a value that cannot
// be drawn is an error naming it or a warning, never a panic.
package figure

// Figure is one page: a grid of panels, a shared legend strip above them, and
// a caption below. Columns 0 means as square a grid as fits three columns.
type Figure struct {
	Title   string
	Caption string
	// Description is kept in files of text (SVG, TeX) for readers who do not
	// see the page, and for those who ask later what it shows.
	Description string
	Columns     int
	Panels      []Panel
}

// Panel is one facet. Panels with the same XLabel and LogX share one x range
// unless XRange says otherwise.
type Panel struct {
	Title  string
	XLabel string
	YLabel string
	LogX   bool
	// XRange and YRange fix the axes; the zero Range means from the data
	// (x), and 0 to 1 or, for data beyond that, from the data (y).
	XRange    Range
	YRange    Range
	Baselines []Baseline
	Series    []Series
	// References are grey lines of other scores, as a human's.
	References []Baseline
	// Spans are drawn as bars in the strip above the frame.
	Spans []Span
	// Inset adds a small panel of the same points with a logarithmic y axis, for
	// scores that start at 0: Draw leaves it out where no score is above 0.
	Inset bool
	// Notes are lines of words at the top of the frame, as verdicts, in the
	// colours of their families; the y axis makes room for them.
	Notes []Note
	// Lower is an optional panel under this one on the same x, for the paired
	// continuous metric. Its own Lower, XRange and LogX are ignored.
	Lower *Panel
}

// Range is a closed interval of an axis; Min == Max means unset.
type Range struct{ Min, Max float64 }

func (r Range) set() bool { return r.Min != r.Max }

// Baseline is a dashed horizontal line, named with its value and Label (its
// origin, as in "chance, uniform") under the panel's title.
type Baseline struct {
	Value float64
	Label string
}

// Series is one curve. Family chooses the colour and dash pattern, Marker the
// shape; series equal in Name, Family and Marker share one legend entry.
type Series struct {
	Name   string
	Family int
	Marker Marker
	Points []Point
	// Plot says how the points are drawn.
	Plot  Plot
	Onset *Bracket
	// ChangePoint is drawn as a horizontal bar above the frame when set.
	ChangePoint Range
	// Fit is a fitted curve, drawn as a thick pale line through its vertices.
	Fit []XY
}

// Plot is a way of drawing points.
type Plot int

// The ways of drawing points: those of a curve are marked and joined, those of
// a quantity over time are changes that hold until the next one, and events
// stand alone.
const (
	Curve Plot = iota
	Steps
	Events
)

// Span is an interval of scale with a mark at At (NaN: none), as where one
// prompt begins to help more than another. Spans equal in Name share one
// legend entry; Family chooses the colour.
type Span struct {
	Name   string
	Family int
	Range  Range
	At     float64
}

// Note is a line of words about one family.
type Note struct {
	Text   string
	Family int
}

// XY is one vertex of a fitted curve.
type XY struct{ X, Y float64 }

// Point is one model's estimate with its interval; NaN Lo or Hi means none.
// Filled says that the estimate is significantly above the baseline.
type Point struct {
	X, Y, Lo, Hi float64
	Filled       bool
	Label        string
}

// Bracket shades the scales from Below (the last model at chance) to Above
// (the first above it). A Below of 0 or NaN is open: shading starts at the
// axis. An Above of NaN or +Inf means no onset and draws nothing.
type Bracket struct{ Below, Above float64 }

// Marker is the shape of a point.
type Marker int

// Markers in the order in which they are told apart best in greyscale.
const (
	Circle Marker = iota
	Triangle
	Square
	Diamond
	Inverted
	Cross
)

const markers = 6

// Options say how large to draw. Width is in points (1/72 inch), 0 means
// column width (252) for one column and page width (504) for up to three;
// DPI is for PNG, 0 means 200.
type Options struct {
	Width float64
	DPI   int
}
