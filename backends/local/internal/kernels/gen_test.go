package kernels

import (
	"os/exec"
	"testing"
)

// The generated files are what the generator writes.
func TestGeneratedFilesAreCurrent(t *testing.T) {
	if _, err := exec.LookPath("go"); err != nil {
		t.Skipf("NOT RUN: %v", err)
	}
	if out, err := exec.CommandContext(t.Context(), "go", "run", "./_gen", "-check").CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}
