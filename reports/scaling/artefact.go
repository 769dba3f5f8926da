package scaling

import (
	"fmt"
	"math"

	"github.com/onset-eval/onset/reports/stats"
)

// Verdict says whether a jump of accuracy is one of the ability or of the metric.
type Verdict string

// The verdicts of the artefact check.
const (
	MetricArtefact Verdict = "metric artefact"  // the ability improved while accuracy stood at chance
	SharpUnderBoth Verdict = "sharp under both" // it did not
	Mixed          Verdict = "mixed"            // the data do not say
)

// Artefact is the check of a jump against the continuous metric of the same responses (Schaeffer et al. 2023,
// arXiv 2304.15004: a metric that is nonlinear in the ability jumps where the ability does not).
type Artefact struct {
	Verdict Verdict `json:"verdict"`
	// Share is the part of the whole continuous improvement that was made by models at chance in accuracy:
	// slope × width of the floor / (best - first), by weighted regression over the floor's models.
	Share float64 `json:"share"`
	Lo    float64 `json:"lo"`
	Hi    float64 `json:"hi"`
	// P is the one-sided p-value of the slope being at most 0.
	P float64 `json:"p"`
	// Models counts the models of the floor.
	Models int    `json:"models"`
	Note   string `json:"note,omitempty"`
}

// artefactShare is the share from which on a jump is one of the metric.
const artefactShare = 0.25

// artefact checks the models before the onset; nil where there are fewer than three with a continuous metric.
func (j *judge) artefact(c *Curve, points []Point) *Artefact {
	if j.on < 3 {
		return nil
	}
	s, se, ok := continuousScale(c, points)
	if !ok {
		return nil
	}
	xs := make([]float64, j.on)
	for i := range xs {
		xs[i] = j.all[i].x
	}
	line := regress(xs, s[:j.on], se[:j.on])
	first, best := line.at(xs[0]), s[0]
	for _, v := range s {
		best = max(best, v)
	}
	a := &Artefact{Verdict: Mixed, Models: j.on, P: line.pPositive(), Lo: math.Inf(-1), Hi: math.Inf(1)}
	whole := best - first
	if whole <= 2*line.noise {
		a.Lo, a.Hi = 0, 0
		a.Note = "the continuous metric does not improve"
		return a
	}
	width := xs[len(xs)-1] - xs[0]
	half := line.quantile(0.5+j.o.Level/2) * line.se * width / whole
	a.Share = line.slope * width / whole
	a.Lo, a.Hi = a.Share-half, a.Share+half
	switch {
	case a.Share >= artefactShare && a.P < j.o.Alpha:
		a.Verdict = MetricArtefact
	case a.Hi < artefactShare:
		a.Verdict = SharpUnderBoth
	}
	if c.Ignorant == c.ContinuousPerfect {
		a.Note = "the level of a model that knows nothing is not given: the smallest model's stands in"
	}
	return a
}

// continuousScale puts the continuous metric of every point on a scale of 0 for ignorant to 1 for perfect.
// Values worse than ignorant are 0: a Brier score of 1.5 and one of (K-1)/K know as much, namely nothing.
func continuousScale(c *Curve, points []Point) (s, se []float64, ok bool) {
	for _, p := range points {
		if p.Continuous == nil || math.IsNaN(p.Continuous.Value) || math.IsInf(p.Continuous.Value, 0) {
			return nil, nil, false
		}
	}
	ignorant, perfect := c.Ignorant, c.ContinuousPerfect
	known := ignorant != perfect
	if !known {
		ignorant, perfect = points[0].Continuous.Value, points[len(points)-1].Continuous.Value
		if ignorant == perfect {
			perfect++
		}
	}
	for _, p := range points {
		v := (p.Continuous.Value - ignorant) / (perfect - ignorant)
		if known {
			v = max(v, 0)
		}
		s = append(s, v)
		se = append(se, p.Continuous.StdErr/math.Abs(perfect-ignorant))
	}
	return s, se, true
}

// line is a weighted least-squares line.
type line struct {
	slope, se, meanX, meanY float64
	noise                   float64 // standard error of a fitted or measured value, for the size of differences
	df                      float64 // of the t distribution; 0 for a normal one
}

// regress fits y on x. Known standard errors weight the points, and the slope's error is inflated by
// √(χ²/df) where the residuals exceed them; without them the residuals alone give it, with Student's t.
func regress(x, y, se []float64) line {
	known := true
	for _, v := range se {
		known = known && v > 0
	}
	var sw, sx, sy float64
	w := make([]float64, len(x))
	for i := range x {
		w[i] = 1
		if known {
			w[i] = 1 / (se[i] * se[i])
		}
		sw += w[i]
		sx += w[i] * x[i]
		sy += w[i] * y[i]
	}
	l := line{meanX: sx / sw, meanY: sy / sw}
	var sxx, sxy, chi2 float64
	for i := range x {
		sxx += w[i] * (x[i] - l.meanX) * (x[i] - l.meanX)
		sxy += w[i] * (x[i] - l.meanX) * (y[i] - l.meanY)
	}
	l.slope = sxy / sxx
	for i := range x {
		r := y[i] - l.at(x[i])
		chi2 += w[i] * r * r
	}
	df := float64(len(x) - 2)
	scale := chi2 / df
	if known {
		scale = max(1, scale)
	} else {
		l.df = df
	}
	l.se = math.Sqrt(scale / sxx)
	l.noise = math.Sqrt(scale * float64(len(x)) / sw)
	return l
}

func (l *line) at(x float64) float64 { return l.meanY + l.slope*(x-l.meanX) }

// quantile is that of the slope's standardised error.
func (l *line) quantile(p float64) float64 {
	if l.df == 0 {
		return stats.NormalQuantile(p)
	}
	return stats.StudentQuantile(p, l.df)
}

// pPositive is the one-sided p-value of a slope of at most 0.
func (l *line) pPositive() float64 {
	if l.se == 0 {
		if l.slope > 0 {
			return 0
		}
		return 1
	}
	if l.df == 0 {
		return stats.NormalUpper(l.slope / l.se)
	}
	return stats.StudentUpper(l.slope/l.se, l.df)
}

// String is for messages.
func (a *Artefact) String() string {
	return fmt.Sprintf("%s (share %.2f [%.2f, %.2f])", a.Verdict, a.Share, a.Lo, a.Hi)
}
