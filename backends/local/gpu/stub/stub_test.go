//go:build cuda

package stub

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// built is where make cuda-stub puts the stand-in, from here.
const built = "../../../../bin/cuda-stub"

// selftest runs a case of selftest/main.c and gives what it and the emulator printed.
func selftest(t *testing.T, environment []string, args ...string) (stdout, stderr string, err error) {
	t.Helper()
	dir, err := filepath.Abs(built)
	if err != nil {
		t.Fatal(err)
	}
	command := exec.Command(filepath.Join(dir, "selftest"), args...)
	if _, err := os.Stat(command.Path); err != nil {
		t.Fatalf("%v\nhint: make cuda-stub", err)
	}
	command.Env = append(os.Environ(), "LD_LIBRARY_PATH="+dir)
	command.Env = append(command.Env, environment...)
	var out, errors strings.Builder
	command.Stdout, command.Stderr = &out, &errors
	err = command.Run()
	return strings.TrimSpace(out.String()), errors.String(), err
}

func TestRightKernels(t *testing.T) {
	cases := []struct {
		name        string
		environment []string
	}{
		{"products", nil},
		{"collectives", nil},
		{"wait", nil},
		{"uninitialised", nil},
		{"launch_refusals", nil},
		{"graph", nil},
		{"freed", nil},
		{"host_pointer", nil},
		{"guard", nil},
		{"memory", []string{"ONSET_STUB_MEMORY=1048576"}},
		{"lazy", []string{"ONSET_STUB_LAZY=1"}},
		{"graph", []string{"ONSET_STUB_LAZY=1"}},
		{"products", []string{"ONSET_STUB_SEED=3"}},
		{"collectives", []string{"ONSET_STUB_SEED=3"}},
		{"collectives", []string{"ONSET_STUB_SEED=10", "ONSET_STUB_THREADS=4"}},
		{"collectives", []string{"ONSET_STUB_THREADS=1"}},
	}
	for _, c := range cases {
		t.Run(strings.Join(append([]string{c.name}, c.environment...), ","), func(t *testing.T) {
			t.Parallel()
			out, errors, err := selftest(t, c.environment, c.name)
			if err != nil || out != "" {
				t.Errorf("%v: %s\n%s", err, out, errors)
			}
		})
	}
}

// Each kernel is wrong in one way, which the emulator must name.
func TestFaultsAreCaught(t *testing.T) {
	const illegal, failed = "CUDA_ERROR_ILLEGAL_ADDRESS", "CUDA_ERROR_LAUNCH_FAILED"
	cases := []struct{ args, result, says string }{
		{"fault_barrier", failed, "divergence: 24 threads have returned, 40 wait at a barrier"},
		{"fault_warp", failed, "32 wait for the rest of their warp in shfl"},
		{"fault_mixed", failed, "divergence within a warp: this thread is in warp_sync (0), others are in shfl (0)"},
		{"fault_barrier_and_warp", failed, "1 wait at a barrier (thread 0 at barrier 0), 31 wait for the rest of their warp in shfl"},
		{"fault_store 100000", illegal, "thread 3 of 32: access of 0x"},
		{"fault_store 62", illegal, "a byte 8 above the end of the allocation of 240 bytes"},
		{"fault_load 5000", illegal, "bytes from the start of a live allocation of 240"},
		{"fault_load -5000", illegal, "thread 0 of 32: access of 0x"},
		{"fault_align", "CUDA_ERROR_MISALIGNED_ADDRESS", "is not 16-byte aligned"},
		{"fault_vector 60", illegal, "16 bytes at 0x"},
		{"fault_async", illegal, "thread 30 of 32: 16 bytes at shared address"},
		{"fault_shared 33", failed, "wrote above the shared array s"},
		{"fault_shared -1", failed, "wrote below the shared array s"},
		{"fault_dynamic 33", failed, "wrote above the dynamic shared memory"},
		{"fault_dynamic -1", failed, "wrote below the dynamic shared memory"},
		{"fault_plain 2", failed, "a misaligned access"},
		{"fault_local 4", failed, "an index out of an array"},
		{"fault_assert 3", failed, "n is below three"},
		{"fault_stack 1000", illegal, "access of 0x"},
	}
	for _, c := range cases {
		t.Run(c.args, func(t *testing.T) {
			t.Parallel()
			out, errors, err := selftest(t, nil, strings.Fields(c.args)...)
			if err != nil || out != c.result {
				t.Errorf("got %q (%v), want %q", out, err, c.result)
			}
			if !strings.Contains(errors, c.says) {
				t.Errorf("standard error is %q, want it to contain %q", errors, c.says)
			}
		})
	}
}

// A missing barrier shows as another result in another order of threads.
func TestRaceShows(t *testing.T) {
	seen := map[string]bool{}
	for _, seed := range []string{"0", "1", "2", "3"} {
		out, errors, err := selftest(t, []string{"ONSET_STUB_SEED=" + seed}, "race")
		if err != nil || errors != "" {
			t.Fatalf("%v: %s%s", err, out, errors)
		}
		seen[out] = true
	}
	if len(seen) < 2 {
		t.Errorf("four orders gave one result: %v", seen)
	}
}

func TestFailuresOnRequest(t *testing.T) {
	cases := []struct{ fail, want string }{
		{"alloc:2", "CUDA_ERROR_OUT_OF_MEMORY in round 2"},
		{"launch:3", "CUDA_ERROR_ILLEGAL_ADDRESS in round 3"},
		{"copy:1", "CUDA_ERROR_ECC_UNCORRECTABLE in round 1"},
		{"copy:9", "no failure"},
	}
	for _, c := range cases {
		out, _, err := selftest(t, []string{"ONSET_STUB_FAIL=" + c.fail}, "fail")
		if err != nil || out != c.want {
			t.Errorf("ONSET_STUB_FAIL=%s: %q (%v), want %q", c.fail, out, err, c.want)
		}
		if c.want == "no failure" {
			continue
		}
		_, _, err = selftest(t, []string{"ONSET_STUB_CRASH=" + c.fail}, "fail")
		if err == nil || err.Error() != "signal: killed" {
			t.Errorf("ONSET_STUB_CRASH=%s: ended with %v, want to be killed", c.fail, err)
		}
	}
}
