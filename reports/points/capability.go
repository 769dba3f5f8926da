package points

import (
	"fmt"
	"math"
	"slices"

	"github.com/onset-eval/onset/reports/scaling"
)

// capability gives every curve's points their place on the first principal component over the other tasks, one
// benchmark a task. The component is stretched to the models' scale: with the training FLOPs (or the parameters) of the
// family that has most models as reference, a unit is a decade and the value the logarithm of the scale at which that
// family has the capability (Ruan et al. 2024, arXiv 2405.10938, section 3.3).
//
// Tasks are those that are drawn; none draws all.
func (s *Set) capability(tasks []string) {
	type model struct{ family, model string }
	number := make(map[model]int)
	var models []Row
	for _, rows := range s.Rows {
		for _, r := range rows {
			m := model{r.Family, r.Model}
			if _, ok := number[m]; !ok {
				number[m] = len(models)
				models = append(models, r)
			}
		}
	}
	table := s.benchmarks(func(r *Row) int { return number[model{r.Family, r.Model}] }, len(models))
	var kept Set
	axes := make(map[string]capabilityAxis)
	for i := range s.Curves {
		c := &s.Curves[i]
		if len(tasks) > 0 && !slices.Contains(tasks, c.Task) {
			continue
		}
		axis, known := axes[c.Task]
		if !known {
			axis = table.axis(c.Task, models)
			axes[c.Task] = axis
			s.Warnings = append(s.Warnings, axis.says)
		}
		if axis.places == nil {
			continue
		}
		for k := range c.Points {
			r := &s.Rows[i][k]
			c.Points[k].X = axis.places[number[model{r.Family, r.Model}]]
		}
		kept.Curves, kept.Rows, kept.References = append(kept.Curves, *c), append(kept.Rows, s.Rows[i]), append(kept.References, s.References[i])
	}
	s.Curves, s.Rows, s.References = kept.Curves, kept.Rows, kept.References
}

// capabilityAxis is where the models lie on the axis of a task, nil where it has none, and what is said of it.
type capabilityAxis struct {
	places []float64
	says   string
}

// axis finds the axis of a task: the component over the others.
func (b benchmarks) axis(task string, models []Row) capabilityAxis {
	component, err := scaling.FirstComponent(b.without(task))
	if err != nil {
		return capabilityAxis{says: fmt.Sprintf("%s is left out: %v", task, err)}
	}
	places, how := stretch(component.Scores, models)
	return capabilityAxis{places, fmt.Sprintf("%s: the capability axis holds %.0f %% of the variance of %d other benchmarks, in %s",
		task, 100*component.Explained, b.count(task), how)}
}

// benchmark is a task's column: the scores of the models, by number.
type benchmark struct {
	task   string
	scores []float64
}

type benchmarks []benchmark

// benchmarks takes the first setting of each task, in the order of the curves.
func (s *Set) benchmarks(number func(*Row) int, models int) benchmarks {
	var out benchmarks
	first := make(map[string]key)
	for i := range s.Curves {
		c := &s.Curves[i]
		setting := key{task: c.Task, prompt: c.Style, shots: c.Shots, form: c.Form, metric: c.Metric}
		if _, ok := first[c.Task]; !ok {
			first[c.Task] = setting
			b := benchmark{c.Task, make([]float64, models)}
			for m := range b.scores {
				b.scores[m] = math.NaN()
			}
			out = append(out, b)
		}
		if first[c.Task] != setting {
			continue
		}
		column := out[len(out)-1].scores
		for k := range s.Rows[i] {
			column[number(&s.Rows[i][k])] = s.Rows[i][k].Score
		}
	}
	return out
}

func (b benchmarks) count(but string) int {
	n := 0
	for _, c := range b {
		if c.task != but {
			n++
		}
	}
	return n
}

// without is the matrix of models × benchmarks without a task's own, which would predict itself.
func (b benchmarks) without(task string) [][]float64 {
	if len(b) == 0 {
		return nil
	}
	out := make([][]float64, len(b[0].scores))
	for m := range out {
		for _, c := range b {
			if c.task != task {
				out[m] = append(out[m], c.scores[m])
			}
		}
	}
	return out
}

// stretch puts the component into decades of the reference family's scale, by the least squares of log10 scale on the
// component with an intercept for each family. Without known scales the component stays in its own unit.
func stretch(scores []float64, models []Row) (places []float64, how string) {
	for _, axis := range []string{scaling.AxisFLOPs, scaling.AxisParams} {
		count := make(map[string]float64)
		meanX, meanY := make(map[string]float64), make(map[string]float64)
		for i := range models {
			if x := models[i].On(axis); x > 0 {
				f := models[i].Family
				count[f]++
				meanX[f] += scores[i]
				meanY[f] += math.Log10(x)
			}
		}
		var sxx, sxy float64
		reference := ""
		for i := range models {
			f := models[i].Family
			x := models[i].On(axis)
			if x <= 0 || count[f] < 2 {
				continue
			}
			dx := scores[i] - meanX[f]/count[f]
			sxx += dx * dx
			sxy += dx * (math.Log10(x) - meanY[f]/count[f])
			if reference == "" || count[f] > count[reference] || count[f] == count[reference] && f < reference {
				reference = f
			}
		}
		if reference == "" || sxy <= 0 {
			continue
		}
		slope := sxy / sxx
		for _, s := range scores {
			places = append(places, meanY[reference]/count[reference]+slope*(s-meanX[reference]/count[reference]))
		}
		return places, fmt.Sprintf("decades of %s of %s", scaling.AxisText(axis), reference)
	}
	return scores, "standard deviations: the models' scales are not known"
}
