package tasks

import (
	"errors"
	"fmt"
	"slices"

	"github.com/onset-eval/onset/backends"
	"github.com/onset-eval/onset/tasks/pyval"
)

// ask fills in what is asked, what is right, and how probably a guess is.
func (m *maker) ask(s *Sample, doc *pyval.Dict, examples []example) error {
	l, names, compat := m.layout, m.task.eval.columns, m.options.Compat
	a, err := l.eval.answer(doc, names, l.eval.choice.isSet, compat)
	if err != nil {
		return err
	}
	s.Targets, s.Choices, s.Gold = a.texts, a.choices, a.gold
	if compat || m.options.Raw {
		s.Raw = &Raw{Doc: doc, Target: a.raw, Choices: a.options}
		for _, e := range []expr{l.eval.text, l.eval.target, l.eval.choice} {
			if e.hook != nil && e.hook.Func.Leaves != nil && compat {
				s.Raw.Doc = e.hook.Func.Leaves(s.Raw.Doc)
			}
		}
	}
	if l.output == logLikelihoodRolled {
		if compat {
			if _, ok := pyval.TextOf(a.raw); !ok {
				return fmt.Errorf("doc_to_target: text is expected, not %s", pyval.Repr(a.raw))
			}
		}
		s.Text, s.Targets = s.Targets[0], nil
		s.Requests = []backends.Request{{Kind: backends.LogLikelihoodRolling, Prompt: s.Text}}
		return s.finish()
	}
	q, err := m.questions(doc, a)
	if err != nil {
		return err
	}
	if m.letters() {
		if s.Letters, q.texts[0], err = m.lettered(q.texts[0], a.choices, s.ID, true); err != nil {
			return err
		}
	}
	conversation, prefix, err := m.opening(doc, examples)
	if err != nil {
		return err
	}
	var prompts []backends.Request
	for _, text := range q.texts {
		r, err := m.prompt(conversation, text, prefix, q.inputs)
		if err != nil {
			return err
		}
		prompts = append(prompts, r)
	}
	if s.Requests, err = m.requests(prompts, s, a, q); err != nil {
		return err
	}
	shown := make([]string, len(examples))
	for i, e := range examples {
		shown[i] = e.answer
	}
	if s.Chance, err = m.task.extras.chance.of(doc, names, shown, *s); err != nil {
		return err
	}
	return s.finish()
}

// finish fills in the context of a raw sample.
func (s *Sample) finish() error {
	if s.Raw == nil || len(s.Requests) == 0 {
		return nil
	}
	var err error
	s.Raw.Context, err = contextOf(s.Requests[0])
	return err
}

// questions are what is asked of one document: one text, or one for each choice.
type questions struct {
	texts  []string
	inputs bool // one for each choice
	right  int  // the number of the right one
}

// questions gives the question, or one for each choice where it depends on the choice.
func (m *maker) questions(doc *pyval.Dict, a answer) (questions, error) {
	l := m.layout
	v, err := l.eval.text.question(doc, m.task.eval.columns, l.eval.choice.isSet)
	if err != nil {
		return questions{}, err
	}
	right, number := asIndex(v)
	if !*m.inputs {
		text, err := m.questionText(l.eval, v)
		return questions{texts: []string{text}}, err
	}
	if l.output != multipleChoice {
		return questions{}, errors.New("doc_to_text: a question that depends on the choice needs output_type: multiple_choice")
	}
	if right < 0 || right >= len(a.choices) || !number {
		if !m.options.Compat {
			return questions{}, fmt.Errorf("doc_to_text: %s is none of the %d choices, which count from 0", pyval.Repr(v), len(a.choices))
		}
		right = -1
	}
	return questions{texts: a.choices, inputs: true, right: right}, nil
}

