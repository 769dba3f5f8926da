package template_test

import (
	"errors"
	"strings"
	"sync"
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

// TestErrors holds the texts that users see: each names the line, and the name that is missing.
func TestErrors(t *testing.T) {
	doc := fuzzDoc()
	for _, c := range []struct{ src, kind, want string }{
		{"a\n\n{{ nope }}", "UndefinedError", "template line 3: 'nope' is undefined"},
		{"{{ s.nope }}", "UndefinedError", "template line 1: 'str object' has no attribute 'nope'"},
		{"{{ d.nope }}", "UndefinedError", "template line 1: 'dict object' has no attribute 'nope'"},
		{"{{ o.nope }}", "UndefinedError", "template line 1: 'None' has no attribute 'nope'"},
		{"{{ l[9] }}", "UndefinedError", "template line 1: list object has no element 9"},
		{"{% if t %}\n{{ s + n }}\n{% endif %}", "TypeError", "template line 2: TypeError: can only concatenate str (not \"int\") to str"},
		{"{% for x in n %}{% endfor %}", "TypeError", "template line 1: TypeError: 'int' object is not iterable"},
		{"{{ l.index('b') }}", "ValueError", "template line 1: ValueError: 'b' is not in list"},
		{"{{ s[nope:] }}", "TypeError", "template line 1: TypeError: slice indices must be integers or None: 'nope' is undefined"},
		{"x\n{{ s | nope }}", "TemplateAssertionError", "template line 2: No filter named 'nope'."},
		{"x\n{{ s is nope }}", "TemplateAssertionError", "template line 2: No test named 'nope'."},
		{"x\n{% nope %}", "TemplateSyntaxError", "template line 2: Encountered unknown tag 'nope'."},
		{"{% if t %}\n", "TemplateSyntaxError", "template line 2: Unexpected end of template. Jinja was looking for the following tags: 'elif' or 'else' or 'endif'. The innermost block that needs to be closed is 'if'."},
		{"\n{{ s", "TemplateSyntaxError", "template line 2: unexpected end of template, expected '}}'."},
		{"{{ (s }}", "TemplateSyntaxError", "template line 1: unexpected '}'"},
		{"{{ l | map('string') }}", "TypeError", "template line 1: TypeError: a generator would print as an address in memory: apply |list or |join first"},
	} {
		_, err := render(c.src, template.Options{}, doc)
		if err == nil || !strings.HasPrefix(err.Error(), c.want) || kindOf(err) != c.kind {
			t.Errorf("%q: %v (%s), want %s (%s)", c.src, err, kindOf(err), c.want, c.kind)
		}
	}
}

// TestConcurrentRender renders one template on many goroutines; a list that it changes is its own.
func TestConcurrentRender(t *testing.T) {
	tpl, err := template.Compile("{% set _ = l.append(n) %}{% for x in l %}{{ loop.index }}{{ x }};{% endfor %}{{ s | trim }}")
	if err != nil {
		t.Fatal(err)
	}
	doc := fuzzDoc()
	const want = "13;2a;3[];43;Hello, Wörld <b>"
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 200 {
				if got, err := tpl.Render(doc); err != nil || got != want {
					t.Errorf("Render = %q, %v; want %q", got, err, want)
					return
				}
			}
		})
	}
	wg.Wait()
}
