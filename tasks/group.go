package tasks

import (
	"fmt"
	"maps"
	"slices"

	"github.com/onset-eval/onset/backends/yamlfile"
	"github.com/onset-eval/onset/tasks/pyval"
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

// groupBuilder makes a group; above are the groups that it lies in.
type groupBuilder struct {
	index *Index
	tree  *tree
	above []string
}

// groupKeys are a group's own; all others replace keys of its tasks.
var groupKeys = [...]string{"group", "group_alias", "task", "aggregate_metric_list", "metadata"}

// named makes a group of the index, with keys for its tasks from the group above it.
func (b groupBuilder) named(name string, over []yamlfile.Pair) (*Group, error) {
	found := b.index.groups[name]
	b.tree = found.tree
	d, err := found.tree.document(found.file, nil)
	if err != nil {
		return nil, err
	}
	if slices.Contains(b.above, name) {
		return nil, d.field("group").Errorf("group: %s holds itself", name)
	}
	b.above = append(slices.Clone(b.above), name)
	return b.build(name, d, over)
}

// build makes a group of its keys.
func (b groupBuilder) build(name string, d document, over []yamlfile.Pair) (*Group, error) {
	g := &Group{Name: name}
	var err error
	if f := d.field("group_alias"); f.Set() && !f.IsNull() {
		if g.Alias, err = f.Name(); err != nil {
			return nil, err
		}
	}
	if g.Version, err = readVersion(d.field("metadata")); err != nil {
		return nil, err
	}
	if g.Aggregates, err = readAggregates(d.field("aggregate_metric_list")); err != nil {
		return nil, err
	}
	var below []yamlfile.Pair
	for _, p := range d.sorted() {
		if !slices.Contains(groupKeys[:], p.Key) && p.Key != "tag" {
			below = append(below, p)
		}
	}
	below = append(below, over...)
	f := d.field("task")
	if !f.Set() || f.IsNull() {
		return g, nil
	}
	items, err := f.Items()
	if err != nil {
		return nil, f.Wrong("a list of tasks and groups")
	}
	for _, item := range items {
		members, err := b.member(name, d, item, below)
		if err != nil {
			return nil, err
		}
		g.Members = append(g.Members, members...)
	}
	return g, nil
}

// member makes the parts that one item of a group's list names.
func (b groupBuilder) member(parent string, d document, item yamlfile.Field, over []yamlfile.Pair) ([]Member, error) {
	if name, err := item.Name(); err == nil {
		return b.reference(parent, d, item, name, over)
	}
	pairs, err := item.Pairs()
	if err != nil {
		return nil, item.Wrong("the name of a task, or a mapping")
	}
	own := document{file: d.file, tree: d.tree}.with(pairs)
	if f := own.field("group"); f.Set() {
		name, err := f.Name()
		if err != nil {
			return nil, err
		}
		var g *Group
		if b.index.groups[name] != nil {
			g, err = b.named(name, append(slices.Clone(over), without(pairs, "group")...))
		} else {
			g, err = b.build(parent+"::"+name, own, over)
		}
		return []Member{{Group: g}}, err
	}
	f := own.field("task")
	if !f.Set() {
		return nil, item.Errorf("a task of a group needs the key \"task\" or \"group\"")
	}
	name, err := f.Name()
	if err != nil {
		return nil, err
	}
	return b.reference(parent, d, f, name, append(slices.Clone(over), without(pairs, "task")...))
}

func without(pairs []yamlfile.Pair, key string) []yamlfile.Pair {
	return slices.DeleteFunc(slices.Clone(pairs), func(p yamlfile.Pair) bool { return p.Key == key })
}

// reference makes the parts of a name: a group, a task, the tasks of a tag, or a task that is written out.
func (b groupBuilder) reference(parent string, d document, at yamlfile.Field, name string, over []yamlfile.Pair) ([]Member, error) {
	x := b.index
	if x.groups[name] != nil {
		g, err := b.named(name, over)
		return []Member{{Group: g}}, err
	}
	names := x.tags[name]
	if x.tasks[name] != nil || x.python[name] != nil {
		names = []string{name}
	}
	if names == nil {
		if len(over) == 0 {
			return nil, at.Hintf("name a task, a tag or a group", "group %s: there is no task %q", parent, name)
		}
		return []Member{{Task: x.inline(parent+"::"+name, document{file: d.file, tree: d.tree}.with(over))}}, nil
	}
	var out []Member
	for _, name := range names {
		out = append(out, Member{Task: x.ref(name, over)})
	}
	return out, nil
}

// ref makes a reference to a task of the index.
func (x *Index) ref(name string, over []yamlfile.Pair) *TaskRef {
	found := x.tasks[name]
	if found == nil {
		fail := func() error { return x.unknown(name) }
		return &TaskRef{Name: name, load: func() (*Task, error) { return nil, fail() }, read: fail}
	}
	if len(over) == 0 {
		return &TaskRef{Name: name, load: found.load, read: func() error { return x.Check(name) }}
	}
	return &TaskRef{Name: name, load: func() (*Task, error) { return x.loadNamed(found, name, over) },
		read: func() error {
			_, err := x.readNamed(found, name, over)
			return found.tree.source.wrap(err)
		}}
}

// inline makes a reference to a task that a group writes out.
func (x *Index) inline(name string, d document) *TaskRef {
	source := d.tree.source
	read := func() (*Task, error) { return readTask(d, name) }
	return &TaskRef{Name: name, read: func() error { _, err := read(); return source.wrap(err) }, load: func() (*Task, error) {
		t, err := read()
		if err == nil {
			err = t.readData(x.options.Data)
		}
		if err != nil {
			return nil, source.wrap(err)
		}
		t.source = source.Name
		return t, nil
	}}
}

// readAggregates reads aggregate_metric_list: one entry or a list of them.
func readAggregates(f yamlfile.Field) ([]Aggregate, error) {
	if !f.Set() || f.IsNull() {
		return nil, nil
	}
	items, err := f.Items()
	if err != nil {
		items = []yamlfile.Field{f}
	}
	var out []Aggregate
	for _, item := range items {
		pairs, err := item.Pairs()
		if err != nil {
			return nil, err
		}
		a := Aggregate{Function: "mean", WeightBySize: true}
		for _, p := range pairs {
			switch p.Key {
			case "metric":
				a.Metric, err = p.Text()
			case "filter_list":
				if !p.IsNull() {
					a.Filters, err = p.Texts()
				}
			case "aggregation":
				if a.Function, err = p.Text(); err == nil && a.Function != "mean" {
					err = unknownWord(p.Field, a.Function, []string{"mean"})
				}
			case "weight_by_size":
				a.WeightBySize, err = readTruthy(p.Field)
			case "higher_is_better": // the metric says so itself
			default:
				err = p.Unknown([]string{"metric", "filter_list", "aggregation", "weight_by_size"})
			}
			if err != nil {
				return nil, err
			}
		}
		if a.Metric == "" {
			return nil, item.Errorf("aggregate_metric_list: the key \"metric\" is missing")
		}
		out = append(out, a)
	}
	return out, nil
}

// readTruthy reads what Python takes for true: any text but the empty one, so truez is true.
func readTruthy(f yamlfile.Field) (bool, error) {
	v, err := pythonValue(f)
	if err != nil {
		return false, err
	}
	switch v := v.(type) {
	case bool:
		return v, nil
	case nil:
		return false, nil
	case string:
		return v != "", nil
	case int64:
		return v != 0, nil
	case float64:
		return v != 0, nil
	case pyval.List:
		return len(v) > 0, nil
	}
	return false, fmt.Errorf("%w", f.Wrong("true or false"))
}
