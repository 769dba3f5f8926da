package pycode

import (
	"github.com/onset-eval/onset/tasks/pyval"
)

// run executes a block.
func (f *frame) run(body []stmt) (flow, error) {
	for _, s := range body {
		if err := f.in.step(); err != nil {
			return flowNext, err
		}
		if next, err := s.exec(f); err != nil || next != flowNext {
			return next, err
		}
	}
	return flowNext, nil
}

func (s exprStmt) exec(f *frame) (flow, error) {
	_, err := s.value.eval(f)
	return flowNext, err
}

func (s *assignStmt) exec(f *frame) (flow, error) {
	v, err := s.value.eval(f)
	if err != nil {
		return flowNext, f.placed(s.at, err)
	}
	for _, t := range s.targets {
		if err := f.assign(t, v); err != nil {
			return flowNext, f.placed(s.at, err)
		}
	}
	return flowNext, nil
}

// assign gives a target its value.
func (f *frame) assign(target expr, v pyval.Value) error {
	switch t := target.(type) {
	case *nameExpr:
		f.set(t.name, v)
		return nil
	case *attrExpr:
		of, err := t.of.eval(f)
		if err != nil {
			return err
		}
		return setAttr(of, t.name, v)
	case *indexExpr:
		of, err := t.of.eval(f)
		if err != nil {
			return err
		}
		if s, ok := t.key.(*sliceExpr); ok {
			return f.setSlice(of, s, v)
		}
		key, err := t.key.eval(f)
		if err != nil {
			return err
		}
		return f.in.setItem(of, key, v)
	case *listExpr:
		return f.unpack(t.items, v)
	}
	return unsupported("this target of an assignment")
}

