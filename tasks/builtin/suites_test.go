package builtin_test

import (
	"io/fs"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/onset-eval/onset/tasks"
	"github.com/onset-eval/onset/tasks/builtin"
)

func index(t *testing.T) *tasks.Index {
	t.Helper()
	x, err := tasks.NewIndex(builtin.Source())
	if err != nil {
		t.Fatal(err)
	}
	if broken := x.Broken(); len(broken) > 0 {
		t.Fatal(broken)
	}
	return x
}

func TestTasks(t *testing.T) {
	x := index(t)
	want := "add2 add3 add4 dict fact fact_choice hash instruction_heldout instruction_seen map rule sum2 sum4 sum6"
	if got := strings.Join(x.Names(), " "); got != want {
		t.Errorf("tasks %s, want %s", got, want)
	}
	for _, name := range x.Names() {
		task, err := x.Task(name)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if _, stated := task.Chance(); task.Doc() == "" || task.Ability() == "" || !stated || task.Version() != "1" {
			t.Errorf("%s does not say what it is", name)
		}
		for _, style := range task.Styles() {
			if len(task.Metrics(style)) == 0 {
				t.Errorf("%s has no metric", name)
			}
			readAll(t, task, tasks.Variant{Style: style, Shots: task.Shots(style).Default})
		}
	}
}

func readAll(t *testing.T, task *tasks.Task, v tasks.Variant) []tasks.Sample {
	t.Helper()
	var out []tasks.Sample
	for s, err := range task.Samples(t.Context(), v, tasks.SampleOptions{}) {
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, s)
	}
	if len(out) != 200 {
		t.Errorf("%s %+v: %d samples, want 200", task.Name(), v, len(out))
	}
	return out
}

func TestSuites(t *testing.T) {
	x := index(t)
	files, err := fs.Glob(builtin.Suites(), "*.yaml")
	if err != nil || !slices.Equal(files, []string{"demo.yaml", "quick.yaml"}) {
		t.Fatalf("suites %v, %v", files, err)
	}
	for _, file := range files {
		suite, err := tasks.LoadSuiteFS(builtin.Suites(), file)
		if err != nil {
			t.Fatal(err)
		}
		cells, err := suite.Cells(x)
		if err != nil || suite.Name+".yaml" != file {
			t.Errorf("%s: %s, %v", file, suite.Name, err)
		}
		if file == "demo.yaml" && len(cells) != 33 { // as many as there are recorded tasks
			t.Errorf("%d cells", len(cells))
		}
	}
}

// TestChance holds the mean chance to the guessing levels that the ladder's README states in per cent, for
// the guess of a shown value, rounded.
func TestChance(t *testing.T) {
	x := index(t)
	for _, c := range []struct {
		task  string
		shots int
		want  float64
	}{
		{"map", 0, 3.8}, {"map", 2, 26}, {"map", 8, 24}, {"map", 16, 24},
		{"rule", 8, 12.5}, {"sum6", 0, 10}, {"add4", 0, 1}, {"fact", 0, 6.25}, {"hash", 0, 10}, {"fact_choice", 0, 6.25},
	} {
		task, err := x.Task(c.task)
		if err != nil {
			t.Fatal(err)
		}
		sum := 0.0
		samples := readAll(t, task, tasks.Variant{Style: tasks.Direct, Shots: c.shots})
		for _, s := range samples {
			sum += s.Chance
		}
		if got := 100 * sum / float64(len(samples)); math.Abs(got-c.want) > 0.6 {
			t.Errorf("%s with %d shots: mean chance %.2f %%, want %v", c.task, c.shots, got, c.want)
		}
	}
}
