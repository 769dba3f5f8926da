package template

import "github.com/onset-eval/onset/tasks/pyval"

// dictMethod gives a method of dict, or nil.
func dictMethod(name string) methodFunc {
	view := func(kind pyval.ViewKind) methodFunc {
		return func(_ *run, self pyval.Value, a args) (pyval.Value, error) {
			return pyval.NewView(self.(*pyval.Dict), kind), a.none(name + "()")
		}
	}
	switch name {
	case "keys":
		return view(pyval.KeysView)
	case "values":
		return view(pyval.ValuesView)
	case "items":
		return view(pyval.ItemsView)
	case "get":
		return dictCall(name, func(d *pyval.Dict, v []pyval.Value) (pyval.Value, error) {
			item, ok, err := d.GetItem(v[0])
			if err == nil && !ok {
				item = or(v[1], nil)
			}
			return item, err
		}, "key", "default?")
	case "copy":
		return dictCall(name, func(d *pyval.Dict, _ []pyval.Value) (pyval.Value, error) { return d.Clone(), nil })
	case "clear":
		return dictCall(name, func(d *pyval.Dict, _ []pyval.Value) (pyval.Value, error) {
			d.Clear()
			return nil, nil
		})
	case "pop":
		return dictCall(name, func(d *pyval.Dict, v []pyval.Value) (pyval.Value, error) {
			item, ok, err := d.Delete(v[0])
			if err == nil && !ok {
				if v[1] == missing {
					return nil, pyval.Errorf("KeyError", "%s", pyval.Repr(v[0]))
				}
				item = v[1]
			}
			return item, err
		}, "key", "default?")
	case "popitem":
		return dictCall(name, func(d *pyval.Dict, _ []pyval.Value) (pyval.Value, error) {
			if d.Len() == 0 {
				return nil, pyval.Errorf("KeyError", "'popitem(): dictionary is empty'")
			}
			k, v := d.At(d.Len() - 1)
			_, _, err := d.Delete(k)
			return pyval.Tuple{k, v}, err
		})
	case "setdefault":
		return dictCall(name, func(d *pyval.Dict, v []pyval.Value) (pyval.Value, error) {
			item, ok, err := d.GetItem(v[0])
			if err != nil || ok {
				return item, err
			}
			return or(v[1], nil), d.SetItem(v[0], or(v[1], nil))
		}, "key", "default?")
	case "update":
		return func(_ *run, self pyval.Value, a args) (pyval.Value, error) {
			d := self.(*pyval.Dict)
			if len(a.pos) > 1 {
				return nil, pyval.Errorf("TypeError", "update expected at most 1 argument, got %d", len(a.pos))
			}
			if len(a.pos) == 1 {
				if err := updateDict(d, a.pos[0]); err != nil {
					return nil, err
				}
			}
			for i, key := range a.names {
				d.Set(key, a.vals[i])
			}
			return nil, nil
		}
	}
	return nil
}

func dictCall(name string, f func(d *pyval.Dict, v []pyval.Value) (pyval.Value, error), params ...string) methodFunc {
	return func(_ *run, self pyval.Value, a args) (pyval.Value, error) {
		var v [2]pyval.Value
		if err := a.bind(name+"()", v[:len(params)], params...); err != nil {
			return nil, err
		}
		return f(self.(*pyval.Dict), v[:])
	}
}
