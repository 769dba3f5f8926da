// Package instruct judges whether a text follows verifiable instructions: those of IFEval (Zhou et al. 2023,
// arXiv 2311.07911), with the meaning that lm-evaluation-harness gives them.
//
// Sentences are parted as NLTK's Punkt does with its English model, and words as its tokenizer does. Languages are
// told apart by trigrams (whatlanggo) and not by langdetect, whose answers vary from run to run: the two differ on
// short and mixed texts, and Swahili is not known here. Everything is pure and may be called concurrently.
package instruct

import (
	"fmt"
	"strings"

	"github.com/onset-eval/onset/tasks/pyval"
)

// Instruction is one kind of instruction.
type Instruction struct {
	// ID is IFEval's name for it.
	ID string
	// Doc says in one line what must hold.
	Doc string
	// Check reports whether the text follows the instruction. A missing or wrong argument is an error.
	Check func(a *Arguments, text string) bool
}

// Follows reports whether a text follows the instruction with the id, given its arguments. Arguments that are empty
// count as missing.
func Follows(id string, arguments *pyval.Dict, text string) (bool, error) {
	for _, in := range Instructions() {
		if in.ID != id {
			continue
		}
		a := &Arguments{values: arguments}
		ok := in.Check(a, text)
		if a.err != nil {
			return false, fmt.Errorf("instruction %s: %w", id, a.err)
		}
		return ok, nil
	}
	return false, fmt.Errorf("there is no instruction %q", id)
}

// Verdict says which of a prompt's instructions a response follows.
type Verdict struct{ Strict, Loose []bool }

// All reports whether all of the judgements are true.
func All(judgements []bool) bool {
	for _, ok := range judgements {
		if !ok {
			return false
		}
	}
	return true
}

// Judge judges a response by each instruction. Strictly it is judged as it is; loosely an instruction is followed
// where one of eight forms follows it, without asterisks, without the first or last line, or without both. An empty
// text follows nothing.
func Judge(ids []string, arguments []*pyval.Dict, response string) (Verdict, error) {
	if len(ids) != len(arguments) {
		return Verdict{}, fmt.Errorf("%d instructions with arguments for %d", len(ids), len(arguments))
	}
	var v Verdict
	forms := looseForms(response)
	for i, id := range ids {
		var strict, loose bool
		for j, text := range forms {
			if strip(text) == "" {
				continue
			}
			ok, err := Follows(id, arguments[i], text)
			if err != nil {
				return Verdict{}, err
			}
			strict = strict || ok && j == 0
			if loose = loose || ok; loose {
				break
			}
		}
		v.Strict = append(v.Strict, strict)
		v.Loose = append(v.Loose, loose)
	}
	return v, nil
}

// looseForms gives the response first.
func looseForms(response string) []string {
	lines := strings.Split(response, "\n")
	join := func(from, to int) string {
		return strip(strings.Join(lines[min(from, len(lines)):max(min(from, len(lines)), to)], "\n"))
	}
	n := len(lines)
	plain := []string{response, join(1, n), join(0, n-1), join(1, n-1)}
	out := plain
	for _, s := range plain {
		out = append(out, strings.ReplaceAll(s, "*", ""))
	}
	return out
}
