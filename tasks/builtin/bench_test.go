package builtin_test

import (
	"testing"

	"github.com/onset-eval/onset/tasks"
	"github.com/onset-eval/onset/tasks/builtin"
)

// BenchmarkPlan is what every start of onset pays: all embedded tasks loaded, the demo suite resolved.
func BenchmarkPlan(b *testing.B) {
	for b.Loop() {
		x, err := tasks.NewIndex(builtin.Source())
		if err != nil {
			b.Fatal(err)
		}
		suite, err := tasks.LoadSuiteFS(builtin.Suites(), "demo.yaml")
		if err != nil {
			b.Fatal(err)
		}
		if _, err := suite.Cells(x); err != nil {
			b.Fatal(err)
		}
	}
}
