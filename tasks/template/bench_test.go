package template_test

import (
	"testing"

	"github.com/onset-eval/onset/tasks/pyval"
	"github.com/onset-eval/onset/tasks/template"
)

// benchTemplates are a template of the commonest kind, one of a multiple-choice task, and a chat template.
var benchTemplates = map[string]string{
	"names":  "Question: {{question}}\nChoices:\nA. {{choices[0]}}\nB. {{choices[1]}}\nAnswer:",
	"choice": "{{question.strip()}}\n{% for c in choices %}{{ loop.index }}. {{ c | trim }}\n{% endfor %}Answer: {{ ['A', 'B', 'C'][answer] if answer is defined else '?' }}",
	"chat": "{% set ns = namespace(n=0) %}{% for m in messages %}{% if m['role'] == 'user' %}{% set ns.n = ns.n + 1 %}" +
		"{{ '<|user|>\n' + m['content'].strip() + '<|end|>\n' }}{% else %}{{ '<|' ~ m.role ~ '|>' }}{{ m.content | tojson }}{% endif %}{% endfor %}",
}

func benchDoc() *pyval.Dict {
	message := func(role, content string) *pyval.Dict {
		d := new(pyval.Dict)
		d.Set("role", role)
		d.Set("content", content)
		return d
	}
	d := new(pyval.Dict)
	d.Set("question", " Which of the planets is the largest? ")
	d.Set("choices", pyval.List{"Mars", "Jupiter ", "Venus"})
	d.Set("answer", int64(1))
	d.Set("messages", pyval.List{message("system", "Be brief."), message("user", "Hi there. "), message("assistant", "Hello!"), message("user", "Bye.")})
	return d
}

func BenchmarkCompile(b *testing.B) {
	for name, src := range benchTemplates {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := template.Compile(src); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkRender(b *testing.B) {
	for name, src := range benchTemplates {
		b.Run(name, func(b *testing.B) {
			tpl, err := template.Compile(src)
			if err != nil {
				b.Fatal(err)
			}
			doc := benchDoc()
			b.ReportAllocs()
			for b.Loop() {
				if _, err := tpl.Render(doc); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
