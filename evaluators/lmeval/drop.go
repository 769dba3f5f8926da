package lmeval

import (
	"fmt"
	"math"
	"strings"

	"github.com/onset-eval/onset/tasks/pyre"
	"github.com/onset-eval/onset/tasks/pyval"
)

// drop scores an answer of one or more spans by the best of the targets, each a list of spans (Dua et al. 2019,
// arXiv 1903.00161, section 5).
func drop(doc *pyval.Dict, results []pyval.Value) (*pyval.Dict, error) {
	golds, err := docList(doc, "answers")
	if err != nil {
		return nil, err
	}
	spans, err := spansOf(pyval.List(results))
	if err != nil {
		return nil, err
	}
	got := dropBags(spans)
	exact, f1 := 0.0, 0.0
	for _, g := range golds {
		spans, err := spansOf(g)
		if err != nil {
			return nil, err
		}
		if strip(spans[0]) == "" {
			continue
		}
		want := dropBags(spans)
		exact = max(exact, got.equals(want))
		f1 = max(f1, got.f1(want))
	}
	return metrics("em", exact, "f1", f1), nil
}

// spansOf reads a list of strings, or one string.
func spansOf(v pyval.Value) ([]string, error) {
	list, ok := v.(pyval.List)
	if !ok {
		list = pyval.List{v}
	}
	out := make([]string, len(list))
	for i, e := range list {
		if out[i], ok = e.(string); !ok {
			return nil, fmt.Errorf("%s is no text", brief(e))
		}
	}
	if len(out) == 0 {
		return nil, fmt.Errorf("an answer has no spans")
	}
	return out, nil
}

// bags are an answer's spans in normal form, and the words of each.
type bags struct {
	spans []string
	words []map[string]bool
}

func dropBags(spans []string) bags {
	var b bags
	for _, s := range spans {
		n := dropNormal(s)
		b.spans = append(b.spans, n)
		words := make(map[string]bool)
		for _, w := range fields(n) {
			words[w] = true
		}
		b.words = append(b.words, words)
	}
	return b
}

var dropTokens = pyre.MustCompile(` |-`)

// dropNormal is the form in which spans are compared: words parted at spaces and hyphens, in small letters, without
// articles; numbers as Python writes floats, other words without punctuation.
func dropNormal(s string) string {
	parts, err := dropTokens.Split(s)
	if err != nil {
		parts = strings.Split(s, " ")
	}
	var words []string
	for _, w := range parts {
		w = lower(w)
		if _, ok := parseFloat(w); !ok {
			w = without(w, isASCIIPunct)
		}
		if f, ok := parseFloat(w); ok {
			w = pyval.Str(f)
		}
		if w = strings.Join(fields(withoutArticles(w)), " "); w != "" {
			words = append(words, w)
		}
	}
	return strings.Join(words, " ")
}

// equals is 1 where the spans are the same in any order.
func (b bags) equals(want bags) float64 {
	count := func(spans []string) map[string]bool {
		set := make(map[string]bool)
		for _, s := range spans {
			set[s] = true
		}
		return set
	}
	have, wanted := count(b.spans), count(want.spans)
	if len(b.spans) != len(want.spans) || len(have) != len(wanted) {
		return 0
	}
	for s := range have {
		if !wanted[s] {
			return 0
		}
	}
	return 1
}

// f1 is the mean F1 of the best pairing of spans, in hundredths. As in the harness, the place of an unpaired span
// counts 0.
func (b bags) f1(want bags) float64 {
	scores := make([][]float64, len(want.words))
	for i, w := range want.words {
		scores[i] = make([]float64, len(b.words))
		for j, g := range b.words {
			if numbersAgree(w, g) {
				scores[i][j] = bagF1(g, w)
			}
		}
	}
	best := make([]float64, max(len(want.words), len(b.words)))
	for i, j := range assign(scores) {
		if j >= 0 {
			best[i] = scores[i][j]
		}
	}
	// Python's round goes to the even digit on a tie.
	return math.RoundToEven(pairwise(best)/float64(len(best))*100) / 100
}

func bagF1(got, want map[string]bool) float64 {
	common := 0.0
	for w := range got {
		if want[w] {
			common++
		}
	}
	precision, recall := 1.0, 1.0
	if len(got) > 0 {
		precision = common / float64(len(got))
	}
	if len(want) > 0 {
		recall = common / float64(len(want))
	}
	if precision == 0 && recall == 0 {
		return 0
	}
	return 2 * precision * recall / (precision + recall)
}

// numbersAgree reports whether want has no numbers, or shares one with got.
func numbersAgree(want, got map[string]bool) bool {
	any := false
	for w := range want {
		if _, ok := parseFloat(w); ok {
			if got[w] {
				return true
			}
			any = true
		}
	}
	return !any
}