// unpack assigns the items of a value to targets, of which one may take the rest.
func (f *frame) unpack(targets []expr, v pyval.Value) error {
	items, err := pyval.Collect(v)
	if err != nil {
		return err
	}
	star := -1
	for i, t := range targets {
		if _, ok := t.(starExpr); ok {
			star = i
		}
	}
	if star < 0 && len(items) > len(targets) {
		return pyval.Errorf("ValueError", "too many values to unpack (expected %d)", len(targets))
	}
	if star < 0 && len(items) < len(targets) || star >= 0 && len(items) < len(targets)-1 {
		return pyval.Errorf("ValueError", "not enough values to unpack (expected %d, got %d)", len(targets), len(items))
	}
	if star < 0 {
		for i, t := range targets {
			if err := f.assign(t, items[i]); err != nil {
				return err
			}
		}
		return nil
	}
	after := len(targets) - star - 1
	for i, t := range targets {
		var err error
		switch {
		case i < star:
			err = f.assign(t, items[i])
		case i == star:
			rest := append([]pyval.Value(nil), items[star:len(items)-after]...)
			err = f.assign(t.(starExpr).value, &pyval.Array{Items: rest})
		default:
			err = f.assign(t, items[len(items)-len(targets)+i])
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (s *augmentStmt) exec(f *frame) (flow, error) { return flowNext, f.placed(s.at, s.augment(f)) }

func (s *augmentStmt) augment(f *frame) error {
	// The target's object and key are evaluated once.
	switch t := s.target.(type) {
	case *indexExpr:
		of, err := t.of.eval(f)
		if err != nil {
			return err
		}
		if _, ok := t.key.(*sliceExpr); ok {
			return unsupported("an augmented assignment to a slice")
		}
		key, err := t.key.eval(f)
		if err != nil {
			return err
		}
		old, err := f.in.getItem(of, key)
		if err != nil {
			return err
		}
		v, err := s.combine(f, old)
		if err != nil {
			return err
		}
		return f.in.setItem(of, key, v)
	case *attrExpr:
		of, err := t.of.eval(f)
		if err != nil {
			return err
		}
		old, err := f.in.getAttr(of, t.name)
		if err != nil {
			return err
		}
		v, err := s.combine(f, old)
		if err != nil {
			return err
		}
		return setAttr(of, t.name, v)
	}
	old, err := s.target.eval(f)
	if err != nil {
		return err
	}
	v, err := s.combine(f, old)
	if err != nil {
		return err
	}
	return f.assign(s.target, v)
}

// combine is the new value of a target; a list, set or dictionary is changed in place.
func (s *augmentStmt) combine(f *frame, old pyval.Value) (pyval.Value, error) {
	v, err := s.value.eval(f)
	if err != nil {
		return nil, err
	}
	switch o := old.(type) {
	case *pyval.Array:
		if s.op == "+" {
			items, err := pyval.Collect(v)
			if err != nil {
				return nil, err
			}
			o.Items = append(o.Items, items...)
			return o, nil
		}
	case *Set:
		n, err := setOperator(s.op, o, v)
		if err != nil {
			return nil, err
		}
		o.items = n.(*Set).items
		return o, nil
	case *pyval.Dict:
		if d, ok := v.(*pyval.Dict); ok && s.op == "|" {
			o.Update(d)
			return o, nil
		}
	}
	return f.in.operate(s.op, old, v)
}

func (s *ifStmt) exec(f *frame) (flow, error) {
	yes, err := f.truth(s.cond)
	switch {
	case err != nil:
		return flowNext, err
	case yes:
		return f.run(s.yes)
	}
	return f.run(s.no)
}

func (f *frame) truth(e expr) (bool, error) {
	v, err := e.eval(f)
	if err != nil {
		return false, err
	}
	return pyval.Truth(v)
}

func (s *forStmt) exec(f *frame) (flow, error) {
	over, err := s.over.eval(f)
	if err != nil {
		return flowNext, f.placed(s.at, err)
	}
	next, err := pyval.Iter(over)
	if err != nil {
		return flowNext, f.placed(s.at, err)
	}
	for {
		v, ok, err := next()
		if err != nil {
			return flowNext, f.placed(s.at, err)
		}
		if !ok {
			return f.run(s.other)
		}
		if err := f.in.step(); err != nil {
			return flowNext, err
		}
		if err := f.assign(s.target, v); err != nil {
			return flowNext, f.placed(s.at, err)
		}
		how, err := f.run(s.body)
		if err != nil || how == flowReturn {
			return how, err
		}
		if how == flowBreak {
			return flowNext, nil
		}
	}
}

func (s *whileStmt) exec(f *frame) (flow, error) {
	for {
		yes, err := f.truth(s.cond)
		if err != nil {
			return flowNext, err
		}
		if !yes {
			return f.run(s.other)
		}
		if err := f.in.step(); err != nil {
			return flowNext, err
		}
		how, err := f.run(s.body)
		if err != nil || how == flowReturn {
			return how, err
		}
		if how == flowBreak {
			return flowNext, nil
		}
	}
}

func (s *tryStmt) exec(f *frame) (flow, error) {
	how, err := f.run(s.body)
	if err != nil {
		how, err = s.handle(f, err)
	} else if how == flowNext && s.other != nil {
		how, err = f.run(s.other)
	}
	if s.finally != nil {
		last, lastErr := f.run(s.finally)
		if lastErr != nil || last != flowNext {
			return last, lastErr
		}
	}
	return how, err
}

// handle runs the handler of an exception; the error again where none is for it.
func (s *tryStmt) handle(f *frame, err error) (flow, error) {
	e := f.in.raised(err)
	if e == nil {
		return flowNext, err
	}
	for _, h := range s.handlers {
		fits := h.class == nil
		if !fits {
			class, classErr := h.class.eval(f)
			if classErr != nil {
				return flowNext, classErr
			}
			if fits, classErr = isInstance(e, class); classErr != nil {
				return flowNext, classErr
			}
		}
		if !fits {
			continue
		}
		if h.name != "" {
			f.set(h.name, e)
		}
		before := f.caught
		f.caught = e
		how, err := f.run(h.body)
		f.caught = before
		return how, err
	}
	return flowNext, err
}

func (s *withStmt) exec(f *frame) (flow, error) {
	for _, item := range s.items {
		v, err := item.value.eval(f)
		if err != nil {
			return flowNext, f.placed(s.at, err)
		}
		enter, ok := v.(*Namespace)
		if !ok {
			return flowNext, f.placed(s.at, unsupported("with on a %s", pyval.TypeName(v)))
		}
		if _, ok := enter.attr("__enter__"); !ok {
			return flowNext, f.placed(s.at, unsupported("with on a %s", enter.kind))
		}
		if item.target != nil {
			if err := f.assign(item.target, v); err != nil {
				return flowNext, err
			}
		}
	}
	return f.run(s.body)
}

func (s returnStmt) exec(f *frame) (flow, error) {
	f.value = nil
	if s.value != nil {
		var err error
		if f.value, err = s.value.eval(f); err != nil {
			return flowNext, err
		}
	}
	return flowReturn, nil
}

func (s *raiseStmt) exec(f *frame) (flow, error) {
	if s.value == nil {
		for g := f; g != nil; g = g.outer {
			if g.caught != nil {
				return flowNext, &exception{g.caught}
			}
		}
		return flowNext, pyval.Errorf("RuntimeError", "No active exception to reraise")
	}
	v, err := s.value.eval(f)
	if err != nil {
		return flowNext, err
	}
	if c, ok := v.(*Class); ok {
		if v, err = f.in.call(c); err != nil {
			return flowNext, err
		}
	}
	i, ok := v.(*Instance)
	if !ok || !i.class.raises() {
		return flowNext, f.placed(s.at, pyval.Errorf("TypeError", "exceptions must derive from BaseException"))
	}
	return flowNext, f.placed(s.at, &exception{i})
}

func (s *assertStmt) exec(f *frame) (flow, error) {
	yes, err := f.truth(s.cond)
	if err != nil || yes {
		return flowNext, f.placed(s.at, err)
	}
	msg := ""
	if s.msg != nil {
		v, err := s.msg.eval(f)
		if err != nil {
			return flowNext, err
		}
		msg = pyval.Str(v)
	}
	return flowNext, f.placed(s.at, pyval.Errorf("AssertionError", "%s", msg))
}

func (s flowStmt) exec(*frame) (flow, error) { return s.flow, nil }

func (s scopeStmt) exec(f *frame) (flow, error) { return flowNext, f.declare(s) }

func (s *deleteStmt) exec(f *frame) (flow, error) {
	for _, t := range s.targets {
		var err error
		switch t := t.(type) {
		case *nameExpr:
			delete(f.vars, t.name)
		case *indexExpr:
			var of, key pyval.Value
			if of, err = t.of.eval(f); err == nil {
				if key, err = t.key.eval(f); err == nil {
					err = deleteItem(of, key)
				}
			}
		default:
			err = unsupported("this del")
		}
		if err != nil {
			return flowNext, f.placed(s.at, err)
		}
	}
	return flowNext, nil
}
