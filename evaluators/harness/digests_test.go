package harness

import (
	"flag"
	"fmt"
	"os"
	"slices"
	"sort"
	"strings"
	"testing"

	"github.com/onset-eval/onset/evaluators/lmeval"
	"github.com/onset-eval/onset/tasks"
	"github.com/onset-eval/onset/tasks/hooks"
)

var update = flag.Bool("update", false, "write digests.txt from the tree at ONSET_LMEVAL_TREE")

// TestDigests holds that each function of lmeval stands for a source of the tree at ONSET_LMEVAL_TREE (the tasks folder
// of an installed lm_eval), with the digests in digests.txt.
func TestDigests(t *testing.T) {
	dir := os.Getenv("ONSET_LMEVAL_TREE")
	if dir == "" {
		t.Skip("set ONSET_LMEVAL_TREE to the tasks folder of lm_eval 0.4.13")
	}
	source, err := tasks.PathSource(dir)
	if err != nil {
		t.Fatal(err)
	}
	index, err := tasks.OpenIndex(tasks.IndexOptions{}, source)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, h := range lmeval.ResultsHooks() {
		names = append(names, h.Name)
	}
	for _, h := range lmeval.AggregationHooks() {
		names = append(names, h.Name)
	}
	for _, h := range lmeval.Filters() {
		names = append(names, h.Name)
	}
	lines := make(map[string]bool)
	add := func(f *hooks.Found) {
		if f == nil || f.Digest == "" {
			return
		}
		full := strings.Replace(f.Name, ".py:", ".", 1)
		for _, name := range names {
			if stands(name, full) {
				lines[name+" "+f.Digest] = true
			}
		}
	}
	for _, name := range index.Names() {
		task, err := index.Outline(name)
		if err != nil {
			continue
		}
		for _, style := range task.Styles() {
			add(task.Results(style))
			for _, m := range task.Metrics(style) {
				add(m.AggregationFunc)
			}
			for _, p := range task.Filters(style) {
				for _, f := range p.Filters {
					add(f.Func)
				}
			}
		}
	}
	var list []string
	for l := range lines {
		list = append(list, l)
	}
	sort.Strings(list)
	text := strings.Join(list, "\n") + "\n"
	if *update {
		if err := os.WriteFile("digests.txt", []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	for _, l := range list {
		if name, digest, _ := strings.Cut(l, " "); !slices.Contains(digests(name), digest) {
			t.Errorf("%s has the source %s in the tree, which digests.txt does not know", name, digest)
		}
	}
	if len(list) < 20 {
		t.Error(fmt.Sprint("only ", len(list), " functions are in the tree"))
	}
}
