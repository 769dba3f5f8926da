package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/onset-eval/onset/backends"
	"github.com/onset-eval/onset/backends/local/ladder"
	"github.com/onset-eval/onset/reports"
	"github.com/onset-eval/onset/reports/scaling"
	"github.com/onset-eval/onset/tasks"
)

type planOptions struct {
	task    string
	include []string
	shots   int
	ladder  string
	hope    scaling.Hope
	models  []int
	items   []int
	power   float64
	draws   int
	seed    uint64
	cost    costOptions
	json    bool
	procedure
}

// costOptions say what a request takes and what that costs.
type costOptions struct {
	tokensIn, tokensOut float64
	priceIn, priceOut   float64 // USD a million tokens
	flops               float64 // a second
}

func newPlanCommand(a *app) *cobra.Command {
	var o planOptions
	cmd := &cobra.Command{
		Use:   "plan",
		Short: "say how many items and models a study needs, and what they cost",
		Long: `plan simulates studies of an ability that rises by --rise of what is above chance, and prints for each number
of models and items how often the curve is labelled emergent, how often a flat one is, and how far the models lie
apart, which no onset is finer than. A task gives chance and the length of its prompts, a ladder the models.`,
		Example: `  onset plan --chance 0.25 --rise 0.3 --models 5,6,8 --items 100,250,500
  onset plan --task rule --ladder seed0 --rise 0.2 --power 0.8`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return runPlan(cmd.Context(), a, o) },
	}
	flags := cmd.Flags()
	flags.StringVarP(&o.task, "task", "t", "", "the task: its chance level and the length of its prompts")
	flags.StringArrayVar(&o.include, "include-path", nil, "a further folder or file of tasks")
	flags.IntVarP(&o.shots, "shots", "f", -1, "worked examples in the task's prompts (default the task's own)")
	flags.StringVar(&o.ladder, "ladder", "", "the models: a ladder that ships, or a file")
	flags.Float64Var(&o.hope.Chance, "chance", 0, "what a model without the ability scores")
	flags.Float64Var(&o.hope.Rise, "rise", 0.3, "how far the ability rises, as a share of what is above chance")
	flags.Float64Var(&o.hope.Decades, "decades", 3, "range of the models' scales")
	flags.Float64Var(&o.hope.Where, "where", 0.7, "middle of the rise, as a share of the range")
	flags.Float64Var(&o.hope.Width, "width", 0.46, "length of the middle eight tenths of the rise, in decades")
	flags.IntSliceVar(&o.models, "models", []int{5, 6, 8, 12}, "numbers of models to try, evenly spread")
	flags.IntSliceVar(&o.items, "items", []int{50, 100, 250, 500, 1000}, "numbers of items to try")
	flags.Float64Var(&o.power, "power", 0.8, "the share of studies that should find the ability")
	flags.IntVar(&o.draws, "draws", 400, "simulated studies of each kind")
	flags.Uint64Var(&o.seed, "seed", 0, "seed of the simulation")
	flags.Float64Var(&o.Delta, "delta", 0, "as of onset curve")
	flags.Float64Var(&o.Sigma0, "sigma0", 0, "as of onset curve")
	flags.Float64Var(&o.cost.tokensIn, "tokens-in", 0, "tokens of a prompt (default from the task, at 4 characters a token)")
	flags.Float64Var(&o.cost.tokensOut, "tokens-out", 0, "tokens of an answer (default from the task)")
	flags.Float64Var(&o.cost.priceIn, "price-in", 0, "USD a million tokens of prompts")
	flags.Float64Var(&o.cost.priceOut, "price-out", 0, "USD a million tokens of answers")
	flags.Float64Var(&o.cost.flops, "flops", 0, "floating-point operations a second of the machine that runs the models")
	flags.BoolVar(&o.json, "json", false, "write JSON")
	return cmd
}

// study is what is known of the models and the task of a plan.
type study struct {
	params []float64 // of the ladder's models; none without a ladder
	cost   costOptions
}

func runPlan(ctx context.Context, a *app, o planOptions) error {
	if err := o.check(); err != nil {
		return err
	}
	s := study{cost: o.cost}
	if err := o.useTask(ctx, &s); err != nil {
		return err
	}
	if err := o.useLadder(&s); err != nil {
		return err
	}
	rng := rand.New(rand.NewPCG(o.seed, 0x706c616e))
	rows := scaling.Plan(o.hope, o.models, o.items, o.Options, o.draws, rng)
	if o.json {
		return o.writeJSON(a.stdout, rows, s)
	}
	return o.print(a, rows, s)
}