// opening gives what comes before the question, and how the answer begins.
func (m *maker) opening(doc *pyval.Dict, examples []example) (conversation []message, prefix string, err error) {
	l, names := m.layout, m.task.eval.columns
	var description string
	if l.description.isSet {
		of := names
		if m.options.Compat {
			of = nil
		}
		if description, err = l.description.text(doc, of); err != nil {
			return nil, "", err
		}
	}
	if system := delimit(m.options.System, description, l.eval.delimiter); system != "" {
		conversation = append(conversation, message{role: "system", content: system})
	}
	for _, e := range examples {
		conversation = append(conversation, l.shot.messages(e)...)
	}
	if l.eval.prefix.isSet {
		prefix, err = l.eval.prefix.text(doc, names)
	}
	return conversation, prefix, err
}

// prompt lays a question out after its opening.
func (m *maker) prompt(opening []message, question, prefix string, inputs bool) (backends.Request, error) {
	r := backends.Request{Kind: m.layout.output.kind()}
	t := m.layout.eval
	t.delimiter = ""
	if inputs {
		t.targetDelimiter = ""
	}
	all := slices.Concat(opening, t.messages(example{question: question, prefix: prefix}))
	if !m.options.chat() {
		r.Prompt = textOf(all)
		return r, nil
	}
	turns := turnsOf(all)
	if m.options.Fold {
		turns = foldTurns(all)
	}
	if m.options.Template == nil {
		r.Messages = turns
		return r, nil
	}
	var err error
	r.Prompt, err = m.options.Template(turns, prefix == "")
	return r, err
}

// requests completes the prompts and adds what else is asked.
func (m *maker) requests(prompts []backends.Request, s *Sample, a answer, q questions) ([]backends.Request, error) {
	l, r := m.layout, prompts[0]
	delimiter := l.eval.targetDelimiter
	if m.options.chat() && (l.eval.prefix.source == "" || endsBlank(l.eval.prefix.source)) {
		delimiter = ""
	}
	switch l.output {
	case multipleChoice:
		if s.Letters != nil {
			if len(s.Gold) == 0 {
				return nil, fmt.Errorf("doc_to_target: %q is none of the choices", s.Targets[0])
			}
			return []backends.Request{m.letterRequest(r)}, nil
		}
		return m.choiceRequests(prompts, s, a, delimiter, q)
	case logLikelihood:
		if len(s.Targets) == 0 {
			return nil, errors.New("doc_to_target: there is no answer")
		}
		r.Continuations = []string{s.Targets[0]} // the dialect lets the target bring its own blank
		return []backends.Request{r}, nil
	}
	r.Sampling = m.sampling
	if !l.companion || m.options.Compat || s.Targets[0] == "" || !m.options.serves(backends.LogLikelihood) {
		return []backends.Request{r}, nil
	}
	companion := r
	companion.Kind, companion.Sampling = backends.LogLikelihood, backends.Sampling{}
	companion.Continuations = []string{delimiter + s.Targets[0]}
	return []backends.Request{r, companion}, nil
}

// choiceRequests asks for each choice: as continuations of one prompt, or, where the question depends on the
// choice, for the same continuation of a prompt each.
func (m *maker) choiceRequests(prompts []backends.Request, s *Sample, a answer, delimiter string, q questions) ([]backends.Request, error) {
	if q.inputs {
		s.Inputs = len(prompts)
		s.Targets, s.Gold = []string{pyval.Str(a.raw)}, nil
		if q.right >= 0 {
			s.Gold = []int{q.right}
		}
		for i := range prompts {
			prompts[i].Continuations = []string{delimiter + pyval.Str(a.raw)}
		}
	} else {
		if len(s.Gold) == 0 && !m.options.Compat {
			return nil, fmt.Errorf("doc_to_target: %q is none of the choices", s.Targets[0])
		}
		prompts = prompts[:1]
		for _, c := range s.Choices {
			prompts[0].Continuations = append(prompts[0].Continuations, delimiter+c)
		}
	}
	if !m.layout.unconditional() {
		return prompts, nil
	}
	alone := backends.Request{Kind: backends.LogLikelihood}
	for _, c := range s.Choices {
		alone.Continuations = append(alone.Continuations, delimiter+c)
	}
	s.Unconditional = true
	return append(prompts, alone), nil
}
