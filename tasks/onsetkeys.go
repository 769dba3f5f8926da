package tasks

import (
	"slices"
	"strconv"
	"strings"

	"github.com/onset-eval/onset/backends/yamlfile"
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
	at        yamlfile.Field
	over      []yamlfile.Pair
	companion bool
}

var extraKeys = [...]string{"doc", "ability", "chance", "guess", "id", "examples", "companion", "styles"}

// readExtras decodes the `onset:` key; a task without it is asked directly.
func readExtras(d document, f yamlfile.Field) (extras, error) {
	x := extras{styles: []styleKeys{{style: Direct}}}
	if !f.Set() {
		return x, nil
	}
	pairs, err := f.Pairs()
	if err != nil {
		return x, err
	}
	companion := false
	for _, p := range pairs {
		switch p.Key {
		case "doc":
			x.doc, err = p.Text()
		case "ability":
			x.ability, err = p.Text()
		case "chance":
			err = x.chance.read(d, p.Field)
		case "guess":
			err = x.chance.readGuess(p.Field)
		case "id":
			x.id, err = p.Text()
		case "examples":
			x.examples, err = p.Text()
		case "companion":
			companion, err = readCompanion(p.Field)
		case "styles":
			x.styles, err = readStyles(p.Field)
		default:
			err = p.Unknown(extraKeys[:])
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
	return slices.ContainsFunc(s.over, func(p yamlfile.Pair) bool { return p.Key == key })
}

// readCompanion reads true, false or the companion's name.
func readCompanion(f yamlfile.Field) (bool, error) {
	if v, err := f.Boolean(); err == nil {
		return v, nil
	}
	s, err := f.Text()
	if err == nil && s != "target_logprob" {
		err = unknownWord(f, s, []string{"target_logprob"})
	}
	return err == nil, err
}

// readStyles reads what each style replaces; direct comes first whatever the order of the file.
func readStyles(f yamlfile.Field) ([]styleKeys, error) {
	pairs, err := f.Pairs()
	if err != nil {
		return nil, err
	}
	if len(pairs) == 0 {
		return nil, f.Errorf("styles: at least one of direct and cot is expected")
	}
	var out []styleKeys
	for _, p := range pairs {
		if !slices.Contains(styles[:], Style(p.Key)) {
			return nil, p.Unknown([]string{string(Direct), string(CoT)})
		}
		s := styleKeys{style: Style(p.Key), at: p.Field}
		if !p.IsNull() {
			if s.over, err = p.Pairs(); err != nil {
				return nil, err
			}
		}
		for _, o := range s.over {
			switch {
			case o.Key == "companion":
				s.companion, err = readCompanion(o.Field)
			case !slices.Contains(askKeys[:], o.Key):
				err = o.Unknown(append(askKeys[:], "companion"))
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
func unknownWord(f yamlfile.Field, word string, known []string) error {
	hint := "use " + strings.Join(known, ", ")
	if near := yamlfile.Nearest(word, known); near != "" {
		hint = "did you mean " + strconv.Quote(near) + "?"
	}
	return f.Hintf(hint, "%s: %q is unknown", f.Key, word)
}
