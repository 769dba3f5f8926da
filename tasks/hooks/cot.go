package hooks

import (
	"fmt"
	"path"
	"strings"

	"github.com/onset-eval/onset/tasks/pyval"
)

// thoughts are the hooks of MMLU-Pro and its translations, whose worked examples show their steps.
var thoughts = []Hook{
	{Kind: Doc, Files: []string{"mmlu_pro/utils.py"}, Name: "format_cot_example", Partials: "*_to_text", Digests: []string{"bf657d2f965f8a16"},
		Func: ofDoc(func(r *reader) pyval.Value { return mmluPro(r) + "Answer: " + stepwise })},
	{Kind: Doc, Files: []string{"mmlu_pro/utils.py"}, Name: "format_cot_target", Partials: "fewshot_to_target", Digests: []string{"88714a1278be23a3"},
		Func: ofDoc(func(r *reader) pyval.Value {
			return strings.ReplaceAll(r.text("cot_content"), "A: "+stepwise+" ", "")
		})},
	{Kind: Doc, Files: []string{"mmlu_prox/*/utils.py"}, Name: "format_cot_example", Partials: "*_to_text", Digests: []string{"47784fc9117f3d38"},
		Make: mmluProX},
}

// stepwise asks for steps (Kojima et al. 2022, arXiv 2205.11916).
const stepwise = "Let's think step by step."

// mmluPro lays out a question of up to ten options.
func mmluPro(r *reader) string {
	var b strings.Builder
	b.WriteString("Question:\n" + r.text("question") + "\nOptions:\n")
	for i, o := range r.list("options") {
		if i == 10 {
			break
		}
		b.WriteString(string(rune('A'+i)) + ". " + pyval.Strip(r.textOf(o), nil, true, true) + "\n")
	}
	return b.String()
}

// mmluProX lays out a question in the language of the task's folder. The words are those of the tree's own
// lang_libs.py.
func mmluProX(c Call) (Func, error) {
	var words []string
	if c.Read == nil {
		return Func{}, fmt.Errorf("the folder of tasks lacks lang_libs.py, which holds the words of each language")
	}
	text, ok := c.Read("../lang_libs.py").Assigned("LANG_LIBS")
	if !ok {
		return Func{}, fmt.Errorf("the folder of tasks lacks lang_libs.py, which holds the words of each language")
	}
	v, err := pyval.LiteralEval(text)
	if err != nil {
		return Func{}, fmt.Errorf("read LANG_LIBS of lang_libs.py: %w", err)
	}
	language := path.Base(path.Dir(c.File))
	if libs, ok := v.(*pyval.Dict); ok {
		list, _ := libs.Get(language)
		items, _ := pyval.Items(list)
		for _, w := range items {
			words = append(words, pyval.Str(w))
		}
	}
	if len(words) < 5 {
		return Func{}, fmt.Errorf("LANG_LIBS of lang_libs.py has no words of %q", language)
	}
	answered := !strings.HasPrefix(c.Name, "doc_")
	if v, ok := c.Args.Get("including_answer"); ok {
		answered = v == true
	}
	return ofDoc(func(r *reader) pyval.Value {
		var b strings.Builder
		b.WriteString(words[0] + "\n" + r.text("question") + "\n" + words[1] + "\n")
		for i := range 10 {
			if v := r.value(fmt.Sprintf("option_%d", i)); v != nil {
				b.WriteString(string(rune('A'+i)) + ". " + pyval.Str(v) + "\n")
			}
		}
		if !answered {
			return b.String() + words[2]
		}
		return b.String() + strings.ReplaceAll(r.text("cot_content"), words[4], words[2]) + "\n\n"
	}), nil
}
