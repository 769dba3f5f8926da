package worker

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"github.com/onset-eval/onset/backends/process"
)

// Variable is the environment variable that names the worker's file; "none" is no worker.
const Variable = "ONSET_CUDA_WORKER"

// Code tells apart the reasons for which there is no GPU to be had.
type Code string

// The reasons.
const (
	NoWorker    Code = "no_worker"    // the program is not there
	NotBuilt    Code = "not_built"    // it was built without the tag cuda
	NoDriver    Code = "no_driver"    // the machine has no libcuda
	NoDevice    Code = "no_device"    // the driver finds no card
	DriverFails Code = "driver_fails" // the driver is there and does not work
	Crashed     Code = "crashed"      // the worker ended in another way
	Hung        Code = "hung"         // it does not answer
	Mismatch    Code = "mismatch"     // it is of another version
)

// Reason says why there is no GPU, and what to do. It is an error.
type Reason struct {
	Code    Code   `json:"code"`
	Message string `json:"message"`
	Advice  string `json:"hint,omitempty"`
}

func (r *Reason) Error() string { return r.Message }

// Hint says what to do.
func (r *Reason) Hint() string { return r.Advice }

func reasonf(code Code, advice, format string, args ...any) *Reason {
	return &Reason{Code: code, Message: fmt.Sprintf(format, args...), Advice: advice}
}

// Finder says where to look for the worker.
type Finder struct {
	// Named is the value of Variable: a file, "none", or "" for looking beside Executable and then in PATH.
	Named string
	// Executable is the file that onset itself runs from; "" is not known.
	Executable string
}

// Find gives the worker's file. Its error is a *Reason.
func (f Finder) Find() (string, error) {
	switch f.Named {
	case "":
	case "none":
		return "", reasonf(NoWorker, "unset it to have GPUs used", "%s=none turns GPUs off", Variable)
	default:
		if path, err := exec.LookPath(f.Named); err == nil {
			return path, nil
		} else if !errors.Is(err, exec.ErrDot) {
			return "", reasonf(NoWorker, "name the file that make cuda built, or unset the variable", "%s names %s, which cannot be run: %v", Variable, f.Named, errors.Unwrap(err))
		}
		return f.Named, nil
	}
	name := Program
	if runtime.GOOS == "windows" {
		name += ".exe"
	}
	for _, exe := range []string{f.Executable, resolved(f.Executable)} {
		if exe == "" {
			continue
		}
		if path, err := exec.LookPath(filepath.Join(filepath.Dir(exe), name)); err == nil {
			return path, nil
		}
	}
	if path, err := exec.LookPath(name); err == nil {
		return path, nil
	}
	return "", reasonf(NoWorker, "make cuda builds it; put it beside onset or into PATH, or name it with "+Variable,
		"the GPU worker %s is neither beside onset nor in PATH", Program)
}

// resolved follows links to a file; "" where it leads nowhere.
func resolved(path string) string {
	real, err := filepath.EvalSymlinks(path)
	if err != nil {
		return ""
	}
	return real
}

// ProbeLimit is how long a worker may take to say what devices there are: a driver that is not kept loaded takes seconds for
// each card.
const ProbeLimit = 90 * time.Second

// Ask runs the worker to say what devices there are; limit 0 is ProbeLimit. Where there is none the error is a *Reason,
// unless ctx has ended.
func Ask(ctx context.Context, program string, limit time.Duration) (Probe, error) {
	if limit <= 0 {
		limit = ProbeLimit
	}
	limited, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	out, err := process.Once(limited, []string{program, "probe"})
	switch {
	case ctx.Err() != nil:
		return Probe{}, ctx.Err()
	case limited.Err() != nil:
		return Probe{}, reasonf(Hung, "see whether nvidia-smi answers; a driver that hangs needs the machine restarted", "%s does not say within %v what devices there are", program, limit)
	case errors.Is(err, os.ErrNotExist): // the kernel's word for a loader that is not there
		return Probe{}, reasonf(Crashed, "it was built for another system: build it here with make cuda", "%s cannot be started: %v", program, err)
	case err != nil:
		return Probe{}, reasonf(Crashed, "build it here with make cuda", "%v", err)
	}
	return readProbe(program, out)
}

// readProbe reads what a worker left that was asked for its devices.
func readProbe(program string, out process.Output) (Probe, error) {
	var p Probe
	if out.Exit != 0 {
		return p, failedProbe(program, out)
	}
	if err := json.Unmarshal(out.Stdout, &p); err != nil {
		return p, reasonf(Mismatch, "build it anew with make cuda", "%s does not say what devices there are: %s", program, short(string(out.Stdout)))
	}
	switch {
	case p.Protocol != Protocol:
		return p, reasonf(Mismatch, "build both from one version", "%s is of version %s, which speaks protocol %d, and this onset speaks %d", program, p.Version, p.Protocol, Protocol)
	case p.Reason != nil:
		return p, p.Reason
	case len(p.Devices) == 0:
		return p, noDevice("the driver finds no GPU")
	}
	return p, nil
}

func noDevice(message string) *Reason {
	return reasonf(NoDevice, "nvidia-smi lists the cards; CUDA_VISIBLE_DEVICES, or a container without --gpus all, may hide them", "%s", message)
}

// failedProbe finds the reason for which a worker ended before it could say anything. Both of the usual ones are met before
// the program's main: the loader ends a program whose library is not there with 127, and the driver's binding ends it
// with 1 where the driver does not start, after a line on standard output that holds CUDA's name of the error.
func failedProbe(program string, out process.Output) *Reason {
	said := strings.TrimSpace(out.Stderr + "\n" + string(out.Stdout))
	low := strings.ToLower(said)
	switch {
	case out.Exit == 127 && (strings.Contains(low, "libcuda.so") || said == ""):
		return reasonf(NoDriver, "install NVIDIA's driver (R525 or later), or in a container start it with --gpus all", "the machine has no NVIDIA driver (libcuda.so.1 is not there)")
	case strings.Contains(low, "error in initialization") || strings.Contains(low, "cuinit"):
		if strings.Contains(low, "nodevice") || strings.Contains(low, "no_device") || strings.Contains(low, "no cuda-capable device") {
			return noDevice("the driver is there and finds no GPU")
		}
		return reasonf(DriverFails, "see whether nvidia-smi works; after an update of the driver the machine has to be restarted", "the NVIDIA driver does not start: %s", short(said))
	}
	return reasonf(Crashed, "run "+program+" probe by itself to see more", "the GPU worker ended (%s) when it was asked for devices: %s", out.State, short(said))
}

// short keeps the beginning of a text, on one line.
func short(text string) string {
	text = strings.Join(strings.Fields(text), " ")
	if r := []rune(text); len(r) > 300 {
		return string(r[:300]) + "…"
	}
	return text
}
