package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"
	"time"

	"github.com/sourcegraph/conc"
	"github.com/spf13/cobra"

	"github.com/onset-eval/onset/backends"
	"github.com/onset-eval/onset/evaluators/runlog"
	"github.com/onset-eval/onset/evaluators/runner"
)

// executeOptions are the flags that say how to run, which do not change what is recorded.
type executeOptions struct {
	limitOptions
	maxRetries  int
	timeout     time.Duration
	quiet       bool
	json        bool
	retryErrors bool
	metricsAddr string
	batch       bool
	spendFlags
}

func (o *executeOptions) add(cmd *cobra.Command) {
	fs := cmd.Flags()
	o.limitOptions.add(fs)
	fs.IntVar(&o.maxRetries, "max-retries", 5, "retries of a request that failed for a passing reason")
	fs.DurationVar(&o.timeout, "timeout", 0, "longest time for one attempt at a request; 0 is none")
	fs.BoolVarP(&o.quiet, "quiet", "q", false, "show no progress")
	fs.BoolVar(&o.json, "json", false, "write the results as JSON to stdout, and progress as a JSON event a line to stderr")
	fs.StringVar(&o.metricsAddr, "metrics-addr", "", "serve Prometheus metrics of the run at this address, as 127.0.0.1:9464")
	fs.BoolVar(&o.batch, "batch", false, "ask by the vendor's batch interface: cheaper, within a day, and picked up again by onset resume --batch")
	o.spendFlags.add(cmd)
}

type runOptions struct {
	planFlags
	executeOptions
	output string
	dryRun bool
}

func newRunCommand(a *app) *cobra.Command {
	var o runOptions
	cmd := &cobra.Command{
		Use:   "run",
		Short: "run tasks against models and record every sample",
		Example: `  onset run --suite s.yaml --ladder l.yaml -o runs/x
  onset run -m local/path/to/checkpoint -t map,sum6 -f 0,4 -L 100`,
		RunE: func(cmd *cobra.Command, _ []string) error { return runRun(cmd.Context(), a, o) },
	}
	o.planFlags.add(cmd)
	o.executeOptions.add(cmd)
	cmd.Flags().BoolVar(&o.dryRun, "dry-run", false, "ask no model: count the requests and show the first prompts, or print every request with --json")
	cmd.Flags().StringVarP(&o.output, "output", "o", "", "run directory (default runs/NAME-TIME)")
	cmd.Flags().Bool("log-samples", true, "accepted for users of other harnesses: every sample is always recorded")
	return cmd
}

func runRun(ctx context.Context, a *app, o runOptions) error {
	spec, err := o.spec()
	if err != nil {
		return err
	}
	shard, err := parseShard(o.shard)
	if err != nil {
		return err
	}
	if spec.Python != "" {
		fmt.Fprintf(a.stderr, "warning: --python-hooks %s executes code from %s\n", spec.Python, strings.Join(spec.Include, ", "))
	}
	if spec.Sandbox != "" {
		fmt.Fprintf(a.stderr, "warning: --sandbox %s runs programs that models write: that command alone keeps them in\n", spec.Sandbox)
	}
	if o.dryRun {
		return dryRun(ctx, a, spec, shard, o.executeOptions)
	}
	dir := o.output
	if dir == "" {
		dir = filepath.Join("runs", dirName(spec.Suite.Name)+time.Now().UTC().Format("-20060102-150405"))
	}
	if err := execute(ctx, a, execution{dir: dir, spec: spec, shard: shard, opts: o.executeOptions}); err != nil {
		return err
	}
	if err := printTable(a, dir, o.json); err != nil || o.json {
		return err
	}
	return printHarness(ctx, a, dir, spec)
}

// dirName makes a file name of a suite's name.
func dirName(name string) string {
	clean := strings.Map(func(r rune) rune {
		if r == '-' || r == '_' || r == '.' || r == '+' || r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' {
			return r
		}
		return '-'
	}, name)
	return clean[:min(len(clean), 60)]
}

// execution is one start of a run, new or resumed.
type execution struct {
	dir   string
	spec  runSpec
	shard runner.Shard
	opts  executeOptions
}

// execute plans the run, checks it against what the directory holds, and carries it out.
func execute(ctx context.Context, a *app, x execution) (err error) {
	plan, err := x.spec.plan()
	if err != nil {
		return err
	}
	plan.Shard = x.shard
	spend, err := x.opts.open(x.dir)
	if err != nil {
		return err
	}
	limits, err := x.opts.limits(a, x.dir, x.shard.Index)
	if err != nil {
		return err
	}
	gpus := newDevices(a, x.spec.Device, x.opts.quiet || x.opts.json)
	defer func() { err = errors.Join(err, gpus.close()) }()
	if err := gpus.assign(ctx, plan.Models); err != nil {
		return err
	}
	open := opener{
		providers: providers(), limits: limits, devices: gpus,
		retry: backends.RetryOptions{MaxAttempts: x.opts.maxRetries + 1, AttemptTimeout: x.opts.timeout},
		spend: spend,
		live:  new(liveModel),
	}
	if x.opts.batch {
		open.batches = &batchRuns{file: batchFile(x.dir, x.shard), out: a.stderr}
		open.retry.AttemptTimeout = 0 // an attempt takes up to a day
	}
	infos, err := runner.Check(ctx, plan, open)
	if err == nil {
		err = spend.check(plan.Models, infos)
	}
	if err != nil {
		return err
	}
	header, err := runner.Header(plan, infos, version)
	if err != nil {
		return err
	}
	if header.Plan, err = x.spec.encode(); err != nil {
		return err
	}
	header.Created = time.Now().UTC()
	writer, err := openRun(x.dir, header, x.shard)
	if err != nil {
		return err
	}
	err = x.record(ctx, a, plan, infos, open, writer)
	if closed := writer.Close(); err == nil { // the writer's first error is that of the run already
		err = closed
	}
	return errors.Join(err, limits.close(), spend.close())
}

