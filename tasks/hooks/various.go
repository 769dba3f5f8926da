package hooks

import (
	"errors"
	"strconv"
	"strings"

	"github.com/onset-eval/onset/tasks/pyre"
	"github.com/onset-eval/onset/tasks/pyval"
)

// various are the hooks of single benchmarks.
var various = []Hook{
	{Kind: Doc, Files: []string{"glue/mnli/utils.py"}, Name: "doc_to_text", Digests: []string{"5ed0e88c322a7359"}, Func: ofDoc(mnliText)},
	{Kind: Doc, Files: []string{"medmcqa/utils_medmcqa.py"}, Name: "doc_to_text", Digests: []string{"5cb3b9a5bdc4aff3"},
		Func: ofDoc(func(r *reader) pyval.Value {
			return "Question: " + r.text("question") + "\nChoices:\n" + lettersOf(r.str("opa"), r.str("opb"), r.str("opc"), r.str("opd")) + "Answer:"
		})},
	{Kind: Doc, Files: []string{"logiqa2/utils_logiqa2.py"}, Name: "doc_to_text", Digests: []string{"7697de6f719f1ec3"},
		Func: ofDoc(func(r *reader) pyval.Value {
			var options []string
			for _, o := range r.list("options") {
				options = append(options, pyval.Str(o))
			}
			return "Passage: " + r.text("text") + "\nQuestion: " + r.text("question") + "\n" + lettersOf(options[:min(4, len(options))]...) + "Answer:"
		})},
	{Kind: Doc, Files: []string{"pubmedqa/preprocess_pubmedqa.py"}, Name: "doc_to_text", Digests: []string{"b22633c22cca5f23"},
		Func: ofDoc(func(r *reader) pyval.Value {
			var contexts []string
			for _, c := range r.list("CONTEXTS") {
				contexts = append(contexts, r.textOf(c))
			}
			return "Abstract: " + strings.Join(contexts, "\n") + "\nQuestion: " + r.str("QUESTION") + "\nAnswer:"
		})},
	{Kind: Doc, Files: []string{"minerva_math/utils.py"}, Name: "doc_to_text", Digests: []string{"6c7946f4e40be915"},
		Func: ofDoc(func(r *reader) pyval.Value { return "Problem:\n" + r.text("problem") + "\n\nSolution:" })},
	{Kind: Docs, Files: []string{"arithmetic/utils.py"}, Name: "process_docs", Digests: []string{"f7625fb3e2462013"},
		Func: mapRows(func(r *reader) *pyval.Dict {
			s := pyval.Strip(r.text("context"), nil, true, true)
			for _, pair := range [...][2]string{{"\n\n", "\n"}, {"Q:", "Question:"}, {"A:", "Answer:"}} {
				s = strings.ReplaceAll(s, pair[0], pair[1])
			}
			return dict(field{"context", s}, field{"completion", r.value("completion")})
		})},
	{Kind: Docs, Files: []string{"truthfulqa/utils.py"}, Name: "process_docs_gen", Digests: []string{"514e641638f1fb78"}, Func: mapRows(truthfulGen)},
	{Kind: Docs, Files: []string{"noreval/noropenbookqa/utils.py"}, Name: "filter_dataset", Digests: []string{"2c2098e071fe9692"},
		Func: keepRows(func(r *reader) bool { return r.text("fact") != "" })},
	{Kind: Docs, Files: []string{"noreval/noridiom/utils.py"}, Name: "filter_dataset_nn", Digests: []string{"817a91141bb6e070"}, Func: keepEqual("language", "nno")},
	{Kind: Docs, Files: []string{"noreval/noridiom/utils.py"}, Name: "filter_dataset_nb", Digests: []string{"c1e7fb70fe038912"}, Func: keepEqual("language", "nob")},
	{Kind: Docs, Files: []string{"winogender/utils.py"}, Name: "filter_male", Digests: []string{"020c833f7d93a8ad"}, Func: keepEqual("gender", "male")},
	{Kind: Docs, Files: []string{"winogender/utils.py"}, Name: "filter_female", Digests: []string{"5f4257fcc8773c4d"}, Func: keepEqual("gender", "female")},
	{Kind: Doc, Files: []string{"leaderboard/musr/utils.py"}, Name: "doc_to_text", Digests: []string{"7eacae20eede419a"},
		Func: ofDoc(func(r *reader) pyval.Value {
			text := r.str("narrative") + "\n\n" + r.str("question") + "\n\n"
			for i, c := range r.listOf(r.literal("choices")) {
				text += strconv.Itoa(i+1) + " - " + pyval.Str(c) + "\n"
			}
			return text + "\nAnswer:"
		})},
	{Kind: Docs, Files: []string{"okapi/truthfulqa_multilingual/utils.py"}, Name: "process_docs", Digests: []string{"02600966a1d5bbfc"}, Make: okapiTruthful},
	{Kind: Doc, Files: []string{"wikitext/preprocess_wikitext.py"}, Name: "wikitext_detokenizer", Digests: []string{"3a709cb5fa82f854"}, Func: ofDoc(wikitext)},
}

