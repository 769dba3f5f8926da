package pycode

import (
	"crypto/md5"  //nolint:gosec // sources name it, for digests of texts
	"crypto/sha1" //nolint:gosec // sources name it, for digests of texts
	"crypto/sha256"
	"encoding/hex"
	"hash"
	"math"
	"slices"
	"strings"

	"github.com/onset-eval/onset/tasks/pyval"
)

// ownLibrary gives a module of this package by the name that sources import; nil where there is none. A name with a dot
// is a module within another.
func ownLibrary(name string) Library {
	return map[string]Library{"re": reModule, "regex": reModule, "json": jsonModule, "string": stringModule, "random": randomModule,
		"functools": functoolsModule, "itertools": itertoolsModule, "collections": collectionsModule, "math": mathModule, "copy": copyModule,
		"ast": astModule, "numpy": numpy, "datasets": datasetsModule, "hashlib": hashlibModule, "unicodedata": unicodedataModule,
		"logging": ignored("logging"), "warnings": ignored("warnings"), "typing": typingModule, "typing_extensions": typingModule,
		"__future__": typingModule, "collections.abc": typingModule, "abc": abcModule, "dataclasses": dataclassesModule,
		"statistics": statisticsModule, "html": htmlModule, "tqdm": tqdmModule, "operator": operatorModule,
		"lm_eval.api.filter": filterModule, "lm_eval.api.registry": registryModule, "lm_eval.utils": utilsModule,
		"os": osModule, "os.path": pathModule, "sys": sysModule,
		"lm_eval.api.instance": typingModule, "lm_eval.filters.extraction": extractionModule}[name]
}

// moduleOf makes a module of functions and other values.
func moduleOf(name string, others map[string]pyval.Value, funcs ...*Func) *Namespace {
	m := map[string]pyval.Value{"__name__": name}
	for k, v := range others {
		m[k] = v
	}
	for _, f := range funcs {
		m[f.name] = f
	}
	return NewNamespace(name, m)
}

// ignored is a module of which everything does nothing: logging.
func ignored(name string) Library {
	return func() *Namespace {
		n := moduleOf(name, map[string]pyval.Value{"DEBUG": int64(10), "INFO": int64(20), "WARNING": int64(30), "ERROR": int64(40)})
		n.attrs["__call__"] = NewFunc(name, []string{"*args", "**kwargs"}, func(*Call, []pyval.Value) (pyval.Value, error) { return n, nil })
		n.other = func(string) (pyval.Value, bool) { return n, true }
		return n
	}
}

// typingModule gives names that only annotations use.
func typingModule() *Namespace {
	n := moduleOf("typing", map[string]pyval.Value{"TYPE_CHECKING": false, "cast": NewFunc("cast", []string{"type", "value"},
		func(_ *Call, a []pyval.Value) (pyval.Value, error) { return a[1], nil })})
	n.other = func(name string) (pyval.Value, bool) {
		if plain := map[string]string{"List": "list", "Dict": "dict", "Tuple": "tuple", "Set": "set", "Text": "str"}[name]; plain != "" {
			return classes[plain], true
		}
		switch name {
		case "Sequence", "Iterable", "Mapping", "Callable", "Iterator", "Hashable":
			return abstract(name), true
		}
		c := &Class{thing: thing{"type"}, name: name}
		c.vars = map[string]pyval.Value{"__call__": nothing}
		return c, true
	}
	return n
}

// abstract is a class of collections.abc.
func abstract(name string) *Class {
	return &Class{thing: thing{"type"}, name: name, is: func(v pyval.Value) bool {
		switch name {
		case "Mapping":
			_, ok := v.(*pyval.Dict)
			return ok
		case "Callable":
			_, ok := v.(callable)
			return ok
		case "Sequence":
			_, ok := pyval.Items(v)
			_, text := v.(string)
			_, r := v.(pyval.Range)
			return ok || text || r
		case "Iterator":
			_, ok := v.(*pyval.Iterator)
			return ok
		case "Hashable":
			_, err := pyval.Hashable(v)
			return err == nil
		}
		_, err := pyval.Iter(v)
		return err == nil
	}}
}

func abcModule() *Namespace {
	same := func(name string) *Func {
		return NewFunc(name, []string{"function"}, func(_ *Call, a []pyval.Value) (pyval.Value, error) { return a[0], nil })
	}
	return moduleOf("abc", map[string]pyval.Value{"ABC": &Class{thing: thing{"type"}, name: "ABC"}}, same("abstractmethod"))
}

