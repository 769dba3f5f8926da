package main

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/onset-eval/onset/reports"
	"github.com/onset-eval/onset/reports/scaling"
)

type simulateOptions struct {
	shape   string
	rise    float64
	where   float64
	width   float64
	chance  float64
	models  int
	decades float64
	items   int
	draws   int
	seed    uint64
	csv     string
	json    bool
	all     bool
	procedure
}

// simulatedShapes names the true curves that can be simulated. u is the range in decades.
var simulatedShapes = []struct {
	name, doc string
	of        func(o *simulateOptions) scaling.Shape
}{
	{"emergent", "at chance, then a rise of --rise around --where that is --width decades long", func(o *simulateOptions) scaling.Shape {
		return scaling.LogisticShape(o.rise, o.where*o.decades, o.width)
	}},
	{"flat", "at chance", func(*simulateOptions) scaling.Shape { return scaling.FlatShape() }},
	{"smooth", "a rise of --rise over nine tenths of the range", func(o *simulateOptions) scaling.Shape {
		return scaling.LogisticShape(o.rise, 0.5*o.decades, 0.88*o.decades)
	}},
	{"linear", "a straight rise to --rise", func(o *simulateOptions) scaling.Shape { return scaling.LinearShape(o.rise, o.decades) }},
	{"hinge", "at chance to --where, then a rise without end", func(o *simulateOptions) scaling.Shape { return scaling.HingeShape(o.where*o.decades, 1) }},
	{"constant", "--rise above chance at every scale", func(o *simulateOptions) scaling.Shape { return scaling.ConstantShape(o.rise) }},
	{"inverse", "a fall from --rise to chance", func(o *simulateOptions) scaling.Shape { return scaling.InverseShape(o.rise, o.decades) }},
	{"u", "a fall from --rise to chance and back", func(o *simulateOptions) scaling.Shape { return scaling.UShape(o.rise, o.decades) }},
}

func shapeNames() []string {
	var out []string
	for _, s := range simulatedShapes {
		out = append(out, s.name)
	}
	return out
}

func newSimulateCommand(a *app) *cobra.Command {
	var o simulateOptions
	cmd := &cobra.Command{
		Use:   "simulate",
		Short: "draw curves of a known shape and see what they are called",
		Long: `simulate draws scaling curves whose truth is known and prints how often each label is given: the power where the
shape is emergent, the false positives where it is not. --csv writes curves that onset curve reads; --all runs every
shape over chance levels, models and items.

Shapes:
` + shapeHelp(),
		Example: `  onset simulate --shape smooth --chance 0.25 --models 8 --items 250
  onset simulate --shape emergent --rise 0.3 --csv drawn.csv --draws 20
  onset simulate --all --draws 200`,
		Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error { return runSimulate(a, o) },
	}
	flags := cmd.Flags()
	flags.StringVar(&o.shape, "shape", "emergent", "the true curve: "+strings.Join(shapeNames(), ", "))
	flags.Float64Var(&o.rise, "rise", 0.6, "rise, as a share of what is above chance")
	flags.Float64Var(&o.where, "where", 0.7, "middle of the rise, as a share of the range")
	flags.Float64Var(&o.width, "width", 0.46, "length of the middle eight tenths of the rise, in decades")
	flags.Float64Var(&o.chance, "chance", 0.25, "what a model without the ability scores")
	flags.IntVar(&o.models, "models", 8, "models, evenly spread")
	flags.Float64Var(&o.decades, "decades", 3, "range of the models' scales")
	flags.IntVar(&o.items, "items", 250, "items")
	flags.IntVar(&o.draws, "draws", 400, "curves to draw")
	flags.Uint64Var(&o.seed, "seed", 0, "seed")
	flags.StringVar(&o.csv, "csv", "", "write the curves to this table")
	flags.BoolVar(&o.json, "json", false, "write JSON")
	flags.BoolVar(&o.all, "all", false, "every shape, over chance 0, 0.25, 0.5, models 5, 6, 8, 12 and items 50, 100, 250, 1000")
	flags.Float64Var(&o.Delta, "delta", 0, "as of onset curve")
	flags.Float64Var(&o.Sigma0, "sigma0", 0, "as of onset curve; also the noise of the curves drawn (default 0.01)")
	flags.Float64Var(&o.Alpha, "alpha", 0, "as of onset curve")
	flags.IntVar(&o.MinModels, "min-models", 0, "as of onset curve")
	return cmd
}

func shapeHelp() string {
	var b strings.Builder
	for _, s := range simulatedShapes {
		fmt.Fprintf(&b, "  %-9s %s\n", s.name, s.doc)
	}
	return strings.TrimRight(b.String(), "\n")
}

// simulation is what curves of one shape and design were called.
type simulation struct {
	Shape  string  `json:"shape"`
	Chance float64 `json:"chance"`
	Models int     `json:"models"`
	Items  int     `json:"items"`
	scaling.Rates
}

