package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/onset-eval/onset/reports"
	"github.com/onset-eval/onset/reports/scaling"
)

type predictOptions struct {
	input   curveInput
	at      []string
	holdOut int
	via     string
	json    bool
	procedure
}

// What the first step of a forecast predicts.
const (
	viaContinuous = "continuous"
	viaLoss       = "loss"
)

func newPredictCommand(a *app) *cobra.Command {
	var o predictOptions
	cmd := &cobra.Command{
		Use:   "predict RUN|TABLE.csv …",
		Short: "predict larger models in two steps, scale to loss to score, and say how wrong that was",
		Long: `predict fits a power law of the loss in scale and a sigmoid of the score in that loss to the smaller models, and
predicts the largest, which it was not fitted to: the error on them says what a forecast is worth. The loss is the
continuous metric of the same responses, or the models' pre-training loss with --via loss.`,
		Example: `  onset predict runs/x
  onset predict runs/x --task map --at 1e6,1e7 --hold-out 2`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(_ *cobra.Command, args []string) error { return runPredict(a, o, args) },
	}
	flags := cmd.Flags()
	o.input.addFlags(flags)
	flags.StringSliceVar(&o.at, "at", nil, "scales to predict beside, as 7e10 or 70B")
	flags.IntVar(&o.holdOut, "hold-out", 1, "how many of the largest models to predict instead of fitting to them; 0 fits to all")
	flags.StringVar(&o.via, "via", viaContinuous, "the loss between scale and score: continuous, or loss (pre-training)")
	flags.BoolVar(&o.json, "json", false, "write JSON")
	flags.Uint64Var(&o.Seed, "seed", 0, "seed of the intervals' redraws")
	return cmd
}

func runPredict(a *app, o predictOptions, args []string) error {
	fo := scaling.ForecastOptions{HoldOut: o.holdOut}
	if o.holdOut <= 0 {
		fo.HoldOut = -1
	}
	for _, text := range o.at {
		x, err := parseScale(text)
		if err != nil {
			return usage(err)
		}
		fo.At = append(fo.At, x)
	}
	if o.via != viaContinuous && o.via != viaLoss {
		return usage(withHint(fmt.Errorf("--via %s: there is no such loss", o.via), "take continuous or loss"))
	}
	o.input.via = o.via
	in, err := o.input.load(args)
	if err != nil {
		return err
	}
	var forecasts []scaling.Forecast
	var refused []error
	for _, c := range in.set.Curves {
		f, err := scaling.Predict(c, o.Options, fo)
		if err != nil {
			refused = append(refused, err)
			continue
		}
		forecasts = append(forecasts, f)
	}
	for _, err := range refused {
		fmt.Fprintf(a.stderr, "warning: %v\n", err)
	}
	if len(forecasts) == 0 {
		return withHint(scaling.ErrNoForecast, "a forecast needs a continuous metric, or --via loss and a column loss, at five models or more")
	}
	if o.json {
		enc := json.NewEncoder(a.stdout)
		enc.SetIndent("", "  ")
		return enc.Encode(struct {
			Forecasts []scaling.Forecast `json:"forecasts"`
		}{forecasts})
	}
	return printForecasts(a, forecasts)
}

// parseScale reads a number with a letter for thousands, millions, billions and trillions.
func parseScale(text string) (float64, error) {
	units := map[string]float64{"k": 1e3, "m": 1e6, "b": 1e9, "t": 1e12}
	unit := 1.0
	number := strings.ToLower(strings.TrimSpace(text))
	for letter, size := range units {
		if strings.HasSuffix(number, letter) {
			number, unit = strings.TrimSuffix(number, letter), size
			break
		}
	}
	x, err := strconv.ParseFloat(number, 64)
	if err != nil || !(x > 0) {
		return 0, withHint(fmt.Errorf("--at %s is not a scale", text), "write 7e10 or 70B")
	}
	return x * unit, nil
}

func printForecasts(a *app, list []scaling.Forecast) error {
	table := reports.Table{Title: "forecasts in two steps", Columns: []reports.Column{
		{Name: "task"}, {Name: "family"}, {Name: "model"}, {Name: "predicted", Numeric: true, Digits: 3}, {Name: "95 % interval"},
		{Name: "observed", Numeric: true, Digits: 3}, {Name: "error", Numeric: true, Digits: 3}, {Name: "line's error", Numeric: true, Digits: 3}, {Name: "last's error", Numeric: true, Digits: 3},
	}}
	noted := make(map[string]bool)
	for _, f := range list {
		name := f.Task
		if f.Prompt != "" && f.Prompt != "direct" {
			name += " " + f.Prompt
		}
		if f.Shots > 0 {
			name += fmt.Sprintf(", %d shots", f.Shots)
		}
		for _, p := range f.HeldOut {
			table.Rows = append(table.Rows, []reports.Cell{
				reports.TextCell(name), reports.TextCell(f.Family), reports.TextCell(p.Model), reports.NumberCell(p.Score),
				reports.TextCell(fmt.Sprintf("[%.3f, %.3f]", p.Lo, p.Hi)), reports.NumberCell(*p.Observed), reports.NumberCell(*p.Error),
				reports.NumberCell(f.OneStepError), reports.NumberCell(f.LastError),
			})
		}
		for _, p := range f.Targets {
			table.Rows = append(table.Rows, []reports.Cell{
				reports.TextCell(name), reports.TextCell(f.Family), reports.TextCell("at " + scaling.ScaleText(p.X)), reports.NumberCell(p.Score),
				reports.TextCell(fmt.Sprintf("[%.3f, %.3f]", p.Lo, p.Hi)), {Missing: true}, {Missing: true}, {Missing: true}, {Missing: true},
			})
		}
		for _, w := range f.Warnings {
			if !noted[f.Task+w] {
				noted[f.Task+w] = true
				table.Notes = append(table.Notes, name+", "+f.Family+": "+w+".")
			}
		}
	}
	if len(table.Rows) == 0 {
		return usage(withHint(errors.New("there is nothing to predict"), "give --at a scale, or hold models out"))
	}
	return table.WriteText(a.stdout, a.width)
}