func (o *planOptions) check() error {
	for _, v := range []struct {
		name    string
		value   float64
		lo, hi  float64
		example string
	}{
		{"chance", o.hope.Chance, 0, 0.99, "0.25"}, {"rise", o.hope.Rise, 0.001, 1, "0.3"}, {"decades", o.hope.Decades, 0.1, 20, "3"},
		{"where", o.hope.Where, 0.001, 1, "0.7"}, {"width", o.hope.Width, 0.001, 20, "0.46"}, {"power", o.power, 0.01, 0.999, "0.8"},
	} {
		if !(v.value >= v.lo && v.value <= v.hi) {
			return usage(withHint(fmt.Errorf("--%s %g is not between %g and %g", v.name, v.value, v.lo, v.hi), "try --%s %s", v.name, v.example))
		}
	}
	if len(o.models) == 0 || slices.Min(o.models) < 2 || slices.Max(o.models) > 1000 {
		return usage(withHint(fmt.Errorf("--models needs numbers from 2 on"), "try --models 5,6,8"))
	}
	if len(o.items) == 0 || slices.Min(o.items) < 1 || slices.Max(o.items) > 1_000_000 {
		return usage(withHint(fmt.Errorf("--items needs numbers from 1 on"), "try --items 100,250"))
	}
	if o.draws < 10 {
		return usage(withHint(fmt.Errorf("--draws %d are too few to say anything", o.draws), "try --draws 400"))
	}
	return nil
}

// charactersPerToken is the rule of thumb for English text.
const charactersPerToken = 4

// plannedSamples is how many of a task's samples are looked at.
const plannedSamples = 50

// useTask takes chance and the lengths of prompts and answers from a task.
func (o *planOptions) useTask(ctx context.Context, s *study) error {
	if o.task == "" {
		return nil
	}
	index, err := taskIndex(o.include, taskSource{})
	if err != nil {
		return err
	}
	task, err := index.Task(o.task)
	if err != nil {
		return usage(err)
	}
	v := tasks.Variant{Style: task.DefaultStyle(), Shots: o.shots}
	if o.shots < 0 {
		v.Shots = task.Shots(v.Style).Default
	}
	var n, chance, in, out float64
	for sample, err := range task.Samples(ctx, v, tasks.SampleOptions{}) {
		if err != nil {
			return usage(err)
		}
		n++
		chance += sample.Chance
		for _, r := range sample.Requests {
			in += float64(len(r.Prompt))
			for _, c := range r.Continuations {
				in += float64(len(c))
			}
			out += float64(r.Sampling.MaxTokens)
		}
		if n == plannedSamples {
			break
		}
	}
	if n == 0 {
		return usage(fmt.Errorf("task %s has no sample", o.task))
	}
	if o.hope.Chance == 0 {
		o.hope.Chance = chance / n
	}
	if s.cost.tokensIn == 0 {
		s.cost.tokensIn = math.Ceil(in / n / charactersPerToken)
	}
	if s.cost.tokensOut == 0 {
		s.cost.tokensOut = math.Ceil(out / n)
	}
	return nil
}

// useLadder takes the models' scales from a ladder.
func (o *planOptions) useLadder(s *study) error {
	if o.ladder == "" {
		return nil
	}
	l, err := openLadder(o.ladder)
	if isMissing(err) {
		return usage(withHint(err, "the ladders that ship are: %s", strings.Join(ladder.Ladders(), ", ")))
	}
	if err != nil {
		return usage(err)
	}
	var xs []float64
	if l, err = countLadder(l); err != nil {
		return err
	}
	for _, m := range l.Models {
		if x := m.Scale.On(l.Axis); x > 0 && l.Axis != backends.AxisLoss {
			xs = append(xs, math.Log10(x))
		}
		s.params = append(s.params, m.Scale.Params)
	}
	if len(xs) < 2 {
		return usage(withHint(fmt.Errorf("ladder %s has fewer than two models of known scale", o.ladder), "give params, train_tokens or train_flops of every model"))
	}
	slices.Sort(xs)
	for _, x := range xs {
		o.hope.Places = append(o.hope.Places, x-xs[0])
	}
	return nil
}

// studyCost is what a study takes: requests, tokens, USD and seconds; 0 where it is not known.
type studyCost struct {
	Requests  float64 `json:"requests"`
	TokensIn  float64 `json:"tokens_in,omitempty"`
	TokensOut float64 `json:"tokens_out,omitempty"`
	USD       float64 `json:"usd,omitempty"`
	FLOPs     float64 `json:"flops,omitempty"`
	Seconds   float64 `json:"seconds,omitempty"`
}

