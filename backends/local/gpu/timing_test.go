package gpu_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/onset-eval/onset/backends/local/gpu"
	"github.com/onset-eval/onset/backends/local/gpu/gputest"
)

// TestMeasure sees how often work is done: to warm up, once to see how long it takes, in a graph, and without one where it
// cannot be captured.
func TestMeasure(t *testing.T) {
	for _, captured := range []bool{true, false} {
		d := gputest.New(1 << 20)
		p, err := d.Alloc(256)
		if err != nil {
			t.Fatal(err)
		}
		if !captured {
			d.FailAt("capture", 1, errors.New("not this"))
		}
		calls, most := 0, 0
		timing := gpu.Timing{Warm: 2, Span: 10 * time.Microsecond, Most: 4, Rounds: 3}
		took, err := timing.Measure(d, 0, func(i int) error {
			calls, most = calls+1, max(most, i)
			return d.Zero(p, 256, 0)
		})
		// The device's clock goes a microsecond an event, so that ten of them would fill the span.
		want := 2 + 1 + map[bool]int{true: 4, false: 4 * (1 + 3)}[captured]
		if err != nil || took <= 0 || calls != want || most != 3 {
			t.Errorf("captured %v: %v, %d calls up to %d, want %d, %v", captured, took, calls, most, want, err)
		}
		if leaks := d.Leaks(); len(leaks) != 1 {
			t.Errorf("captured %v: left are %q", captured, leaks)
		}
	}
	d := gputest.New(1 << 20)
	broken := errors.New("broken")
	if _, err := (gpu.Timing{}).Measure(d, 0, func(int) error { return broken }); !errors.Is(err, broken) {
		t.Errorf("the error is %v", err)
	}
}

// TestMeasurePeak sees that a small device is measured by what fits, that nothing is left behind, and that errors come out.
func TestMeasurePeak(t *testing.T) {
	d := gputest.New(24 << 20)
	p, err := gpu.MeasurePeak(d, 8192)
	if err != nil || p.Size != 1024 || p.CopyBytes != 64<<10 || p.Product <= 0 || p.Own != p.Product || !strings.HasPrefix(p.By, "linear_") || p.Copy <= 0 {
		t.Errorf("%+v, %v", p, err)
	}
	if leaks := d.Leaks(); len(leaks) != 0 {
		t.Errorf("left are %q", leaks)
	}
	d = gputest.New(24 << 20)
	if p, err = gpu.MeasurePeak(d, 0); err != nil || p.Size > 64 || p.CopyBytes > 1<<20 {
		t.Errorf("the stand-in is measured by %+v, %v", p, err)
	}
	for _, op := range []string{"alloc", "launch", "copy", "todevice"} {
		d = gputest.New(24 << 20)
		d.FailAt(op, 1, errors.New("this one"))
		if _, err := gpu.MeasurePeak(d, 128); err == nil {
			t.Errorf("%s fails, and the device is measured", op)
		}
	}
}
