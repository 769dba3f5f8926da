package dataset

import (
	"errors"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"

	"github.com/onset-eval/onset/tasks/pyval"
)

// csvColumn is what the values of a column have in common; the zero value has seen nothing.
type csvColumn struct{ missing, ints, floats, bools, other bool }

// typedCSV reads rows whose types pandas.read_csv would guess from the whole column: integers (as floats
// where a value is missing), floats, booleans, else text.
func (f File) typedCSV(r io.Reader, yield func(Row, error) bool) {
	columns := f.options().shape.csv
	f.csvRecords(r, func(names, fields []string, line int, err error) bool {
		if err != nil {
			return yield(Row{}, &Error{File: f.Path, Line: line, Err: err})
		}
		values := new(pyval.Dict)
		for i, name := range names {
			if f.options().without(name) {
				continue
			}
			var v pyval.Value
			if i < len(fields) {
				v = columns[name].value(fields[i], f.options().CSV)
			}
			values.Set(name, v)
		}
		return yield(Row{Values: values, File: f.Path, Line: line}, nil)
	})
}

// csvRecords gives the records under the names of their columns. A record may have fewer fields.
func (f File) csvRecords(r io.Reader, yield func(names, fields []string, line int, err error) bool) {
	o := *f.options().CSV
	t := newCSVTokens(r, o)
	if err := t.skipLines(o.SkipRows); err != nil && !errors.Is(err, io.EOF) {
		yield(nil, nil, t.line+1, err)
		return
	}
	names, first, line, err := csvHeader(t, o)
	if err != nil {
		if !errors.Is(err, io.EOF) {
			yield(nil, nil, line, err)
		}
		return
	}
	for {
		fields := first
		if first = nil; fields == nil {
			fields, line, err = t.record()
			if errors.Is(err, io.EOF) {
				return
			}
		}
		if err == nil && len(fields) > len(names) {
			err = fmt.Errorf("the row has %d fields where the header has %d", len(fields), len(names))
		}
		if !yield(names, fields, line, err) || err != nil {
			return
		}
	}
}

// csvHeader gives the names of the columns, and the first record where it was read to count them.
func csvHeader(t *csvTokens, o CSVOptions) (names, first []string, line int, err error) {
	if o.Header == NoHeader || len(o.Names) > 0 && !o.HeaderSet {
		if len(o.Names) > 0 {
			return o.Names, nil, 0, nil
		}
		first, line, err = t.record()
		for i := range first {
			names = append(names, strconv.Itoa(i))
		}
		return names, first, line, err
	}
	for range o.Header + 1 {
		if names, line, err = t.record(); err != nil {
			return nil, nil, line, err
		}
	}
	if len(o.Names) > 0 {
		return o.Names, nil, line, nil
	}
	return uniqueNames(names), nil, line, nil
}

// uniqueNames names columns without a name, and numbers those of the same name, as pandas does.
func uniqueNames(header []string) []string {
	taken := make(map[string]bool)
	for i, name := range header {
		if name == "" {
			header[i] = fmt.Sprintf("Unnamed: %d", i)
		}
		taken[header[i]] = true
	}
	seen := make(map[string]int)
	out := make([]string, len(header))
	for i, name := range header {
		out[i] = name
		if n := seen[name]; n > 0 {
			for out[i] = fmt.Sprintf("%s.%d", name, n); taken[out[i]]; out[i] = fmt.Sprintf("%s.%d", name, n) {
				n++
			}
			taken[out[i]] = true
			seen[name] = n
		}
		seen[name]++
	}
	return out
}

func (o *CSVOptions) isMissing(s string) bool {
	if !o.KeepNA {
		for _, na := range naValues {
			if s == na {
				return true
			}
		}
	}
	for _, na := range o.NAValues {
		if s == na {
			return true
		}
	}
	return false
}

func (c *csvColumn) see(s string, o *CSVOptions) {
	if o.isMissing(s) {
		c.missing = true
		return
	}
	if _, ok := parseBool(s); ok {
		c.bools = true
	} else if _, ok := parseCSVInt(s); ok {
		c.ints = true
	} else if _, ok := parseCSVFloat(s); ok {
		c.floats = true
	} else {
		c.other = true
	}
}

func (c *csvColumn) value(s string, o *CSVOptions) pyval.Value {
	if o.isMissing(s) {
		return nil
	}
	switch {
	case c.other || c.bools && (c.ints || c.floats):
		return s
	case c.bools:
		b, _ := parseBool(s)
		return b
	case c.floats || c.missing:
		v, _ := parseCSVFloat(s)
		return v
	}
	n, _ := parseCSVInt(s)
	return n
}

func parseBool(s string) (value, ok bool) {
	switch s {
	case "True", "TRUE", "true":
		return true, true
	case "False", "FALSE", "false":
		return false, true
	}
	return false, false
}

func trimBlank(s string) string { return strings.Trim(s, " \t\r\n\v\f") }

func parseCSVInt(s string) (int64, bool) {
	s = trimBlank(s)
	if strings.Contains(s, "_") {
		return 0, false
	}
	n, err := strconv.ParseInt(s, 10, 64)
	return n, err == nil
}

// parseCSVFloat reads decimal numbers, inf and infinity. Digits beyond the 17th only count their place, and
// the power of ten is applied last, as pandas does by default: the result may differ from the nearest
// number in the last bit, and must for the same text to print the same.
func parseCSVFloat(s string) (float64, bool) {
	s = trimBlank(s)
	sign := 1.0
	body := s
	if body != "" && (body[0] == '-' || body[0] == '+') {
		if body[0] == '-' {
			sign = -1
		}
		body = body[1:]
	}
	switch strings.ToLower(body) {
	case "inf", "infinity":
		return sign * math.Inf(1), true
	}
	i, digits, kept, exponent := 0, 0, 0, 0
	number := 0.0
	take := func(fraction bool) {
		for ; i < len(body) && body[i] >= '0' && body[i] <= '9'; i++ {
			digits++
			if kept < 17 {
				number = number*10 + float64(body[i]-'0')
				if number != 0 {
					kept++
				}
				if fraction {
					exponent--
				}
			} else if !fraction {
				exponent++
			}
		}
	}
	take(false)
	if i < len(body) && body[i] == '.' {
		i++
		take(true)
	}
	if digits == 0 {
		return 0, false
	}
	if i < len(body) && (body[i] == 'e' || body[i] == 'E') {
		e := strings.TrimPrefix(body[i+1:], "+")
		n, err := strconv.Atoi(e)
		if err != nil || strings.HasPrefix(e, "+") || len(e) > 6 {
			return 0, false
		}
		exponent += n
		i = len(body)
	}
	if i != len(body) {
		return 0, false
	}
	return sign * scaleByTen(number, exponent), true
}

func scaleByTen(number float64, exponent int) float64 {
	switch {
	case number == 0:
		return 0
	case exponent > 308:
		return math.Inf(1)
	case exponent > 0:
		return number * math.Pow10(exponent)
	case exponent < -308: // two steps, since 10^-exponent is beyond a float
		number /= math.Pow10(-308 - exponent)
		return number / 1e308
	}
	return number / math.Pow10(-exponent)
}
