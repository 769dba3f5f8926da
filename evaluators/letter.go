package evaluators

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/onset-eval/onset/backends"
	"github.com/onset-eval/onset/tasks"
)

// LetterScorer judges multiple choice that was asked by letter, see tasks.Sample.Letters.
func LetterScorer() Scorer { return accLetter() }

func accLetter() Scorer {
	return Scorer{
		Name: "acc_letter", Version: 1, HigherIsBetter: true, Kinds: []backends.Kind{backends.Generate},
		Doc:  "1 where the letter in the answer is that of a right choice (--letters); log-likelihoods are not known",
		Bind: noOptions(judgeLetter),
	}
}

// JudgeLetter gives the score of a sample that was asked by letter.
func JudgeLetter(sample tasks.Sample, responses []backends.Response, err error) []Score {
	return Judge(sample, responses, err, []Bound{{Scorer: accLetter(), score: judgeLetter}})
}

func judgeLetter(in Input) Score {
	if len(in.Sample.Letters) != len(in.Sample.Choices) || len(in.Sample.Letters) == 0 {
		return Score{Outcome: Failed, Explanation: "the sample was not asked by letter"}
	}
	const lost = "; by letter, so the choices' log-likelihoods are not known"
	at, letter := findChoice(in.Answer, in.Sample)
	if at < 0 {
		s := Score{Outcome: Unparsed, Value: ptr(0), Explanation: "no letter of a choice" + lost}
		if in.Responses[0].Stop == backends.StopLength {
			s.Outcome = Truncated
		}
		return s
	}
	s := judged(slices.Contains(in.Sample.Gold, at))
	s.Answer, s.Explanation = in.Sample.Choices[at], fmt.Sprintf("letter %s%s", letter, lost)
	return s
}

// The forms in which an answer names a letter, the plainest first. Of several matches the last counts, since a text that
// weighs the choices ends with the one that it takes.
var letterForms = []*regexp.Regexp{
	regexp.MustCompile(`\\boxed\{(?:\\text\{)?\s*\(?([A-Za-z])\)?\s*\}`),
	regexp.MustCompile(`\b(?i:answer)(?i:\s+is)?\s*[:=]?\s*` + marks + `*([A-Z])(?:` + marks + `|\s|$)`),
	regexp.MustCompile(`\b(?i:answer)(?i:\s+is)?\s*[:=]?\s*` + marks + `*([a-z])(?:` + marks + `|\s*$)`), // but no "a" before a word
	regexp.MustCompile(`^\s*` + marks + `*([A-Z])[*_]*[).:\]]`),
	regexp.MustCompile(`\(([A-Z])\)`),
	regexp.MustCompile(`(?:^|\s)[*_]{1,2}([A-Z])[*_]{1,2}(?:\W|$)`),
	regexp.MustCompile(`\b(?i:option|choice|letter)(?i:\s+is)?\s*[:=]?\s*` + marks + `*([A-Z])(?:` + marks + `|\s|$)`),
}

// marks are what people write around letters.
const marks = "[*_\"'`()\\[\\].,:;]"

// findChoice gives the choice that an answer names, and its letter; -1 where it names none.
//
// An answer names a choice by being its letter or its whole text; by a letter in one of the usual forms ("the answer is B",
// "B. Oslo", "(B)", \boxed{B}); or by holding just one capital letter of a choice as a word of its own, other than A and I.
func findChoice(answer string, s tasks.Sample) (at int, letter string) {
	text := strings.TrimSpace(answer)
	if bare := strings.ToUpper(strings.Trim(text, " \n\t().:[]{}*_`\"'")); len(bare) == 1 {
		if at := slices.Index(s.Letters, bare); at >= 0 {
			return at, bare
		}
	}
	for i, c := range s.Choices {
		if len(strings.TrimSpace(c)) > 1 && strings.EqualFold(strings.TrimRight(text, "."), strings.TrimRight(strings.TrimSpace(c), ".")) {
			return i, s.Letters[i]
		}
	}
	for _, form := range letterForms {
		found := form.FindAllStringSubmatch(text, -1)
		for i := len(found) - 1; i >= 0; i-- {
			if at := slices.Index(s.Letters, strings.ToUpper(found[i][1])); at >= 0 {
				return at, s.Letters[at]
			}
		}
	}
	return loneLetter(text, s.Letters)
}

// loneLetter gives the only letter of a choice that stands as a word.
func loneLetter(text string, letters []string) (at int, letter string) {
	at = -1
	for _, word := range strings.FieldsFunc(text, func(r rune) bool { return strings.ContainsRune(" \n\t().,:;!?[]{}*_`\"'", r) }) {
		i := slices.Index(letters, word)
		switch {
		case i < 0 || word == "A" || word == "I" || i == at:
		case at >= 0:
			return -1, ""
		default:
			at, letter = i, word
		}
	}
	return at, letter
}
