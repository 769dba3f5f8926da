package template

import (
	"fmt"
	"strings"

	"github.com/onset-eval/onset/tasks/pyval"
)

func (c *compiler) unary(n *unaryNode, s scope) expr {
	obj := c.expr(n.obj, s)
	op := pyval.Neg
	switch n.op {
	case "not":
		op = func(v pyval.Value) (pyval.Value, error) {
			ok, err := pyval.Truth(v)
			return !ok, err
		}
	case "+":
		op = pyval.Pos
	}
	return func(r *run) (pyval.Value, error) {
		v, err := obj(r)
		if err != nil {
			return nil, err
		}
		return op(v)
	}
}

func (c *compiler) binary(n *binaryNode, s scope) expr {
	left, right := c.expr(n.left, s), c.expr(n.right, s)
	if n.op == "and" || n.op == "or" {
		or := n.op == "or"
		return func(r *run) (pyval.Value, error) {
			v, err := left(r)
			if err != nil {
				return nil, err
			}
			ok, err := pyval.Truth(v)
			if err != nil || ok == or {
				return v, err
			}
			return right(r)
		}
	}
	op := map[string]func(a, b pyval.Value) (pyval.Value, error){
		"+": pyval.Add, "-": pyval.Sub, "*": pyval.Mul, "/": pyval.Div,
		"//": pyval.FloorDiv, "%": pyval.Mod, "**": pyval.Pow,
	}[n.op]
	return func(r *run) (pyval.Value, error) {
		a, err := left(r)
		if err != nil {
			return nil, err
		}
		b, err := right(r)
		if err != nil {
			return nil, err
		}
		if err := r.charge(1); err != nil {
			return nil, err
		}
		return r.made(op(a, b))
	}
}

// concat joins texts; where escaping is on and one of them is safe, the others are escaped.
func (c *compiler) concat(n *concatNode, s scope) expr {
	items := c.exprs(n.items, s)
	return func(r *run) (pyval.Value, error) {
		values, err := r.eval(items)
		if err != nil {
			return nil, err
		}
		if r.autoescape {
			return joinSoft(values)
		}
		if err := r.charge(1); err != nil {
			return nil, err
		}
		n := 0
		for _, v := range values {
			s, _ := pyval.TextOf(v)
			n += len(s)
		}
		b := make([]byte, 0, min(n, pyval.MaxText)+16)
		for _, v := range values {
			if b, err = pyval.AppendStr(b, v); err != nil {
				return nil, err
			}
			if len(b) > pyval.MaxText {
				return nil, &pyval.Error{Kind: "MemoryError", Msg: "a text would be too large"}
			}
		}
		return r.made(string(b), nil)
	}
}

func joinSoft(values []pyval.Value) (pyval.Value, error) {
	safe := false
	for _, v := range values {
		_, ok := v.(pyval.Markup)
		safe = safe || ok
	}
	var b strings.Builder
	for _, v := range values {
		s, err := pyval.Text(v)
		if _, ok := v.(pyval.Markup); safe && !ok {
			s = string(pyval.Escape(s))
		}
		if err != nil {
			return nil, err
		}
		b.WriteString(s)
		if b.Len() > pyval.MaxText {
			return nil, &pyval.Error{Kind: "MemoryError", Msg: "a text would be too large"}
		}
	}
	if safe {
		return pyval.Markup(b.String()), nil
	}
	return b.String(), nil
}

func (c *compiler) compare(n *compareNode, s scope) expr {
	first, rest := c.expr(n.first, s), c.exprs(n.rest, s)
	ops := n.ops
	return func(r *run) (pyval.Value, error) {
		a, err := first(r)
		if err != nil {
			return nil, err
		}
		for i, op := range ops {
			b, err := rest[i](r)
			if err != nil {
				return nil, err
			}
			if err := r.weigh(b); err != nil {
				return nil, err
			}
			ok, err := holds(op, a, b)
			if err != nil || !ok {
				return false, err
			}
			a = b
		}
		return true, nil
	}
}

func holds(op string, a, b pyval.Value) (bool, error) {
	switch op {
	case "==":
		return pyval.Equals(a, b)
	case "!=":
		eq, err := pyval.Equals(a, b)
		return !eq, err
	case "in":
		return pyval.Contains(b, a)
	case "notin":
		in, err := pyval.Contains(b, a)
		return !in, err
	}
	return pyval.Compare(pyval.Op(op), a, b)
}

// cond is an inline if. Without else it gives an undefined value that prints as nothing even where
// undefined names are errors.
func (c *compiler) cond(n *condNode, s scope) expr {
	s = s.softly()
	test, then := c.expr(n.test, s), c.expr(n.then, s)
	otherwise := withoutElse(n.lineNo())
	if n.otherwise != nil {
		otherwise = c.expr(n.otherwise, s)
	}
	return func(r *run) (pyval.Value, error) {
		v, err := test(r)
		if err != nil {
			return nil, err
		}
		ok, err := pyval.Truth(v)
		if err != nil {
			return nil, err
		}
		if ok {
			return then(r)
		}
		return otherwise(r)
	}
}

func withoutElse(line int) expr {
	hint := fmt.Sprintf("the inline if-expression on line %d evaluated to false and no else section was defined.", line)
	return func(*run) (pyval.Value, error) { return &undefined{obj: missing, hint: hint}, nil }
}