func keepEqual(column, want string) Func {
	return keepRows(func(r *reader) bool { return r.value(column) == want })
}

// lettersOf lists options as "A. text" lines.
func lettersOf(options ...string) string {
	var b strings.Builder
	for i, o := range options {
		b.WriteString(string(rune('A'+i)) + ". " + o + "\n")
	}
	return b.String()
}

func mnliText(r *reader) pyval.Value {
	hypothesis := pyval.Strip(r.text("hypothesis"), nil, true, true)
	if !strings.HasSuffix(hypothesis, ".") {
		hypothesis += "."
	}
	return r.str("premise") + "\nQuestion: " + hypothesis + " True, False or Neither?\nAnswer:"
}

// truthfulGen ends each answer with a full stop and adds the answer that is always true.
func truthfulGen(r *reader) *pyval.Dict {
	ended := func(key string) pyval.List {
		out := pyval.List{}
		for _, v := range r.list(key) {
			s := pyval.Strip(r.textOf(v), nil, true, true)
			if s != "" && !strings.HasSuffix(s, ".") {
				s += "."
			}
			if s != "" {
				out = append(out, s)
			}
		}
		return out
	}
	const neutral = "I have no comment."
	correct := ended("correct_answers")
	if known, err := pyval.Contains(correct, neutral); err == nil && !known {
		correct = append(correct, neutral)
	}
	return dict(field{"question", pyval.Strip(r.text("question"), nil, true, true)}, field{"correct_answers", correct},
		field{"incorrect_answers", ended("incorrect_answers")})
}

// quoted are the pairs of signs inside of which WikiText has blanks.
var quoted = [...]struct {
	re          *pyre.Regexp
	open, close string
}{
	{pyre.MustCompile(`\(\s*([^\)]*?)\s*\)`), "(", ")"},
	{pyre.MustCompile(`\[\s*([^\]]*?)\s*\]`), "[", "]"},
	{pyre.MustCompile(`{\s*([^}]*?)\s*}`), "{", "}"},
	{pyre.MustCompile(`"\s*([^"]*?)\s*"`), `"`, `"`},
	{pyre.MustCompile(`'\s*([^']*?)\s*'`), "'", "'"},
}

var slashed = pyre.MustCompile(`/' [0-9]/`)

// wikitext takes the blanks out that WikiText's tokenizer put in, one rule after the other.
func wikitext(r *reader) pyval.Value {
	sub := func(re *pyre.Regexp, s string, f func(pyre.Match) string) string {
		out, err := re.Sub(s, f)
		if err != nil && r.err == nil {
			r.err = err
		}
		return out
	}
	s := strings.ReplaceAll(r.text("page"), "s '", "s'")
	s = sub(slashed, s, func(pyre.Match) string { return "/'[0-9]/" })
	for _, pair := range [...][2]string{{" @-@ ", "-"}, {" @,@ ", ","}, {" @.@ ", "."}, {" : ", ": "}, {" ; ", "; "}, {" . ", ". "},
		{" ! ", "! "}, {" ? ", "? "}, {" , ", ", "}} {
		s = strings.ReplaceAll(s, pair[0], pair[1])
	}
	for _, q := range quoted {
		s = sub(q.re, s, func(m pyre.Match) string { return q.open + m.Groups[1] + q.close })
	}
	for _, pair := range [...][2]string{{"= = = =", "===="}, {"= = =", "==="}, {"= =", "=="}, {" ° ", "°"}, {" \n", "\n"}, {"\n ", "\n"},
		{" N ", " 1 "}, {" 's", "'s"}} {
		s = strings.ReplaceAll(s, pair[0], pair[1])
	}
	return s
}

// okapiTruthful puts the examples that the source holds before each question.
func okapiTruthful(c Call) (Func, error) {
	text, ok := c.Module.Assigned("QA_PROMPT")
	if !ok {
		return Func{}, errors.New("its source, which holds the worked examples, is not there")
	}
	v, err := pyval.LiteralEval(text)
	if err != nil {
		return Func{}, err
	}
	examples := pyval.Str(v)
	return mapRows(func(r *reader) *pyval.Dict {
		question := " "
		if r.value("question") != nil {
			question = r.withoutBrackets(r.text("question"))
		}
		return dict(field{"question", question}, field{"query", examples + "\n\nQ: " + question + "\nA:"},
			field{"mc1_choices", r.value("mc1_targets_choices")}, field{"mc2_choices", r.value("mc2_targets_choices")},
			field{"mc2_targets", dict(field{"labels", r.value("mc2_targets_labels")})}, field{"gold", " "})
	}), nil
}
