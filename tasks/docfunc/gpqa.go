package docfunc

import (
	"slices"
	"strings"

	"github.com/onset-eval/onset/tasks/pyrandom"
	"github.com/onset-eval/onset/tasks/pyre"
	"github.com/onset-eval/onset/tasks/pyval"
)

// GPQA is a form in which the harness asks GPQA's questions.
type GPQA struct {
	// Listed adds the field choices.
	Listed bool
	// Unbracketed takes texts in square brackets away.
	Unbracketed bool
}

// The forms, by the harness's folders. The harness draws with the generator of the whole process, which it seeds with
// 0, but for gpqa/n_shot, whose generator is seeded with 42 when the file is loaded.
var (
	GPQAPlain       = GPQA{}                  // gpqa/zeroshot (digest c40c179ce3d22342), gpqa/n_shot (8fc5081b59ef1bfc)
	GPQAListed      = GPQA{Listed: true}      // gpqa/generative, gpqa/cot_zeroshot, gpqa/cot_n_shot (0dcabdf76099b8f9)
	GPQALeaderboard = GPQA{Unbracketed: true} // leaderboard/gpqa (f4cf0d66f21a1802)
)

var bracketed = pyre.MustCompile(`\[.*?\]`)

// Fields shuffles the choices of one document, and sets them and the right one's letter. The harness processes
// documents in order, and again each time that it asks for them.
func (g GPQA) Fields(doc *pyval.Dict, random *pyrandom.Random) (*pyval.Dict, error) {
	r := &reader{doc: doc}
	clean := func(key string) string {
		v, _ := doc.Get(key)
		if v == nil {
			return " "
		}
		s := strings.ReplaceAll(strip(r.textOf(key, v)), " [title]", ". ")
		if g.Unbracketed {
			s = r.sub(bracketed, s, func(pyre.Match) string { return "" })
		}
		return strings.ReplaceAll(s, "  ", " ")
	}
	right := clean("Correct Answer")
	choices := []string{clean("Incorrect Answer 1"), clean("Incorrect Answer 2"), clean("Incorrect Answer 3"), right}
	random.Shuffle(len(choices), func(i, j int) { choices[i], choices[j] = choices[j], choices[i] })
	out := new(pyval.Dict)
	for i, c := range choices {
		out.Set("choice"+string(rune('1'+i)), c)
	}
	if g.Listed {
		out.Set("choices", list(choices))
	}
	out.Set("answer", "("+string(rune('A'+slices.Index(choices, right)))+")")
	return out, r.err
}