func stringModule() *Namespace {
	const lower, digits = "abcdefghijklmnopqrstuvwxyz", "0123456789"
	const punctuation = "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~"
	upper := strings.ToUpper(lower)
	return moduleOf("string", map[string]pyval.Value{"ascii_lowercase": lower, "ascii_uppercase": upper, "ascii_letters": lower + upper, "digits": digits,
		"hexdigits": digits + "abcdefABCDEF", "punctuation": punctuation, "whitespace": " \t\n\r\v\f",
		"printable": digits + lower + upper + punctuation + " \t\n\r\v\f"})
}

func mathModule() *Namespace {
	m := map[string]pyval.Value{"pi": math.Pi, "e": math.E, "inf": math.Inf(1), "nan": math.NaN()}
	for name, fn := range map[string]func(float64) float64{"exp": math.Exp, "sqrt": math.Sqrt, "sin": math.Sin, "cos": math.Cos, "tan": math.Tan, "log2": math.Log2,
		"log10": math.Log10, "fabs": math.Abs} {
		m[name] = NewFunc(name, []string{"x"}, func(_ *Call, a []pyval.Value) (pyval.Value, error) {
			x, err := makeFloat(nil, a)
			if err != nil {
				return nil, err
			}
			if f := x.(float64); f < 0 && name == "sqrt" || f <= 0 && strings.HasPrefix(name, "log") {
				return nil, pyval.Errorf("ValueError", "math domain error")
			}
			return fn(x.(float64)), nil
		})
	}
	whole := func(name string, fn func(float64) float64) *Func {
		return NewFunc(name, []string{"x"}, func(_ *Call, a []pyval.Value) (pyval.Value, error) {
			if n, ok := integer(a[0]); ok {
				return n, nil
			}
			return makeInt(nil, []pyval.Value{fn(number(a[0])), Missing})
		})
	}
	test := func(name string, fn func(float64) bool) *Func {
		return NewFunc(name, []string{"x"}, func(_ *Call, a []pyval.Value) (pyval.Value, error) { return fn(number(a[0])), nil })
	}
	return moduleOf("math", m, whole("floor", math.Floor), whole("ceil", math.Ceil), whole("trunc", math.Trunc),
		test("isnan", math.IsNaN), test("isinf", func(f float64) bool { return math.IsInf(f, 0) }),
		test("isfinite", func(f float64) bool { return !math.IsNaN(f) && !math.IsInf(f, 0) }),
		NewFunc("log", []string{"x", "base?"}, func(_ *Call, a []pyval.Value) (pyval.Value, error) {
			x := number(a[0])
			if x <= 0 {
				return nil, pyval.Errorf("ValueError", "math domain error")
			}
			if a[1] == Missing {
				return math.Log(x), nil
			}
			return math.Log(x) / math.Log(number(a[1])), nil
		}),
		NewFunc("pow", []string{"x", "y"}, func(_ *Call, a []pyval.Value) (pyval.Value, error) { return math.Pow(number(a[0]), number(a[1])), nil }),
		NewFunc("fsum", []string{"iterable"}, func(c *Call, a []pyval.Value) (pyval.Value, error) {
			items, err := pyval.Collect(a[0])
			if err != nil {
				return nil, err
			}
			return c.in.sum(items, 0.0)
		}),
		NewFunc("comb", []string{"n", "k"}, func(_ *Call, a []pyval.Value) (pyval.Value, error) {
			n, nok := integer(a[0])
			k, kok := integer(a[1])
			if !nok || !kok || n > 60 || k < 0 {
				return nil, unsupported("math.comb of these")
			}
			out := int64(1)
			for i := range min(k, n-k) {
				out = out * (n - i) / (i + 1)
			}
			if k > n {
				out = 0
			}
			return out, nil
		}),
		NewFunc("isclose", []string{"a", "b", "rel_tol?", "abs_tol?"}, func(_ *Call, a []pyval.Value) (pyval.Value, error) {
			x, y, rel, tol := number(a[0]), number(a[1]), number(Or(a[2], 1e-9)), number(Or(a[3], 0.0))
			return x == y || math.Abs(x-y) <= math.Max(rel*math.Max(math.Abs(x), math.Abs(y)), tol), nil
		}))
}

func hashlibModule() *Namespace {
	digest := func(name string, fn func() hash.Hash) *Func {
		return NewFunc(name, []string{"data?"}, func(_ *Call, a []pyval.Value) (pyval.Value, error) {
			b, ok := Or(a[0], Bytes("")).(Bytes)
			if !ok {
				return nil, pyval.Errorf("TypeError", "Strings must be encoded before hashing")
			}
			h := fn()
			h.Write([]byte(b))
			text := hex.EncodeToString(h.Sum(nil))
			return moduleOf(name, nil, NewFunc("hexdigest", nil, func(*Call, []pyval.Value) (pyval.Value, error) { return text, nil })), nil
		})
	}
	return moduleOf("hashlib", nil, digest("sha256", sha256.New), digest("md5", md5.New), digest("sha1", sha1.New))
}

