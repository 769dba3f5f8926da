package hooks

import (
	"path"
	"strings"

	"github.com/onset-eval/onset/tasks/pyval"
)

// subjects keep the rows of one subject. The subject is in the function's name, or in the arguments of a partial.
var subjects = []Hook{
	{Kind: Docs, Files: []string{"global_mmlu/full/*/utils.py"}, Partials: "process_*", Digests: []string{"9f40f8073b646f46"},
		Make: subject("subject", "subject", plain)},
	{Kind: Docs, Files: []string{"global_mmlu/default/*/utils.py"}, Partials: "process_*", Digests: []string{"f8546e8600c2be8e"},
		Make: subject("subject_category", "category", slug)},
	{Kind: Docs, Files: []string{"openai-mmmlu/default/utils.py"}, Partials: "process_*", Digests: []string{"169effead842a412"},
		Make: subject("Subject", "subject", fileSubject)},
	{Kind: Docs, Files: []string{"include/*/*/utils.py"}, Partials: "process_*", Digests: []string{"bf5227b92c074600"},
		Make: subject("domain", "category", slug)},
	{Kind: Docs, Files: []string{"mmlu_prox/*/utils.py", "mmlu_pro/utils.py", "mmlu_pro_plus/utils.py"}, Name: "process_docs", Partials: "process_*",
		Digests: []string{"2003c1213295387a"}, Make: subject("category", "subject", spaced)},
	{Kind: Docs, Files: []string{"llama3/instruct/mmlu_*/utils.py"}, Name: "process_docs", Partials: "process_docs_*",
		Digests: []string{"bc3823eebdfb4683", "d8714f9211e27be3", "bc999855b9e49c6d", "578e2043c8b0e7b2", "201aa2f1859a21d8",
			"3057938c75c91986", "a1ec85ca4b8bfd12"}, Make: llamaSubject},
}

// The ways to compare a row's subject with that of a function's name.
func plain(s string) string { return s }

// slug is s.lower() with " & " and blanks as underscores.
func slug(s string) string {
	return strings.ReplaceAll(strings.ReplaceAll(pyval.Lower(s), " & ", "_"), " ", "_")
}

// spaced compares subjects of several words with names that have underscores.
func spaced(s string) string { return strings.ReplaceAll(s, " ", "_") }

// fileSubject cuts what makes a subject the name of a file.
func fileSubject(s string) string {
	for _, marker := range []string{"_test.csv", "_test-"} {
		if before, _, ok := strings.Cut(s, marker); ok {
			return before
		}
	}
	return s
}

// subject keeps the rows whose column is the subject, both normalized.
func subject(column, argument string, normal func(string) string) func(Call) (Func, error) {
	return func(c Call) (Func, error) {
		want := normal(c.argument(argument, "process_"))
		return keepRows(func(r *reader) bool {
			s, ok := pyval.TextOf(r.value(column))
			return ok && normal(s) == want
		}), nil
	}
}

// llamaSubject keeps rows by a name that begins with that of the folder.
func llamaSubject(c Call) (Func, error) {
	want := path.Base(path.Dir(c.File)) + "_chat." + c.argument("subtask", "process_docs_")
	return keepRows(func(r *reader) bool { return r.value("subtask_name") == want }), nil
}