// openRun makes the run directory, or continues one whose header says the same.
func openRun(dir string, header runlog.Header, shard runner.Shard) (*runlog.Writer, error) {
	writer, err := runlog.Open(dir, runlog.Options{Shard: runlog.Shard{Index: shard.Index, Count: shard.Count}})
	if err != nil {
		return nil, err
	}
	err = settleHeader(dir, header)
	if err != nil {
		return nil, errors.Join(err, writer.Close())
	}
	return writer, nil
}

// settleHeader writes the header of a new run, or compares it with that of the run which is there. A plan that asks for
// more of the same takes the place of the one there, so that a resume asks for it too.
func settleHeader(dir string, header runlog.Header) error {
	old, err := runlog.ReadHeader(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return runlog.WriteHeader(dir, header)
	}
	if err != nil {
		return err
	}
	if diff := old.Diff(header); len(diff) > 0 {
		return usage(withHint(fmt.Errorf("%s holds another run:\n  %s", dir, strings.Join(diff, "\n  ")),
			"choose another directory with -o, or undo the change; onset resume %s continues a run as it was planned", dir))
	}
	if !widens(old.Plan, header.Plan) {
		return nil
	}
	old.Plan = header.Plan
	return runlog.WriteHeader(dir, old)
}

// widens reports whether a plan asks for more draws or samples than an older one of the same run, and for no less.
func widens(old, plan []byte) bool {
	was, err1 := decodeRunSpec(old)
	is, err2 := decodeRunSpec(plan)
	if err1 != nil || err2 != nil || len(was.Suite.Entries) != len(is.Suite.Entries) {
		return false
	}
	more := false
	for i, w := range was.Suite.Entries {
		e := is.Suite.Entries[i]
		if e.Task != w.Task || max(1, e.Draws) < max(1, w.Draws) || e.Limit != 0 && (w.Limit == 0 || e.Limit < w.Limit) {
			return false
		}
		more = more || max(1, e.Draws) > max(1, w.Draws) || e.Limit != w.Limit
	}
	return more
}

// record carries the plan out, with progress, and says how to go on where it did not end.
func (x execution) record(ctx context.Context, a *app, plan runner.Plan, infos []backends.Info, open opener, writer *runlog.Writer) (err error) {
	done, _, err := runlog.Keys(x.dir)
	if err != nil {
		return err
	}
	total, err := runner.Size(ctx, plan)
	if err != nil {
		return err
	}
	progress := newProgress(a, x.opts, x.dir, len(plan.Models), total, open.spend.meter, open.live)
	watching := observers{progress}
	if addr := x.opts.metricsAddr; addr != "" {
		served, err := serveMetrics(ctx, a, addr, int64(len(plan.Models))*int64(total), open.spend, open.live)
		if err != nil {
			return err
		}
		watching = append(watching, served)
		defer func() { err = errors.Join(err, served.close()) }()
	}
	drain, release := either(a.drain, open.spend.meter.Over())
	defer release()
	how := runner.Options{Workers: x.opts.fixed, Done: settled{done, x.opts.retryErrors}, Drain: drain, Observe: watching}
	if open.devices.any(plan.Models) {
		how.Place = placing{open.devices, plan.Models}
	}
	summary, err := runner.Run(ctx, plan, infos, open, writer, how)
	progress.close(summary)
	if summary.Drained {
		if over := open.spend.overBudget(x.dir); over != nil {
			err = over
		}
	}
	if err == nil {
		err = writer.Flush(ctx)
	}
	if err != nil {
		return withFallbackHint(err, "what is recorded stays; continue with: onset resume %s%s", map[bool]string{true: "--batch "}[x.opts.batch], x.dir)
	}
	if summary.Errors > 0 {
		fmt.Fprintf(a.stderr, "onset: %d samples ended in an error and are in no score; onset resume --retry-errors %s tries them again\n", summary.Errors, x.dir)
	}
	return nil
}

// either gives a channel that is closed once one of two is; release ends the wait for them.
func either(a, b <-chan struct{}) (both <-chan struct{}, release func()) {
	if b == nil {
		return a, func() {}
	}
	out, done := make(chan struct{}), make(chan struct{})
	var wait conc.WaitGroup
	wait.Go(func() {
		select {
		case <-a:
			close(out)
		case <-b:
			close(out)
		case <-done:
		}
	})
	return out, func() { close(done); wait.Wait() }
}

// withFallbackHint adds a hint to an error that has none.
func withFallbackHint(err error, format string, args ...any) error {
	if err == nil || hintOf(err) != "" {
		return err
	}
	return withHint(err, format, args...)
}

// settled is what a run need not ask again: what was answered and, unless errors are to be retried, what failed.
type settled struct {
	*runlog.Done
	retryErrors bool
}

func (s settled) Has(k runlog.Key) bool { return s.Done.Has(k) || !s.retryErrors && s.Failed(k) }
