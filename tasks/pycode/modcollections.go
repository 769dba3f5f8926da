package pycode

import (
	"slices"
	"unicode"

	"golang.org/x/text/unicode/norm"

	"github.com/onset-eval/onset/tasks/pyre"
	"github.com/onset-eval/onset/tasks/pyval"
)

func collectionsModule() *Namespace {
	isDict := func(counter bool) func(pyval.Value) bool {
		return func(v pyval.Value) bool {
			d, ok := v.(*pyval.Dict)
			if !ok {
				return false
			}
			c, _ := d.Class().(*dictClass)
			return c != nil && c.counter == counter
		}
	}
	counter := builtinType("Counter", isDict(true), []string{"iterable?", "**kwargs"}, func(_ *Call, a []pyval.Value) (pyval.Value, error) {
		d := new(pyval.Dict)
		d.SetClass(&dictClass{counter: true})
		if err := count(d, Or(a[0], nil)); err != nil {
			return nil, err
		}
		return d, count(d, a[1])
	})
	withDefault := builtinType("defaultdict", isDict(false), []string{"default_factory?", "mapping?"}, func(_ *Call, a []pyval.Value) (pyval.Value, error) {
		d := new(pyval.Dict)
		d.SetClass(&dictClass{factory: Or(a[0], nil)})
		return d, fillDict(d, Or(a[1], nil))
	})
	return moduleOf("collections", map[string]pyval.Value{"Counter": counter, "defaultdict": withDefault, "OrderedDict": classes["dict"]})
}

func operatorModule() *Namespace {
	return moduleOf("operator", nil, NewFunc("itemgetter", []string{"*items"}, func(_ *Call, a []pyval.Value) (pyval.Value, error) {
		keys := a[0].(pyval.Tuple)
		return NewFunc("itemgetter", []string{"obj"}, func(c *Call, b []pyval.Value) (pyval.Value, error) {
			out := make(pyval.Tuple, len(keys))
			for i, k := range keys {
				var err error
				if out[i], err = c.in.getItem(b[0], k); err != nil {
					return nil, err
				}
			}
			if len(out) == 1 {
				return out[0], nil
			}
			return out, nil
		}), nil
	}))
}

// partial is functools.partial.
type partial struct {
	thing
	fn    pyval.Value
	pos   []pyval.Value
	names []string
	vals  []pyval.Value
}

func (p *partial) call(c *Call) (pyval.Value, error) {
	k := &Call{in: c.in, Pos: slices.Concat(p.pos, c.Pos), Names: slices.Clone(c.Names), Vals: slices.Clone(c.Vals)}
	for i, name := range p.names {
		if !slices.Contains(c.Names, name) {
			k.Names, k.Vals = append(k.Names, name), append(k.Vals, p.vals[i])
		}
	}
	return c.in.apply(p.fn, k)
}

func functoolsModule() *Namespace {
	// A cache changes nothing but the time.
	cache := NewFunc("lru_cache", []string{"function?", "**kwargs"}, func(_ *Call, a []pyval.Value) (pyval.Value, error) {
		if _, ok := a[0].(callable); ok {
			return a[0], nil
		}
		return identity, nil
	})
	return moduleOf("functools", map[string]pyval.Value{"cache": cache, "lru_cache": cache, "cached_property": classes["property"]},
		NewFunc("partial", []string{"function", "*args", "**kwargs"}, func(_ *Call, a []pyval.Value) (pyval.Value, error) {
			p := &partial{thing: thing{"partial"}, fn: a[0], pos: a[1].(pyval.Tuple)}
			named := a[2].(*pyval.Dict)
			for _, name := range named.Keys() {
				v, _ := named.Get(name)
				p.names, p.vals = append(p.names, name), append(p.vals, v)
			}
			return p, nil
		}),
		NewFunc("wraps", []string{"function"}, func(*Call, []pyval.Value) (pyval.Value, error) { return identity, nil }),
		NewFunc("reduce", []string{"function", "iterable", "initial?"}, func(c *Call, a []pyval.Value) (pyval.Value, error) {
			items, err := pyval.Collect(a[1])
			if err != nil {
				return nil, err
			}
			v := a[2]
			if v == Missing {
				if len(items) == 0 {
					return nil, pyval.Errorf("TypeError", "reduce() of empty iterable with no initial value")
				}
				v, items = items[0], items[1:]
			}
			for _, item := range items {
				if v, err = c.Apply(a[0], v, item); err != nil {
					return nil, err
				}
			}
			return v, nil
		}))
}

