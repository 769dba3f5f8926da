// Package backendtest runs the checks of package conformance as Go tests: every backend passes them.
package backendtest

import (
	"context"
	"testing"

	"github.com/onset-eval/onset/backends"
	"github.com/onset-eval/onset/backends/conformance"
)

// Options describe the backend under test. Prompts is required.
type Options = conformance.Options

// Run holds a backend, opened anew for each check, against every promise that its kinds make sense of.
func Run(t *testing.T, open func(t testing.TB) backends.Backend, o Options) {
	t.Helper()
	for _, c := range conformance.Checks() {
		t.Run(c.Name, func(t *testing.T) {
			b := open(t)
			defer func() { _ = b.Close() }()
			switch r := c.Run(t.Context(), b, o); r.Status {
			case conformance.Failed:
				t.Error(r.Err)
			case conformance.Skipped:
				t.Skip(r.Err)
			case conformance.Passed:
			}
		})
	}
}

// Failures runs the checks without a test and gives the names of those that fail, for testing the suite itself.
func Failures(ctx context.Context, open func() backends.Backend, o Options) []string {
	var failed []string
	for _, c := range conformance.Checks() {
		b := open()
		if c.Run(ctx, b, o).Status == conformance.Failed {
			failed = append(failed, c.Name)
		}
		_ = b.Close()
	}
	return failed
}
