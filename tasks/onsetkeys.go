package tasks

import (
	"slices"
	"strconv"
	"strings"
)

// extras are onset's own keys of a task file, those under `onset:`.
type extras struct {
	doc      string // one line that says what the task measures
	ability  string
	chance   chanceRule
	id       string // the column that names a sample; "" for the row's number
	examples string // the column with the row's own worked examples; "" without
	styles   []styleKeys
}

// styleKeys are what one style states: keys that replace the task's own.
type styleKeys struct {
	style     Style
	at        field
	over      []pair
	companion bool
}

var extraKeys = [...]string{"doc", "ability", "chance", "guess", "id", "examples", "companion", "styles"}

// readExtras decodes the `onset:` key; a task without it is asked directly.
func readExtras(f field) (extras, error) {
	x := extras{styles: []styleKeys{{style: Direct}}}
	if !f.set() {
		return x, nil
	}
	pairs, err := f.pairs()
	if err != nil {
		return x, err
	}
	companion := false
	for _, p := range pairs {
		switch p.key {
		case "doc":
			x.doc, err = p.text()
		case "ability":
			x.ability, err = p.text()
		case "chance":
			err = x.chance.read(p.field)
		case "guess":
			err = x.chance.readGuess(p.field)
		case "id":
			x.id, err = p.text()
		case "examples":
			x.examples, err = p.text()
		case "companion":
			companion, err = readCompanion(p.field)
		case "styles":
			x.styles, err = readStyles(p.field)
		default:
			err = p.unknown(extraKeys[:])
		}
		if err != nil {
			return x, err
		}
	}
	for i, s := range x.styles {
		if s.style == Direct && !s.states("companion") {
			x.styles[i].companion = companion
		}
	}
	return x, nil
}

func (s styleKeys) states(key string) bool {
	return slices.ContainsFunc(s.over, func(p pair) bool { return p.key == key })
}

// readCompanion reads true, false or the companion's name.
func readCompanion(f field) (bool, error) {
	if v, err := f.boolean(); err == nil {
		return v, nil
	}
	s, err := f.text()
	if err == nil && s != "target_logprob" {
		err = unknownWord(f, s, []string{"target_logprob"})
	}
	return err == nil, err
}

// readStyles reads what each style replaces; direct comes first whatever the order of the file.
func readStyles(f field) ([]styleKeys, error) {
	pairs, err := f.pairs()
	if err != nil {
		return nil, err
	}
	if len(pairs) == 0 {
		return nil, f.errorf("styles: at least one of direct and cot is expected")
	}
	var out []styleKeys
	for _, p := range pairs {
		if !slices.Contains(styles[:], Style(p.key)) {
			return nil, p.unknown([]string{string(Direct), string(CoT)})
		}
		s := styleKeys{style: Style(p.key), at: p.field}
		if !p.isNull() {
			if s.over, err = p.pairs(); err != nil {
				return nil, err
			}
		}
		for _, o := range s.over {
			switch {
			case o.key == "companion":
				s.companion, err = readCompanion(o.field)
			case !slices.Contains(askKeys[:], o.key):
				err = o.unknown(append(askKeys[:], "companion"))
			}
			if err != nil {
				return nil, err
			}
		}
		out = append(out, s)
	}
	slices.SortFunc(out, func(a, b styleKeys) int {
		return slices.Index(styles[:], a.style) - slices.Index(styles[:], b.style)
	})
	return out, nil
}

// styles lists all styles, in the order in which they are shown.
var styles = [...]Style{Direct, CoT}

// unknownWord is the error for a word that is none of those known.
func unknownWord(f field, word string, known []string) error {
	hint := "use " + strings.Join(known, ", ")
	if near := nearest(word, known); near != "" {
		hint = "did you mean " + strconv.Quote(near) + "?"
	}
	return f.hintf(hint, "%s: %q is unknown", f.label(), word)
}