var identity = NewFunc("identity", []string{"function"}, func(_ *Call, a []pyval.Value) (pyval.Value, error) { return a[0], nil })

func dataclassesModule() *Namespace {
	return moduleOf("dataclasses", nil, NewFunc("dataclass", []string{"cls?", "**kwargs"}, func(*Call, []pyval.Value) (pyval.Value, error) {
		return nil, unsupported("dataclass")
	}))
}

func normalize(_ *Call, a []pyval.Value) (pyval.Value, error) {
	form, ok := map[string]norm.Form{"NFC": norm.NFC, "NFD": norm.NFD, "NFKC": norm.NFKC, "NFKD": norm.NFKD}[pyval.Str(a[0])]
	if !ok {
		return nil, pyval.Errorf("ValueError", "invalid normalization form")
	}
	s, err := needText(a[1])
	return form.String(s), err
}

// category is the general category of a character.
func category(_ *Call, a []pyval.Value) (pyval.Value, error) {
	s, err := needText(a[0])
	if err != nil {
		return nil, err
	}
	runes := []rune(s)
	if len(runes) != 1 {
		return nil, pyval.Errorf("TypeError", "category() argument must be a unicode character")
	}
	for name, table := range unicode.Categories {
		if len(name) == 2 && name != "LC" && unicode.Is(table, runes[0]) {
			return name, nil
		}
	}
	return "Cn", nil
}

// datasetsModule is datasets. Data are what the loader gives.
func datasetsModule() *Namespace {
	fromList := NewFunc("from_list", []string{"mapping", "**kwargs"}, func(_ *Call, a []pyval.Value) (pyval.Value, error) {
		rows, err := rowsOf(a[0])
		return newDataset(rows), err
	})
	fromDict := NewFunc("from_dict", []string{"mapping", "**kwargs"}, func(_ *Call, a []pyval.Value) (pyval.Value, error) {
		d, ok := a[0].(*pyval.Dict)
		if !ok {
			return nil, pyval.Errorf("TypeError", "a dictionary is expected")
		}
		return fromColumns(d)
	})
	class := &Class{thing: thing{"type"}, name: "Dataset", is: func(v pyval.Value) bool { _, ok := v.(*dataset); return ok },
		vars: map[string]pyval.Value{"from_list": fromList, "from_dict": fromDict}}
	class.make = func(*Call) (pyval.Value, error) { return nil, unsupported("datasets.Dataset()") }
	dict := builtinType("DatasetDict", func(v pyval.Value) bool { _, ok := v.(*pyval.Dict); return ok }, []string{"mapping?", "**kwargs"}, makeDict)
	n := moduleOf("datasets", map[string]pyval.Value{"Dataset": class, "DatasetDict": dict, "Split": NewNamespace("Split", map[string]pyval.Value{
		"TRAIN": "train", "TEST": "test", "VALIDATION": "validation"})},
		NewFunc("concatenate_datasets", []string{"dsets"}, func(_ *Call, a []pyval.Value) (pyval.Value, error) {
			parts, err := pyval.Collect(a[0])
			var rows []*pyval.Dict
			for _, p := range parts {
				more, rowsErr := rowsOf(p)
				if rowsErr != nil {
					return nil, rowsErr
				}
				rows = append(rows, more...)
			}
			return newDataset(aligned(rows)), err
		}),
		NewFunc("load_dataset", []string{"path", "name?", "split?", "**kwargs"}, loadDataset))
	return n
}

