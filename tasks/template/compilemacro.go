package template

import "github.com/onset-eval/onset/tasks/pyval"

// macroCode is a compiled macro, or the body of a call block.
type macroCode struct {
	name        string // empty for the body of a call block
	fn          *function
	params      []string
	takesCaller bool
	takesKwargs bool
	takesVar    bool
	explicit    bool // caller is among params
}

// macroBody compiles a macro's function. Arguments come first, then the values of those not given.
func (c *compiler) macroBody(n *macroNode, s scope) *macroCode {
	in := s.within()
	code := &macroCode{name: n.name, fn: in.fn}
	own := map[string]bool{}
	param := func(name string) {
		code.fn.params = append(code.fn.params, in.syms.parameter(name).slot)
		own[name] = true
	}
	for _, p := range n.params {
		param(p.name)
		code.params = append(code.params, p.name)
		code.explicit = code.explicit || p.name == "caller"
	}
	if mentions(n.body, "caller") {
		code.takesCaller = true
		if !own["caller"] {
			param("caller")
		} else if i := indexOf(code.params, "caller"); i < len(n.params)-len(n.defaults) {
			c.fail(n.lineNo(), `When defining macros or call blocks the special "caller" argument must be omitted or be given a default.`)
		}
	}
	if mentions(n.body, "kwargs") && !own["kwargs"] {
		code.takesKwargs = true
		param("kwargs")
	}
	if mentions(n.body, "varargs") && !own["varargs"] {
		code.takesVar = true
		param("varargs")
	}
	for _, d := range n.defaults {
		in.syms.node(d)
	}
	in.syms.stmts(n.body)
	code.fn.body = c.enter(in)
	required := len(n.params) - len(n.defaults)
	for i, p := range n.params {
		slot := code.fn.params[i]
		hint, line := "parameter "+pyval.Repr(p.name)+" was not provided", p.lineNo()
		value := notProvided(p.name, hint)
		if i >= required {
			value = c.expr(n.defaults[i-required], in)
		}
		code.fn.body = append(code.fn.body, func(r *run) error {
			if r.f.slots[slot] != missing {
				return nil
			}
			v, err := value(r)
			r.f.slots[slot] = v
			return atLine(line, err)
		})
	}
	code.fn.body = append(code.fn.body, c.stmts(n.body, in)...)
	return code
}

// notProvided gives the value of a parameter without a default that a call leaves out.
func notProvided(name, hint string) expr {
	return func(r *run) (pyval.Value, error) {
		return &undefined{name: name, obj: missing, hint: hint, strict: !r.t.opts.Lenient}, nil
	}
}

func indexOf(list []string, s string) int {
	for i, e := range list {
		if e == s {
			return i
		}
	}
	return -1
}

func (c *compiler) macro(n *macroNode, s scope) step {
	code := c.macroBody(n, s)
	set := c.assign(&nameNode{n.at, n.name}, s)
	return func(r *run) error { return set(r, &macro{code: code, outer: r.f}) }
}

// callBlock calls something with the block's body as its caller.
func (c *compiler) callBlock(n *callBlockNode, s scope) step {
	code, line := c.macroBody(n.macro, s), n.lineNo()
	if n.call == nil {
		return func(r *run) error {
			v, err := (&macro{code: code, outer: r.f}).call(r, args{})
			if err == nil {
				err = r.write(pyval.Str(v))
			}
			return atLine(line, err)
		}
	}
	call := c.call(n.call, s)
	return func(r *run) error {
		v, err := call(r, &macro{code: code, outer: r.f})
		if err == nil {
			var text string
			if text, err = pyval.Text(v); err == nil {
				err = r.write(text)
			}
		}
		return atLine(line, err)
	}
}

// macro is a macro as a value.
type macro struct {
	code  *macroCode
	outer *frame
}

func (m *macro) TypeName() string      { return "Macro" }
func (m *macro) Truth() (bool, error)  { return true, nil }
func (m *macro) Text() (string, error) { return m.Repr() }
func (m *macro) Repr() (string, error) {
	if m.code.name == "" {
		return "<Macro anonymous>", nil
	}
	return "<Macro " + pyval.Repr(m.code.name) + ">", nil
}

// call runs the macro and gives what it writes.
func (m *macro) call(r *run, a args) (pyval.Value, error) {
	values, err := m.bind(r, a)
	if err != nil {
		return nil, err
	}
	was := r.f
	defer func() {
		r.f = was
		r.depth--
	}()
	if err := r.enter(m.code.fn, m.outer); err != nil {
		return nil, err
	}
	for i, slot := range m.code.fn.params {
		r.f.slots[slot] = values[i]
	}
	return r.made(r.capture(m.code.fn.body))
}

// bind gives a value for each of the function's parameters: the macro's own, then caller, kwargs and
// varargs, as far as the body uses them.
func (m *macro) bind(r *run, a args) ([]pyval.Value, error) {
	code := m.code
	n := min(len(a.pos), len(code.params))
	values := append(make([]pyval.Value, 0, len(code.fn.params)), a.pos[:n]...)
	used := make([]bool, len(a.names))
	take := func(name string) pyval.Value {
		if i := indexOf(a.names, name); i >= 0 {
			used[i] = true
			return a.vals[i]
		}
		return missing
	}
	foundCaller := n == len(code.params) && code.explicit
	for _, name := range code.params[n:] {
		foundCaller = foundCaller || name == "caller"
		values = append(values, take(name))
	}
	if code.takesCaller && !foundCaller {
		v := take("caller")
		if v == missing || v == nil {
			v = r.undefinedHint("No caller defined")
		}
		values = append(values, v)
	}
	if code.takesKwargs {
		rest := new(pyval.Dict)
		for i, name := range a.names {
			if !used[i] {
				rest.Set(name, a.vals[i])
			}
		}
		values = append(values, rest)
	} else {
		for i, name := range a.names {
			if !used[i] {
				return nil, pyval.Errorf("TypeError", "macro %s takes no keyword argument %s", m.repr(), pyval.Repr(name))
			}
		}
	}
	if code.takesVar {
		values = append(values, pyval.Tuple(a.pos[n:]))
	} else if len(a.pos) > n {
		return nil, pyval.Errorf("TypeError", "macro %s takes not more than %d argument(s)", m.repr(), len(code.params))
	}
	return values, nil
}

func (m *macro) repr() string {
	if m.code.name == "" {
		return "None"
	}
	return pyval.Repr(m.code.name)
}
