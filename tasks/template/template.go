// Package template renders the templates of task files, which are Jinja2.
//
// So far it knows text and names in double braces, {{name}}, which four in five templates of the
// lm-evaluation-harness tree are made of (1,508 of 1,880); anything else is an error that says so.
package template

import (
	"fmt"
	"strings"

	"github.com/onset-eval/onset/tasks/pyval"
)

// Template is a compiled template. It may be used concurrently.
type Template struct {
	parts []part
}

type part struct {
	text string
	name string // a variable where not empty, and text is unused
}

// UndefinedError says that a template names a variable that the document does not have.
type UndefinedError struct{ Name string }

func (e *UndefinedError) Error() string { return fmt.Sprintf("%q is undefined", e.Name) }

// Compile reads a template.
func Compile(src string) (*Template, error) {
	t := new(Template)
	for src != "" {
		open := strings.Index(src, "{")
		for open >= 0 && (open+1 == len(src) || !strings.ContainsRune("{%#", rune(src[open+1]))) {
			next := strings.Index(src[open+1:], "{")
			if next < 0 {
				open = -1
				break
			}
			open += 1 + next
		}
		if open < 0 {
			t.parts = append(t.parts, part{text: src})
			break
		}
		if open > 0 {
			t.parts = append(t.parts, part{text: src[:open]})
		}
		if src[open+1] != '{' {
			return nil, fmt.Errorf("template tag %q is not supported yet: only text and {{name}} are", src[open:open+2])
		}
		inner, rest, ok := strings.Cut(src[open+2:], "}}")
		if !ok {
			return nil, fmt.Errorf("template expression %q has no closing }}", src[open:])
		}
		name := strings.TrimSpace(inner)
		if !isName(name) {
			return nil, fmt.Errorf("template expression {{%s}} is not supported yet: only text and {{name}} are", inner)
		}
		t.parts = append(t.parts, part{name: name})
		src = rest
	}
	return t, nil
}

func isName(s string) bool {
	for i, r := range s {
		letter := r == '_' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z'
		if !letter && (i == 0 || r < '0' || r > '9') {
			return false
		}
	}
	return s != ""
}

// Render fills in the template. A name that vars does not have is an *UndefinedError, as under jinja2's
// StrictUndefined.
func (t *Template) Render(vars *pyval.Dict) (string, error) {
	var b strings.Builder
	for _, p := range t.parts {
		if p.name == "" {
			b.WriteString(p.text)
			continue
		}
		v, ok := vars.Get(p.name)
		if !ok {
			return "", &UndefinedError{Name: p.name}
		}
		b.WriteString(pyval.Str(v))
	}
	return b.String(), nil
}
