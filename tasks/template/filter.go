package template

import "github.com/onset-eval/onset/tasks/pyval"

// filterFunc is a filter; v is what it is applied to.
type filterFunc func(r *run, v pyval.Value, a args) (pyval.Value, error)

// filterNamed gives a filter, or nil where the environment has none of that name.
func filterNamed(name string, opts *Options) filterFunc {
	switch name {
	case "tojson":
		if opts.Chat {
			return chatJSON
		}
		return htmlJSON
	case "regex_replace":
		if opts.Chat {
			return nil
		}
		return regexReplace
	}
	if f := textFilter(name); f != nil {
		return f
	}
	if f := listFilter(name); f != nil {
		return f
	}
	return valueFilter(name)
}

// valueFilter gives the filters of numbers and of any value.
func valueFilter(name string) filterFunc {
	switch name {
	case "default", "d":
		return func(_ *run, v pyval.Value, a args) (pyval.Value, error) {
			var p [2]pyval.Value
			if err := a.bind("default", p[:], "default_value?", "boolean?"); err != nil {
				return nil, err
			}
			if _, ok := v.(*undefined); ok {
				return or(p[0], ""), nil
			}
			falsy, err := boolArg(p[1], false)
			if err != nil || !falsy {
				return v, err
			}
			if ok, err := pyval.Truth(v); err != nil || ok {
				return v, err
			}
			return or(p[0], ""), nil
		}
	case "attr":
		return func(r *run, v pyval.Value, a args) (pyval.Value, error) {
			var p [1]pyval.Value
			if err := a.bind("attr", p[:], "name"); err != nil {
				return nil, err
			}
			name, err := strArg(p[0])
			if err != nil {
				return nil, err
			}
			if u, ok := v.(*undefined); ok {
				return nil, u.fail()
			}
			attr, ok, err := r.pythonAttr(v, name)
			if err == nil && !ok {
				attr = r.undefinedItem(v, name)
			}
			return attr, err
		}
	case "abs":
		return absFilter
	case "int":
		return intFilter
	case "float":
		return floatFilter
	case "round":
		return roundFilter
	case "filesizeformat":
		return fileSizeFilter
	case "pprint":
		return func(_ *run, v pyval.Value, a args) (pyval.Value, error) {
			if err := a.none("pprint"); err != nil {
				return nil, err
			}
			return pprint(v)
		}
	case "random", "urlize":
		return func(*run, pyval.Value, args) (pyval.Value, error) {
			return nil, pyval.Errorf("NotImplementedError", "the filter %s is not supported in onset", name)
		}
	}
	return nil
}

// htmlJSON is jinja2's own tojson: keys sorted, ASCII only, and safe to put into HTML.
func htmlJSON(_ *run, v pyval.Value, a args) (pyval.Value, error) {
	var p [1]pyval.Value
	if err := a.bind("tojson", p[:], "indent?"); err != nil {
		return nil, err
	}
	o := pyval.JSONOptions{ASCII: true, SortKeys: true}
	if err := setIndent(&o, or(p[0], nil)); err != nil {
		return nil, err
	}
	s, err := pyval.DumpJSON(v, o)
	return pyval.Markup(jsonEscaper.Replace(s)), err
}

// chatJSON is tojson as transformers defines it: characters stay as they are, and so does their order.
func chatJSON(_ *run, v pyval.Value, a args) (pyval.Value, error) {
	var p [4]pyval.Value
	if err := a.bind("tojson", p[:], "ensure_ascii?", "indent?", "separators?", "sort_keys?"); err != nil {
		return nil, err
	}
	var o pyval.JSONOptions
	var err error
	if o.ASCII, err = boolArg(p[0], false); err != nil {
		return nil, err
	}
	if o.SortKeys, err = boolArg(p[3], false); err != nil {
		return nil, err
	}
	if err := setIndent(&o, or(p[1], nil)); err != nil {
		return nil, err
	}
	if seps := or(p[2], nil); seps != nil {
		items, _ := pyval.Items(seps)
		if len(items) != 2 {
			return nil, pyval.Errorf("ValueError", "separators must be a pair of texts")
		}
		if o.ItemSep, err = strArg(items[0]); err != nil {
			return nil, err
		}
		if o.KeySep, err = strArg(items[1]); err != nil {
			return nil, err
		}
		o.SeparatorsGive = true
	}
	s, err := pyval.DumpJSON(v, o)
	return s, err
}

// setIndent takes the indent of json.dumps: a number of spaces, a text, or None.
func setIndent(o *pyval.JSONOptions, v pyval.Value) error {
	if v == nil {
		return nil
	}
	o.Pretty = true
	if s, ok := pyval.TextOf(v); ok {
		o.Indent = s
		return nil
	}
	n, err := intArg(v, 0)
	if err != nil {
		return err
	}
	if n > 1000 {
		return pyval.Errorf("ValueError", "indent is more than 1000")
	}
	for range n {
		o.Indent += " "
	}
	return nil
}
