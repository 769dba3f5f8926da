package template_test

import (
	"strings"
	"testing"
	"time"

	"github.com/onset-eval/onset/tasks/pyval"
	"github.com/onset-eval/onset/tasks/template"
)

// fuzzDoc has a value of every type that documents have.
func fuzzDoc() *pyval.Dict {
	row := func(a int64, b string) *pyval.Dict {
		d := new(pyval.Dict)
		d.Set("a", a)
		d.Set("b", b)
		return d
	}
	d := new(pyval.Dict)
	d.Set("s", "Hello, Wörld <b>\n")
	d.Set("n", int64(3))
	d.Set("f", 2.5)
	d.Set("t", true)
	d.Set("o", nil)
	d.Set("l", pyval.List{int64(3), "a", pyval.List{}})
	d.Set("d", row(1, "x"))
	d.Set("rows", pyval.List{row(1, "x"), row(2, "Y"), row(1, "z")})
	return d
}

// FuzzTemplate looks for panics and for templates that neither end nor fail in time.
func FuzzTemplate(f *testing.F) {
	for _, src := range []string{
		"{{ s }}", "{% for x in l %}{{ loop.index }}{{ x }}{% else %}e{% endfor %}",
		"{% if n > 2 and s is defined %}a{% elif t %}b{% else %}c{% endif %}",
		"{% set ns = namespace(x=0) %}{% for r in rows %}{% set ns.x = ns.x + r.a %}{% endfor %}{{ ns.x }}",
		"{% macro m(a, b=2) %}{{ a }}{{ caller() if caller }}{% endmacro %}{% call m(1) %}x{% endcall %}",
		"{{ rows | groupby('a') | map('first') | list | tojson(indent=2) }}", "{{ s[::-1][1:-1] ~ '%05.2f' % f }}",
		"{% filter upper %}{% raw %}{{ x }}{% endraw %}{% endfilter %}{#- c -#}", "{{ '{:>{w}}'.format(s, w=9) }}",
		"{{ 2 ** 99999 }}{{ 'a' * 99999999 }}", "{% for i in range(10**12) %}{{ i }}{% endfor %}",
		"{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}", "{% set x = l %}{% for i in x %}{% set _ = x.append(1) %}{% endfor %}",
		"{% for x in l recursive %}{{ loop(l) }}{% endfor %}", "{{ s | regex_replace('(a+)+$', '\\\\1') | wordwrap(5) | pprint }}",
		"{% set a = 'x' * 1000 %}{% for i in range(999) %}{% set a = a ~ a %}{% endfor %}",
		"{% with a = 1 %}{% autoescape true %}{{ s ~ a }}{% endautoescape %}{% endwith %}{% block b %}{{ self.b() }}{% endblock %}",
	} {
		f.Add(src, false)
		f.Add(src, true)
	}
	f.Fuzz(func(t *testing.T, src string, chat bool) {
		opts := template.Options{}
		if chat {
			opts = template.ChatOptions(goldenNow)
		}
		start := time.Now()
		tpl, err := template.CompileWith(src, opts)
		if err == nil {
			_, err = tpl.Render(fuzzDoc())
		}
		if err != nil && kindOf(err) == "an error without a line" {
			t.Errorf("%q: %v", src, err)
		}
		if took := time.Since(start); took > 60*time.Second {
			t.Errorf("%q took %v", src, took)
		}
	})
}

// TestBounds renders templates that ask for more than a machine has.
func TestBounds(t *testing.T) {
	for _, src := range []string{
		"{{ 2 ** (10 ** 10) }}",
		"{% set l = range(10**6) | list %}{% for i in range(10**6) %}{% if l == l %}{% endif %}{% endfor %}",
		"{% set l = range(10**6) | list %}{% for i in range(10**6) %}{{ l | sort | first }}{% endfor %}",
		"{{ 'a' * 10**12 }}",
		"{{ range(10**15) | list }}",
		"{% for i in range(10**15) %}{% endfor %}",
		"{% for i in range(10**15) %}{{ i }}{% endfor %}",
		"{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}",
		"{% for x in rows recursive %}{{ loop(rows) }}{% endfor %}",
		"{% set l = [1] %}{% for i in l %}{% set _ = l.append(i) %}{% endfor %}",
		"{% set l = [] %}{% set _ = l.append(l) %}{{ l }}",
		"{% set l = [] %}{% set _ = l.append(l) %}{{ l | tojson }}",
		"{% set l = [] %}{% set m = [] %}{% set _ = l.append(l) %}{% set _ = m.append(m) %}{{ l == m }}",
		"{% set ns = namespace(a='xxxxxxxx') %}{% for i in range(99) %}{% set ns.a = ns.a ~ ns.a %}{% endfor %}",
		"{% set ns = namespace(a=[1]) %}{% for i in range(99) %}{% set ns.a = ns.a + ns.a %}{% endfor %}",
		"{{ '{:999999999999}'.format(1) }}",
		"{{ '%*d' % (999999999999, 1) }}",
		"{{ '%999999999999d' % 1 }}",
		"{{ 'a'.ljust(10**12) }}{{ 'a' | center(10**12) }}",
		"{{ 'a'.zfill(10**12) }}",
		"{{ ('a' * 10**7).replace('a', 'aaaaaaaaaaaaaaaa') }}",
		"{{ s | indent(10**12) }}",
		"{{ [1] | batch(10**12, 0) | list }}",
		"{{ range(3) | slice(10**12) | list }}",
		"{{ '((((((((' * 99 | regex_replace('(a|aa)+$', '') }}{{ ('a' * 40 ~ 'b') | regex_replace('(a|aa)+$', '') }}",
		"{{ " + strings.Repeat("(", 5000) + "1" + strings.Repeat(")", 5000) + " }}",
		"{{ " + strings.Repeat("[", 5000) + strings.Repeat("]", 5000) + " }}",
		"{{ " + strings.Repeat("not ", 5000) + "1 }}",
		"{{ " + strings.Repeat("- ", 5000) + "1 }}",
		strings.Repeat("{% if 1 %}", 5000) + strings.Repeat("{% endif %}", 5000),
	} {
		start := time.Now()
		if out, err := render(src, template.Options{}, fuzzDoc()); err == nil {
			t.Errorf("%.80q gives %d bytes and no error", src, len(out))
		}
		if took := time.Since(start); took > 60*time.Second {
			t.Errorf("%.80q took %v", src, took)
		}
	}
}
