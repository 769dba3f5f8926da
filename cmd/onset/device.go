package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/spf13/pflag"

	"github.com/onset-eval/onset/backends"
	"github.com/onset-eval/onset/backends/local/worker"
	"github.com/onset-eval/onset/evaluators/runner"
)

// deviceArg is the argument of a local model that says where it runs; it wins over the flag.
const deviceArg = "device"

// deviceFlags say where local models run, and in what type they compute.
type deviceFlags struct {
	device  string
	compute string
}

func (f *deviceFlags) add(fs *pflag.FlagSet) {
	f.addDevice(fs)
	fs.StringVar(&f.compute, "compute", "", "type that local models compute in: f32, bf16, and f16 on GPUs (default f32 on the CPU, the checkpoint's own on a GPU)")
}

func (f *deviceFlags) addDevice(fs *pflag.FlagSet) {
	fs.StringVar(&f.device, "device", "", "where local models run: auto, cpu, cuda (one GPU a model), cuda:0, cuda:0,1 or cuda:all (default auto: a GPU where one has room)")
}

// computing gives a local model the type that the flag names, unless it has one of its own.
func (f *deviceFlags) computing(m backends.Model) backends.Model {
	if f.compute == "" || m.Ref.Provider != "local" || m.Args["compute"] != "" {
		return m
	}
	args := map[string]string{"compute": f.compute}
	maps.Copy(args, m.Args)
	m.Args = args
	return m
}

// deviceSpec is where a model may run.
type deviceSpec struct {
	auto, gpu bool
	where     worker.Where
}

// parseDevice reads auto, cpu, cuda, cuda:N, cuda:N,M (or cuda:N,cuda:M) and cuda:all; "" is auto.
func parseDevice(s string) (deviceSpec, error) {
	switch s {
	case "", "auto":
		return deviceSpec{auto: true, gpu: true}, nil
	case "cpu":
		return deviceSpec{}, nil
	case "cuda":
		return deviceSpec{gpu: true}, nil
	case "cuda:all":
		return deviceSpec{gpu: true, where: worker.Where{Spread: true}}, nil
	}
	d := deviceSpec{gpu: true, where: worker.Where{Spread: true}}
	list, ok := strings.CutPrefix(s, "cuda:")
	for part := range strings.SplitSeq(list, ",") {
		n, err := strconv.Atoi(strings.TrimPrefix(part, "cuda:"))
		if err != nil || n < 0 || slices.Contains(d.where.Only, n) {
			ok = false
			break
		}
		d.where.Only = append(d.where.Only, n)
	}
	if !ok {
		return d, usage(withHint(fmt.Errorf("device %q is unknown", s), "it is auto, cpu, cuda, cuda:0, cuda:0,1 or cuda:all; onset list devices shows what there is"))
	}
	return d, nil
}

// devices are the GPUs of a run, and which of its models are on them. The zero value has all models on the CPU.
type devices struct {
	flag   string // of the command line or the run's header
	finder worker.Finder
	say    io.Writer
	quiet  bool

	mu     sync.Mutex // guards what follows
	looked bool
	fleet  *worker.Fleet // nil where there is none
	why    error         // why not
	told   map[string]bool
	auto   map[string]bool // models that may go to the CPU where a GPU fails
}

// newDevices gives the devices that a flag names. The caller closes them.
func newDevices(a *app, flag string, quiet bool) *devices {
	return &devices{flag: flag, finder: workerFinder(a.getenv), say: a.stderr, quiet: quiet}
}

// workerFinder looks for the GPU worker where the environment says, beside this program, and in PATH.
func workerFinder(getenv func(string) string) worker.Finder {
	exe, err := os.Executable()
	if err != nil {
		exe = ""
	}
	return worker.Finder{Named: getenv(worker.Variable), Executable: exe}
}

// assign decides for each of a run's models whether it runs on GPUs. An error is of one that was to and cannot.
func (d *devices) assign(ctx context.Context, models []backends.Model) error {
	locals := 0
	for _, m := range models {
		if m.Ref.Provider != "local" {
			if m.Args[deviceArg] != "" {
				return usage(withHint(fmt.Errorf("model %s: only local models have a device", m.Name), "leave the argument device out"))
			}
			continue
		}
		locals++
		if err := d.assignOne(ctx, m); err != nil {
			return fmt.Errorf("model %s: %w", m.Name, err)
		}
	}
	if spec, err := parseDevice(d.flag); err != nil {
		return err
	} else if locals == 0 && spec.gpu && !spec.auto {
		return usage(withHint(fmt.Errorf("--device %s: no model is a local checkpoint", d.flag), "it is for models local/DIR; those that ship in onset are small enough for the CPU"))
	}
	return nil
}

