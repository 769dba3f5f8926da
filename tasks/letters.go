package tasks

import (
	"fmt"
	"strings"

	"github.com/onset-eval/onset/backends"
	"github.com/onset-eval/onset/backends/stream"
)

// maxLetters is the number of choices that can be told apart by letters.
const maxLetters = 26

// letterTokens bounds an answer by letter: room for a sentence around it.
const letterTokens = 64

// askForLetter is what is asked of a model that chooses by letter.
const askForLetter = "Reply with the letter of the right answer alone."

// Letterable says why the style's samples cannot be asked by letter; nil where they can: the style is multiple choice, one
// question has all choices, and no function of the task judges log-likelihoods.
func (t *Task) Letterable(s Style) error {
	l := t.layouts[s]
	if l == nil || l.output != multipleChoice {
		return fmt.Errorf("task %s is not multiple choice", t.name)
	}
	if l.results != nil {
		return fmt.Errorf("task %s is judged by the function %s, which needs log-likelihoods", t.name, l.results.Name())
	}
	if inputs, err := t.DependsOnChoice(s); err != nil || inputs {
		return fmt.Errorf("task %s asks a question for each choice", t.name)
	}
	return nil
}

// letters reports whether samples are asked by letter.
func (m *maker) letters() bool { return m.options.Letters && m.layout.output == multipleChoice }

// lettered puts choices under letters. It gives the letter of each choice, and the question with the choices listed: in an
// order of their own, drawn for each sample, since tasks may list the right one first. Choices that are letters already,
// as of questions that list what they stand for, stay as they are. ask adds what the model shall do.
func (m *maker) lettered(question string, choices []string, key string, ask bool) (letters []string, text string, err error) {
	if len(choices) < 2 || len(choices) > maxLetters {
		return nil, "", fmt.Errorf("%d choices cannot be told apart by letters", len(choices))
	}
	var lines []string
	if ask {
		lines = append(lines, askForLetter)
	}
	if letters = ownLetters(choices); letters == nil {
		order := stream.Rand(m.variant.Seed, "letters", m.task.name, key).Perm(len(choices))
		letters = make([]string, len(choices))
		for place, choice := range order {
			letters[choice] = string(rune('A' + place))
			lines = append(lines, letters[choice]+". "+strings.TrimSpace(choices[choice]))
		}
	}
	head, tail := cutLead(question)
	return letters, strings.Join(append(append([]string{strings.TrimRight(head, " \n")}, lines...), tail), "\n"), nil
}

// ownLetters gives the letters that choices are themselves, as "A", "(b)" or " C."; nil where they are not.
func ownLetters(choices []string) []string {
	out := make([]string, len(choices))
	seen := make(map[string]bool)
	for i, c := range choices {
		c = strings.ToUpper(strings.Trim(c, " ().:"))
		if len(c) != 1 || c < "A" || c > "Z" || seen[c] {
			return nil
		}
		seen[c] = true
		out[i] = c
	}
	return out
}

// longestLead is the length of the longest last line that is taken for the answer's lead.
const longestLead = 24

// cutLead parts a question from a last line that leads to the answer, as "Answer:"; without one that is the lead.
func cutLead(question string) (head, lead string) {
	trimmed := strings.TrimRight(question, " \n")
	at := strings.LastIndexByte(trimmed, '\n')
	if last := strings.TrimSpace(trimmed[at+1:]); at >= 0 && strings.HasSuffix(last, ":") && len(last) <= longestLead {
		return trimmed[:at], last
	}
	return question, "Answer:"
}

// letteredExample puts a worked example's choices under letters, and its answer becomes the right one's letter.
func (m *maker) letteredExample(e example, a answer) (example, error) {
	if len(a.gold) == 0 {
		return e, fmt.Errorf("the answer of a worked example is none of its choices, so it has no letter")
	}
	letters, text, err := m.lettered(e.question, a.choices, e.question, false)
	if err != nil {
		return e, err
	}
	e.question, e.answer, e.has = text, letters[a.gold[0]], true
	return e, nil
}

// letterRequest makes the request that asks for a letter.
func (m *maker) letterRequest(r backends.Request) backends.Request {
	r.Kind = backends.Generate
	r.Sampling = m.options.Sampling.Apply(backends.Sampling{MaxTokens: letterTokens})
	if r.Sampling.Temperature > 0 {
		r.Sampling.Seed = m.sampling.Seed
	}
	return r
}
