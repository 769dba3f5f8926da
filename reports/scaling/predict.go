package scaling

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"

	"gonum.org/v1/gonum/stat/distuv"
)

// Forecast is a prediction in two steps, scale → loss → score, with its error on models that it was not fitted to
// (Bhagia et al. 2024, arXiv 2412.04403: a power law of the task's loss in scale, then a sigmoid of the score in that
// loss; the same two steps as in Dubey et al. 2024, section 3.2.1).
type Forecast struct {
	Task   string `json:"task"`
	Family string `json:"family"`
	Prompt string `json:"prompt"`
	Shots  int    `json:"shots"`
	Metric string `json:"metric"`
	Axis   string `json:"axis"`
	// Via names the loss between scale and score.
	Via  string   `json:"via"`
	Law  LossLaw  `json:"loss_law"`
	Link LossLink `json:"link"`
	// Trained names the models that the steps were fitted to, smallest first; HeldOut are larger ones with their
	// errors, and Targets the scales that were asked for.
	Trained []string    `json:"trained"`
	HeldOut []Predicted `json:"held_out"`
	Targets []Predicted `json:"targets,omitempty"`
	// MeanError is the mean absolute error of the held-out scores, and OneStepError and LastError are those of a line
	// in logits over scale and of the largest fitted model's score: a forecast that does not beat both is worth
	// nothing. They have the metric's unit.
	MeanError    float64  `json:"mean_absolute_error"`
	OneStepError float64  `json:"one_step_error"`
	LastError    float64  `json:"last_value_error"`
	Warnings     []string `json:"warnings,omitempty"`
}

// LossLaw is L(x) = E + A (x/x0)^(-alpha), with x0 the smallest model's scale; L in the loss's unit.
type LossLaw struct {
	E, A, Alpha, X0 float64
}

// At is the loss at a scale.
func (l LossLaw) At(x float64) float64 { return l.E + l.A*math.Pow(x/l.X0, -l.Alpha) }

// LossLink is p(L) = c + (1-c)/(1+exp(-k (L0-L))), with the baseline c.
type LossLink struct {
	Baseline, K, L0 float64
}

// At is the score at a loss, with perfect at 1.
func (l LossLink) At(loss float64) float64 {
	return l.Baseline + (1-l.Baseline)/(1+math.Exp(-l.K*(l.L0-loss)))
}

// Predicted is a forecast score at a scale with its interval, and what was measured there, if it was.
type Predicted struct {
	Model    string   `json:"model,omitempty"`
	X        float64  `json:"x"`
	Loss     float64  `json:"loss"`
	Score    float64  `json:"score"`
	Lo       float64  `json:"lo"`
	Hi       float64  `json:"hi"`
	Observed *float64 `json:"observed,omitempty"`
	// Error is Score less Observed.
	Error *float64 `json:"error,omitempty"`
}

// ForecastOptions are the settings of a forecast. Zero values are defaults.
type ForecastOptions struct {
	// HoldOut is how many of the largest models are predicted and not fitted to. Default 1; negative holds none out.
	HoldOut int
	// At are scales to predict beside those held out.
	At []float64
	// Replicates is the size of the parametric bootstrap behind the intervals. Default 200.
	Replicates int
}

// minForecast is the least number of models that the two steps are fitted to.
const minForecast = 4

// Predict fits the two steps to all but the largest models of a curve with a continuous metric and predicts those.
func Predict(c Curve, o Options, fo ForecastOptions) (Forecast, error) {
	o = o.withDefaults()
	f := Forecast{Task: c.Task, Family: c.Family, Prompt: c.Style, Shots: c.Shots, Metric: c.Metric, Axis: c.Axis, Via: c.ContinuousName}
	if fo.HoldOut == 0 {
		fo.HoldOut = 1
	}
	if fo.Replicates == 0 {
		fo.Replicates = 200
	}
	if c.Axis == AxisCapability || c.Axis == AxisLoss {
		return f, fmt.Errorf("a forecast goes from scale to loss: %q is no scale", c.Axis)
	}
	points, warnings := ordered(&c)
	f.Warnings = warnings
	points = slices.DeleteFunc(points, func(p Point) bool { return p.Continuous == nil })
	train := len(points) - max(fo.HoldOut, 0)
	if train < minForecast {
		return f, fmt.Errorf("%s: %d models with a loss are left to fit, a forecast needs %d", c.Name(), max(train, 0), minForecast)
	}
	data, err := newForecastData(&c, points, &o)
	if err != nil {
		return f, fmt.Errorf("%s: %w", c.Name(), err)
	}
	fitted := data.first(train)
	f.Law, f.Link = fitted.fit(nil, nil)
	for _, p := range points[:train] {
		f.Trained = append(f.Trained, p.Model)
	}
	for _, p := range points[train:] {
		score := p.score()
		f.HeldOut = append(f.HeldOut, Predicted{Model: p.Model, X: p.X, Observed: &score})
	}
	for _, x := range fo.At {
		f.Targets = append(f.Targets, Predicted{X: x})
	}
	f.fill(&c, fitted, fo.Replicates, &o)
	f.errors(&c, points, train, &o)
	return f, nil
}

