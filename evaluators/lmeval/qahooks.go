package lmeval

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"unicode"

	"github.com/onset-eval/onset/tasks/pyre"
	"github.com/onset-eval/onset/tasks/pyval"
)

// questionRules say how answers in one language are compared: articles are taken away, and Chinese characters stand
// alone.
type questionRules struct {
	articles *pyre.Regexp // nil where there are none
	chinese  bool
	ascii    bool // punctuation is ASCII's alone, not Unicode's too
}

var mlqaLanguages = map[string]questionRules{
	"en": {articles: pyre.MustCompile(`\b(a|an|the)\b`)},
	"es": {articles: pyre.MustCompile(`\b(un|una|unos|unas|el|la|los|las)\b`)},
	"hi": {},
	"vi": {articles: pyre.MustCompile(`\b(của|là|cái|chiếc|những)\b`)},
	"de": {articles: pyre.MustCompile(`\b(ein|eine|einen|einem|eines|einer|der|die|das|den|dem|des)\b`)},
	"ar": {articles: pyre.MustCompile(`(?:^|\s)ال`)},
	"zh": {chinese: true},
}

var frenchRules = questionRules{articles: pyre.MustCompile(`\b(un|une|des|le|la|les)\b`), ascii: true}

// words brings a text to normal form.
func (r questionRules) words(s string) []string {
	s = without(lower(s), func(c rune) bool { return isASCIIPunct(c) || !r.ascii && unicode.IsPunct(c) })
	if r.articles != nil {
		if out, err := r.articles.Sub(s, func(pyre.Match) string { return " " }); err == nil {
			s = out
		}
	}
	if r.chinese {
		var b strings.Builder
		for _, c := range s {
			if c >= 0x4e00 && c <= 0x9fa5 {
				b.WriteString(" " + string(c) + " ")
			} else {
				b.WriteRune(c)
			}
		}
		s = b.String()
	}
	return fields(s)
}

func (r questionRules) exact(target, answer string) float64 {
	return float64(integer(slices.Equal(r.words(target), r.words(answer))))
}

func (r questionRules) f1(target, answer string) float64 {
	return bagOverlap(r.words(target), r.words(answer))
}

// mlqa scores an answer in one of the languages of MLQA (Lewis et al. 2020). Where target and answer are both empty
// F1 is 0.
func mlqa(language string) ResultsFunc {
	rules := mlqaLanguages[language]
	return func(doc *pyval.Dict, results []pyval.Value) (*pyval.Dict, error) {
		text, err := answer(results)
		if err != nil {
			return nil, err
		}
		targets, err := docTexts(doc, "answers")
		if err != nil {
			return nil, err
		}
		f1 := func(target, answer string) float64 {
			if len(rules.words(target)) == 0 {
				return 0
			}
			return rules.f1(target, answer)
		}
		text = strip(text)
		return metrics("exact_match", best(targets, text, rules.exact) == 1, "f1", best(targets, text, f1)), nil
	}
}

// firstAnswer scores an answer by SQuAD's rules against the first target in a list of texts.
func firstAnswer(target func(*pyval.Dict) (string, error)) ResultsFunc {
	return func(doc *pyval.Dict, results []pyval.Value) (*pyval.Dict, error) {
		text, err := answer(results)
		if err != nil {
			return nil, err
		}
		want, err := target(doc)
		return metrics("f1", squadF1(want, text), "exact_match", squadExact(want, text)), err
	}
}

func xquadTarget(doc *pyval.Dict) (string, error) {
	texts, err := nested(doc, "answers", "text")
	if err == nil && len(texts) == 0 {
		err = fmt.Errorf("the document has no answer")
	}
	if err != nil {
		return "", err
	}
	return texts[0], nil
}

func catalanTarget(doc *pyval.Dict) (string, error) {
	list, err := docList(doc, "answers")
	if err != nil || len(list) == 0 {
		return "", fmt.Errorf("the document has no answer (%w)", err)
	}
	first, _ := list[0].(*pyval.Dict)
	return docText(first, "text")
}

func frenchExact(references, predictions []pyval.Value) (pyval.Value, error) {
	ref, pred, err := onePair(references, predictions)
	return int64(frenchRules.exact(ref, pred)), err
}

func frenchF1(references, predictions []pyval.Value) (pyval.Value, error) {
	ref, pred, err := onePair(references, predictions)
	return frenchRules.f1(ref, pred), err
}

// contained is 1 where the target stands in the answer. The harness's function has the same name in many tasks.
func contained(references, predictions []pyval.Value) (pyval.Value, error) {
	ref, pred, err := onePair(references, predictions)
	return strings.Contains(pred, ref), err
}

// containsValue is 1 where the answer holds the document's value, in any case.
func containsValue(doc *pyval.Dict, results []pyval.Value) (*pyval.Dict, error) {
	text, err := answer(results)
	if err != nil {
		return nil, err
	}
	value, err := docText(doc, "value")
	if err != nil {
		return nil, err
	}
	re, err := pyre.CompileFold(pyre.Escape(strip(value)))
	if err != nil {
		return nil, err
	}
	_, found, err := re.Search(text)
	return metrics("contains", integer(found)), err
}

// squadV2 hands answer and targets on to the aggregations of squadV2Aggregations (Rajpurkar et al. 2018).
func squadV2(doc *pyval.Dict, results []pyval.Value) (*pyval.Dict, error) {
	text, err := answer(results)
	if err != nil {
		return nil, err
	}
	if len(results) != 2 {
		return nil, fmt.Errorf("an answer and a log-likelihood are needed, not %d responses", len(results))
	}
	ll, _, err := readLikelihood(results[1])
	if err != nil {
		return nil, err
	}
	id, _ := doc.Get("id")
	answers, _ := doc.Get("answers")
	item := pyval.List{metrics("id", id, "prediction_text", text, "no_answer_probability", math.Exp(ll)), metrics("id", id, "answers", answers)}
	out := new(pyval.Dict)
	for _, name := range squadV2Names {
		out.Set(name, item)
	}
	return out, nil
}
