package evaluators

import (
	"fmt"
	"math"

	"github.com/onset-eval/onset/tasks"
)

// optionReader reads the options of a filter or scorer, and keeps the first error.
type optionReader struct {
	from  tasks.Options
	names []string
	err   error
}

// readOptions checks that o has no names but these.
func readOptions(o tasks.Options, names ...string) *optionReader {
	r := &optionReader{from: o, names: names}
	known := make(map[string]bool, len(names))
	for _, n := range names {
		known[n] = true
	}
	for name := range o {
		if !known[name] {
			r.fail(unknown("option", name, names))
		}
	}
	return r
}

func (r *optionReader) fail(err error) {
	if r.err == nil {
		r.err = err
	}
}

func (r *optionReader) wrong(name, want string) {
	r.fail(fmt.Errorf("option %s: %v (%T) is no %s", name, r.from[name], r.from[name], want))
}

func (r *optionReader) bool(name string) bool {
	v, ok := r.from[name]
	if !ok {
		return false
	}
	b, ok := v.(bool)
	if !ok {
		r.wrong(name, "boolean")
	}
	return b
}

func (r *optionReader) string(name, otherwise string) string {
	v, ok := r.from[name]
	if !ok {
		return otherwise
	}
	s, ok := v.(string)
	if !ok {
		r.wrong(name, "string")
	}
	return s
}

func (r *optionReader) int(name string, otherwise int) int {
	v, ok := r.from[name]
	if !ok {
		return otherwise
	}
	switch v := v.(type) {
	case int:
		return v
	case int64:
		return int(v)
	case float64:
		if v == math.Trunc(v) && math.Abs(v) < 1<<31 {
			return int(v)
		}
	}
	r.wrong(name, "whole number")
	return otherwise
}

func (r *optionReader) strings(name string) []string {
	v, ok := r.from[name]
	if !ok || v == nil {
		return nil
	}
	list, ok := v.([]any)
	if !ok {
		r.wrong(name, "list of strings")
		return nil
	}
	out := make([]string, len(list))
	for i, e := range list {
		if out[i], ok = e.(string); !ok {
			r.wrong(name, "list of strings")
		}
	}
	return out
}
