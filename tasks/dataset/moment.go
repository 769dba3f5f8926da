package dataset

import (
	"fmt"
	"math/big"
	"strconv"
	"strings"
	"time"
)

// Dates, times and decimals have no value of their own in pyval, so they are text: what Python's str gives.

// timestampText is str of a datetime: ISO 8601 with a space, and a fraction only where it is not zero. A
// zone, where there is one, ends the text as an offset. Nanoseconds appear as pandas.Timestamp shows them.
func timestampText(value int64, perSecond int64, zone *time.Location) string {
	sec, rest := floorDiv(value, perSecond)
	ns := rest * (1_000_000_000 / perSecond)
	t := time.Unix(sec, ns).UTC()
	if zone != nil {
		t = t.In(zone)
	}
	s := t.Format("2006-01-02 15:04:05") + fraction(ns)
	if zone != nil {
		s += t.Format("-07:00")
	}
	return s
}

func floorDiv(a, b int64) (q, r int64) {
	q, r = a/b, a%b
	if r < 0 {
		q, r = q-1, r+b
	}
	return q, r
}

func fraction(ns int64) string {
	switch {
	case ns == 0:
		return ""
	case ns%1000 == 0:
		return fmt.Sprintf(".%06d", ns/1000)
	}
	return fmt.Sprintf(".%09d", ns)
}

// dateText is str of the date that many days after 1970-01-01.
func dateText(days int64) string {
	return time.Unix(days*86400, 0).UTC().Format(time.DateOnly)
}

// clockText is str of a time of day.
func clockText(value, perSecond int64) string {
	sec, rest := floorDiv(value, perSecond)
	return fmt.Sprintf("%02d:%02d:%02d", sec/3600, sec/60%60, sec%60) + fraction(rest*(1_000_000_000/perSecond))
}

// durationText is str of a timedelta.
func durationText(value, perSecond int64) string {
	sec, rest := floorDiv(value, perSecond)
	days, sec := floorDiv(sec, 86400)
	s := fmt.Sprintf("%d:%02d:%02d", sec/3600, sec/60%60, sec%60) + fraction(rest*(1_000_000_000/perSecond))
	switch days {
	case 0:
		return s
	case 1, -1:
		return fmt.Sprintf("%d day, %s", days, s)
	}
	return fmt.Sprintf("%d days, %s", days, s)
}

// decimalText is str of a decimal.Decimal with the value unscaled × 10^-scale: scientific below 1e-6.
func decimalText(unscaled *big.Int, scale int32) string {
	digits := new(big.Int).Abs(unscaled).String()
	sign := ""
	if unscaled.Sign() < 0 {
		sign = "-"
	}
	adjusted := int64(len(digits)) - 1 - int64(scale)
	if scale < 0 || adjusted < -6 {
		s := digits[:1]
		if len(digits) > 1 {
			s += "." + digits[1:]
		}
		return sign + s + fmt.Sprintf("E%+d", adjusted)
	}
	if scale == 0 {
		return sign + digits
	}
	if missing := int(scale) + 1 - len(digits); missing > 0 {
		digits = strings.Repeat("0", missing) + digits
	}
	cut := len(digits) - int(scale)
	return sign + digits[:cut] + "." + digits[cut:]
}

// bigEndian reads a two's complement integer.
func bigEndian(b []byte) *big.Int {
	n := new(big.Int).SetBytes(b)
	if len(b) > 0 && b[0] >= 0x80 {
		n.Sub(n, new(big.Int).Lsh(big.NewInt(1), uint(len(b))*8))
	}
	return n
}

// zoneNamed gives the zone of a column: a name or an offset such as +02:00. Where this machine does not
// know the name, the offset is an error rather than a guess.
func zoneNamed(name string) (*time.Location, error) {
	if len(name) == 6 && (name[0] == '+' || name[0] == '-') && name[3] == ':' {
		h, err1 := strconv.Atoi(name[1:3])
		m, err2 := strconv.Atoi(name[4:])
		if err1 == nil && err2 == nil {
			s := h*3600 + m*60
			if name[0] == '-' {
				s = -s
			}
			return time.FixedZone(name, s), nil
		}
	}
	zone, err := time.LoadLocation(name)
	if err != nil {
		return nil, fmt.Errorf("the time zone %q is not known on this machine", name)
	}
	return zone, nil
}
