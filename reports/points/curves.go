package points

import (
	"cmp"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"

	"github.com/onset-eval/onset/reports/scaling"
)

// Options choose which rows become curves, and over what.
type Options struct {
	// Axis is one of Axes; "" takes the first on which a curve's models differ.
	Axis string
	// Tasks, Families, Prompts, Metrics and Shots keep only these; none keeps all.
	Tasks, Families, Prompts, Metrics []string
	Shots                             []int
	// BaselineModel names a model without abilities, as one of random weights: what it scores is a baseline of
	// its tasks, and it is on no curve.
	BaselineModel string
	// Pool draws one curve over the models of all families.
	Pool bool
	// Loss takes the models' pre-training loss as the continuous metric.
	Loss bool
}

// Set is the curves of rows.
type Set struct {
	Curves []scaling.Curve
	// Rows are those of each curve's points, in the order of the curves, for a tidy file.
	Rows [][]Row
	// References are the grey lines of each curve, NaN for none.
	References []Reference
	Warnings   []string
}

// Reference is a score to compare with.
type Reference struct {
	Value float64
	Label string
}

// key names a curve.
type key struct {
	task, prompt, form, metric, filter, family string
	shots                                      int
}

// compare orders curves by task, prompt (the plain one first), shots, form, metric, filter and family.
func (k key) compare(o key) int {
	return cmp.Or(cmp.Compare(k.task, o.task), cmp.Compare(o.prompt, k.prompt), cmp.Compare(k.shots, o.shots), cmp.Compare(k.form, o.form),
		cmp.Compare(k.metric, o.metric), cmp.Compare(k.filter, o.filter), cmp.Compare(k.family, o.family))
}

// Curves arranges rows as curves, one a task, prompt, shot count, form, metric and family, in that order. Over
// training tokens each model that has several checkpoints is a curve of its own.
func Curves(rows []Row, o Options) (Set, error) {
	var s Set
	if o.Loss {
		rows = lossAsContinuous(rows)
	}
	chosen, err := s.choose(rows, o)
	if err != nil {
		return s, err
	}
	tasks := o.Tasks
	if o.Axis == scaling.AxisCapability { // the axis is of all tasks, whichever are drawn
		o.Tasks = nil
		if chosen, err = s.choose(rows, o); err != nil {
			return s, err
		}
	}
	rows = chosen
	groups := s.group(rows, o)
	var keys []key
	for k := range groups {
		keys = append(keys, k)
	}
	slices.SortFunc(keys, key.compare)
	filters := severalFilters(keys)
	missing := make(map[string]int)
	for _, k := range keys {
		s.add(k, groups[k], o, filters, missing)
	}
	for _, what := range slices.Sorted(maps.Keys(missing)) {
		s.Warnings = append(s.Warnings, fmt.Sprintf("%s and is left out of %d curves", what, missing[what]))
	}
	if o.Axis == scaling.AxisCapability {
		s.capability(tasks)
	}
	s.Warnings = unique(s.Warnings)
	return s, nil
}

// severalFilters says which metrics of a task are judged under several filters: their names tell the filter.
func severalFilters(keys []key) map[key]bool {
	filters := make(map[key]map[string]bool)
	for _, k := range keys {
		f := k.filter
		k.filter = ""
		if filters[k] == nil {
			filters[k] = make(map[string]bool)
		}
		filters[k][f] = true
	}
	out := make(map[key]bool)
	for k, f := range filters {
		out[k] = len(f) > 1
	}
	return out
}

// axisOf gives the axis of a curve: that asked for, or the first on which its models differ.
func axisOf(rows []Row, o Options) string {
	if o.Axis != "" {
		return o.Axis
	}
	count := func(axis string) int {
		values := make(map[float64]bool)
		for i := range rows {
			if v := rows[i].On(axis); v > 0 {
				values[v] = true
			}
		}
		return len(values)
	}
	axes := []string{scaling.AxisParams, AxisNonEmbedding, scaling.AxisFLOPs, scaling.AxisTokens, scaling.AxisLoss}
	if count(scaling.AxisParams) == 1 { // one model's training
		axes = []string{scaling.AxisTokens, scaling.AxisFLOPs, scaling.AxisLoss}
	}
	for _, axis := range axes {
		if count(axis) > 1 {
			return axis
		}
	}
	for _, axis := range Axes[:] {
		if axis != scaling.AxisCapability && count(axis) > 0 {
			return axis
		}
	}
	return scaling.AxisParams
}

