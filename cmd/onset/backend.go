package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/sourcegraph/conc"
	"github.com/spf13/cobra"

	"github.com/onset-eval/onset/backends"
	"github.com/onset-eval/onset/backends/conformance"
)

func newBackendCommand(a *app) *cobra.Command {
	cmd := &cobra.Command{Use: "backend", Short: "check a model's backend", Args: cobra.NoArgs}
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		return usage(withHint(errors.New("backend needs a verb"), "onset backend test -m exec/./mine"))
	}
	cmd.AddCommand(newBackendTestCommand(a))
	return cmd
}

// backendTestOptions are the flags of onset backend test.
type backendTestOptions struct {
	model   string
	baseURL string
	args    map[string]string
	suite   conformance.Options
	checks  []string
	json    bool
	deviceFlags
}

func newBackendTestCommand(a *app) *cobra.Command {
	var o backendTestOptions
	cmd := &cobra.Command{
		Use:   "test",
		Short: "hold a model against the promises that every backend keeps",
		Long: `test asks a model some hundreds of short requests and checks what every backend promises: equal answers to equal
requests, alone and side by side, stop strings, token limits, cancellation, scores. It is meant for plug-ins and servers;
on a paid API it spends money.

Exit codes: 0 all promises are kept, 1 one is broken, 3 the model cannot be opened, 64 the command line is wrong.`,
		Example: `  onset backend test -m exec/./mine
  onset backend test -m llama-server/model.gguf --one-model --tolerance 1e-3`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return runBackendTest(cmd.Context(), a, o) },
	}
	f := cmd.Flags()
	f.StringVarP(&o.model, "model", "m", "", "the model as provider/model")
	f.StringToStringVar(&o.args, "model-args", nil, "options of the backend, key=value")
	o.add(f)
	f.StringVar(&o.baseURL, "base-url", "", "address of the model server")
	f.StringArrayVar(&o.suite.Prompts, "prompt", nil, "a prompt to ask, at least two, the first continued with several tokens (repeatable)")
	f.StringSliceVar(&o.checks, "check", nil, "the checks to run, comma-separated or repeated; all without it")
	f.BoolVar(&o.suite.Additive, "additive", false, "tokens do not depend on where a text is cut, so halves of a text add up")
	f.BoolVar(&o.suite.OneModel, "one-model", false, "texts are generated from the distribution that scores are of, as by real models")
	f.BoolVar(&o.suite.Unseeded, "unseeded", false, "the model takes no seed, so a draw cannot be made again")
	f.BoolVar(&o.suite.StopHidden, "stop-hidden", false, "the API does not tell a stop string from the text's own end, as OpenAI's and Gemini's")
	f.Float64Var(&o.suite.Tolerance, "tolerance", 1e-6, "nats by which log-probabilities that should be equal may differ")
	f.Float64Var(&o.suite.Temperature, "temperature", 0, "temperature at which draws differ (default 2)")
	f.DurationVar(&o.suite.Timeout, "timeout", 2*time.Minute, "longest time for one check")
	f.BoolVar(&o.json, "json", false, "write the results as JSON lines")
	return cmd
}

// testPrompts are asked where none are given.
var testPrompts = []string{"Once upon a time", "The three primary colours are", "Q: What is 2+2?\nA:"}

func runBackendTest(ctx context.Context, a *app, o backendTestOptions) (err error) {
	if o.model == "" {
		return usage(withHint(errors.New("no model to test"), "name it with -m, for example -m exec/./mine"))
	}
	m, err := parseModel(o.model)
	if err != nil {
		return usage(err)
	}
	m.BaseURL, m.Args = o.baseURL, o.args
	m = o.computing(m)
	switch len(o.suite.Prompts) {
	case 0:
		o.suite.Prompts = testPrompts
	case 1:
		return usage(withHint(errors.New("one prompt is too few"), "give --prompt at least twice"))
	}
	checks, err := chooseChecks(o.checks)
	if err != nil {
		return usage(err)
	}
	ctx, cancel := context.WithCancel(ctx)
	var wait conc.WaitGroup
	defer wait.Wait()
	defer cancel()
	wait.Go(func() { // an interrupt ends the checks: there is nothing to record
		select {
		case <-a.drain:
			cancel()
		case <-ctx.Done():
		}
	})
	gpus := newDevices(a, o.device, o.json)
	defer func() { err = errors.Join(err, gpus.close()) }()
	if err := gpus.assign(ctx, []backends.Model{m}); err != nil {
		return err
	}
	b, err := opener{providers: providers(), devices: gpus}.Open(ctx, m)
	if err != nil {
		return err
	}
	report := backendReport{out: a.stdout, json: o.json}
	report.open(o.model, b.Info())
	err = conformance.RunOn(ctx, b, checks, o.suite, report.each)
	if err != nil {
		return fmt.Errorf("test %s: %w", o.model, err)
	}
	return report.close(o.model)
}

// chooseChecks gives the checks of the names, or all.
func chooseChecks(names []string) ([]conformance.Check, error) {
	all := conformance.Checks()
	if len(names) == 0 {
		return all, nil
	}
	var known []string
	for _, c := range all {
		known = append(known, c.Name)
	}
	for _, n := range names {
		if !slices.Contains(known, n) {
			return nil, withHint(fmt.Errorf("no check is named %q", n), "the checks are %s", strings.Join(known, ", "))
		}
	}
	return slices.DeleteFunc(all, func(c conformance.Check) bool { return !slices.Contains(names, c.Name) }), nil
}

// backendReport writes results as they come.
type backendReport struct {
	out                     io.Writer
	json                    bool
	passed, failed, skipped int
}

func (r *backendReport) open(ref string, info backends.Info) {
	if r.json {
		return
	}
	form := "text"
	if info.Messages {
		form = "messages"
	}
	fmt.Fprintf(r.out, "%s: serves %v, takes %s, %d at once\n\n", ref, info.Kinds, form, max(1, info.Parallel))
}

func (r *backendReport) each(c conformance.Result) {
	switch c.Status {
	case conformance.Passed:
		r.passed++
	case conformance.Failed:
		r.failed++
	case conformance.Skipped:
		r.skipped++
	}
	if r.json {
		line := struct {
			Check, Doc string
			Status     conformance.Status
			Reason     string `json:",omitempty"`
			Seconds    float64
		}{Check: c.Check.Name, Doc: c.Check.Doc, Status: c.Status, Seconds: c.Took.Seconds()}
		if c.Err != nil {
			line.Reason = c.Err.Error()
		}
		if text, err := json.Marshal(line); err == nil {
			fmt.Fprintf(r.out, "%s\n", text)
		}
		return
	}
	word := map[conformance.Status]string{conformance.Passed: "ok", conformance.Failed: "FAIL", conformance.Skipped: "skip"}[c.Status]
	fmt.Fprintf(r.out, "%-5s %-22s %6d ms  %s\n", word, c.Check.Name, c.Took.Milliseconds(), c.Check.Doc)
	if c.Err != nil {
		fmt.Fprintf(r.out, "      %s\n", strings.ReplaceAll(c.Err.Error(), "\n", "\n      "))
	}
}

// close says what was found, and gives an error where a promise is broken.
func (r *backendReport) close(ref string) error {
	if !r.json {
		fmt.Fprintf(r.out, "\n%d kept, %d broken, %d not checked\n", r.passed, r.failed, r.skipped)
	}
	if r.failed > 0 {
		return &noGoError{withHint(fmt.Errorf("%s breaks %d of %d promises", ref, r.failed, r.failed+r.passed),
			"each is said above; onset backend test -m %s --check NAME runs one alone", ref)}
	}
	return nil
}
