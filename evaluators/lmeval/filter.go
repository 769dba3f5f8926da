package lmeval

import (
	"fmt"

	"github.com/onset-eval/onset/tasks/pyval"
)

// Filter changes the responses of all requests of a task; resps[i] belongs to docs[i]. At the start of an ensemble
// each is a List of the request's draws. It does not change the slices that it gets.
type Filter func(resps []pyval.Value, docs []*pyval.Dict) ([]pyval.Value, error)

// FilterKind makes filters of one kind.
type FilterKind struct {
	Name string
	// Doc says in one line what the filter does.
	Doc string
	// Make checks the options and gives the filter.
	Make func(*pyval.Dict) (Filter, error)
}

// Filters lists the harness's filters by its own names, and those that its tasks define beside them by file and
// class. A `custom` filter is the caller's: FilterSpec.Custom.
func Filters() []FilterKind {
	return []FilterKind{
		{"take_first", "keeps the first draw", makeTakeFirst},
		{"take_first_k", "keeps the first k draws (option k)", makeTakeFirstK},
		{"majority_vote", "keeps the most frequent draw, the earliest of equals, as a list of one", makeMajorityVote},
		{"regex", "keeps match group_select of regex_pattern, else fallback", makeRegex},
		{"regex_pos", "lists the tags of ('token', 'tag') pairs, else fallback", makeRegexPos},
		{"multi_choice_regex", "finds the letter of a choice in the document's choices by pattern, text or letter", makeMultiChoice},
		{"remove_whitespace", "takes white space away at both ends", eachText(strip)},
		{"lowercase", "makes letters small", eachText(lower)},
		{"uppercase", "makes letters large", eachText(upper)},
		{"map", "replaces a draw by its value in mapping_dict, else default_value", makeMap},
		{"format_span", "lists named entities as label: text", eachText(formatSpan)},
		{"bbh/zeroshot/utils.MultiChoiceRegexFilter", "multi_choice_regex over choices in the document's input", makeBBHChoice},
		{"bbh/zeroshot/utils.MapRegexFilter", "the value of the first pattern of regex_pattern_to_value that matches", makeBBHMap},
		{"bbh/zeroshot/utils.NumberParseRegexFilter", "regex, else a number in English words", makeBBHNumber},
		{"bbh/zeroshot/utils.WordSortFilter", "the document's words in the order of their last mention", makeBBHWordSort},
	}
}

// FilterSpec is one step of a task's filter_list.
type FilterSpec struct {
	Function string
	Options  *pyval.Dict
	// Custom is the filter itself where Function is "custom", or a function that Filters does not list.
	Custom Filter
}

// EnsembleSpec is one named sequence of filters of a task's filter_list.
type EnsembleSpec struct {
	Name    string
	Filters []FilterSpec
}

// ensemble is a named sequence of filters, ready to use.
type ensemble struct {
	name  string
	steps []Filter
}

func newEnsembles(specs []EnsembleSpec) ([]ensemble, error) {
	if specs == nil {
		specs = []EnsembleSpec{{Name: "none", Filters: []FilterSpec{{Function: "take_first"}}}}
	}
	kinds := Filters()
	out := make([]ensemble, len(specs))
	for i, spec := range specs {
		out[i].name = spec.Name
		for _, f := range spec.Filters {
			step, err := makeFilter(kinds, f)
			if err != nil {
				return nil, fmt.Errorf("filter pipeline %q: filter %s: %w", spec.Name, f.Function, err)
			}
			out[i].steps = append(out[i].steps, step)
		}
	}
	return out, nil
}

func makeFilter(kinds []FilterKind, spec FilterSpec) (Filter, error) {
	if spec.Custom != nil {
		return spec.Custom, nil
	}
	for _, k := range kinds {
		if k.Name == spec.Function {
			return k.Make(spec.Options)
		}
	}
	return nil, fmt.Errorf("there is no such filter; there are %s, and a task's own needs its function", names(kinds, func(k FilterKind) string { return k.Name }))
}

func (e ensemble) apply(resps []pyval.Value, docs []*pyval.Dict) ([]pyval.Value, error) {
	for _, step := range e.steps {
		var err error
		if resps, err = step(resps, docs); err != nil {
			return nil, fmt.Errorf("filter pipeline %q: %w", e.name, err)
		}
	}
	return resps, nil
}

// draws gives what Python iterates over in v: the elements of a list, the characters of a string.
func draws(v pyval.Value) ([]pyval.Value, error) {
	switch v := v.(type) {
	case pyval.List:
		return v, nil
	case string:
		out := make([]pyval.Value, 0, len(v))
		for _, r := range v {
			out = append(out, string(r))
		}
		return out, nil
	}
	return nil, fmt.Errorf("%s has no draws", brief(v))
}

// perDraw makes a filter that changes draws one by one.
func perDraw(change func(draw pyval.Value, doc *pyval.Dict) (pyval.Value, error)) Filter {
	return func(resps []pyval.Value, docs []*pyval.Dict) ([]pyval.Value, error) {
		return inParallel(resps, func(i int) (pyval.Value, error) {
			in, err := draws(resps[i])
			if err != nil {
				return nil, err
			}
			out := make(pyval.List, len(in))
			for j, d := range in {
				if out[j], err = change(d, docs[i]); err != nil {
					return nil, err
				}
			}
			return out, nil
		})
	}
}

// eachText makes a kind of filter without options that changes draws that are strings.
func eachText(change func(string) string) func(*pyval.Dict) (Filter, error) {
	return func(o *pyval.Dict) (Filter, error) {
		return perDraw(func(draw pyval.Value, _ *pyval.Dict) (pyval.Value, error) {
			s, ok := draw.(string)
			if !ok {
				return nil, fmt.Errorf("%s is no text", brief(draw))
			}
			return change(s), nil
		}), readOptions(o).err
	}
}
