// Package host is the GPU worker's side of package worker: it says what devices there are, and answers for a model on one
// of them. What it knows of GPUs comes by the interface Machine, so that all but the driver is tested without any.
package host

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"maps"
	"strings"
	"sync/atomic"

	"github.com/onset-eval/onset/backends"
	"github.com/onset-eval/onset/backends/local"
	"github.com/onset-eval/onset/backends/local/worker"
	"github.com/onset-eval/onset/backends/process"
)

// Machine is what the worker's machine has.
type Machine interface {
	// Devices lists the GPUs. Its error may be a *worker.Reason.
	Devices(ctx context.Context) ([]worker.Device, error)
	// Open opens the checkpoint in a folder on the device with a number, and says which device that is.
	Open(ctx context.Context, ordinal int, dir string, o local.Options) (backends.Backend, worker.Device, error)
}

// Streams are the process's own.
type Streams struct {
	In       io.Reader
	Out, Err io.Writer
}

// Exit codes of the worker. The driver's binding ends the process with 1, and the loader with 127, before any of them.
const (
	exitOK    = 0
	exitFails = 3  // the model cannot be opened, or onset is gone
	exitUsage = 64 // the command line is wrong
	exitLost  = 70 // the device answers nothing any more: a new process may
)

const help = `onset-cuda is onset's GPU worker. onset starts it by itself:

  onset list devices                            what GPUs there are
  onset run -m local/DIR --device cuda …        run a checkpoint on them

Its own commands:

  onset-cuda probe                              say what GPUs there are, as JSON
  onset-cuda serve --device N --model DIR       answer for a checkpoint on standard input and output
  onset-cuda peak --device N                    measure what a GPU can do at most, as JSON
  onset-cuda version                            say its version
`

// Main runs the worker's command line and gives its exit code.
func Main(ctx context.Context, args []string, std Streams, m Machine, version string) int {
	name := "help"
	if len(args) > 0 {
		name = args[0]
	}
	switch name {
	case "probe":
		return probe(ctx, std, m, version)
	case "serve":
		return serve(ctx, args[1:], std, m)
	case "peak":
		return peak(ctx, args[1:], std, m)
	case "version":
		fmt.Fprintf(std.Out, "%s %s, protocol %d\n", worker.Program, version, worker.Protocol)
		return exitOK
	case "help", "-h", "--help":
		fmt.Fprint(std.Out, help)
		return exitOK
	}
	fmt.Fprintf(std.Err, "%s: %q is no command\n%s", worker.Program, name, help)
	return exitUsage
}

// probe writes what there is. That there is nothing is an answer too.
func probe(ctx context.Context, std Streams, m Machine, version string) int {
	p := worker.Probe{Protocol: worker.Protocol, Version: version}
	devices, err := m.Devices(ctx)
	p.Devices = devices
	if err != nil && !errors.As(err, &p.Reason) {
		err = withHint(err)
		p.Reason = &worker.Reason{Code: worker.DriverFails, Message: err.Error(), Advice: hintOf(err)}
	}
	enc := json.NewEncoder(std.Out)
	enc.SetIndent("", "  ")
	if err := enc.Encode(p); err != nil {
		fmt.Fprintf(std.Err, "%s: write devices: %v\n", worker.Program, err)
		return exitFails
	}
	return exitOK
}

func hintOf(err error) string {
	var h interface{ Hint() string }
	if errors.As(err, &h) {
		return h.Hint()
	}
	return ""
}

// what is a model on a device, as flags name it.
type what struct {
	ordinal int
	dir     string
}

// parse reads flags; ok is false where they are wrong, which is then said.
func parse(command string, args []string, std Streams) (w what, ok bool) {
	fs := flag.NewFlagSet(command, flag.ContinueOnError)
	fs.SetOutput(std.Err)
	fs.IntVar(&w.ordinal, "device", 0, "number of the device, from 0")
	fs.StringVar(&w.dir, "model", "", "folder of the checkpoint")
	if err := fs.Parse(args); err != nil {
		return w, false
	}
	if w.dir == "" || fs.NArg() > 0 {
		fmt.Fprintf(std.Err, "%s %s: name a checkpoint with --model, and nothing else\n", worker.Program, command)
		return w, false
	}
	return w, true
}

// serve answers for a model.
func serve(ctx context.Context, args []string, std Streams, m Machine) int {
	w, ok := parse("serve", args, std)
	if !ok {
		return exitUsage
	}
	var progress progressOf
	broken := func() error { return nil }
	err := process.Serve(ctx, std.In, std.Out, process.ServeOptions{
		Open: func(ctx context.Context, args map[string]string) (backends.Backend, error) {
			o, err := local.OptionsFor(args)
			if err != nil {
				return nil, err
			}
			b, d, err := m.Open(ctx, w.ordinal, w.dir, o)
			if err != nil {
				return nil, withHint(err)
			}
			progress.watch(b)
			if f, ok := b.(interface{ DeviceLost() error }); ok {
				broken = f.DeviceLost
			}
			return described{b, d}, nil
		},
		Alive: progress.made,
		Fatal: func(err error) bool { return lost(err) || broken() != nil },
	})
	switch {
	case err == nil:
		return exitOK
	case lost(err) || broken() != nil:
		fmt.Fprintf(std.Err, "%s: the device is lost: %s\n", worker.Program, strings.ReplaceAll(err.Error(), "\n", "; ")) // the last line is what onset shows
		return exitLost
	}
	fmt.Fprintf(std.Err, "%s: %v\n", worker.Program, err)
	return exitFails
}

// hinted is an error whose text ends with what to do.
type hinted struct {
	error
	text, hint string
}

func (h *hinted) Error() string { return h.text }
func (h *hinted) Unwrap() error { return h.error }

// Hint says what to do.
func (h *hinted) Hint() string { return h.hint }

// withHint parts what to do from an error's text, where that stands there only, as in those of a device.
func withHint(err error) error {
	text, hint, ok := strings.Cut(err.Error(), "\nhint: ")
	if !ok || hintOf(err) != "" {
		return err
	}
	return &hinted{err, text, hint}
}

// lost reports whether a device answers nothing any more after an error.
func lost(err error) bool {
	var l interface{ Lost() bool }
	return errors.As(err, &l) && l.Lost()
}

// described is a model that says which device it is on. Its number is left out: the cards of a kind give equal answers.
type described struct {
	backends.Backend
	device worker.Device
}

func (d described) Info() backends.Info {
	info := d.Backend.Info()
	details := map[string]string{"device": d.device.Name + ", sm_" + strings.ReplaceAll(d.device.Capability, ".", ""), "driver": d.device.Driver}
	if d.device.GEMM != "" {
		details["products"] = d.device.GEMM
	}
	maps.Copy(details, info.Details) // what the engine itself says counts
	info.Details = details
	return info
}

// Unwrap gives the model.
func (d described) Unwrap() backends.Backend { return d.Backend }

// progressOf tells whether a model got on since it was last asked.
type progressOf struct {
	steps atomic.Pointer[func() int64]
	seen  int64
}

// stepper is an engine that counts its steps.
type stepper interface{ Steps() int64 }

func (p *progressOf) watch(b backends.Backend) {
	if s, ok := b.(stepper); ok {
		f := s.Steps
		p.steps.Store(&f)
	}
}

// made is asked by one goroutine.
func (p *progressOf) made() bool {
	f := p.steps.Load()
	if f == nil {
		return false
	}
	now := (*f)()
	made := now != p.seen
	p.seen = now
	return made
}
