package instruct

import (
	"encoding/json"
	"strings"
	"sync"
	"unicode/utf8"

	"github.com/neurosnap/sentences/data"

	"github.com/onset-eval/onset/tasks/pyre"
)

// punktModel is what Punkt learnt of English.
type punktModel struct {
	AbbrevTypes  map[string]int
	Collocations map[string]int // "first,second"
	SentStarters map[string]int
	// OrthoContext says by bits where and how a word occurs.
	OrthoContext map[string]int
}

// The bits of OrthoContext: capital or small first letter; at the beginning of a sentence, within, or unknown.
const (
	beginUpper, middleUpper, unknownUpper = 1 << 1, 1 << 2, 1 << 3
	beginLower, middleLower, unknownLower = 1 << 4, 1 << 5, 1 << 6

	anyUpper = beginUpper | middleUpper | unknownUpper
	anyLower = beginLower | middleLower | unknownLower
)

// english gives NLTK's English model.
var english = sync.OnceValue(func() punktModel {
	var m punktModel
	raw, err := data.Asset("data/english.json")
	if err == nil {
		err = json.Unmarshal(raw, &m)
	}
	if err != nil {
		panic("instruct: the Punkt model in the binary cannot be read: " + err.Error())
	}
	return m
})

const numberType = "##number##"

var (
	punktNumber  = pyre.MustCompile(`^-?[\.,]?\d[\d,\.-]*\.?$`)
	punktInitial = pyre.MustCompile(`^[^\W\d]\.$`)
)

// punktToken is a word with what is known of it.
type punktToken struct {
	text, kind           string
	ends, abbr, ellipsis bool
}

// punktTokens splits a text into words and judges each by itself.
func punktTokens(text string) ([]punktToken, error) {
	var out []punktToken
	for line := range strings.SplitSeq(text, "\n") {
		found, err := punktWords.FindAll(line)
		if err != nil {
			return nil, err
		}
		for _, m := range found {
			t := punktToken{text: m.Groups[1], kind: lower(m.Groups[1])}
			if _, ok, _ := punktNumber.Search(t.kind); ok {
				t.kind = numberType
			}
			t.classify()
			out = append(out, t)
		}
	}
	return out, nil
}

// classify marks ends of sentences, abbreviations and ellipses by the word alone.
func (t *punktToken) classify() {
	switch bare, period := strings.CutSuffix(t.text, "."); {
	case t.text == "." || t.text == "?" || t.text == "!":
		t.ends = true
	case strings.HasPrefix(t.text, "..") && strings.Trim(t.text, ".") == "":
		t.ellipsis = true
	case period && !strings.HasSuffix(bare, "."):
		known := english().AbbrevTypes
		bare = lower(bare)
		if known[bare] == 0 && known[bare[strings.LastIndexByte(bare, '-')+1:]] == 0 {
			t.ends = true
		} else {
			t.abbr = true
		}
	}
}

func (t punktToken) withoutPeriod() string {
	if len(t.kind) > 1 {
		return strings.TrimSuffix(t.kind, ".")
	}
	return t.kind
}

// name is the word under which the model knows t.
func (t punktToken) name() string {
	if t.ends {
		return t.withoutPeriod()
	}
	return t.kind
}

func (t punktToken) first() rune {
	r, _ := utf8.DecodeRuneInString(t.text)
	return r
}

// reclassify judges a word that ends in a full stop by the word that follows (Kiss and Strunk, section 4).
func reclassify(t *punktToken, next punktToken) {
	if !strings.HasSuffix(t.text, ".") {
		return
	}
	model := english()
	word, following := t.withoutPeriod(), next.name()
	if model.Collocations[word+","+following] != 0 {
		t.ends, t.abbr = false, true
		return
	}
	_, initial, _ := punktInitial.Search(t.text)
	starts, sure := startsSentence(next)
	if (t.abbr || t.ellipsis) && !initial {
		if sure && starts || isUpper(next.first()) && model.SentStarters[following] != 0 {
			t.ends = true
			return
		}
	}
	if initial || word == numberType {
		always := isUpper(next.first()) && model.OrthoContext[following]&anyLower == 0
		if sure && !starts || !sure && initial && always {
			t.ends, t.abbr = false, true
		}
	}
}

// startsSentence says by its first letter whether a word is the first of a sentence, where that is sure.
func startsSentence(t punktToken) (starts, sure bool) {
	if len(t.text) == 1 && strings.IndexByte(";:,.!?", t.text[0]) >= 0 {
		return false, true
	}
	seen := english().OrthoContext[t.name()]
	switch first := t.first(); {
	case isUpper(first) && seen&anyLower != 0 && seen&middleUpper == 0:
		return true, true
	case isLower(first) && (seen&anyUpper != 0 || seen&beginLower == 0):
		return false, true
	}
	return false, false
}
