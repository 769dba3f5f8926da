package main

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/onset-eval/onset/backends"
	"github.com/onset-eval/onset/evaluators/runner"
	"github.com/onset-eval/onset/evaluators/scorelibs"
	"github.com/onset-eval/onset/tasks"
	"github.com/onset-eval/onset/tasks/builtin"
	"github.com/onset-eval/onset/tasks/hooks"
)

// runSpec is a run as its user asked for it. It stands in the run's header, and onset resume plans from it.
type runSpec struct {
	Suite   tasks.Suite       `json:"suite"`
	Ladders []backends.Ladder `json:"ladders,omitempty"`
	Models  []backends.Model  `json:"models,omitempty"`
	Include []string          `json:"include,omitempty"` // absolute
	Data    []string          `json:"data,omitempty"`    // absolute folders of dataset repositories
	// Python is the interpreter that may run functions of task files; "" runs none.
	Python string `json:"python,omitempty"`
	// Sandbox is the command that runs programs which models write; "" runs none.
	Sandbox string `json:"sandbox,omitempty"`
	Seed    uint64 `json:"seed"`
	// Device says where local models run, as --device does; "" is auto.
	Device string `json:"device,omitempty"`
	// Ask says how models are asked.
	Ask runner.Ask `json:"ask,omitzero"`
}

// plan finds the spec's tasks and lists its cells and models.
func (s runSpec) plan() (runner.Plan, error) {
	index, err := taskIndex(s.Include, s.source())
	if err != nil {
		return runner.Plan{}, err
	}
	return s.planOf(index)
}

// planOf plans with the tasks of an index.
func (s runSpec) planOf(index *tasks.Index) (runner.Plan, error) {
	cells, err := s.Suite.Cells(index)
	if err != nil {
		return runner.Plan{}, usage(err)
	}
	p := runner.Plan{Cells: cells, Seed: s.Seed, Ask: s.Ask}
	seen := make(map[string]bool)
	for _, m := range s.allModels() {
		if seen[m.Name] {
			return p, usage(withHint(fmt.Errorf("two models are named %s", m.Name), "records are kept by model name: rename one"))
		}
		seen[m.Name] = true
		p.Models = append(p.Models, m)
	}
	return p, nil
}

func (s runSpec) allModels() []backends.Model {
	var models []backends.Model
	for _, l := range s.Ladders {
		models = append(models, l.Models...)
	}
	return append(models, s.Models...)
}

// taskSource says where tasks have their data from, and what may run their functions.
type taskSource struct {
	data   []string
	python string
	// sandbox is the command that runs programs which models write; "" runs none.
	sandbox string
}

func (s runSpec) source() taskSource { return taskSource{s.Data, s.Python, s.Sandbox} }

// interpreter runs functions of task files, if the user asked for it.
func (s taskSource) interpreter() *hooks.Python {
	if s.python == "" {
		return nil
	}
	return &hooks.Python{Command: s.python, Errors: os.Stderr}
}

// taskIndex indexes the tasks that ship and those of the user's folders, which win over them.
func taskIndex(include []string, from taskSource) (*tasks.Index, error) {
	sources := []tasks.Source{builtin.Source()}
	for _, path := range include {
		src, err := tasks.PathSource(path)
		if err != nil {
			return nil, usage(err)
		}
		sources = append(sources, src)
	}
	box, err := openSandbox(from.sandbox)
	if err != nil {
		return nil, err
	}
	index, err := tasks.OpenIndex(tasks.IndexOptions{Cache: indexFile(include), Data: provideData(from.data), Python: from.interpreter(),
		Libraries: scorelibs.Libraries(box), Sandboxed: box != nil}, sources...)
	return index, usage(err)
}

// indexFile is where the index of the user's folders is kept, so that a tree of thousands of files is read once; "" where
// there is no such place, or nothing to keep.
func indexFile(include []string) string {
	dir, err := os.UserCacheDir()
	if err != nil || len(include) == 0 {
		return ""
	}
	sum := sha256.Sum256([]byte(strings.Join(absolute(include), "\x00")))
	return filepath.Join(dir, "onset", "tasks-"+hex.EncodeToString(sum[:8])+".index")
}

// absolute makes paths independent of the current folder, so that a run can be resumed from anywhere.
func absolute(paths []string) []string {
	out := make([]string, len(paths))
	for i, p := range paths {
		if abs, err := filepath.Abs(p); err == nil {
			p = abs
		}
		out[i] = p
	}
	return out
}

// encode writes the spec for the header.
func (s runSpec) encode() (json.RawMessage, error) {
	raw, err := json.Marshal(s)
	if err != nil {
		return nil, fmt.Errorf("encode plan: %w", err)
	}
	return raw, nil
}

func decodeRunSpec(raw json.RawMessage) (runSpec, error) {
	var s runSpec
	if err := json.Unmarshal(raw, &s); err != nil {
		return s, fmt.Errorf("read the plan in the run's header: %w", err)
	}
	return s, nil
}
