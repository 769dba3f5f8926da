package main

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/spf13/pflag"

	"github.com/onset-eval/onset/reports"
	"github.com/onset-eval/onset/reports/points"
	"github.com/onset-eval/onset/reports/scaling"
)

// curveInput says which scores become curves, and over what.
type curveInput struct {
	axis     string
	tasks    []string
	families []string
	metrics  []string
	prompts  []string
	shots    []int
	baseline string
	pool     bool
	// via is what stands for the continuous metric: "loss" is the models' own.
	via string
}

func (in *curveInput) addFlags(flags *pflag.FlagSet) {
	flags.StringVar(&in.axis, "x", "", "the axis, of "+strings.Join(points.Axes[:], ", ")+" (default the ladder's, or the first on which the models differ)")
	flags.StringSliceVarP(&in.tasks, "task", "t", nil, "only these tasks")
	flags.StringSliceVar(&in.families, "family", nil, "only these families")
	flags.StringSliceVar(&in.prompts, "prompt", nil, "only these prompt styles, as direct or cot")
	flags.IntSliceVarP(&in.shots, "shots", "f", nil, "only these shot counts")
	flags.StringSliceVar(&in.metrics, "metric", nil, "only these metrics (default each task's first)")
	flags.StringVar(&in.baseline, "baseline-model", "", "a model without abilities, as one of random weights: what it scores is a baseline")
	flags.BoolVar(&in.pool, "pool", false, "one curve over the models of all families, with an intercept for each family")
}

// loaded are the curves of some inputs, with the comparisons over the same samples that only runs allow.
type loaded struct {
	set   points.Set
	pairs reports.Pairs
}

// load reads runs and tables.
func (in *curveInput) load(args []string) (loaded, error) {
	var out loaded
	if in.axis != "" && !slices.Contains(points.Axes[:], in.axis) {
		return out, usage(withHint(fmt.Errorf("--x %s: there is no such axis", in.axis), "the axes are %s", strings.Join(points.Axes[:], ", ")))
	}
	var rows []points.Row
	var warnings []string
	axes := make(map[string]bool)
	for _, arg := range args {
		stat, err := os.Stat(arg)
		if err != nil {
			return out, usage(err)
		}
		if !stat.IsDir() {
			table, err := readTable(arg)
			if err != nil {
				return out, err
			}
			rows, warnings = append(rows, table.Rows...), append(warnings, table.Warnings...)
			axes[""] = true
			continue
		}
		results, err := loadRun(arg)
		if err != nil {
			return out, err
		}
		rows = append(rows, results.Rows()...)
		axes[results.Axis()] = true
		if len(args) == 1 { // which run's samples a point is of is not known once runs are pooled
			out.pairs = results.Pairs
		}
	}
	axis := in.axis
	if axis == "" && len(axes) == 1 {
		for axis = range axes {
		}
	}
	set, err := points.Curves(rows, points.Options{Axis: axis, Tasks: in.tasks, Families: in.families, Metrics: in.metrics, Prompts: in.prompts, Shots: in.shots,
		BaselineModel: in.baseline, Pool: in.pool, Loss: in.via == viaLoss})
	set.Warnings = append(warnings, set.Warnings...)
	out.set = set
	return out, usage(err)
}

// readTable reads a CSV file.
func readTable(path string) (points.Table, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return points.Table{}, usage(err)
	}
	table, err := points.Read(bytes.NewReader(data), path)
	return table, usage(err)
}

// procedure holds the settings of the analysis that a command line may change.
type procedure struct {
	scaling.Options
	bootstrap int
}

// The bootstrap that is made unasked: its size, and the number of curves from which on it is left out, since it takes
// 40 times as long as the rest.
const (
	usualReplicates = 200
	manyCurves      = 1000
)

func (p *procedure) addFlags(flags *pflag.FlagSet) {
	flags.IntVar(&p.bootstrap, "bootstrap", -1, fmt.Sprintf("redraws behind the label's stability (default %d, none from %d curves on)", usualReplicates, manyCurves))
	flags.Uint64Var(&p.Seed, "seed", 0, "seed of the redraws")
	flags.Float64Var(&p.Delta, "delta", 0, "rise above the baseline, as a share of the rest, that is still chance (default 0.02)")
	flags.Float64Var(&p.Sigma0, "sigma0", 0, "standard deviation that seeds, prompts and formats give to a score (default 0.01)")
	flags.Float64Var(&p.Alpha, "alpha", 0, "error of the tests within a curve (default 0.05)")
	flags.IntVar(&p.MinModels, "min-models", 0, "fewest models with a label (default 5)")
	for _, name := range []string{"bootstrap", "seed", "delta", "sigma0", "alpha", "min-models"} {
		flags.Lookup(name).DefValue = ""
	}
}

// options completes the settings for a number of curves.
func (p *procedure) options(stderr io.Writer, curves int) scaling.Options {
	o := p.Options
	o.Replicates = p.bootstrap
	if p.bootstrap < 0 {
		o.Replicates = usualReplicates
		if curves >= manyCurves {
			o.Replicates = 0
			fmt.Fprintf(stderr, "note: no bootstrap of %d curves; --bootstrap %d makes it\n", curves, usualReplicates)
		}
	}
	return o
}
