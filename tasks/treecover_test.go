package tasks_test

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/onset-eval/onset/tasks"
	"github.com/onset-eval/onset/tasks/hooks"
)

// TestTreeCoverage lists what keeps tasks of a whole lm-evaluation-harness tree from loading, in the order of the
// number of tasks that it alone would unlock. It fails where less than treeShare of the tasks load.
func TestTreeCoverage(t *testing.T) {
	index := openTree(t, "")
	alone := make(map[string]int) // by hook, the tasks that it alone keeps from loading
	any := make(map[string]int)
	other := make(map[string]int)
	example := make(map[string]string)
	scored := make(map[string]int)
	loads := 0
	names := index.Names()
	for _, name := range names {
		uses, err := index.Functions(name)
		var missing []*hooks.MissingError
		for _, u := range uses {
			var m *hooks.MissingError
			if errors.As(u.Missing, &m) {
				missing = append(missing, m)
			}
			if u.Kind.Scores() {
				scored[fmt.Sprintf("%s %s %s", u.Kind, u.Digest, u.Name)]++
			}
		}
		switch {
		case err != nil:
			key := reason(err)
			other[key]++
			example[key] = name
			continue
		case len(missing) == 0:
			loads++
			continue
		}
		keys := make(map[string]bool)
		for _, m := range missing {
			keys[describeHook(m)] = true
		}
		for key := range keys {
			any[key]++
			example[key] = name
			if len(keys) == 1 {
				alone[key]++
			}
		}
	}
	t.Logf("%d of %d tasks load (%.1f %%)", loads, len(names), 100*float64(loads)/float64(len(names)))
	for _, part := range []struct {
		title string
		count map[string]int
	}{{"hooks by the tasks that each alone unlocks", alone}, {"hooks by the tasks that need them", any}, {"other reasons", other}, {"functions that score, which evaluators must know", scored}} {
		t.Logf("%s: %d", part.title, len(part.count))
		keys := slices.SortedFunc(maps.Keys(part.count), func(a, b string) int { return part.count[b] - part.count[a] })
		for _, key := range keys[:min(len(keys), 80)] {
			t.Logf("%6d  %s (%s)", part.count[key], key, example[key])
		}
	}
	if loads*1000 < treeShare*len(names) {
		t.Errorf("%d of %d tasks load, want at least %d ‰", loads, len(names), treeShare)
	}
}

// treeShare is the least share of tasks that load, in thousandths; it rises with each hook that is added.
const treeShare = 885

func describeHook(m *hooks.MissingError) string {
	file := m.File
	if i := strings.Index(file, "lm_eval/tasks/"); i >= 0 {
		file = file[i+len("lm_eval/tasks/"):]
	}
	if m.Digest != "" && !m.Changed {
		return fmt.Sprintf("%s %s %s", m.Kind, m.Digest, m.Name)
	}
	return fmt.Sprintf("%s %s %s:%s changed=%v %v", m.Kind, m.Digest, file, m.Name, m.Changed, m.Err)
}

// reason is an error without its place.
func reason(err error) string {
	s := err.Error()
	if i := strings.Index(s, ": "); i >= 0 {
		s = s[i+2:]
	}
	return s[:min(len(s), 160)]
}

// openTree indexes the tree at ONSET_LMEVAL_TREE.
func openTree(t testing.TB, cache string) *tasks.Index {
	t.Helper()
	dir := os.Getenv("ONSET_LMEVAL_TREE")
	if dir == "" {
		t.Skip("set ONSET_LMEVAL_TREE to the folder lm_eval/tasks of an lm_eval wheel")
	}
	source, err := tasks.PathSource(dir)
	if err != nil {
		t.Fatal(err)
	}
	index, err := tasks.OpenIndex(tasks.IndexOptions{Cache: cache}, source)
	if err != nil {
		t.Fatal(err)
	}
	if len(index.Names()) < 1000 {
		t.Fatal(errors.New("the tree holds fewer than 1,000 tasks"))
	}
	return index
}