// add makes one curve. Its baseline is the highest of its rows'.
func (s *Set) add(k key, rows []Row, o Options, filters map[key]bool, missing map[string]int) {
	bare := k
	bare.filter = ""
	c := scaling.Curve{Task: k.task, Family: k.family, Style: k.prompt, Shots: k.shots, Form: k.form, Metric: k.metric, Axis: axisOf(rows, o)}
	if filters[bare] && k.filter != "" {
		c.Metric += "," + k.filter
	}
	if unbounded(k.metric) && !slices.ContainsFunc(rows, func(r Row) bool { return known(r.Chance) && known(r.Perfect) }) {
		s.Warnings = append(s.Warnings, fmt.Sprintf("%s is left out: it has no level of chance to be held against; give chance and perfect", k.metric))
		return
	}
	rows, c.Perfect = s.unit(&c, rows)
	c.Baseline = baseline(rows)
	ref := Reference{Value: math.NaN()}
	var kept []Row
	for i := range rows {
		r := &rows[i]
		p, ok := point(r, c.Axis, o.Pool)
		if !ok && c.Axis != scaling.AxisCapability {
			missing[fmt.Sprintf("%s of %s has no %s", r.name(), cmp.Or(c.Family, "no family"), c.Axis)]++
			continue
		}
		if known(r.Reference) && !known(ref.Value) {
			ref = Reference{r.Reference, cmp.Or(r.ReferenceLabel, "reference")}
		}
		c.Points = append(c.Points, p)
		kept = append(kept, *r)
	}
	setContinuous(&c, kept)
	s.Curves, s.Rows, s.References = append(s.Curves, c), append(s.Rows, kept), append(s.References, ref)
}

// name is the row's model, or its place.
func (r *Row) name() string {
	return cmp.Or(r.Model, fmt.Sprintf("%s:%d", r.Source, r.Line))
}

// baseline is the highest chance level of the rows.
func baseline(rows []Row) scaling.Baseline {
	b := scaling.Baseline{Origin: "none stated"}
	for i := range rows {
		if r := &rows[i]; known(r.Chance) && (r.Chance > b.Value || b.Origin == "none stated") {
			b = scaling.Baseline{Value: r.Chance, Origin: cmp.Or(r.ChanceOrigin, "given")}
		}
	}
	return b
}

// countingError is by how much a standard error may differ from that of a share of n items for the score to be taken
// as a count.
const countingError = 0.15

// point makes a curve's point of a row. ok is false where the scale is not known.
func point(r *Row, axis string, pool bool) (p scaling.Point, ok bool) {
	p = scaling.Point{Model: r.Model, X: r.On(axis), Score: r.Score, Warnings: r.Notes}
	if p.Model == "" {
		p.Model = strings.TrimSpace(r.Family + " " + scaling.ScaleText(p.X))
	}
	if pool {
		p.Family = r.Family
	}
	counting := !r.Averaged && (!known(r.Perfect) || r.Perfect == 1)
	switch {
	case known(r.K) && counting:
		p.N, p.K, p.Score = r.N, r.K, r.K/r.N
	case known(r.N) && counting && r.Score >= 0 && r.Score <= 1 && counts(r.Score, r.N, r.StdErr):
		p.N, p.K = r.N, r.Score*r.N
	default:
		p.StdErr = or(r.StdErr, 0)
	}
	if known(r.Continuous) {
		p.Continuous = &scaling.Continuous{Value: r.Continuous, StdErr: or(r.ContinuousStdErr, 0)}
	}
	return p, p.X > 0
}

// counts says that a share of n items with this standard error, if one is known, is a count of right and wrong.
func counts(share, n, stderr float64) bool {
	if !(stderr > 0) {
		return true
	}
	want := math.Sqrt(share * (1 - share) / n)
	return math.Abs(stderr/want-1) <= countingError
}

// setContinuous gives the scale of the continuous metric: as stated, or as its name implies. A Brier score of a uniform
// guess among K choices is (K-1)/K, one less the chance level.
func setContinuous(c *scaling.Curve, rows []Row) {
	for i := range rows {
		r := &rows[i]
		if !known(r.Continuous) {
			continue
		}
		ignorant, perfect := r.Ignorant, r.ContinuousPerfect
		switch r.ContinuousName {
		case "brier":
			perfect = or(perfect, 0)
			if known(r.Chance) && r.Chance > 0 {
				ignorant = or(ignorant, 1-r.Chance)
			}
		case "choice_logprob":
			perfect = or(perfect, 0)
			if known(r.Chance) && r.Chance > 0 {
				ignorant = or(ignorant, math.Log(r.Chance))
			}
		}
		c.ContinuousName = r.ContinuousName
		if known(ignorant) && known(perfect) {
			c.Ignorant, c.ContinuousPerfect = ignorant, perfect
		}
		return
	}
}

// lossAsContinuous puts the models' loss in the place of the continuous metric.
func lossAsContinuous(rows []Row) []Row {
	out := slices.Clone(rows)
	for i := range out {
		r := &out[i]
		r.Continuous, r.ContinuousStdErr, r.ContinuousName = math.NaN(), math.NaN(), "loss"
		r.Ignorant, r.ContinuousPerfect = math.NaN(), math.NaN()
		if r.Scale.Loss > 0 {
			r.Continuous = r.Scale.Loss
		}
	}
	return out
}
