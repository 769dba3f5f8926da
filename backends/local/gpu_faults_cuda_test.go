//go:build cuda

package local

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/onset-eval/onset/backends"
	"github.com/onset-eval/onset/backends/local/gpu"
	"github.com/onset-eval/onset/backends/local/gpu/cu"
)

// emulated opens the first device, or skips a test that lets it fail where it is a GPU.
func emulated(t *testing.T) gpu.Device {
	t.Helper()
	dev := testDevice(t)
	if !dev.Info().Emulated {
		t.Skip("a GPU cannot be made to fail")
	}
	return dev
}

func openOn(dev gpu.Device) (*Backend, error) {
	return Open(context.Background(), filepath.Join("ladder", "checkpoints", "seed0", "s0"), Options{Device: dev, StepTokens: 64, CacheBytes: 1})
}

// TestDeviceWithoutRoom lets each allocation fail while a model is opened: the opening fails and says so, and the next one
// finds all of the device's memory.
func TestDeviceWithoutRoom(t *testing.T) {
	dev := emulated(t)
	before, _, err := dev.Memory()
	if err != nil {
		t.Fatal(err)
	}
	failed := 0
	for n := 1; n < 100; n++ {
		t.Setenv("ONSET_STUB_FAIL", fmt.Sprintf("alloc:%d", n))
		b, err := openOn(dev)
		if err == nil {
			if err := b.Close(); err != nil {
				t.Fatal(err)
			}
			break
		}
		failed++
		var oom *gpu.OutOfMemory
		if !errors.As(err, &oom) {
			t.Errorf("allocation %d: %v", n, err)
		}
		if after, _, err := dev.Memory(); err != nil || after != before {
			t.Errorf("allocation %d: %d bytes are free, and %d before: %v", n, after, before, err)
		}
	}
	if failed < 5 {
		t.Errorf("%d allocations could fail", failed)
	}
}

// TestDeviceFailsInTheMiddle lets an allocation, a copy and a launch fail while requests are under way, each in a process of
// its own, since a device that is lost is so until the process ends.
func TestDeviceFailsInTheMiddle(t *testing.T) {
	emulated(t)
	for _, fail := range []string{"alloc:1", "alloc:2", "copy:3", "launch:7", "launch:13"} {
		t.Run(fail, func(t *testing.T) {
			t.Parallel()
			cmd := exec.Command(os.Args[0], "-test.run=^TestDeviceFailsHere$", "-test.v")
			cmd.Env = append(os.Environ(), "ONSET_TEST_FAIL="+fail)
			out, err := cmd.CombinedOutput()
			if lost := fail[0] != 'a'; err != nil || !strings.Contains(string(out), fmt.Sprintf("lost: %v", lost)) {
				t.Errorf("%v: %s", err, out)
			}
		})
	}
}

// TestDeviceFailsHere is the process in which a call fails: the request under way fails with an error that is tried again, and
// a later one is answered, unless the device is lost, which the backend then says.
func TestDeviceFailsHere(t *testing.T) {
	fail := os.Getenv("ONSET_TEST_FAIL")
	if fail == "" {
		t.Skip("it is run by TestDeviceFailsInTheMiddle")
	}
	dev, err := cu.Open(0)
	if err != nil {
		t.Fatal(err)
	}
	b, err := openOn(dev)
	if err != nil {
		t.Fatal(err)
	}
	req := backends.Request{Kind: backends.LogLikelihood, Prompt: "Add: 1+1 S:", Continuations: []string{"2", "3"}}
	t.Setenv("ONSET_STUB_FAIL", fail)
	_, err = b.Do(context.Background(), req)
	t.Setenv("ONSET_STUB_FAIL", "")
	if !backends.KindOf(err).Temporary() {
		t.Errorf("a request under way gives %v", err)
	}
	var of *gpu.Error
	gone := errors.As(err, &of) && of.Lost()
	if (b.DeviceLost() != nil) != gone {
		t.Errorf("the device is lost: %v, after %v", b.DeviceLost(), err)
	}
	resp, err := b.Do(context.Background(), req)
	if (err != nil) != gone || err == nil && len(resp.LogProbs) != 2 {
		t.Errorf("a later request gives %+v, %v", resp, err)
	}
	t.Logf("lost: %v", gone)
	if err := errors.Join(b.Close(), dev.Close()); (err != nil) != gone {
		t.Errorf("to close gives %v", err)
	}
}
