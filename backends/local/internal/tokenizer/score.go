package tokenizer

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// score reads a number as the reference's JSON library does (Rust's serde_json as it comes), which is not always the
// nearest one: the digits as an integer, rounded, times or over a power of ten, rounded again. A unit in the last place
// decides between ways to cut a word whose scores are the same but for rounding, as of one letter many times.
func score(number string) (float64, error) {
	exact, err := strconv.ParseFloat(number, 64)
	if err != nil || exact == 0 {
		return exact, asScore(number, err)
	}
	digits, exponent := number, 0
	if i := strings.IndexAny(number, "eE"); i >= 0 {
		digits = number[:i]
		if exponent, err = strconv.Atoi(number[i+1:]); err != nil || exponent < -1000 || exponent > 1000 {
			return 0, asScore(number, strconv.ErrRange)
		}
	}
	var n uint64
	point, full := false, false
	for _, c := range []byte(strings.TrimPrefix(digits, "-")) {
		if c == '.' {
			point = true
			continue
		}
		d := uint64(c - '0')
		full = full || n > math.MaxUint64/10 || n == math.MaxUint64/10 && d > math.MaxUint64%10
		switch {
		case !full:
			n = n*10 + d
			if point {
				exponent--
			}
		case !point:
			exponent++
		}
	}
	f := float64(n)
	for ; exponent < -308; exponent += 308 {
		f /= 1e308
	}
	// Powers of ten that ParseFloat rounds to the nearest, as the reference's table has them.
	power, err := strconv.ParseFloat("1e"+strconv.Itoa(max(exponent, -exponent)), 64)
	if err != nil {
		return 0, asScore(number, err)
	}
	if exponent < 0 {
		f /= power
	} else {
		f *= power
	}
	if math.IsInf(f, 0) {
		return 0, asScore(number, strconv.ErrRange)
	}
	return math.Copysign(f, exact), nil
}

func asScore(number string, err error) error {
	if err != nil {
		err = fmt.Errorf("%.40q is no score", number)
	}
	return err
}
