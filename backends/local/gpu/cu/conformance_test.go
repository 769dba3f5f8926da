//go:build cuda

package cu

import (
	"testing"

	"github.com/onset-eval/onset/backends/local/gpu"
	"github.com/onset-eval/onset/backends/local/gpu/gputest"
)

func TestConformance(t *testing.T) {
	for _, mode := range []string{"at once", "lazy"} {
		t.Run(mode, func(t *testing.T) {
			if mode == "lazy" {
				onStub(t)
				t.Setenv("ONSET_STUB_LAZY", "1")
			}
			gputest.Conformance(t, func(t *testing.T) gpu.Device { return openFirst(t) })
		})
	}
}
