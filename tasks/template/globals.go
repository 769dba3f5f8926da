package template

import (
	"strings"

	"github.com/ncruces/go-strftime"

	"github.com/onset-eval/onset/tasks/pyval"
)

// global gives a name that every template knows, or nil.
func (t *Template) global(name string) pyval.Value {
	switch name {
	case "range":
		return &builtin{thing{"type"}, makeRange}
	case "dict":
		return &builtin{thing{"type"}, makeDict}
	case "namespace":
		return &builtin{thing{"type"}, func(r *run, a args) (pyval.Value, error) {
			d, err := makeDict(r, a)
			if err != nil {
				return nil, err
			}
			return &namespace{d.(*pyval.Dict)}, nil
		}}
	case "cycler":
		return &builtin{thing{"type"}, makeCycler}
	case "joiner":
		return &builtin{thing{"type"}, func(_ *run, a args) (pyval.Value, error) {
			var v [1]pyval.Value
			err := a.bind("Joiner()", v[:], "sep?")
			return &joiner{thing: thing{"Joiner"}, sep: or(v[0], ", ")}, err
		}}
	case "lipsum":
		return newBuiltin("function", func(*run, args) (pyval.Value, error) {
			return nil, pyval.Errorf("NotImplementedError", "lipsum is not supported: its text is random")
		})
	case "raise_exception":
		if t.opts.Chat {
			return newBuiltin("function", raiseException)
		}
	case "strftime_now":
		if t.opts.Now != nil {
			return newBuiltin("function", strftimeNow)
		}
	}
	return nil
}

func raiseException(_ *run, a args) (pyval.Value, error) {
	var v [1]pyval.Value
	if err := a.bind("raise_exception()", v[:], "message"); err != nil {
		return nil, err
	}
	text, err := pyval.Text(v[0])
	if err != nil {
		return nil, err
	}
	return nil, &pyval.Error{Kind: "TemplateError", Msg: text}
}

func strftimeNow(r *run, a args) (pyval.Value, error) {
	var v [1]pyval.Value
	if err := a.bind("strftime_now()", v[:], "format"); err != nil {
		return nil, err
	}
	layout, err := strArg(v[0])
	if err != nil {
		return nil, err
	}
	return strftime.Format(withoutZone(layout), r.t.opts.Now()), nil
}

// withoutZone drops %Z and %z, which Python writes as nothing for a time without a zone.
func withoutZone(layout string) string {
	var b strings.Builder
	for i := 0; i < len(layout); i++ {
		if layout[i] == '%' && i+1 < len(layout) {
			if i++; layout[i] == 'z' || layout[i] == 'Z' {
				continue
			}
			b.WriteByte('%')
		}
		b.WriteByte(layout[i])
	}
	return b.String()
}

func makeRange(_ *run, a args) (pyval.Value, error) {
	if len(a.names) > 0 {
		return nil, pyval.Errorf("TypeError", "range() takes no keyword arguments")
	}
	if len(a.pos) == 0 || len(a.pos) > 3 {
		return nil, pyval.Errorf("TypeError", "range expected 1 to 3 arguments, got %d", len(a.pos))
	}
	var n [3]int64
	for i, v := range a.pos {
		k, err := intArg(v, 0)
		if err != nil {
			return nil, err
		}
		n[i] = int64(k)
	}
	switch len(a.pos) {
	case 1:
		return pyval.Range{Stop: n[0], Step: 1}, nil
	case 2:
		return pyval.Range{Start: n[0], Stop: n[1], Step: 1}, nil
	}
	if n[2] == 0 {
		return nil, pyval.Errorf("ValueError", "range() arg 3 must not be zero")
	}
	return pyval.Range{Start: n[0], Stop: n[1], Step: n[2]}, nil
}

// makeDict is dict(mapping or pairs, **items).
func makeDict(_ *run, a args) (pyval.Value, error) {
	d := new(pyval.Dict)
	if len(a.pos) > 1 {
		return nil, pyval.Errorf("TypeError", "dict expected at most 1 argument, got %d", len(a.pos))
	}
	if len(a.pos) == 1 {
		if err := updateDict(d, a.pos[0]); err != nil {
			return nil, err
		}
	}
	for i, name := range a.names {
		d.Set(name, a.vals[i])
	}
	return d, nil
}

// updateDict sets the items of a dictionary or of pairs.
func updateDict(d *pyval.Dict, v pyval.Value) error {
	if o, ok := v.(*pyval.Dict); ok {
		d.Update(o)
		return nil
	}
	if ns, ok := v.(*namespace); ok {
		return pyval.Errorf("TypeError", "'%s' object is not iterable", ns.TypeName())
	}
	next, err := pyval.Iter(v)
	if err != nil {
		return err
	}
	for i := 0; ; i++ {
		pair, ok, err := next()
		if err != nil || !ok {
			return err
		}
		kv, err := pyval.Collect(pair)
		if err != nil {
			return pyval.Errorf("TypeError", "cannot convert dictionary update sequence element #%d to a sequence", i)
		}
		if len(kv) != 2 {
			return pyval.Errorf("ValueError", "dictionary update sequence element #%d has length %d; 2 is required", i, len(kv))
		}
		if err := d.SetItem(kv[0], kv[1]); err != nil {
			return err
		}
	}
}

func makeCycler(_ *run, a args) (pyval.Value, error) {
	if len(a.pos) == 0 {
		return nil, pyval.Errorf("RuntimeError", "at least one item has to be provided")
	}
	return &cycler{thing: thing{"Cycler"}, items: a.pos}, nil
}

func cyclerMethod(name string) methodFunc {
	switch name {
	case "next":
		return func(_ *run, v pyval.Value, a args) (pyval.Value, error) {
			c := v.(*cycler)
			item := c.items[c.pos]
			c.pos = (c.pos + 1) % len(c.items)
			return item, a.none("next()")
		}
	case "reset":
		return func(_ *run, v pyval.Value, a args) (pyval.Value, error) {
			v.(*cycler).pos = 0
			return nil, a.none("reset()")
		}
	}
	return nil
}