func (d *devices) assignOne(ctx context.Context, m backends.Model) error {
	name := d.flag
	if own := m.Args[deviceArg]; own != "" {
		name = own
	}
	spec, err := parseDevice(name)
	if err != nil || !spec.gpu {
		return err
	}
	err = d.look(ctx)
	if err == nil {
		args := maps.Clone(m.Args)
		delete(args, deviceArg)
		if args == nil {
			args = make(map[string]string)
		}
		if dir := cacheDir(os.Getenv); args["cache_dir"] == "" && dir != "" {
			args["cache_dir"] = dir
		}
		if err = d.fleet.Add(m.Name, m.Ref.Model, args, spec.where); err == nil {
			d.mu.Lock()
			defer d.mu.Unlock()
			if d.auto == nil {
				d.auto = make(map[string]bool)
			}
			d.auto[m.Name] = spec.auto
			return nil
		}
	}
	if !spec.auto || ctx.Err() != nil {
		return withFallbackHint(err, "--device cpu runs it on the CPU")
	}
	d.onCPU(m.Name, err)
	return nil
}

// onCPU says once why models that may run on a GPU do not: only where the user asked, or has a worker that is of no use.
func (d *devices) onCPU(model string, why error) {
	var reason *worker.Reason
	text := fmt.Sprintf("%s runs on the CPU: %v", model, why)
	if errors.As(why, &reason) {
		if reason.Code == worker.NoWorker && d.flag == "" {
			return
		}
		text = fmt.Sprintf("local models run on the CPU: %v", reason)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.told[text] {
		return
	}
	if d.told == nil {
		d.told = make(map[string]bool)
	}
	d.told[text] = true
	fmt.Fprintf(d.say, "onset: %s\n", text)
}

// look finds the GPUs, once.
func (d *devices) look(ctx context.Context) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.looked {
		return d.why
	}
	program, err := d.finder.Find()
	var found worker.Probe
	if err == nil {
		found, err = worker.Ask(ctx, program, 0)
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	d.looked, d.why = true, err
	if err == nil {
		d.fleet = worker.NewFleet(worker.Options{Program: program, Devices: found.Devices, Say: func(format string, args ...any) {
			fmt.Fprintf(d.say, "onset: "+format+"\n", args...)
		}})
	}
	return err
}

// on reports whether a model runs on GPUs.
func (d *devices) on(m backends.Model) bool { return d != nil && d.fleet != nil && d.fleet.Has(m.Name) }

// any reports whether some model does.
func (d *devices) any(models []backends.Model) bool { return slices.ContainsFunc(models, d.on) }

// describe says what a model on a GPU is; ok is false where it turns out to run on the CPU.
func (d *devices) describe(ctx context.Context, m backends.Model) (info backends.Info, ok bool, err error) {
	info, err = d.fleet.Describe(ctx, m.Name)
	if err != nil && d.back(ctx, m, err) {
		return info, false, nil
	}
	return info, true, err
}

// open opens a model on its GPUs; ok is false where it turns out to run on the CPU.
func (d *devices) open(ctx context.Context, m backends.Model) (b backends.Backend, ok bool, err error) {
	opened, err := d.fleet.Open(ctx, m.Name)
	if err != nil {
		return nil, !d.back(ctx, m, err), err
	}
	if !d.quiet {
		fmt.Fprintf(d.say, "onset: %s is on %s\n", m.Name, opened.Where())
	}
	return opened, true, nil
}

// back has a model run on the CPU whose GPU failed, where the user left that open.
func (d *devices) back(ctx context.Context, m backends.Model, why error) bool {
	d.mu.Lock()
	auto := d.auto[m.Name]
	d.mu.Unlock()
	if !auto || ctx.Err() != nil {
		return false
	}
	d.fleet.Forget(m.Name)
	d.onCPU(m.Name, why)
	return true
}

func (d *devices) close() error {
	if d == nil || d.fleet == nil {
		return nil
	}
	return d.fleet.Close()
}

// placing has models on GPUs asked side by side, and beside them the others, one after the other.
type placing struct {
	devices *devices
	models  []backends.Model
}

var _ runner.Placer = placing{}

// Next says which models to begin.
func (p placing) Next(waiting, running []int) []int {
	names := func(indices []int) (out []string) {
		for _, i := range indices {
			out = append(out, p.models[i].Name)
		}
		return out
	}
	started := p.devices.fleet.Next(names(waiting), names(running))
	var out []int
	for _, i := range waiting {
		if slices.Contains(started, p.models[i].Name) {
			out = append(out, i)
		}
	}
	slices.SortStableFunc(out, func(a, b int) int {
		return slices.Index(started, p.models[a].Name) - slices.Index(started, p.models[b].Name)
	})
	other := func(i int) bool { return !p.devices.on(p.models[i]) }
	if first := slices.IndexFunc(waiting, other); first >= 0 && !slices.ContainsFunc(running, other) {
		out = append(out, waiting[first])
	}
	return out
}
