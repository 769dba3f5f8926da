package hooks

import (
	"testing"

	"github.com/onset-eval/onset/tasks/pyval"
)

// TestWordsOfTheSource holds the hooks that read their words in a Python file, on files of our own: what the words are is
// the file's to say, and a file that lacks them is refused.
func TestWordsOfTheSource(t *testing.T) {
	choices := pyval.List{"a", "b"}
	tests := []struct {
		name, function, source string
		make                   func(Call) (Func, error)
		doc                    *pyval.Dict
		want                   string
	}{
		{"template", "doc_to_text", "def doc_to_text(doc):\n    output = \"\"\"On {subject}:\n{question} {choice1}/{choice2}/{choice3}/{choice4}\"\"\"\n    return output\n", afriMMLU,
			dict(field{"subject", "art"}, field{"question", "Q?"}, field{"choices", "['1', '2', '3', '4']"}), `'On art:\nQ? 1/2/3/4'`},
		{"prompt", "doc_to_text", "PROMPT = \"{}: {}\\n{}\"\nalpha = [\"x)\", \"y)\"]\ndef doc_to_text(doc):\n    return PROMPT + alpha[0]\n", dialectMMLU("field"),
			dict(field{"field", "art"}, field{"question", "Q?"}, field{"context", "C."}, field{"choices", choices}), `'art: C.\n\nQ?\nx) a\ny) b'`},
		{"exam", "doc_to_text", "PROMPT = \"{}|{}|{}\"\nlevel_en = {\"L\": \"low\"}\nalpa = [\"1\", \"2\", \"3\"]\ndef doc_to_text(doc):\n    return PROMPT, level_en, alpa\n", arabicExam,
			dict(field{"Subject", "art"}, field{"Level", "L"}, field{"Country", "Z"}, field{"Question", "Q?"}, field{"Context", ""}, field{"Option 1", "a"}, field{"Option 2", ""}),
			`'art question for low in Z|Q?|1 a'`},
		{"named subject", "doc_to_text", "PROMPT = \"{}|{}|{}\"\nsubjects_gr = {\"art\": \"kunst\"}\nLABELS = [\"1\", \"2\"]\ndef doc_to_text(doc):\n    return PROMPT, subjects_gr, LABELS\n", greekMMLU,
			dict(field{"subject", "art"}, field{"question", "Q?"}, field{"choices", choices}), `'kunst|Q?|1 a\n2 b'`},
		{"letters", "doc_to_choice", "LABELS = [\"1.\", \"2.\", \"3.\"]\ndef doc_to_choice(doc):\n    return LABELS\n",
			marksOf("LABELS", func(r *reader, i int) bool { return i < len(r.list("choices")) }), dict(field{"choices", choices}), `['1', '2']`},
		{"translation", "create_text_prompt_9", "languages = {\"aaa\": \"Aish\"}\ndef create_text_prompt_9(doc):\n    prompt = (\n        \"From \"\n        f\"{languages[source_key]} to {source_lang}: {source_sentence}\"\n    )\n    return prompt\n",
			mafand(false), dict(field{"translation", dict(field{"en", "hi"}, field{"aaa", "ih"})}), `'From Aish to English: ih'`},
		{"translation in reverse, as a tuple", "create_reverse_prompt_9", "languages = {\"aaa\": \"Aish\"}\ndef create_reverse_prompt_9(doc):\n    prompt = (\n        f\"{source_lang} {source_sentence} {languages[target_lang]}\",\n    )\n    return prompt\n",
			mafand(true), dict(field{"translation", dict(field{"aaa", "ih"}, field{"fr", "salut"})}), `('French salut Aish',)`},
	}
	for _, c := range tests {
		t.Run(c.name, func(t *testing.T) {
			f, err := c.make(Call{Name: c.function, Base: c.function, Module: ParseModule(c.source)})
			if err != nil {
				t.Fatal(err)
			}
			got, err := f.Doc(c.doc)
			if err != nil || pyval.Repr(got) != c.want {
				t.Errorf("%s, %v, want %s", pyval.Repr(got), err, c.want)
			}
			if _, err := c.make(Call{Name: c.function, Base: c.function, Module: ParseModule("x = 1\n")}); err == nil {
				t.Error("a file without the words is taken")
			}
		})
	}
}

// TestRowsOfTheSource holds the same of functions that change documents.
func TestRowsOfTheSource(t *testing.T) {
	arabic := "LETTER_INDICES_AR = [\"p\", \"q\", \"r\", \"s\", \"t\"]\ndef process_docs(dataset):\n    def f(doc):\n        instruction = f\"On {topic.replace('_', ' ')}. \\n\"\n        query += \"Reply:\"\n        return LETTER_INDICES_AR\n    return dataset.map(f)\n"
	truth := "def process_docs(dataset):\n    def f(doc):\n        return {\n            \"query\": f\"Is it? {question}\\nReply:\",\n            \"choices\": [\"yes\", \"no\"],\n        }\n    return dataset.map(f)\n"
	tests := []struct {
		name, source string
		make         func(Call) (Func, error)
		doc          *pyval.Dict
		want         string
	}{
		{"letters", arabic, arabicMMLU, dict(field{"subject", "old_art"}, field{"question", "Q?"}, field{"A", "1"}, field{"B", "2"}, field{"C", "3"}, field{"D", "4"}, field{"answer", "C"}),
			`'query': 'On old art. \nQ?\np. 1\nq. 2\nr. 3\ns. 4\nReply:', 'choices': ['p', 'q', 'r', 's'], 'gold': 2}`},
		{"truth", truth, arabicTruth, dict(field{"question", "So."}, field{"answer", "no"}), `'query': 'Is it? So.\nReply:', 'choices': ['yes', 'no'], 'gold': 1}`},
	}
	for _, c := range tests {
		t.Run(c.name, func(t *testing.T) {
			f, err := c.make(Call{Name: "process_docs", Base: "process_docs", Module: ParseModule(c.source)})
			if err != nil {
				t.Fatal(err)
			}
			row, err := f.Row(c.doc)
			if err != nil {
				t.Fatal(err)
			}
			if got := pyval.Repr(row); len(got) < len(c.want) || got[len(got)-len(c.want):] != c.want {
				t.Errorf("%s, want …%s", got, c.want)
			}
			c.doc.Set("answer", "neither")
			if _, err := f.Row(c.doc); err == nil {
				t.Error("an answer that is no choice is taken")
			}
		})
	}
}
