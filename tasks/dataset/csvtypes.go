package dataset

import (
	"errors"
	"fmt"
	"io"
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

// parseCSVFloat reads decimal numbers, inf and infinity.
func parseCSVFloat(s string) (float64, bool) {
	s = trimBlank(s)
	switch strings.ToLower(strings.TrimLeft(s, "+-")) {
	case "nan":
		return 0, false
	case "inf", "infinity":
	default:
		if strings.Trim(s, "0123456789+-.eE") != "" {
			return 0, false
		}
	}
	v, err := strconv.ParseFloat(s, 64)
	if errors.Is(err, strconv.ErrRange) {
		err = nil // an infinity, or zero, as pandas has it
	}
	return v, err == nil
}
