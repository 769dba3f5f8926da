package hooks

import (
	"regexp"
	"strings"

	"github.com/onset-eval/onset/tasks/pyval"
)

// mafand asks for a translation from an African language into English or French, or in reverse. The words are an f-string
// of several parts; one of the prompts has a comma behind it, and so is a tuple.
func mafand(reverse bool) func(Call) (Func, error) {
	return func(c Call) (Func, error) {
		languages, err := constant(c, "languages")
		if err != nil {
			return Func{}, err
		}
		source, err := c.Module.Source(c.Base)
		if err != nil {
			return Func{}, errNoWords
		}
		found := regexp.MustCompile(`(?s)prompt = (\(.*?"\s*,?\s*\))\s*return prompt`).FindStringSubmatch(source)
		if found == nil {
			return Func{}, errNoWords
		}
		parts, err := pyval.LiteralEval(regexp.MustCompile(`(?m)(^|[\s(])f"`).ReplaceAllString(found[1], `$1"`))
		if err != nil {
			return Func{}, errNoWords
		}
		words, tuple := parts, false
		if items, ok := pyval.Items(parts); ok && len(items) == 1 {
			words, tuple = items[0], true
		}
		template, ok := words.(string)
		if !ok {
			return Func{}, errNoWords
		}
		return ofDoc(func(r *reader) pyval.Value {
			text := translation(r, languages, template, reverse)
			if tuple {
				return pyval.Tuple{text}
			}
			return text
		}), nil
	}
}

// translation fills a template of mafand's in.
func translation(r *reader, languages pyval.Value, template string, reverse bool) string {
	pair := r.value("translation")
	african, known, name := sides(r)
	if r.err != nil {
		return ""
	}
	language := pyval.Str(r.item(languages, african))
	from := african
	if reverse {
		from = known
	}
	return strings.NewReplacer("{languages[source_key]}", language, "{languages[target_lang]}", language,
		"{source_lang}", name, "{source_sentence}", pyval.Str(r.item(pair, from))).Replace(template)
}

// sides gives the African language of a translation, and the other one with its name.
func sides(r *reader) (african, known, name string) {
	pair, _ := r.value("translation").(*pyval.Dict)
	known, name = "fr", "French"
	for _, k := range pair.Keys() {
		switch {
		case k == "en":
			known, name = "en", "English"
		case k != "fr" && african == "":
			african = k
		}
	}
	if african == "" && r.err == nil {
		r.fail("IndexError", "list index out of range")
	}
	return african, known, name
}
