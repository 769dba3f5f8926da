package template

import (
	"math"
	"math/big"
	"strconv"

	"github.com/onset-eval/onset/tasks/pyval"
)

func isNumber(v pyval.Value) bool {
	switch v.(type) {
	case bool, int64, float64, *big.Int:
		return true
	}
	return false
}

// because names what is undefined, where jinja2 itself only says that a type is wrong.
func because(v pyval.Value) string {
	if u, ok := v.(*undefined); ok {
		return ": " + u.fail().Error()
	}
	return ""
}

func absFilter(_ *run, v pyval.Value, a args) (pyval.Value, error) {
	if err := a.none("abs"); err != nil {
		return nil, err
	}
	if !isNumber(v) {
		return nil, pyval.Errorf("TypeError", "bad operand type for abs(): '%s'%s", pyval.TypeName(v), because(v))
	}
	if f, ok := v.(float64); ok {
		return math.Abs(f), nil
	}
	if neg, err := pyval.Compare(pyval.Lt, v, int64(0)); err != nil || neg {
		return pyval.Neg(v)
	}
	return pyval.Pos(v)
}

// toInt is int(v, base), without a failing float's being tried.
func toInt(v pyval.Value, base int) (pyval.Value, error) {
	switch n := v.(type) {
	case bool, int64, *big.Int:
		return pyval.Pos(n)
	case float64:
		if math.IsNaN(n) {
			return nil, pyval.Errorf("ValueError", "cannot convert float NaN to integer")
		}
		if math.IsInf(n, 0) {
			return nil, pyval.Errorf("OverflowError", "cannot convert float infinity to integer")
		}
		if math.Abs(n) < 1<<62 {
			return int64(n), nil
		}
		i, _ := big.NewFloat(n).Int(nil)
		return i, nil
	case *undefined:
		return nil, n.fail()
	}
	if s, ok := pyval.TextOf(v); ok {
		return pyval.ParseInt(s, base)
	}
	return nil, pyval.Errorf("TypeError", "int() argument must be a string, a bytes-like object or a real number, not '%s'", pyval.TypeName(v))
}

func toFloat(v pyval.Value) (float64, error) {
	if u, ok := v.(*undefined); ok {
		return 0, u.fail()
	}
	if s, ok := pyval.TextOf(v); ok {
		return pyval.ParseFloat(s)
	}
	if !isNumber(v) {
		return 0, pyval.Errorf("TypeError", "float() argument must be a string or a real number, not '%s'", pyval.TypeName(v))
	}
	f, err := pyval.Mul(v, 1.0)
	if err != nil {
		return 0, err
	}
	return f.(float64), nil
}

// forgiven says whether an error is one of the kinds that a filter answers with its default.
func forgiven(err error, kinds ...string) bool {
	return err != nil && contains(kinds, pyval.KindOf(err))
}

func intFilter(_ *run, v pyval.Value, a args) (pyval.Value, error) {
	var p [2]pyval.Value
	if err := a.bind("int", p[:], "default?", "base?"); err != nil {
		return nil, err
	}
	base, err := intArg(p[1], 10)
	if err != nil {
		return nil, err
	}
	n, err := toInt(v, base)
	if err == nil || !forgiven(err, "TypeError", "ValueError") {
		return n, err
	}
	f, err := toFloat(v)
	if err == nil {
		n, err = toInt(f, 10)
	}
	if err != nil && forgiven(err, "TypeError", "ValueError", "OverflowError") {
		return or(p[0], int64(0)), nil
	}
	return n, err
}

func floatFilter(_ *run, v pyval.Value, a args) (pyval.Value, error) {
	var p [1]pyval.Value
	if err := a.bind("float", p[:], "default?"); err != nil {
		return nil, err
	}
	f, err := toFloat(v)
	if err != nil && forgiven(err, "TypeError", "ValueError") {
		return or(p[0], 0.0), nil
	}
	return f, err
}

