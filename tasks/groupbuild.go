package tasks

import (
	"slices"

	"github.com/onset-eval/onset/backends/yamlfile"
)

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
