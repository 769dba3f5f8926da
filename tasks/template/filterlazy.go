package template

import "github.com/onset-eval/onset/tasks/pyval"

// batchFilter gives lists of so many items, the last filled up.
func batchFilter(r *run, v pyval.Value, a args) (pyval.Value, error) {
	var p [2]pyval.Value
	if err := a.bind("batch", p[:], "linecount", "fill_with?"); err != nil {
		return nil, err
	}
	fill := or(p[1], nil)
	var next pyval.Next
	var line []pyval.Value
	done := false
	return pyval.Generator(func() (pyval.Value, bool, error) {
		if next == nil {
			var err error
			if next, err = pyval.Iter(v); err != nil {
				return nil, false, err
			}
		}
		for !done {
			item, ok, err := next()
			if err == nil {
				err = r.charge(1)
			}
			if err != nil {
				return nil, false, err
			}
			if !ok {
				done = true
				break
			}
			full, err := pyval.Equals(int64(len(line)), p[0])
			if err != nil {
				return nil, false, err
			}
			if full {
				out := line
				line = []pyval.Value{item}
				return &pyval.Array{Items: out}, true, nil
			}
			line = append(line, item)
		}
		if len(line) == 0 {
			return nil, false, nil
		}
		if fill != nil {
			n, err := intArg(p[0], 0)
			if err != nil {
				return nil, false, err
			}
			if n > pyval.MaxItems {
				return nil, false, &pyval.Error{Kind: "MemoryError", Msg: "a list would be too large"}
			}
			for len(line) < n {
				line = append(line, fill)
			}
		}
		out := line
		line = nil
		return &pyval.Array{Items: out}, true, nil
	}), nil
}

// sliceFilter gives so many lists of about the same length.
func sliceFilter(_ *run, v pyval.Value, a args) (pyval.Value, error) {
	var p [2]pyval.Value
	if err := a.bind("slice", p[:], "slices", "fill_with?"); err != nil {
		return nil, err
	}
	fill := or(p[1], nil)
	var items []pyval.Value
	started := false
	n, i, offset := 0, 0, 0
	return pyval.Generator(func() (pyval.Value, bool, error) {
		if !started {
			started = true
			var err error
			if items, err = pyval.Collect(v); err != nil {
				return nil, false, err
			}
			if n, err = intArg(p[0], 0); err != nil {
				return nil, false, err
			}
			if n == 0 {
				return nil, false, pyval.Errorf("ZeroDivisionError", "integer division or modulo by zero")
			}
		}
		if i >= n {
			return nil, false, nil
		}
		each, extra := len(items)/n, len(items)%n
		start := offset + i*each
		if i < extra {
			offset++
		}
		part := append([]pyval.Value(nil), items[start:offset+(i+1)*each]...)
		if fill != nil && i >= extra {
			part = append(part, fill)
		}
		i++
		return &pyval.Array{Items: part}, true, nil
	}), nil
}

// mapFilter applies a filter to each item, or takes an attribute of it.
func mapFilter(r *run, v pyval.Value, a args) (pyval.Value, error) {
	f, err := r.mapper(a)
	if err != nil {
		return nil, err
	}
	return r.overTrue(v, func(item pyval.Value) (pyval.Value, bool, error) {
		item, err := f(item)
		return item, true, err
	}), nil
}

// overTrue is lazily for filters that skip a value that is false without reading it.
func (r *run) overTrue(v pyval.Value, f func(pyval.Value) (pyval.Value, bool, error)) pyval.Value {
	var inner *pyval.Iterator
	return pyval.Generator(func() (pyval.Value, bool, error) {
		if inner == nil {
			ok, err := pyval.Truth(v)
			if err != nil {
				return nil, false, err
			}
			over := v
			if !ok {
				over = pyval.List{}
			}
			inner = r.lazily(over, f).(*pyval.Iterator)
		}
		return inner.Next()
	})
}

// mapper reads the arguments of map. Its errors come when the first item is asked for.
func (r *run) mapper(a args) (key, error) {
	later := func(err error) (key, error) {
		return func(pyval.Value) (pyval.Value, error) { return nil, err }, nil
	}
	if at := indexOf(a.names, "attribute"); len(a.pos) == 0 && at >= 0 {
		var p [2]pyval.Value
		if err := a.bind("map", p[:], "attribute", "default?"); err != nil {
			return later(err)
		}
		return r.getter(p[0], or(p[1], nil)), nil
	}
	if len(a.pos) == 0 {
		return later(pyval.Errorf("FilterArgumentError", "map requires a filter argument"))
	}
	name, ok := pyval.TextOf(a.pos[0])
	var f filterFunc
	if ok {
		f = filterNamed(name, &r.t.opts)
	}
	if f == nil {
		return later(pyval.Errorf("TemplateRuntimeError", "No filter named %s.", pyval.Repr(a.pos[0])))
	}
	rest := args{pos: a.pos[1:], names: a.names, vals: a.vals}
	return func(v pyval.Value) (pyval.Value, error) { return r.made(f(r, v, rest)) }, nil
}

// selectFilter keeps the items, or those with an attribute, for which a test holds, or does not.
func selectFilter(byAttribute, keep bool) filterFunc {
	return func(r *run, v pyval.Value, a args) (pyval.Value, error) {
		test := pyval.Truth
		get := key(func(v pyval.Value) (pyval.Value, error) { return v, nil })
		fail := func(err error) { test = func(pyval.Value) (bool, error) { return false, err } }
		pos := a.pos
		if byAttribute {
			if len(pos) > 0 {
				get, pos = r.getter(pos[0], nil), pos[1:]
			} else {
				fail(pyval.Errorf("FilterArgumentError", "Missing parameter for attribute name"))
			}
		}
		if len(pos) > 0 {
			name, _ := pyval.TextOf(pos[0])
			f := testNamed(name)
			rest := args{pos: pos[1:], names: a.names, vals: a.vals}
			if f == nil {
				fail(pyval.Errorf("TemplateRuntimeError", "No test named %s.", pyval.Repr(pos[0])))
			} else {
				test = func(v pyval.Value) (bool, error) { return f(r, v, rest) }
			}
		}
		return r.overTrue(v, func(item pyval.Value) (pyval.Value, bool, error) {
			part, err := get(item)
			if err != nil {
				return nil, false, err
			}
			ok, err := test(part)
			return item, ok == keep, err
		}), nil
	}
}
