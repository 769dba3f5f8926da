package pyval

import (
	"math"
	"math/big"
	"math/bits"
)

func bigOf(v Value) *big.Int {
	if b, ok := v.(*big.Int); ok {
		return b
	}
	n, _ := asInt(v)
	return big.NewInt(n)
}

// normal gives an int64 where the number fits.
func normal(b *big.Int) (Value, error) {
	if b.IsInt64() {
		return b.Int64(), nil
	}
	if b.BitLen() > maxBits {
		return nil, errTooLarge("an integer")
	}
	return b, nil
}

func isFloat(v Value) bool { _, ok := v.(float64); return ok }

// asFloat is float(v) of a number.
func asFloat(v Value) (float64, error) {
	switch v := v.(type) {
	case float64:
		return v, nil
	case *big.Int:
		f, _ := new(big.Float).SetInt(v).Float64()
		if math.IsInf(f, 0) {
			return 0, Errorf("OverflowError", "int too large to convert to float")
		}
		return f, nil
	}
	n, _ := asInt(v)
	return float64(n), nil
}

func unsupported(op string, a, b Value) error {
	if err := operandError(a, b); err != nil {
		return err
	}
	return typeError("unsupported operand type(s) for %s: '%s' and '%s'", op, TypeName(a), TypeName(b))
}

// floats gives both numbers as floats where one of them is a float, or where always is set.
func floats(a, b Value, always bool) (x, y float64, ok bool, err error) {
	if !always && !isFloat(a) && !isFloat(b) {
		return 0, 0, false, nil
	}
	if x, err = asFloat(a); err == nil {
		y, err = asFloat(b)
	}
	return x, y, true, err
}

func addNumbers(a, b Value) (Value, error) {
	x, xok := asInt(a)
	y, yok := asInt(b)
	if sum := x + y; xok && yok && (sum > x) == (y > 0) {
		return sum, nil
	}
	if f, g, ok, err := floats(a, b, false); ok {
		return f + g, err
	}
	return normal(new(big.Int).Add(bigOf(a), bigOf(b)))
}

// Sub is a - b.
func Sub(a, b Value) (Value, error) {
	if !isNumber(a) || !isNumber(b) {
		return nil, unsupported("-", a, b)
	}
	x, xok := asInt(a)
	y, yok := asInt(b)
	if d := x - y; xok && yok && (d < x) == (y > 0) {
		return d, nil
	}
	if f, g, ok, err := floats(a, b, false); ok {
		return f - g, err
	}
	return normal(new(big.Int).Sub(bigOf(a), bigOf(b)))
}

func mulNumbers(a, b Value) (Value, error) {
	x, xok := asInt(a)
	y, yok := asInt(b)
	if xok && yok {
		hi, lo := bits.Mul64(magnitude(x), magnitude(y))
		if hi == 0 && lo < 1<<63 {
			return x * y, nil
		}
	}
	if f, g, ok, err := floats(a, b, false); ok {
		return f * g, err
	}
	p, q := bigOf(a), bigOf(b)
	if p.BitLen()+q.BitLen() > 2*maxBits {
		return nil, errTooLarge("an integer")
	}
	return normal(new(big.Int).Mul(p, q))
}

func magnitude(n int64) uint64 {
	if n < 0 {
		return -uint64(n)
	}
	return uint64(n)
}

// Pow is a ** b.
func Pow(a, b Value) (Value, error) {
	if !isNumber(a) || !isNumber(b) {
		return nil, unsupported("** or pow()", a, b)
	}
	if isFloat(a) || isFloat(b) || bigOf(b).Sign() < 0 {
		x, y, _, err := floats(a, b, true)
		if err != nil {
			return nil, err
		}
		if x == 0 && y < 0 {
			return nil, Errorf("ZeroDivisionError", "0.0 cannot be raised to a negative power")
		}
		if x < 0 && y != math.Trunc(y) && !math.IsInf(y, 0) && !math.IsInf(x, 0) {
			return nil, valueError("a negative number to a fractional power is a complex number, which onset does not have")
		}
		z := powFloats(x, y)
		if math.IsInf(z, 0) && !math.IsInf(x, 0) && !math.IsInf(y, 0) {
			return nil, Errorf("OverflowError", "(34, 'Numerical result out of range')")
		}
		return z, nil
	}
	base, e := bigOf(a), bigOf(b)
	if base.BitLen() > 1 && (!e.IsInt64() || e.Int64() > maxBits || e.Int64()*int64(base.BitLen()-1) > maxBits) {
		return nil, errTooLarge("an integer")
	}
	if base.BitLen() <= 1 && !e.IsInt64() { // 0, 1 and -1: only whether the exponent is odd matters
		e = big.NewInt(2 + int64(e.Bit(0)))
	}
	return normal(new(big.Int).Exp(base, e, nil))
}

// powFloats is math.Pow, but for whole exponents correctly rounded, as the C library's is, or nearly so.
func powFloats(x, y float64) float64 {
	const most = 1 << 10
	if y != math.Trunc(y) || math.Abs(y) > most || x == 0 || math.IsInf(x, 0) || math.IsNaN(x) {
		return math.Pow(x, y)
	}
	power := big.NewFloat(1).SetPrec(300)
	for base, n := big.NewFloat(x).SetPrec(300), int(math.Abs(y)); n > 0; n >>= 1 {
		if n&1 == 1 {
			power.Mul(power, base)
		}
		base.Mul(base, base)
	}
	if y < 0 {
		power.Quo(big.NewFloat(1).SetPrec(300), power)
	}
	z, _ := power.Float64()
	return z
}

// Neg is -v.
func Neg(v Value) (Value, error) {
	switch n := v.(type) {
	case float64:
		return -n, nil
	case int64, bool, *big.Int:
		return Sub(int64(0), n)
	}
	return nil, badUnary("-", v)
}

// Pos is +v.
func Pos(v Value) (Value, error) {
	if isNumber(v) {
		if b, ok := v.(bool); ok {
			return Sub(b, int64(0))
		}
		return v, nil
	}
	return nil, badUnary("+", v)
}

func badUnary(op string, v Value) error {
	if err := operandError(v); err != nil {
		return err
	}
	return typeError("bad operand type for unary %s: '%s'", op, TypeName(v))
}
