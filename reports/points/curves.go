package points

import (
	"cmp"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/onset-eval/onset/backends/yamlfile"
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
		s.capability()
		s.only(tasks)
	}
	s.Warnings = unique(s.Warnings)
	return s, nil
}

// only keeps the curves of some tasks; none keeps all.
func (s *Set) only(tasks []string) {
	if len(tasks) == 0 {
		return
	}
	var kept Set
	for i, c := range s.Curves {
		if slices.Contains(tasks, c.Task) {
			kept.Curves, kept.Rows, kept.References = append(kept.Curves, c), append(kept.Rows, s.Rows[i]), append(kept.References, s.References[i])
		}
	}
	kept.Warnings = slices.DeleteFunc(s.Warnings, func(w string) bool {
		task, _, ok := strings.Cut(w, ": the capability axis")
		return ok && !slices.Contains(tasks, task)
	})
	*s = kept
}

// choose keeps the rows that were asked for, and takes the baseline model's out.
func (s *Set) choose(rows []Row, o Options) ([]Row, error) {
	for _, by := range []struct {
		what  string
		names []string
		of    func(*Row) string
	}{
		{"task", o.Tasks, func(r *Row) string { return r.Task }},
		{"family", o.Families, func(r *Row) string { return r.Family }},
		{"prompt", o.Prompts, func(r *Row) string { return r.Prompt }},
		{"metric", o.Metrics, func(r *Row) string { return r.Metric }},
		{"shot count", texts(o.Shots), func(r *Row) string { return strconv.Itoa(r.Shots) }},
	} {
		if len(by.names) == 0 {
			continue
		}
		have := distinct(rows, by.of)
		for _, name := range by.names {
			if !slices.Contains(have, name) {
				hint := "there are " + strings.Join(have[:min(len(have), 12)], ", ")
				if near := yamlfile.Nearest(name, have); near != "" && by.what != "shot count" {
					hint = fmt.Sprintf("did you mean %q?", near)
				}
				return nil, &ChoiceError{fmt.Sprintf("there is no %s %q", by.what, name), hint}
			}
		}
		rows = slices.DeleteFunc(slices.Clone(rows), func(r Row) bool { return !slices.Contains(by.names, by.of(&r)) })
	}
	if len(o.Metrics) == 0 {
		rows = slices.DeleteFunc(slices.Clone(rows), func(r Row) bool { return r.Secondary })
	}
	return s.measuredBaseline(rows, o)
}

func texts(numbers []int) []string {
	var out []string
	for _, n := range numbers {
		out = append(out, strconv.Itoa(n))
	}
	return out
}

// ChoiceError says that something was asked for that the rows do not have.
type ChoiceError struct{ msg, hint string }

func (e *ChoiceError) Error() string { return e.msg }

// Hint says what there is.
func (e *ChoiceError) Hint() string { return e.hint }

func distinct(rows []Row, of func(*Row) string) []string {
	var out []string
	seen := make(map[string]bool)
	for i := range rows {
		if v := of(&rows[i]); !seen[v] {
			seen[v] = true
			out = append(out, v)
		}
	}
	return out
}

// measuredBaseline raises the chance level of every setting that the baseline model was measured in.
func (s *Set) measuredBaseline(rows []Row, o Options) ([]Row, error) {
	if o.BaselineModel == "" {
		return rows, nil
	}
	setting := func(r *Row) key {
		return key{task: r.Task, prompt: r.Prompt, form: r.Form, metric: r.Metric, filter: r.Filter, shots: r.Shots}
	}
	measured := make(map[key]float64)
	for i := range rows {
		if r := &rows[i]; r.Model == o.BaselineModel {
			measured[setting(r)] = max(measured[setting(r)], r.Score)
		}
	}
	if len(measured) == 0 {
		return nil, &ChoiceError{fmt.Sprintf("there is no model %q for the baseline", o.BaselineModel), "name a model of the table"}
	}
	out := slices.DeleteFunc(slices.Clone(rows), func(r Row) bool { return r.Model == o.BaselineModel })
	for i := range out {
		if v, ok := measured[setting(&out[i])]; ok && !(v <= out[i].Chance) {
			out[i].Chance, out[i].ChanceOrigin = v, "measured on "+o.BaselineModel
		}
	}
	return out, nil
}

// group splits rows by curve.
func (s *Set) group(rows []Row, o Options) map[key][]Row {
	rows = s.finals(rows, o)
	groups := make(map[key][]Row)
	for _, r := range rows {
		k := key{r.Task, r.Prompt, r.Form, r.Metric, r.Filter, r.Family, r.Shots}
		if o.Pool {
			k.family = ""
		}
		groups[k] = append(groups[k], r)
	}
	if o.Pool {
		return s.pooled(groups)
	}
	if o.Axis == scaling.AxisTokens {
		return s.checkpoints(groups)
	}
	return groups
}

