package lmeval

import (
	"fmt"

	"github.com/onset-eval/onset/tasks/pyval"
)

// options reads the options of a filter or metric. The first thing that is wrong stays in err.
type options struct {
	dict *pyval.Dict
	err  error
}

// readOptions begins to read; an option that is not in known is an error, as an unknown keyword argument is in
// Python.
func readOptions(dict *pyval.Dict, known ...string) *options {
	o := &options{dict: dict}
	for _, key := range dict.Keys() {
		found := false
		for _, k := range known {
			found = found || k == key
		}
		if !found && o.err == nil {
			o.err = fmt.Errorf("there is no option %q; there are %q", key, known)
		}
	}
	return o
}

func (o *options) wrong(key, want string, v pyval.Value) {
	if o.err == nil {
		o.err = fmt.Errorf("option %s must be %s, not %s", key, want, brief(v))
	}
}

func (o *options) text(key, fallback string) string {
	v, ok := o.dict.Get(key)
	if !ok {
		return fallback
	}
	s, ok := v.(string)
	if !ok {
		o.wrong(key, "a string", v)
	}
	return s
}

func (o *options) int(key string, fallback int) int {
	v, ok := o.dict.Get(key)
	if !ok {
		return fallback
	}
	i, ok := v.(int64)
	if !ok {
		o.wrong(key, "an integer", v)
	}
	return int(i)
}

// flag takes any value for its truth, as Python does.
func (o *options) flag(key string) bool {
	v, _ := o.dict.Get(key)
	return truth(v)
}

// texts reads a list of strings, or None.
func (o *options) texts(key string) []string {
	v, _ := o.dict.Get(key)
	if v == nil {
		return nil
	}
	list, ok := v.(pyval.List)
	if !ok {
		o.wrong(key, "a list of strings", v)
	}
	out := make([]string, len(list))
	for i, e := range list {
		if out[i], ok = e.(string); !ok {
			o.wrong(key, "a list of strings", v)
		}
	}
	return out
}

// truth is Python's bool(v).
func truth(v pyval.Value) bool {
	switch v := v.(type) {
	case nil:
		return false
	case string:
		return v != ""
	case pyval.List:
		return len(v) > 0
	case *pyval.Dict:
		return v.Len() > 0
	}
	f, ok := number(v)
	return !ok || f != 0
}
