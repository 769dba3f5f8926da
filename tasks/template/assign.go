package template

import (
	"github.com/onset-eval/onset/tasks/pyval"
)

// assign gives what stores a value in a target.
func (c *compiler) assign(target node, s scope) func(r *run, v pyval.Value) error {
	switch t := target.(type) {
	case *nameNode:
		v, _ := s.syms.find(t.name)
		a, name := c.access(s, v), t.name
		if s.topLevel && len(c.blockList) > 0 {
			return func(r *run, v pyval.Value) error {
				a.set(r, v)
				r.export(name, v)
				return nil
			}
		}
		if a.hops == 0 {
			return func(r *run, v pyval.Value) error {
				r.f.slots[a.slot] = v
				return nil
			}
		}
		return func(r *run, v pyval.Value) error {
			a.set(r, v)
			return nil
		}
	case *nsRefNode:
		v, _ := s.syms.find(t.name)
		a, attr := c.access(s, v), t.attr
		return func(r *run, v pyval.Value) error {
			ns, ok := a.get(r).(*namespace)
			if !ok { // a block's text, of which checkNamespaces knows nothing
				return pyval.Errorf("TypeError", "cannot assign attribute on non-namespace object")
			}
			ns.attrs.Set(attr, v)
			return nil
		}
	}
	items := target.(*tupleNode).items
	sets := make([]func(*run, pyval.Value) error, len(items))
	for i, item := range items {
		sets[i] = c.assign(item, s)
	}
	return func(r *run, v pyval.Value) error { return unpack(r, v, sets) }
}

// checkNamespaces gives the steps that make sure, before a value is computed, that attributes are set only
// of namespaces.
func (c *compiler) checkNamespaces(target node, s scope) []step {
	switch t := target.(type) {
	case *nsRefNode:
		v, _ := s.syms.find(t.name)
		a, line, name := c.access(s, v), t.lineNo(), t.name
		return []step{func(r *run) error {
			if _, ok := a.get(r).(*namespace); ok {
				return nil
			}
			return atLine(line, pyval.Errorf("TemplateRuntimeError", "cannot assign attribute on non-namespace object %s", pyval.Repr(name)))
		}}
	case *tupleNode:
		var steps []step
		for _, item := range t.items {
			steps = append(steps, c.checkNamespaces(item, s)...)
		}
		return steps
	}
	return nil
}

func (r *run) export(name string, v pyval.Value) {
	if r.exports == nil {
		r.exports = map[string]pyval.Value{}
	}
	r.exports[name] = v
}

// unpack stores the items of a value, of which there must be as many as targets.
func unpack(r *run, v pyval.Value, sets []func(*run, pyval.Value) error) error {
	items, ok := pyval.Items(v)
	if !ok {
		next, err := pyval.Iter(v)
		if err != nil {
			if pyval.KindOf(err) == "TypeError" {
				return pyval.Errorf("TypeError", "cannot unpack non-iterable %s object", pyval.TypeName(v))
			}
			return err
		}
		for len(items) <= len(sets) {
			item, ok, err := next()
			if err != nil {
				return err
			}
			if !ok {
				break
			}
			items = append(items, item)
		}
	}
	if len(items) > len(sets) {
		return pyval.Errorf("ValueError", "too many values to unpack (expected %d)", len(sets))
	}
	if len(items) < len(sets) {
		return pyval.Errorf("ValueError", "not enough values to unpack (expected %d, got %d)", len(sets), len(items))
	}
	for i, set := range sets {
		if err := set(r, items[i]); err != nil {
			return err
		}
	}
	return nil
}
