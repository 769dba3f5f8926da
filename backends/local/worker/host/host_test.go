package host

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/onset-eval/onset/backends"
	"github.com/onset-eval/onset/backends/local"
	"github.com/onset-eval/onset/backends/local/worker"
	"github.com/onset-eval/onset/backends/scripted"
)

// machine has devices, or an error in their place, and one scripted model.
type machine struct {
	devices []worker.Device
	err     error
	model   backends.Backend
}

func (m machine) Devices(context.Context) ([]worker.Device, error) { return m.devices, m.err }

func (m machine) Open(context.Context, int, string, local.Options) (backends.Backend, worker.Device, error) {
	return m.model, m.devices[0], m.err
}

func TestCommands(t *testing.T) {
	for _, c := range []struct {
		args     string
		code     int
		out, err string
	}{
		{"", exitOK, "onset-cuda probe", ""},
		{"help", exitOK, "onset-cuda probe", ""},
		{"version", exitOK, "onset-cuda 1.2.3, protocol 1", ""},
		{"prob", exitUsage, "", `"prob" is no command`},
		{"serve", exitUsage, "", "name a checkpoint with --model"},
		{"serve --model x y", exitUsage, "", "and nothing else"},
		{"serve --mode x", exitUsage, "", "not defined"},
		{"serve --model x", exitFails, "", "the input ended without a shutdown"},
	} {
		var out, errs bytes.Buffer
		code := Main(t.Context(), strings.Fields(c.args), Streams{In: strings.NewReader(""), Out: &out, Err: &errs}, machine{}, "1.2.3")
		if code != c.code || !strings.Contains(out.String(), c.out) || !strings.Contains(errs.String(), c.err) {
			t.Errorf("%q: code %d, %s, %s", c.args, code, out.String(), errs.String())
		}
	}
}

// TestProbe sees that a machine without a device is an answer with a reason, as is one whose driver fails.
func TestProbe(t *testing.T) {
	for _, c := range []struct {
		m    machine
		code worker.Code
	}{
		{machine{devices: []worker.Device{{Name: "H100"}}}, ""},
		{machine{err: &worker.Reason{Code: worker.NotBuilt, Message: "no tag"}}, worker.NotBuilt},
		{machine{err: errors.New("count devices: CUDA_ERROR_UNKNOWN (999)\nhint: restart the machine")}, worker.DriverFails},
	} {
		var out bytes.Buffer
		if code := Main(t.Context(), []string{"probe"}, Streams{Out: &out, Err: &out}, c.m, "1"); code != exitOK {
			t.Errorf("code %d: %s", code, out.String())
		}
		var p worker.Probe
		if err := json.Unmarshal(out.Bytes(), &p); err != nil || len(p.Devices) != len(c.m.devices) || (p.Reason == nil) != (c.code == "") || p.Reason != nil && (p.Reason.Code != c.code || c.code == worker.DriverFails && (strings.Contains(p.Reason.Message, "hint") || p.Reason.Advice != "restart the machine")) {
			t.Errorf("%s: %v", out.String(), err)
		}
	}
}

// gone is a model whose device is lost at the first request, which wraps the driver's error as the engine does.
type gone struct{ backends.Backend }

func (gone) Do(context.Context, backends.Request) (backends.Response, error) {
	return backends.Response{}, &backends.Error{Kind: backends.KindInternal, Op: "ask model", Err: lostDevice{}}
}

type lostDevice struct{}

func (lostDevice) Error() string { return "launch: CUDA_ERROR_ILLEGAL_ADDRESS (700)" }
func (lostDevice) Lost() bool    { return true }

// TestLost sees that the worker ends with a code of its own when its device is lost, and that the request may be tried again.
func TestLost(t *testing.T) {
	var out, errs bytes.Buffer
	in := strings.NewReader(`{"type":"hello","protocol":1}` + "\n" + `{"type":"request","id":1,"kind":"generate","prompt":"x","sampling":{}}` + "\n" + `{"type":"shutdown"}` + "\n")
	m := machine{devices: []worker.Device{{Name: "H100", Capability: "9.0", Driver: "13.0", GEMM: "ptx"}}, model: gone{scripted.New(scripted.Options{Answer: func(string, int) (string, error) { return "x", nil }})}}
	code := Main(t.Context(), []string{"serve", "--model", "x"}, Streams{In: in, Out: &out, Err: &errs}, m, "1")
	if code != exitLost || !strings.Contains(errs.String(), "the device is lost") {
		t.Errorf("code %d, %s", code, errs.String())
	}
	if text := out.String(); !strings.Contains(text, `"products":"ptx"`) || !strings.Contains(text, `"type":"error","id":1,"kind":"server"`) {
		t.Errorf("it wrote %s", text)
	}
}

// TestProgress sees that only an engine that gets on is alive.
func TestProgress(t *testing.T) {
	var p progressOf
	if p.made() {
		t.Error("an engine that counts no steps is alive")
	}
	s := &steps{}
	p.watch(s)
	for _, n := range []int64{0, 3, 3, 4} {
		s.n = n
		if before := p.seen; p.made() != (n != before) {
			t.Errorf("at %d after %d", n, before)
		}
	}
}

type steps struct {
	backends.Backend
	n int64
}

func (s *steps) Steps() int64 { return s.n }
