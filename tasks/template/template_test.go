package template_test

import (
	"errors"
	"testing"

	"github.com/onset-eval/onset/tasks/pyval"
	"github.com/onset-eval/onset/tasks/template"
)

func TestRender(t *testing.T) {
	vars := new(pyval.Dict)
	vars.Set("q", "a{b}")
	vars.Set("n", int64(3))
	for src, want := range map[string]string{
		"":                       "",
		"{ no } tags {":          "{ no } tags {",
		"Q: {{q}}\nA:":           "Q: a{b}\nA:",
		"{{ n }}{{n}}{q}":        "33{q}",
		"{{{n}}}":                "",
		"{% if n %}x{% endif %}": "x",
		"{{ n + 1 }}":            "4",
		"{{ n":                   "",
	} {
		tpl, err := template.Compile(src)
		if want == "" && src != "" {
			if err == nil {
				t.Errorf("Compile(%q) gives no error", src)
			}
			continue
		}
		if err != nil {
			t.Errorf("Compile(%q): %v", src, err)
			continue
		}
		if got, err := tpl.Render(vars); err != nil || got != want {
			t.Errorf("Render(%q) = %q, %v; want %q", src, got, err, want)
		}
	}
}

func TestRenderUndefined(t *testing.T) {
	tpl, err := template.Compile("{{missing}}")
	if err != nil {
		t.Fatal(err)
	}
	var undefined *template.UndefinedError
	if _, err := tpl.Render(nil); !errors.As(err, &undefined) || undefined.Name != "missing" {
		t.Errorf("Render gives %v, want an UndefinedError of missing", err)
	}
}
