package evaluators

import (
	"fmt"
	"slices"
	"strings"

	"github.com/onset-eval/onset/tasks"
	"github.com/onset-eval/onset/tasks/pyre"
	"github.com/onset-eval/onset/tasks/pyval"
)

// Answer is what a filter makes of a response.
type Answer struct {
	Text string
	// Parsed is false where a filter found no answer; Text is then the filter's fallback.
	Parsed bool
	// Reason says why there is none, where that is not plain.
	Reason string
}

// Filter is one kind of step of a pipeline.
type Filter struct {
	Name string
	// Doc says in one line what the step does.
	Doc string
	// Make checks the options and gives the step.
	Make func(tasks.Options) (Step, error)
}

// Step turns the answers of a sample's draws into others, of which there may be fewer. It is pure, and does not
// change the slice that it gets.
type Step func([]Answer) []Answer

// Filters lists the filters, as lm-evaluation-harness has and names them (lm_eval/filters), and strip, which is
// onset's own.
func Filters() []Filter {
	return []Filter{
		{"take_first", "keeps the first of several draws", takeFirst},
		{"take_first_k", "keeps the first k draws (option k)", takeFirstK},
		{"majority_vote", "keeps the most frequent answer, the earliest of equals", majorityVote},
		{"regex", "finds a regular expression (regex_pattern) and keeps match group_select, else fallback", regexFilter},
		{"remove_whitespace", "takes white space away at both ends", eachText(trimmed)},
		{"strip", "takes white space away at both ends", eachText(trimmed)},
		{"lowercase", "makes letters small", eachText(pyval.Lower)},
		{"uppercase", "makes letters large", eachText(pyval.Upper)},
		{"map", "replaces the answer by its value in mapping_dict, else default_value", mapFilter},
	}
}

// trimmed is Python's str.strip.
func trimmed(s string) string { return strings.TrimFunc(s, pyval.IsSpace) }

// eachText makes a filter without options that changes parsed texts one by one.
func eachText(f func(string) string) func(tasks.Options) (Step, error) {
	return func(o tasks.Options) (Step, error) {
		return each(func(a Answer) Answer {
			a.Text = f(a.Text)
			return a
		}), readOptions(o).err
	}
}

// each makes a step that changes the answers that there are, one by one: a fallback stays as it is.
func each(f func(Answer) Answer) Step {
	return func(in []Answer) []Answer {
		out := slices.Clone(in)
		for i, a := range out {
			if a.Parsed {
				out[i] = f(a)
			}
		}
		return out
	}
}

func takeFirst(o tasks.Options) (Step, error) { return firstOf(1), readOptions(o).err }

func takeFirstK(o tasks.Options) (Step, error) {
	r := readOptions(o, "k")
	k := r.int("k", 1)
	if k < 1 {
		r.wrong("k", "positive number")
	}
	return firstOf(k), r.err
}

func firstOf(k int) Step {
	return func(in []Answer) []Answer { return in[:min(k, len(in))] }
}

func majorityVote(o tasks.Options) (Step, error) {
	vote := func(in []Answer) []Answer {
		count := make(map[string]int, len(in))
		for _, a := range in {
			count[a.Text]++
		}
		var best []Answer
		for i, a := range in {
			if len(best) == 0 || count[a.Text] > count[best[0].Text] {
				best = in[i : i+1]
			}
		}
		return best
	}
	return vote, readOptions(o).err
}

func mapFilter(o tasks.Options) (Step, error) {
	r := readOptions(o, "mapping_dict", "default_value")
	dict, ok := o["mapping_dict"].(map[string]any)
	if !ok {
		r.wrong("mapping_dict", "mapping of strings")
	}
	values := make(map[string]string, len(dict))
	for k, v := range dict {
		values[k] = fmt.Sprint(v)
	}
	fallback, parsed := "", o["default_value"] != nil
	if parsed {
		fallback = fmt.Sprint(o["default_value"])
	}
	return each(func(a Answer) Answer {
		if v, ok := values[a.Text]; ok {
			return Answer{Text: v, Parsed: true}
		}
		return Answer{Text: fallback, Parsed: parsed}
	}), r.err
}

// regexFilter finds as lm_eval/filters/extraction.py RegexFilter does: re.findall, of these the one at group_select
// (from the end where negative), of its groups the first that is not empty, without white space at its ends.
func regexFilter(o tasks.Options) (Step, error) {
	r := readOptions(o, "regex_pattern", "group_select", "fallback")
	expr := r.string("regex_pattern", `#### (\-?[0-9\.\,]+)`)
	at := r.int("group_select", 0)
	fallback := r.string("fallback", "[invalid]")
	if r.err != nil {
		return nil, r.err
	}
	p, err := pyre.Compile(expr)
	if err != nil {
		return nil, fmt.Errorf("option regex_pattern: %w", err)
	}
	return each(func(a Answer) Answer {
		found, err := p.FindAll(a.Text)
		if err != nil {
			return Answer{Text: fallback, Reason: err.Error()}
		}
		i := at
		if i < 0 {
			i += len(found)
		}
		if i < 0 || i >= len(found) {
			return Answer{Text: fallback}
		}
		text, ok := selectGroup(found[i].Groups)
		if !ok {
			return Answer{Text: fallback}
		}
		return Answer{Text: trimmed(text), Parsed: true}
	}), nil
}

// selectGroup gives the text of a match as re.findall and the filter take it: all of it without groups, the one
// group, or the first of several that is not empty, if any.
func selectGroup(groups []string) (string, bool) {
	switch len(groups) {
	case 1:
		return groups[0], true
	case 2:
		return groups[1], true
	}
	for _, g := range groups[1:] {
		if g != "" {
			return g, true
		}
	}
	return "", false
}