// forecastData is what the steps are fitted to, by rising scale: losses above 0 with their relative errors, and
// effective counts.
type forecastData struct {
	x, loss, relative []float64
	counts            counts
}

// newForecastData turns the continuous metric into a loss: its distance from perfect where that is known, else as it
// is where it falls with scale and is positive.
func newForecastData(c *Curve, points []Point, o *Options) (*forecastData, error) {
	d := &forecastData{}
	all := make([]obs, len(points))
	perfect := lossOrigin(c)
	for i := range points {
		p := &points[i]
		loss := math.Abs(p.Continuous.Value - perfect)
		if loss <= 0 {
			return nil, fmt.Errorf("%s has a loss of %g: the power law of the first step needs losses above 0", p.Model, loss)
		}
		d.x, d.loss = append(d.x, p.X), append(d.loss, loss)
		d.relative = append(d.relative, p.Continuous.StdErr/loss)
		all[i] = observe(c, p, o)
	}
	c0 := chance(c)
	d.counts = countsOf(all, c0, c0+o.Delta*(1-c0), o)
	return d, nil
}

// lossOrigin is the value of a perfect model on the continuous metric.
func lossOrigin(c *Curve) float64 {
	if c.Ignorant != c.ContinuousPerfect {
		return c.ContinuousPerfect
	}
	if c.ContinuousName == "token_edit_similarity" {
		return 1
	}
	return 0
}

// first keeps the m smallest models.
func (d *forecastData) first(m int) *forecastData {
	k := d.counts
	k.x, k.k, k.n = k.x[:m], k.k[:m], k.n[:m]
	return &forecastData{d.x[:m], d.loss[:m], d.relative[:m], k}
}

// huberDelta is where the loss of residuals of ln L turns from square to absolute, as in Bhagia et al.
const huberDelta = 1e-3

// fit fits both steps, from the starts given or, without them, from several.
func (d *forecastData) fit(law, link []float64) (LossLaw, LossLink) {
	l, _ := d.fitLaw(law)
	k, _ := d.fitLink(link)
	return l, k
}

// fitLaw fits the power law to ln L with Huber's loss; under five models E is 0, since three parameters would be free.
func (d *forecastData) fitLaw(from []float64) (LossLaw, []float64) {
	x0 := d.x[0]
	least := slices.Min(d.loss)
	law := func(q []float64) LossLaw {
		l := LossLaw{A: math.Exp(q[0]), Alpha: math.Exp(q[1]), X0: x0}
		if len(q) > 2 {
			l.E = least / (1 + math.Exp(-q[2])) // below every loss that was measured
		}
		return l
	}
	objective := func(q []float64) float64 {
		l := law(q)
		sum := 1e-6 * (q[1] + 2) * (q[1] + 2) // keeps a flat law finite
		for i, x := range d.x {
			r := math.Abs(math.Log(l.At(x)) - math.Log(d.loss[i]))
			if r <= huberDelta {
				sum += r * r / 2
			} else {
				sum += huberDelta * (r - huberDelta/2)
			}
		}
		if math.IsNaN(sum) {
			return math.Inf(1)
		}
		return sum
	}
	if from != nil {
		v := minimise(objective, from, 0.1, 1e-10, 300)
		return law(v.at), v.at
	}
	best := vertex{f: math.Inf(1)}
	for _, alpha := range []float64{0.05, 0.15, 0.4} {
		for _, floor := range []float64{-4, 0} {
			start := []float64{math.Log(d.loss[0]), math.Log(alpha), floor}
			if len(d.x) < 5 {
				start = start[:2]
			}
			if v := minimise(objective, start, 0.4, 1e-12, 2000); v.f < best.f {
				best = v
			}
		}
	}
	return law(best.at), best.at
}