func roundFilter(_ *run, v pyval.Value, a args) (pyval.Value, error) {
	var p [2]pyval.Value
	if err := a.bind("round", p[:], "precision?", "method?"); err != nil {
		return nil, err
	}
	method, _ := pyval.TextOf(or(p[1], "common"))
	if method != "common" && method != "ceil" && method != "floor" {
		return nil, pyval.Errorf("FilterArgumentError", "method must be common, ceil or floor")
	}
	digits, err := intArg(p[0], 0)
	if err != nil {
		return nil, err
	}
	if !isNumber(v) {
		return nil, pyval.Errorf("TypeError", "type %s doesn't define __round__ method%s", pyval.TypeName(v), because(v))
	}
	if method == "common" {
		return roundTo(v, digits)
	}
	scale, err := pyval.Pow(int64(10), int64(digits))
	if err != nil {
		return nil, err
	}
	scaled, err := pyval.Mul(v, scale)
	if err != nil {
		return nil, err
	}
	if f, ok := scaled.(float64); ok {
		if method == "ceil" {
			f = math.Ceil(f)
		} else {
			f = math.Floor(f)
		}
		if scaled, err = toInt(f, 10); err != nil {
			return nil, err
		}
	}
	return pyval.Div(scaled, scale)
}

// roundTo is round(v, digits), which rounds the exact value, halves to even.
func roundTo(v pyval.Value, digits int) (pyval.Value, error) {
	f, isFloat := v.(float64)
	switch {
	case isFloat && (math.IsNaN(f) || math.IsInf(f, 0) || digits > 330):
		return f, nil
	case isFloat && digits >= 0:
		return strconv.ParseFloat(strconv.FormatFloat(f, 'f', digits, 64), 64)
	case isFloat && digits < -310:
		return math.Copysign(0, f), nil
	case !isFloat && digits >= 0:
		return pyval.Pos(v)
	case !isFloat && digits < -5000:
		return int64(0), nil
	}
	exact := new(big.Int)
	if isFloat {
		big.NewFloat(math.Trunc(f)).Int(exact)
	} else if i, ok := v.(*big.Int); ok {
		exact.Set(i)
	} else {
		n, _ := intArg(v, 0)
		if i, ok := v.(int64); ok {
			n = int(i)
		}
		exact.SetInt64(int64(n))
	}
	unit := new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(-digits)), nil)
	q, rest := new(big.Int).QuoRem(exact, unit, new(big.Int))
	half := rest.Abs(rest).Lsh(rest, 1).Cmp(unit)
	if isFloat && half == 0 && f != math.Trunc(f) {
		half = 1
	}
	if half > 0 || half == 0 && q.Bit(0) == 1 {
		sign := int64(exact.Sign())
		q.Add(q, big.NewInt(sign))
	}
	q.Mul(q, unit)
	if isFloat {
		out, _ := new(big.Float).SetInt(q).Float64()
		return math.Copysign(out, f), nil
	}
	return pyval.Add(q, int64(0)) // an int64 again where it fits
}

func fileSizeFilter(_ *run, v pyval.Value, a args) (pyval.Value, error) {
	var p [1]pyval.Value
	if err := a.bind("filesizeformat", p[:], "binary?"); err != nil {
		return nil, err
	}
	binary, err := boolArg(p[0], false)
	if err != nil {
		return nil, err
	}
	bytes, err := toFloat(v)
	if err != nil {
		return nil, err
	}
	base, infix := 1000.0, "B"
	if binary {
		base, infix = 1024, "iB"
	}
	switch {
	case bytes == 1:
		return "1 Byte", nil
	case bytes < base:
		n, err := toInt(bytes, 10)
		return pyval.Str(n) + " Bytes", err
	}
	unit := base
	prefixes := "kMGTPEZY"
	if binary {
		prefixes = "KMGTPEZY"
	}
	for i := range len(prefixes) {
		unit *= base
		if bytes < unit || i == len(prefixes)-1 {
			return strconv.FormatFloat(base*bytes/unit, 'f', 1, 64) + " " + prefixes[i:i+1] + infix, nil
		}
	}
	return nil, nil
}