// costs counts a study of m models with n items each. A forward pass takes two operations a parameter and token
// (Kaplan et al. 2020, arXiv 2001.08361, section 2.1).
func (s study) costs(m, n int) studyCost {
	p := studyCost{Requests: float64(m) * float64(n)}
	p.TokensIn, p.TokensOut = p.Requests*s.cost.tokensIn, p.Requests*s.cost.tokensOut
	p.USD = (p.TokensIn*s.cost.priceIn + p.TokensOut*s.cost.priceOut) / 1e6
	for _, params := range s.params {
		p.FLOPs += 2 * params * float64(n) * (s.cost.tokensIn + s.cost.tokensOut)
	}
	if s.cost.flops > 0 {
		p.Seconds = p.FLOPs / s.cost.flops
	}
	return p
}

func (o *planOptions) print(a *app, rows []scaling.PlanRow, s study) error {
	title := fmt.Sprintf("chance %.3g, rise %.3g of the rest", o.hope.Chance, o.hope.Rise)
	table := reports.Table{Title: title, Columns: []reports.Column{
		{Name: "models", Numeric: true}, {Name: "items", Numeric: true}, {Name: "power", Numeric: true, Digits: 2},
		{Name: "onset right", Numeric: true, Digits: 2}, {Name: "false emergent", Numeric: true, Digits: 3}, {Name: "flat shown flat", Numeric: true, Digits: 2},
		{Name: "grid (decades)", Numeric: true, Digits: 2}, {Name: "requests", Numeric: true},
	}}
	costs := []struct {
		name string
		of   func(studyCost) float64
	}{
		{"tokens (M)", func(p studyCost) float64 { return (p.TokensIn + p.TokensOut) / 1e6 }},
		{"USD", func(p studyCost) float64 { return p.USD }},
		{"TFLOP", func(p studyCost) float64 { return p.FLOPs / 1e12 }},
		{"hours", func(p studyCost) float64 { return p.Seconds / 3600 }},
	}
	last := s.costs(rows[len(rows)-1].Models, rows[len(rows)-1].Items)
	for _, c := range costs {
		if c.of(last) > 0 {
			table.Columns = append(table.Columns, reports.Column{Name: c.name, Numeric: true, Digits: 3})
		}
	}
	for _, r := range rows {
		p := s.costs(r.Models, r.Items)
		row := []reports.Cell{
			reports.NumberCell(float64(r.Models)), reports.NumberCell(float64(r.Items)), reports.NumberCell(r.Emergent.Value),
			reports.NumberCell(r.OnsetExact), reports.NumberCell(r.FalseEmergent), reports.NumberCell(r.Flat), reports.NumberCell(r.Resolution),
			reports.NumberCell(p.Requests),
		}
		for _, c := range costs {
			if c.of(last) > 0 {
				row = append(row, reports.NumberCell(c.of(p)))
			}
		}
		table.Rows = append(table.Rows, row)
	}
	if err := table.WriteText(a.stdout, a.width); err != nil {
		return err
	}
	_, err := fmt.Fprintln(a.stdout, o.advice(rows))
	return err
}

// advice names the cheapest study with the power that was asked for.
func (o *planOptions) advice(rows []scaling.PlanRow) string {
	var best *scaling.PlanRow
	for i := range rows {
		r := &rows[i]
		if r.Emergent.Value >= o.power && (best == nil || r.Models*r.Items < best.Models*best.Items) {
			best = r
		}
	}
	gain := o.hope.Rise * (1 - o.hope.Chance)
	models := len(o.hope.Places)
	if models == 0 {
		models = slices.Max(o.models)
	}
	const alpha = 0.05
	one := scaling.ItemsToSee(o.hope.Chance, gain, alpha/float64(models), o.power, o.Options)
	note := fmt.Sprintf("One of %d models with the whole rise is seen above chance in %.0f %% of studies from %d items on.", models, 100*o.power, one)
	if one == 0 {
		note = "No number of items shows one model with the whole rise: it lies within the noise of the baseline."
	}
	if best == nil {
		return fmt.Sprintf("None of these reaches a power of %.2g: more items buy power, more models a finer onset. %s", o.power, note)
	}
	return fmt.Sprintf("The fewest requests for a power of %.2g: %d models with %d items (%.2f). %s", o.power, best.Models, best.Items, best.Emergent.Value, note)
}

func (o *planOptions) writeJSON(w io.Writer, rows []scaling.PlanRow, s study) error {
	type row struct {
		scaling.PlanRow
		Cost studyCost `json:"cost"`
	}
	var out []row
	for _, r := range rows {
		out = append(out, row{r, s.costs(r.Models, r.Items)})
	}
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	return enc.Encode(struct {
		Chance float64 `json:"chance"`
		Rise   float64 `json:"rise"`
		Rows   []row   `json:"rows"`
	}{o.hope.Chance, o.hope.Rise, out})
}