func statisticsModule() *Namespace {
	return moduleOf("statistics", nil, NewFunc("mean", []string{"data"}, func(c *Call, a []pyval.Value) (pyval.Value, error) {
		items, err := pyval.Collect(a[0])
		if err != nil {
			return nil, err
		}
		if len(items) == 0 {
			return nil, pyval.Errorf("StatisticsError", "mean requires at least one data point")
		}
		total, err := c.in.sum(items, int64(0))
		if err != nil {
			return nil, err
		}
		return pyval.Div(total, int64(len(items)))
	}))
}

func htmlModule() *Namespace {
	return moduleOf("html", nil, NewFunc("escape", []string{"s"}, func(_ *Call, a []pyval.Value) (pyval.Value, error) {
		return strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", `"`, "&quot;", "'", "&#x27;").Replace(pyval.Str(a[0])), nil
	}))
}

func tqdmModule() *Namespace {
	return moduleOf("tqdm", nil, NewFunc("tqdm", []string{"iterable", "**kwargs"}, func(_ *Call, a []pyval.Value) (pyval.Value, error) { return a[0], nil }))
}

func jsonModule() *Namespace {
	return moduleOf("json", map[string]pyval.Value{"JSONDecodeError": classes["ValueError"]},
		NewFunc("loads", []string{"s", "strict?"}, func(_ *Call, a []pyval.Value) (pyval.Value, error) {
			s, ok := a[0].(string)
			if b, isBytes := a[0].(Bytes); isBytes {
				s, ok = string(b), true
			}
			if !ok {
				return nil, pyval.Errorf("TypeError", "the JSON object must be str, bytes or bytearray, not %s", pyval.TypeName(a[0]))
			}
			return loadJSON(s)
		}),
		NewFunc("load", []string{"fp"}, func(c *Call, a []pyval.Value) (pyval.Value, error) {
			read, err := c.in.getAttr(a[0], "read")
			if err != nil {
				return nil, err
			}
			v, err := c.Apply(read)
			if err != nil {
				return nil, err
			}
			return loadJSON(pyval.Str(v))
		}),
		NewFunc("dumps", []string{"obj", "ensure_ascii?", "indent?", "sort_keys?", "separators?", "default?"}, func(_ *Call, a []pyval.Value) (pyval.Value, error) {
			if err := refuse("json.dumps", map[string]pyval.Value{"separators": a[4], "default": a[5]}); err != nil {
				return nil, err
			}
			o := pyval.JSONOptions{ASCII: Or(a[1], true) != false, SortKeys: Or(a[3], false) == true}
			if n, ok := integer(Or(a[2], nil)); ok {
				o.Indent, o.Pretty = strings.Repeat(" ", int(min(n, 16))), true
			}
			v, err := freeze(a[0])
			if err != nil {
				return nil, err
			}
			return pyval.DumpJSON(v, o)
		}))
}

func unicodedataModule() *Namespace {
	return moduleOf("unicodedata", nil, NewFunc("normalize", []string{"form", "s"}, normalize), NewFunc("category", []string{"c"}, category))
}

func copyModule() *Namespace {
	return moduleOf("copy", nil,
		NewFunc("deepcopy", []string{"x"}, func(_ *Call, a []pyval.Value) (pyval.Value, error) {
			switch a[0].(type) {
			case *Instance, *Namespace:
				return nil, unsupported("deepcopy of a %s", pyval.TypeName(a[0]))
			}
			return thaw(a[0]), nil
		}),
		NewFunc("copy", []string{"x"}, func(_ *Call, a []pyval.Value) (pyval.Value, error) {
			switch o := a[0].(type) {
			case *pyval.Dict:
				return o.Clone(), nil
			case *pyval.Array:
				return &pyval.Array{Items: slices.Clone(o.Items)}, nil
			case *Set:
				return o.copy(), nil
			case *Instance, *Namespace:
				return nil, unsupported("copy of a %s", pyval.TypeName(a[0]))
			}
			return a[0], nil
		}))
}

func astModule() *Namespace {
	return moduleOf("ast", nil, NewFunc("literal_eval", []string{"s"}, func(_ *Call, a []pyval.Value) (pyval.Value, error) {
		s, ok := a[0].(string)
		if !ok {
			return nil, pyval.Errorf("ValueError", "malformed node or string: %s", pyval.Repr(a[0]))
		}
		v, err := pyval.LiteralEval(s)
		return thaw(v), err
	}))
}
