package pyval

import (
	"math"
	"math/big"
)

func isZero(v Value) bool {
	t, _ := Truth(v)
	return !t
}

// Div is a / b, always a float.
func Div(a, b Value) (Value, error) {
	if !isNumber(a) || !isNumber(b) {
		return nil, unsupported("/", a, b)
	}
	if isZero(b) {
		if isFloat(a) || isFloat(b) {
			return nil, Errorf("ZeroDivisionError", "float division by zero")
		}
		return nil, Errorf("ZeroDivisionError", "division by zero")
	}
	x, xok := asInt(a)
	y, yok := asInt(b)
	const exact = 1 << 53
	if isFloat(a) || isFloat(b) || isZero(a) || xok && yok && magnitude(x) <= exact && magnitude(y) <= exact {
		f, g, _, err := floats(a, b, true)
		return f / g, err
	}
	f, _ := new(big.Rat).SetFrac(bigOf(a), bigOf(b)).Float64() // to the nearest
	if math.IsInf(f, 0) {
		return nil, Errorf("OverflowError", "integer division result too large for a float")
	}
	return f, nil
}

// FloorDiv is a // b.
func FloorDiv(a, b Value) (Value, error) {
	q, _, err := divMod("//", a, b)
	return q, err
}

func modNumbers(a, b Value) (Value, error) {
	_, r, err := divMod("%", a, b)
	return r, err
}

// divMod rounds the quotient down; the remainder has the sign of b.
func divMod(op string, a, b Value) (quotient, remainder Value, err error) {
	if !isNumber(a) || !isNumber(b) {
		return nil, nil, unsupported(op, a, b)
	}
	if isFloat(a) || isFloat(b) {
		x, y, _, err := floats(a, b, true)
		if err != nil {
			return nil, nil, err
		}
		if y == 0 {
			if op == "%" {
				return nil, nil, Errorf("ZeroDivisionError", "float modulo")
			}
			return nil, nil, Errorf("ZeroDivisionError", "float floor division by zero")
		}
		q, r := divModFloats(x, y)
		return q, r, nil
	}
	if isZero(b) {
		return nil, nil, Errorf("ZeroDivisionError", "integer division or modulo by zero")
	}
	x, xok := asInt(a)
	y, yok := asInt(b)
	if xok && yok && (x != math.MinInt64 || y != -1) {
		q, r := x/y, x%y
		if r != 0 && (r < 0) != (y < 0) {
			q, r = q-1, r+y
		}
		return q, r, nil
	}
	d := bigOf(b)
	q, r := new(big.Int).QuoRem(bigOf(a), d, new(big.Int))
	if r.Sign() != 0 && r.Sign() != d.Sign() {
		q.Sub(q, big.NewInt(1))
		r.Add(r, d)
	}
	if quotient, err = normal(q); err == nil {
		remainder, err = normal(r)
	}
	return quotient, remainder, err
}

func divModFloats(x, y float64) (q, r float64) {
	r = math.Mod(x, y)
	q = (x - r) / y
	if r != 0 {
		if (y < 0) != (r < 0) {
			r += y
			q--
		}
	} else {
		r = math.Copysign(0, y)
	}
	if q == 0 {
		return math.Copysign(0, x/y), r
	}
	floor := math.Floor(q)
	if q-floor > 0.5 {
		floor++
	}
	return floor, r
}