// pooled names a pooled curve by how many families are on it.
func (s *Set) pooled(groups map[key][]Row) map[key][]Row {
	out := make(map[key][]Row)
	for k, rows := range groups {
		families := distinct(rows, func(r *Row) string { return r.Family })
		k.family = families[0]
		if len(families) > 1 {
			k.family = fmt.Sprintf("%d families pooled", len(families))
		}
		out[k] = append(out[k], rows...)
	}
	return out
}

// checkpoints gives each model with checkpoints a curve of its own.
func (s *Set) checkpoints(groups map[key][]Row) map[key][]Row {
	out := make(map[key][]Row)
	for k, rows := range groups {
		count := make(map[string]map[float64]bool)
		for i := range rows {
			m := checkpointOf(&rows[i])
			if count[m] == nil {
				count[m] = make(map[float64]bool)
			}
			count[m][rows[i].Scale.TrainTokens] = true
		}
		for _, r := range rows {
			at := k
			if m := checkpointOf(&r); len(count[m]) > 1 && m != k.family {
				at.family = strings.TrimPrefix(k.family+"/"+m, "/")
			}
			out[at] = append(out[at], r)
		}
	}
	return out
}

// checkpointOf names what a checkpoint is one of: the model, or models of one size of a family.
func checkpointOf(r *Row) string {
	if r.Scale.Params > 0 {
		return scaling.ScaleText(r.Scale.Params)
	}
	return r.Model
}

// finals leaves all but the last checkpoints out where the axis is not one of training: a model is one point then.
func (s *Set) finals(rows []Row, o Options) []Row {
	if o.Axis == scaling.AxisTokens || o.Axis == scaling.AxisFLOPs || o.Axis == scaling.AxisLoss {
		return rows
	}
	type model struct{ family, model string }
	last := make(map[model]float64)
	at := func(r *Row) float64 { return or(r.Step, r.Scale.TrainTokens) }
	sizes := make(map[string]map[float64]bool)
	for i := range rows {
		r := &rows[i]
		m := model{r.Family, r.Model}
		last[m] = max(last[m], at(r))
		if sizes[r.Family] == nil {
			sizes[r.Family] = make(map[float64]bool)
		}
		sizes[r.Family][r.Scale.Params] = true
	}
	dropped := 0
	out := make([]Row, 0, len(rows))
	for _, r := range rows {
		if len(sizes[r.Family]) > 1 && at(&r) < last[model{r.Family, r.Model}] {
			dropped++
			continue
		}
		out = append(out, r)
	}
	if dropped > 0 {
		s.Warnings = append(s.Warnings, fmt.Sprintf("%d rows of earlier checkpoints are left out: --x train_tokens draws each model over its training", dropped))
	}
	return out
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

// unboundedMetrics are parts of the names of metrics that are no share of anything.
var unboundedMetrics = []string{"ppl", "perplexity", "loss", "nll", "likelihood", "logprob", "entropy", "bits_per", "bpb"}

// unbounded says whether a metric's name says that it is no share.
func unbounded(metric string) bool {
	return slices.ContainsFunc(unboundedMetrics, func(part string) bool { return strings.Contains(strings.ToLower(metric), part) })
}

// unique keeps the first of equal lines.
func unique(lines []string) []string {
	seen := make(map[string]bool)
	return slices.DeleteFunc(lines, func(l string) bool {
		twice := seen[l]
		seen[l] = true
		return twice
	})
}

// percent is what a perfect model scores where scores are percentages.
const percent = 100

// unit gives the rows with percentages turned into shares, and what a perfect model scores in their unit; 0 is 1. Scores
// above 1 without a stated perfect value are percentages.
func (s *Set) unit(c *scaling.Curve, rows []Row) ([]Row, float64) {
	perfect, most, stated := 1.0, 0.0, false
	for i := range rows {
		r := &rows[i]
		if known(r.Perfect) {
			perfect, stated = r.Perfect, true
		}
		if !known(r.K) {
			most = max(most, r.Score)
		}
	}
	switch {
	case !stated && most > 1 && most <= percent:
		s.Warnings = append(s.Warnings, fmt.Sprintf("%s of %s: scores above 1 are taken as percentages; a column perfect says otherwise", c.Metric, c.Task))
	case !stated && most > percent:
		s.Warnings = append(s.Warnings, fmt.Sprintf("%s of %s has scores up to %g: a column perfect is missing", c.Metric, c.Task, most))
		return rows, most
	case perfect != percent:
		if perfect == 1 {
			perfect = 0
		}
		return rows, perfect
	}
	out := slices.Clone(rows)
	for i := range out {
		r := &out[i]
		if !known(r.K) {
			r.Score /= percent
		}
		r.StdErr /= percent
		r.Reference /= percent
		r.Perfect = math.NaN()
		if r.Chance > 1 || stated {
			r.Chance /= percent
		}
	}
	return out, 0
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