func runSimulate(a *app, o simulateOptions) error {
	if !slices.Contains(shapeNames(), o.shape) {
		return usage(withHint(fmt.Errorf("--shape %s: there is no such shape", o.shape), "the shapes are %s", strings.Join(shapeNames(), ", ")))
	}
	switch {
	case o.models < 2 || o.models > 1000 || o.items < 1 || o.items > 10_000_000 || o.draws < 1:
		return usage(withHint(fmt.Errorf("there is nothing to simulate with %d models, %d items and %d draws", o.models, o.items, o.draws), "try --models 8 --items 250 --draws 400"))
	case !(o.chance >= 0 && o.chance < 1) || !(o.rise >= 0 && o.rise <= 1):
		return usage(withHint(fmt.Errorf("--chance %g and --rise %g are not both between 0 and 1", o.chance, o.rise), "try --chance 0.25 --rise 0.6"))
	case !(o.decades > 0 && o.decades <= 50) || !(o.width > 0):
		return usage(withHint(fmt.Errorf("--decades %g and --width %g are not both above 0", o.decades, o.width), "try --decades 3 --width 0.46"))
	}
	if o.csv != "" {
		return o.writeCurves()
	}
	var out []simulation
	if o.all {
		out = o.everything()
	} else {
		out = []simulation{o.simulate(o.shape, o.chance, o.models, o.items)}
	}
	if o.json {
		enc := json.NewEncoder(a.stdout)
		enc.SetIndent("", "  ")
		return enc.Encode(out)
	}
	return printSimulations(a, out)
}

// design is one shape's.
func (o *simulateOptions) design(shape string, chance float64, models, items int) scaling.Design {
	sigma := o.Sigma0
	if sigma == 0 {
		sigma = 0.01
	}
	d := scaling.Design{Chance: chance, Models: models, Items: items, Decades: o.decades, Sigma0: max(sigma, 0)}
	for _, s := range simulatedShapes {
		if s.name == shape {
			d.Shape = s.of(o)
		}
	}
	return d
}

// stream is the random source of one design: a design's curves do not depend on which others are simulated.
func (o *simulateOptions) stream(shape string, chance float64, models, items int) *rand.Rand {
	name := uint64(slices.Index(shapeNames(), shape))
	return rand.New(rand.NewPCG(o.seed, name<<48|uint64(chance*1000)<<36|uint64(models)<<24|uint64(items)))
}

func (o *simulateOptions) simulate(shape string, chance float64, models, items int) simulation {
	rng := o.stream(shape, chance, models, items)
	rates := o.design(shape, chance, models, items).Simulate(o.Options, o.draws, rng)
	return simulation{shape, chance, models, items, rates}
}

// everything simulates the grid of designs that the procedure is held to.
func (o *simulateOptions) everything() []simulation {
	var out []simulation
	for _, shape := range shapeNames() {
		for _, chance := range []float64{0, 0.25, 0.5} {
			for _, models := range []int{5, 6, 8, 12} {
				for _, items := range []int{50, 100, 250, 1000} {
					out = append(out, o.simulate(shape, chance, models, items))
				}
			}
		}
	}
	return out
}

func printSimulations(a *app, list []simulation) error {
	table := reports.Table{Title: "share of curves by label", Columns: []reports.Column{{Name: "shape"}, {Name: "chance", Numeric: true, Digits: 2}, {Name: "models", Numeric: true}, {Name: "items", Numeric: true}}}
	var labels []scaling.Label
	for _, l := range scaling.Labels {
		if slices.ContainsFunc(list, func(s simulation) bool { return s.Labels[l] > 0 }) {
			labels = append(labels, l)
			table.Columns = append(table.Columns, reports.Column{Name: string(l), Numeric: true, Digits: 3})
		}
	}
	table.Columns = append(table.Columns, reports.Column{Name: "onset right", Numeric: true, Digits: 2}, reports.Column{Name: "late by (models)", Numeric: true, Digits: 2})
	for _, s := range list {
		row := []reports.Cell{reports.TextCell(s.Shape), reports.NumberCell(s.Chance), reports.NumberCell(float64(s.Models)), reports.NumberCell(float64(s.Items))}
		for _, l := range labels {
			row = append(row, reports.NumberCell(s.Labels[l]))
		}
		table.Rows = append(table.Rows, append(row, reports.NumberCell(s.OnsetExact), reports.NumberCell(s.OnsetBias)))
	}
	if len(list) == 1 {
		e := list[0].Emergent
		table.Notes = []string{fmt.Sprintf("Called emergent: %.3f [%.3f, %.3f] of %d curves.", e.Value, e.Lo, e.Hi, list[0].Replicates)}
	}
	return table.WriteText(a.stdout, a.width)
}

// writeCurves writes drawn curves as a table, one a task.
func (o *simulateOptions) writeCurves() error {
	rng := o.stream(o.shape, o.chance, o.models, o.items)
	d := o.design(o.shape, o.chance, o.models, o.items)
	return writeFile(o.csv, func(w io.Writer) error {
		out := csv.NewWriter(w)
		if err := out.Write([]string{"task", "family", "model", "params", "prompt", "shots", "metric", "score", "n", "k_correct", "chance"}); err != nil {
			return err
		}
		num := func(v float64) string { return strconv.FormatFloat(v, 'g', -1, 64) }
		for i := range o.draws {
			for _, p := range d.Curve(rng).Points {
				err := out.Write([]string{fmt.Sprintf("%s-%04d", o.shape, i), "simulated", p.Model, num(p.X), "direct", "0", "acc", num(p.K / p.N), num(p.N), num(p.K), num(o.chance)})
				if err != nil {
					return err
				}
			}
		}
		out.Flush()
		return out.Error()
	})
}
