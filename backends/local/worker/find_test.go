//go:build unix

package worker_test

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/onset-eval/onset/backends/local/worker"
)

// script writes a program and gives its file.
func script(t *testing.T, dir, body string) string {
	t.Helper()
	path := filepath.Join(dir, worker.Program)
	if err := os.WriteFile(path, []byte("#!/bin/sh\n"+body+"\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	return path
}

// TestFind sees where the worker is looked for, and in which order.
func TestFind(t *testing.T) {
	beside, inPath, linked := t.TempDir(), t.TempDir(), t.TempDir()
	a, b := script(t, beside, ""), script(t, inPath, "")
	if err := os.Symlink(filepath.Join(beside, "onset"), filepath.Join(linked, "onset")); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(beside, "onset"), nil, 0o700); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", inPath)
	for _, c := range []struct {
		name string
		f    worker.Finder
		want string // a file, or part of the error
	}{
		{"beside onset", worker.Finder{Executable: filepath.Join(beside, "onset")}, a},
		{"beside what a link leads to", worker.Finder{Executable: filepath.Join(linked, "onset")}, a},
		{"in PATH", worker.Finder{Executable: filepath.Join(t.TempDir(), "onset")}, b},
		{"in PATH, where onset is not known", worker.Finder{}, b},
		{"named", worker.Finder{Named: b, Executable: filepath.Join(beside, "onset")}, b},
		{"turned off", worker.Finder{Named: "none", Executable: filepath.Join(beside, "onset")}, "turns GPUs off"},
		{"named wrongly", worker.Finder{Named: "/no/such/file", Executable: filepath.Join(beside, "onset")}, "/no/such/file, which cannot be run"},
	} {
		got, err := c.f.Find()
		var why *worker.Reason
		switch {
		case err == nil && got != c.want:
			t.Errorf("%s: found %s, want %s", c.name, got, c.want)
		case err != nil && (!errors.As(err, &why) || why.Code != worker.NoWorker || why.Hint() == "" || !strings.Contains(err.Error(), c.want)):
			t.Errorf("%s: %v, want %s", c.name, err, c.want)
		}
	}
	t.Setenv("PATH", t.TempDir())
	if _, err := (worker.Finder{}).Find(); err == nil || !strings.Contains(err.Error(), "neither beside onset nor in PATH") {
		t.Errorf("nowhere: %v", err)
	}
}

// TestAsk sees that each way in which a worker may not know of a GPU is told apart, with what to do.
func TestAsk(t *testing.T) {
	good := worker.Probe{Protocol: worker.Protocol, Version: "1", Devices: fakes(100, 200)}
	text := func(p worker.Probe) string {
		data, err := json.Marshal(p)
		if err != nil {
			t.Fatal(err)
		}
		return "cat <<'EOF'\n" + string(data) + "\nEOF"
	}
	other, none, own := good, good, good
	other.Protocol = 99
	none.Devices = nil
	own.Reason = &worker.Reason{Code: worker.NotBuilt, Message: "no tag", Advice: "make cuda"}
	for _, c := range []struct {
		name, script string
		code         worker.Code
		want         string
	}{
		{"it works", text(good), "", ""},
		// What the loader of glibc 2.36 and gorgonia.org/cu v0.9.6 (cu.go, result.go) write.
		{"no library", `echo "$0: error while loading shared libraries: libcuda.so.1: cannot open shared object file: No such file or directory" >&2; exit 127`, worker.NoDriver, "libcuda.so.1 is not there"},
		{"another library", `echo "$0: error while loading shared libraries: libm.so.6: cannot open shared object file: No such file or directory" >&2; exit 127`, worker.Crashed, "libm.so.6"},
		{"no card", `echo 'Error in initialization, please refer to "https://docs.nvidia.com/" for details on: NoDevice'; exit 1`, worker.NoDevice, "finds no GPU"},
		{"a driver that was updated", `echo 'Error in initialization, please refer to "https://docs.nvidia.com/" for details on: SystemDriverMismatch'; exit 1`, worker.DriverFails, "SystemDriverMismatch"},
		{"no device is listed", text(none), worker.NoDevice, "finds no GPU"},
		{"its own reason", text(own), worker.NotBuilt, "no tag"},
		{"another version", text(other), worker.Mismatch, "speaks protocol 99"},
		{"garbage", "echo hello", worker.Mismatch, "hello"},
		{"a crash", "echo dying >&2; kill -SEGV $$", worker.Crashed, "segmentation fault"},
		{"it hangs", "sleep 600", worker.Hung, "does not say within 300ms"},
	} {
		t.Run(c.name, func(t *testing.T) {
			limit := time.Minute
			if c.code == worker.Hung {
				limit = 300 * time.Millisecond
			}
			p, err := worker.Ask(t.Context(), script(t, t.TempDir(), c.script), limit)
			if c.code == "" {
				if diff := cmp.Diff(good, p); diff != "" || err != nil {
					t.Error(err, diff)
				}
				return
			}
			var why *worker.Reason
			if !errors.As(err, &why) || why.Code != c.code || !strings.Contains(why.Error(), c.want) || why.Hint() == "" {
				t.Errorf("%#v, want %s with %q and a hint", err, c.code, c.want)
			}
		})
	}
	if _, err := worker.Ask(t.Context(), "/no/such/worker", 0); err == nil {
		t.Error("a worker that is not there is no error")
	}
}

// TestProbe sees that the real worker's own probe is understood.
func TestProbe(t *testing.T) {
	devices := fakes(100, 200)
	list, err := json.Marshal(devices)
	if err != nil {
		t.Fatal(err)
	}
	run := script(t, t.TempDir(), `exec "$WORKER_TEST" fake=worker "$@"`)
	t.Setenv("WORKER_TEST", os.Args[0])
	t.Setenv(devicesVariable, string(list))
	p, err := worker.Ask(t.Context(), run, 0)
	if diff := cmp.Diff(devices, p.Devices); diff != "" || err != nil {
		t.Error(err, diff)
	}
	t.Setenv(devicesVariable, "")
	var why *worker.Reason
	if _, err = worker.Ask(t.Context(), run, 0); !errors.As(err, &why) || why.Message != "none is listed" {
		t.Errorf("no device: %v", err)
	}
}