// fitLink fits the sigmoid by likelihood, with one item's worth of weight on a perfect score at no loss.
func (d *forecastData) fitLink(from []float64) (LossLink, []float64) {
	c := min(d.counts.c, 1-tiny)
	mid := d.loss[len(d.loss)/2]
	link := func(q []float64) LossLink {
		return LossLink{Baseline: c, K: math.Exp(q[0]) / mid, L0: q[1] * mid}
	}
	objective := func(q []float64) float64 {
		l := link(q)
		sum := -logLik(1, 1, l.At(0))
		for i, loss := range d.loss {
			sum -= logLik(d.counts.k[i], d.counts.n[i], l.At(loss))
		}
		return sum
	}
	if from != nil {
		v := minimise(objective, from, 0.1, 1e-8, 200)
		return link(v.at), v.at
	}
	best := vertex{f: math.Inf(1)}
	for _, k := range []float64{1, 4, 16} {
		for _, at := range []float64{0.3, 0.7, 1} {
			if v := minimise(objective, []float64{math.Log(k), at}, 0.3, 1e-9, 800); v.f < best.f {
				best = v
			}
		}
	}
	return link(best.at), best.at
}

// fill predicts, with percentile intervals over redrawn losses and counts.
func (f *Forecast) fill(c *Curve, d *forecastData, replicates int, o *Options) {
	rng := stream(o.Seed, c)
	all := [][]Predicted{f.HeldOut, f.Targets}
	law0, lawAt := d.fitLaw(nil)
	_, linkAt := d.fitLink(nil)
	scatter := d.scatter(law0)
	draws := make(map[*Predicted][]float64)
	for range replicates {
		law, link := d.redraw(rng, scatter).fit(lawAt, linkAt)
		for _, list := range all {
			for i := range list {
				draws[&list[i]] = append(draws[&list[i]], link.At(law.At(list[i].X))+o.Sigma0*rng.NormFloat64())
			}
		}
	}
	for _, list := range all {
		for i := range list {
			p := &list[i]
			p.Loss = f.Law.At(p.X)
			y := f.Link.At(p.Loss)
			p.Score, p.Lo, p.Hi = metricUnit(c, y), metricUnit(c, y), metricUnit(c, y)
			if ys := draws[p]; len(ys) > 0 {
				slices.Sort(ys)
				tail := (1 - o.Level) / 2
				p.Lo = metricUnit(c, min(max(atRank(ys, tail), 0), y))
				p.Hi = metricUnit(c, max(min(atRank(ys, 1-tail), 1), y))
			}
			if p.Observed != nil {
				e := p.Score - *p.Observed
				p.Error = &e
			}
		}
	}
}

// scatter is the standard deviation of the losses' logarithms around the law.
func (d *forecastData) scatter(law LossLaw) float64 {
	sum := 0.0
	for i, x := range d.x {
		r := math.Log(law.At(x) / d.loss[i])
		sum += r * r
	}
	return math.Sqrt(sum / float64(max(1, len(d.x)-2)))
}

// redraw is a new measurement of every model. A loss scatters as the law's own residuals do, or by its known error
// where that is more.
func (d *forecastData) redraw(rng *rand.Rand, scatter float64) *forecastData {
	out := &forecastData{x: d.x, relative: d.relative, counts: d.counts}
	out.loss = make([]float64, len(d.loss))
	out.counts.k = make([]float64, len(d.loss))
	for i := range d.loss {
		out.loss[i] = d.loss[i] * math.Exp(max(d.relative[i], scatter)*rng.NormFloat64())
		n := max(1, math.Round(d.counts.n[i]))
		share := min(max(d.counts.k[i]/d.counts.n[i], 0), 1)
		k := distuv.Binomial{N: n, P: share, Src: rng}.Rand()
		out.counts.k[i] = k / n * d.counts.n[i]
	}
	return out
}

// errors compares the forecast with what was held out, and with two forecasts that know no loss.
func (f *Forecast) errors(c *Curve, points []Point, train int, o *Options) {
	if len(f.HeldOut) == 0 {
		return
	}
	all := make([]obs, train)
	for i := range all {
		all[i] = observe(c, &points[i], o)
	}
	c0 := chance(c)
	line := newJudge(all, c0, o)
	last := points[train-1].score()
	n := float64(len(f.HeldOut))
	for i, h := range f.HeldOut {
		f.MeanError += math.Abs(*h.Error) / n
		f.LastError += math.Abs(last-*h.Observed) / n
		x, _ := coordinate(c.Axis, points[train+i].X)
		f.OneStepError += math.Abs(metricUnit(c, line.lineAt(x))-*h.Observed) / n
	}
	if f.MeanError >= min(f.OneStepError, f.LastError) {
		f.Warnings = append(f.Warnings, "the two steps predict the held-out models no better than a line over scale or the last score does")
	}
}

// lineAt extends the line in logits to a coordinate.
func (j *judge) lineAt(x float64) float64 {
	at := j.fit(ModelLinear).coef // with the centre and half range of x behind the line
	return 1 / (1 + math.Exp(-(at[0] + at[1]*(x-at[2])/at[3])))
}

// ErrNoForecast says that no curve has what a forecast needs.
var ErrNoForecast = errors.New("no curve has a continuous metric or a loss at enough models")