// loadDataset is datasets.load_dataset: a dataset for one split, a dictionary of them for all.
func loadDataset(c *Call, a []pyval.Value) (pyval.Value, error) {
	read := c.in.loader.Dataset
	if read == nil {
		return nil, unsupported("datasets.load_dataset")
	}
	path, err := needText(a[0])
	if err != nil {
		return nil, err
	}
	name := ""
	if v := Or(a[1], nil); v != nil {
		name = pyval.Str(v)
	}
	splits, rows, err := read(path, name, a[3].(*pyval.Dict))
	if err != nil {
		return nil, err
	}
	if v := Or(a[2], nil); v != nil {
		split := pyval.Str(v)
		if !slices.Contains(splits, split) {
			return nil, pyval.Errorf("ValueError", "Unknown split %s", pyval.Repr(split))
		}
		return newDataset(rows[split]), nil
	}
	out := new(pyval.Dict)
	for _, s := range splits {
		out.Set(s, newDataset(rows[s]))
	}
	return out, nil
}

// filterModule is lm_eval.api.filter.
func filterModule() *Namespace {
	return moduleOf("lm_eval.api.filter", map[string]pyval.Value{"Filter": filterClass})
}

var filterClass = &Class{thing: thing{"type"}, name: "Filter", vars: map[string]pyval.Value{"__init__": nothing}}

// extractionModule is lm_eval.filters.extraction, whose RegexFilter is the base of others.
func extractionModule() *Namespace {
	regex := &Class{thing: thing{"type"}, name: "RegexFilter", bases: []*Class{filterClass}, vars: map[string]pyval.Value{}}
	regex.vars["__init__"] = NewFunc("__init__", []string{"self", "regex_pattern?", "group_select?", "fallback?"}, func(_ *Call, a []pyval.Value) (pyval.Value, error) {
		self, ok := a[0].(*Instance)
		if !ok {
			return nil, unsupported("RegexFilter of a %s", pyval.TypeName(a[0]))
		}
		source := Or(a[1], `#### (\-?[0-9\.\,]+)`)
		p, err := compilePattern(source, Missing)
		if err != nil {
			return nil, err
		}
		for name, v := range map[string]pyval.Value{"regex_pattern": source, "regex": p, "group_select": Or(a[2], int64(0)), "fallback": Or(a[3], "[invalid]")} {
			self.attrs.Set(name, v)
		}
		return nil, nil
	})
	return moduleOf("lm_eval.filters.extraction", map[string]pyval.Value{"Filter": filterClass, "RegexFilter": regex})
}

// registryModule is lm_eval.api.registry: registering does nothing, since task files name functions where they lie.
func registryModule() *Namespace {
	register := func(name string) *Func {
		return NewFunc(name, []string{"*args", "**kwargs"}, func(*Call, []pyval.Value) (pyval.Value, error) { return identity, nil })
	}
	return moduleOf("lm_eval.api.registry", nil, register("register_filter"), register("register_metric"), register("register_aggregation"))
}

var beforePunctuation = pyre.MustCompile(` (['.,])`)

// utilsModule is lm_eval.utils.
func utilsModule() *Namespace {
	n := moduleOf("lm_eval.utils", map[string]pyval.Value{"eval_logger": ignored("eval_logger")(), "logging": ignored("logging")()},
		NewFunc("general_detokenize", []string{"string"}, func(_ *Call, a []pyval.Value) (pyval.Value, error) {
			s, err := needText(a[0])
			if err != nil {
				return nil, err
			}
			for _, pair := range [...][2]string{{" n't", "n't"}, {" )", ")"}, {"( ", "("}, {`" `, `"`}, {` "`, `"`}} {
				s, err = replaceAll(s, pair[0], pair[1])
				if err != nil {
					return nil, err
				}
			}
			return beforePunctuation.Sub(s, func(m pyre.Match) string { return m.Groups[1] })
		}))
	return n
}
