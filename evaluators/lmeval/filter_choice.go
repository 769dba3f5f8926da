package lmeval

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"

	"github.com/onset-eval/onset/tasks/pyre"
	"github.com/onset-eval/onset/tasks/pyval"
)

// ignorer takes away what does not count when texts are compared.
type ignorer struct {
	patterns          []*pyre.Regexp
	foldCase, noPunct bool
}

func readIgnorer(r *options) ignorer {
	g := ignorer{foldCase: r.flag("ignore_case"), noPunct: r.flag("ignore_punctuation")}
	for _, expr := range r.texts("regexes_to_ignore") {
		re, err := pyre.Compile(expr)
		if err != nil && r.err == nil {
			r.err = fmt.Errorf("option regexes_to_ignore: %w", err)
		}
		g.patterns = append(g.patterns, re)
	}
	return g
}

func (g ignorer) apply(s string) (string, error) {
	for _, re := range g.patterns {
		var err error
		if s, err = re.Remove(s); err != nil {
			return "", err
		}
	}
	if g.foldCase {
		s = lower(s)
	}
	if g.noPunct {
		s = without(s, unicode.IsPunct)
	}
	return s, nil
}

var extractorOptions = []string{
	"regex_pattern", "group_select", "fallback", "ignore_case", "ignore_punctuation", "regexes_to_ignore",
}

func makeMultiChoice(o *pyval.Dict) (Filter, error) {
	return choiceFilter(o, func(doc *pyval.Dict) ([]string, error) {
		v, ok := doc.Get("choices")
		if !ok {
			return nil, pyval.Errorf("KeyError", "'choices'")
		}
		list, ok := v.(pyval.List)
		if !ok {
			return nil, fmt.Errorf("multi_choice_regex needs a list of choices in the document, not %s", brief(v))
		}
		choices := make([]string, len(list))
		for i, c := range list {
			if choices[i], ok = c.(string); !ok {
				return nil, fmt.Errorf("choice %d is no text but %s", i, brief(c))
			}
		}
		return choices, nil
	})
}

var inputChoice = pyre.MustCompile(`\([A-Z]\)([^\n^(]*)`)

func makeBBHChoice(o *pyval.Dict) (Filter, error) {
	return choiceFilter(o, func(doc *pyval.Dict) ([]string, error) {
		input, err := docText(doc, "input")
		if err != nil {
			return nil, err
		}
		found, err := inputChoice.FindAll(input)
		choices := make([]string, len(found))
		for i, m := range found {
			choices[i] = m.Groups[1]
		}
		return choices, err
	})
}

// docText gives a field of a document that must be a string.
func docText(doc *pyval.Dict, field string) (string, error) {
	v, ok := doc.Get(field)
	s, isText := v.(string)
	if !ok || !isText {
		return "", fmt.Errorf("field %q of the document must be a string, not %s", field, brief(v))
	}
	return s, nil
}

// choiceFilter finds the answer to a multiple-choice question as "(A)": by the pattern, else by the text of a
// choice, else by a letter after a colon.
func choiceFilter(o *pyval.Dict, choices func(*pyval.Dict) ([]string, error)) (Filter, error) {
	r := readOptions(o, extractorOptions...)
	x, fallback := readExtractor(r)
	ignore := readIgnorer(r)
	change := func(draw pyval.Value, c *choiceFinder) (pyval.Value, error) {
		text, _ := draw.(string)
		found, _, _, err := x.find(text)
		if err == nil && found == "" {
			found, err = c.find(text, x.at)
		}
		if err == nil && found == "" {
			return fallback, nil
		}
		return found, err
	}
	return func(resps []pyval.Value, docs []*pyval.Dict) ([]pyval.Value, error) {
		return inParallel(resps, func(i int) (pyval.Value, error) {
			in, err := draws(resps[i])
			if err != nil {
				return nil, err
			}
			texts, err := choices(docs[i])
			if err != nil {
				return nil, err
			}
			finder, err := newChoiceFinder(texts, ignore)
			if err != nil {
				return nil, err
			}
			out := make(pyval.List, len(in))
			for j, d := range in {
				if out[j], err = change(d, finder); err != nil {
					return nil, err
				}
			}
			return out, nil
		})
	}, r.err
}

// choiceFinder finds the choices of one document in texts.
type choiceFinder struct {
	ignore  ignorer
	texts   []string          // as they are compared
	letters map[string]string // "(A)", by the text of the choice
	byColon *pyre.Regexp
}

func newChoiceFinder(choices []string, ignore ignorer) (*choiceFinder, error) {
	if len(choices) > len(colonLetter)-1 {
		return nil, errors.New("more than 26 choices have no letters")
	}
	c := &choiceFinder{ignore: ignore, letters: make(map[string]string, len(choices)), byColon: colonLetter[len(choices)]()}
	for i, choice := range choices {
		text, err := ignore.apply(strip(choice))
		if err != nil {
			return nil, err
		}
		c.texts = append(c.texts, text)
		c.letters[text] = "(" + string(rune('A'+i)) + ")"
	}
	return c, nil
}

// colonLetter finds a letter of the first n choices behind a colon.
var colonLetter = func() (out [27]func() *pyre.Regexp) {
	for n := range out {
		letters := strings.Split("ABCDEFGHIJKLMNOPQRSTUVWXYZ"[:n], "")
		out[n] = sync.OnceValue(func() *pyre.Regexp { return pyre.MustCompile(`:[\s]*(` + strings.Join(letters, "|") + ")") })
	}
	return out
}()

// find gives the letter, the text where that is none of the choices', or "".
func (c *choiceFinder) find(text string, at int) (string, error) {
	reduced, err := c.ignore.apply(text)
	if err != nil {
		return "", err
	}
	found := findLiterals(reduced, c.texts)
	i := at
	if i < 0 {
		i += len(found)
	}
	if i >= 0 && i < len(found) {
		if found := strip(found[i]); found != "" {
			if l, ok := c.letters[found]; ok {
				return l, nil
			}
			return found, nil
		}
	}
	letter, _, _, err := extractor{c.byColon, at}.find(text)
	if letter != "" {
		letter = "(" + letter + ")"
	}
	return letter, err
}

// findLiterals is re.findall of the alternation of literal texts, of which the first that fits is taken. Behind an
// empty match, one at the same place must not be empty.
func findLiterals(text string, literals []string) []string {
	var out []string
	advance := false
	for at := 0; at <= len(text); {
		i := slices.IndexFunc(literals, func(l string) bool {
			return strings.HasPrefix(text[at:], l) && (l != "" || !advance)
		})
		if i >= 0 {
			out = append(out, literals[i])
			at += len(literals[i])
			advance = literals[i] == ""
			continue
		}
		_, size := utf8.DecodeRuneInString(text[at:])
		at += max(size, 1)
		advance = false
	}
	return out
}
