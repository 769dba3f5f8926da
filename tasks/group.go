package tasks

import (
	"maps"
	"slices"
)

// Group is a set of tasks with what is reported of them together.
type Group struct {
	Name  string
	Alias string // what tables call it; "" is its name
	// Version is metadata.version; "" without one.
	Version    string
	Members    []Member
	Aggregates []Aggregate
}

// Member is a part of a group: a group or a task.
type Member struct {
	Group *Group
	Task  *TaskRef
}

// Aggregate says how a metric of a group's tasks becomes one number.
type Aggregate struct {
	Metric string
	// Filters name the filter pipelines; nil is every pipeline that the tasks report.
	Filters []string
	// Function is the name of the aggregation: mean.
	Function string
	// WeightBySize weighs each task with its number of samples, and else all alike.
	WeightBySize bool
}

// TaskRef is a task of a group with the keys that the group replaces.
type TaskRef struct {
	Name string
	load func() (*Task, error)
	read func() error
}

// Load gives the task. It reads its data once.
func (r *TaskRef) Load() (*Task, error) { return r.load() }

// Check reads the task's keys and reports what is wrong with them. It reads no data.
func (r *TaskRef) Check() error { return r.read() }

// Tasks lists the group's tasks, those of inner groups in their place, each name once.
func (g *Group) Tasks() []*TaskRef {
	var out []*TaskRef
	seen := make(map[string]bool)
	var walk func(g *Group)
	walk = func(g *Group) {
		for _, m := range g.Members {
			if m.Group != nil {
				walk(m.Group)
			} else if !seen[m.Task.Name] {
				seen[m.Task.Name] = true
				out = append(out, m.Task)
			}
		}
	}
	walk(g)
	return out
}

// Resolve gives the tasks that a name stands for: a task, those of a group, or those with a tag. An unknown name
// is an *UnknownTaskError.
func (x *Index) Resolve(name string) ([]*TaskRef, error) {
	switch {
	case x.tasks[name] != nil:
		return []*TaskRef{x.ref(name, nil)}, nil
	case x.groups[name] != nil:
		g, err := x.Group(name)
		if err != nil {
			return nil, err
		}
		return g.Tasks(), nil
	case len(x.tags[name]) > 0:
		var out []*TaskRef
		for _, t := range x.tags[name] {
			out = append(out, x.ref(t, nil))
		}
		return out, nil
	}
	return nil, x.unknown(name)
}

// Groups lists the groups, sorted.
func (x *Index) Groups() []string { return slices.Sorted(maps.Keys(x.groups)) }

// Group gives the group of a name with all that it holds. No task of it is read. An unknown name is an
// *UnknownTaskError.
func (x *Index) Group(name string) (*Group, error) {
	found := x.groups[name]
	if found == nil {
		return nil, x.unknown(name)
	}
	b := groupBuilder{index: x, tree: found.tree}
	g, err := b.named(name, nil)
	if err != nil {
		return nil, found.tree.source.wrap(err)
	}
	return g, nil
}
