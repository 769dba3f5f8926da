package dataset

import (
	"fmt"
	"sync"
	"time"

	"github.com/onset-eval/onset/tasks/pyval"
)

// shape is what all rows of a split have in common. `datasets` gives every row the columns of all, and every
// number of a column the same type; here a first pass over the files finds that out, once, when it is needed.
type shape struct {
	files []File

	mu   sync.Mutex // guards what follows until done
	done bool
	root *kinds
	csv  map[string]*csvColumn
	rows []int // in each file
}

// kinds is what the values at one place of a document are.
type kinds struct {
	null, boolean, integer, float, text, list, dict bool
	raw                                             bool // mixed, as settle found
	untimed                                         bool // some text is no time
	dicts, present                                  int  // how many dicts, and in how many dicts it is
	names                                           []string
	fields                                          map[string]*kinds
	items                                           *kinds
}

// scan reads the files the first time it is called.
func (s *shape) scan() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.done {
		return nil
	}
	s.root, s.csv, s.rows = new(kinds), make(map[string]*csvColumn), make([]int, len(s.files))
	for i, f := range s.files {
		if err := s.scanFile(i, f); err != nil {
			return err
		}
	}
	s.root.settle()
	s.done = true
	return nil
}

func (s *shape) scanFile(i int, f File) (err error) {
	raw := f
	o := f.options()
	o.shape = nil
	raw.Options = &o
	if f.Format != CSV {
		for row, err := range raw.rows(0) {
			if err != nil {
				return err
			}
			s.rows[i]++
			s.root.see(row.Values)
		}
		return nil
	}
	r, err := f.open()
	if err != nil {
		return &Error{File: f.Path, Err: err}
	}
	defer func() { _ = r.Close() }() // it was only read
	f.csvRecords(r, func(names, fields []string, line int, e error) bool {
		if e != nil {
			err = &Error{File: f.Path, Line: line, Err: e}
			return false
		}
		s.rows[i]++
		for j, name := range names {
			c := s.csv[name]
			if c == nil {
				c = new(csvColumn)
				s.csv[name] = c
			}
			if j < len(fields) {
				c.see(fields[j], o.CSV)
			} else {
				c.missing = true
			}
		}
		return true
	})
	return err
}

func (k *kinds) see(v pyval.Value) {
	switch v := v.(type) {
	case nil:
		k.null = true
	case bool:
		k.boolean = true
	case int64:
		k.integer = true
	case float64:
		k.float = true
	case string:
		k.text = true
		if !k.untimed {
			_, timed := jsonTime(v)
			k.untimed = !timed
		}
	case pyval.List:
		k.list = true
		if k.items == nil {
			k.items = new(kinds)
		}
		for _, e := range v {
			k.items.see(e)
		}
	case *pyval.Dict:
		k.dict = true
		k.dicts++
		if k.fields == nil {
			k.fields = make(map[string]*kinds)
		}
		for _, name := range v.Keys() {
			field := k.fields[name]
			if field == nil {
				field = new(kinds)
				k.fields[name] = field
				k.names = append(k.names, name)
			}
			field.present++
			e, _ := v.Get(name)
			field.see(e)
		}
	}
}

// settle notes at every place whether it is mixed, once all was seen.
func (k *kinds) settle() {
	if k == nil {
		return
	}
	k.items.settle()
	for _, f := range k.fields {
		f.settle()
	}
	k.raw = k.mixed()
}

// mixed says that values of unlike types, or objects of unlike keys, share the place. `datasets` since 5 then
// keeps what stands in the file; before, it refused unlike types and set keys that lack to None.
func (k *kinds) mixed() bool {
	n := 0
	for _, is := range []bool{k.boolean, k.integer || k.float, k.text, k.list, k.dict} {
		if is {
			n++
		}
	}
	for _, f := range k.fields {
		if f.present < k.dicts {
			return true
		}
	}
	return n > 1 || k.items != nil && k.items.raw
}

// fit gives v the type and the keys that its place has.
func (k *kinds) fit(v pyval.Value, times bool) pyval.Value {
	if k == nil || k.raw {
		return v
	}
	switch v := v.(type) {
	case int64:
		if k.float {
			return float64(v)
		}
	case string:
		if times && !k.untimed {
			text, _ := jsonTime(v)
			return text
		}
	case pyval.List:
		for i, e := range v {
			v[i] = k.items.fit(e, times)
		}
	case *pyval.Dict:
		return k.fitDict(v, times)
	}
	return v
}

func (k *kinds) fitDict(v *pyval.Dict, times bool) *pyval.Dict {
	out := new(pyval.Dict)
	for _, name := range k.names {
		e, _ := v.Get(name)
		out.Set(name, k.fields[name].fit(e, times))
	}
	return out
}

// jsonTime reads a text that pyarrow's JSON reader takes for a time of whole seconds, and gives it as str of
// the datetime. A column is one of times where all its texts are.
func jsonTime(s string) (string, bool) {
	if len(s) < 10 || len(s) > 25 || s[4] != '-' || s[7] != '-' {
		return "", false
	}
	for _, layout := range []string{time.DateOnly, "2006-01-02 15", "2006-01-02 15:04", time.DateTime} {
		for _, zone := range []string{"", "Z07:00", "Z0700", "Z07"} {
			for _, sep := range []string{" ", "T"} {
				l := layout[:10]
				if len(layout) > 10 {
					l += sep + layout[11:] + zone
				} else if zone != "" {
					continue
				}
				if t, err := time.Parse(l, s); err == nil && !hasFraction(s) {
					return t.UTC().Format(time.DateTime), true
				}
			}
		}
	}
	return "", false
}

// hasFraction finds the fraction of a second, which time.Parse takes without being asked.
func hasFraction(s string) bool {
	for _, c := range s {
		if c == '.' || c == ',' {
			return true
		}
	}
	return false
}

// label gives the number of a class for its name; numbers stay what they are.
func label(v pyval.Value, names []string) (pyval.Value, error) {
	s, ok := v.(string)
	if !ok {
		return v, nil
	}
	for i, name := range names {
		if s == name {
			return int64(i), nil
		}
	}
	return nil, fmt.Errorf("%q is none of the classes %q", s, names)
}
