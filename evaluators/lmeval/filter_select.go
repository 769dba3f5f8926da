package lmeval

import (
	"errors"
	"fmt"

	"github.com/onset-eval/onset/tasks/pyval"
)

func makeTakeFirst(o *pyval.Dict) (Filter, error) {
	return perResponse(func(draws []pyval.Value) (pyval.Value, error) {
		if len(draws) == 0 {
			return nil, errNoDraws
		}
		return draws[0], nil
	}), readOptions(o).err
}

var errNoDraws = errors.New("there are no draws to take one from")

// perResponse makes a filter that changes the draws of one response together.
func perResponse(change func(draws []pyval.Value) (pyval.Value, error)) Filter {
	return func(resps []pyval.Value, _ []*pyval.Dict) ([]pyval.Value, error) {
		out := make([]pyval.Value, len(resps))
		for i, r := range resps {
			in, err := draws(r)
			if err != nil {
				return nil, err
			}
			if out[i], err = change(in); err != nil {
				return nil, err
			}
		}
		return out, nil
	}
}

// makeTakeFirstK looks at the first response only to see whether there are k draws, as the harness does.
func makeTakeFirstK(o *pyval.Dict) (Filter, error) {
	r := readOptions(o, "k")
	k := r.int("k", 0)
	if k < 1 && r.err == nil {
		r.err = errors.New("option k must be a positive integer")
	}
	cut := perResponse(func(draws []pyval.Value) (pyval.Value, error) {
		return pyval.List(draws[:min(k, len(draws))]), nil
	})
	return func(resps []pyval.Value, docs []*pyval.Dict) ([]pyval.Value, error) {
		if len(resps) > 0 {
			first, err := draws(resps[0])
			if err != nil {
				return nil, err
			}
			if len(first) < k {
				return nil, fmt.Errorf("take_first_k needs %d draws and there are %d; raise repeats", k, len(first))
			}
		}
		return cut(resps, docs)
	}, r.err
}

func makeMajorityVote(o *pyval.Dict) (Filter, error) {
	return perResponse(func(draws []pyval.Value) (pyval.Value, error) {
		if len(draws) == 0 {
			return nil, errNoDraws
		}
		count := make(map[any]int, len(draws))
		keys := make([]any, len(draws))
		for i, d := range draws {
			key, err := hashable(d)
			if err != nil {
				return nil, err
			}
			keys[i] = key
			count[key]++
		}
		best := 0
		for i, key := range keys {
			if count[key] > count[keys[best]] {
				best = i
			}
		}
		return pyval.List{draws[best]}, nil
	}), readOptions(o).err
}

// hashable gives a key that is equal for values that are equal in Python, where 1 == 1.0 == True.
func hashable(v pyval.Value) (any, error) {
	switch v.(type) {
	case nil, string:
		return v, nil
	}
	if f, ok := number(v); ok {
		return f, nil
	}
	return nil, fmt.Errorf("%s cannot be counted", brief(v))
}

func makeMap(o *pyval.Dict) (Filter, error) {
	r := readOptions(o, "mapping_dict", "default_value")
	var mapping *pyval.Dict
	if v, _ := o.Get("mapping_dict"); v != nil {
		var ok bool
		if mapping, ok = v.(*pyval.Dict); !ok {
			r.wrong("mapping_dict", "a mapping", v)
		}
	}
	fallback, _ := o.Get("default_value")
	return perDraw(func(draw pyval.Value, _ *pyval.Dict) (pyval.Value, error) {
		switch d := draw.(type) {
		case string:
			if v, ok := mapping.Get(d); ok {
				return v, nil
			}
		case pyval.List, *pyval.Dict:
			return nil, fmt.Errorf("%s cannot be looked up", brief(draw))
		}
		return fallback, nil
	}), r.err
}
