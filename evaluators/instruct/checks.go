package instruct

import (
	"strings"

	"github.com/onset-eval/onset/tasks/pyre"
)

// Instructions lists the instructions by IFEval's names.
func Instructions() []Instruction {
	return []Instruction{
		{"keywords:existence", "each of keywords occurs, as a pattern", keywordsExist},
		{"keywords:frequency", "keyword occurs as often as relation and frequency say", keywordFrequency},
		{"keywords:forbidden_words", "none of forbidden_words occurs as a word", forbiddenWords},
		{"keywords:letter_frequency", "letter occurs as often as let_relation and let_frequency say", letterFrequency},
		{"language:response_language", "the text is in language", responseLanguage},
		{"length_constraints:number_sentences", "there are as many sentences as relation and num_sentences say", numberOfSentences},
		{"length_constraints:number_paragraphs", "there are num_paragraphs paragraphs, parted by ***", numberOfParagraphs},
		{"length_constraints:number_words", "there are as many words as relation and num_words say", numberOfWords},
		{"length_constraints:nth_paragraph_first_word", "there are num_paragraphs paragraphs, and nth_paragraph begins with first_word", firstWord},
		{"detectable_content:number_placeholders", "there are num_placeholders or more in square brackets", placeholders},
		{"detectable_content:postscript", "there is a postscript behind postscript_marker", postscript},
		{"detectable_format:number_bullet_lists", "there are num_bullets bullet points", bulletPoints},
		{"detectable_format:constrained_response", "the text holds one of three answers", constrainedResponse},
		{"detectable_format:number_highlighted_sections", "num_highlights or more parts stand between asterisks", highlights},
		{"detectable_format:multiple_sections", "num_sections or more sections begin with section_spliter and a number", sections},
		{"detectable_format:json_format", "the text is JSON, perhaps in a Markdown block", jsonFormat},
		{"detectable_format:title", "there is a title in double angle brackets", title},
		{"combination:two_responses", "two different responses are parted by ******", twoResponses},
		{"combination:repeat_prompt", "the text begins with prompt_to_repeat", repeatPrompt},
		{"startend:end_checker", "the text ends with end_phrase", endPhrase},
		{"startend:quotation", "the text stands between double quotation marks", quotation},
		{"change_case:capital_word_frequency", "words in capitals are as many as capital_relation and capital_frequency say", capitalWords},
		{"change_case:english_capital", "the text is English in capital letters", englishCapital},
		{"change_case:english_lowercase", "the text is English in small letters", englishLowercase},
		{"punctuation:no_comma", "there is no comma", func(_ *Arguments, s string) bool { return !strings.Contains(s, ",") }},
	}
}

func keywordsExist(a *Arguments, s string) bool {
	for _, k := range a.texts("keywords") {
		if a.matches(k, s, true) == 0 {
			return false
		}
	}
	return true
}

func keywordFrequency(a *Arguments, s string) bool {
	return a.compare(a.matches(strip(a.text("keyword")), s, true), "relation", "frequency")
}

func forbiddenWords(a *Arguments, s string) bool {
	for _, w := range a.texts("forbidden_words") {
		if a.matches(`\b`+w+`\b`, s, true) > 0 {
			return false
		}
	}
	return true
}

func letterFrequency(a *Arguments, s string) bool {
	letter := lower(a.text("letter"))
	if len(letter) != 1 || letter[0] < 'a' || letter[0] > 'z' {
		a.fail("argument letter must be one English letter, not %q", letter)
	}
	return a.compare(strings.Count(lower(s), letter), "let_relation", "let_frequency")
}

func responseLanguage(a *Arguments, s string) bool { return inLanguage(s, a.text("language")) }

func numberOfSentences(a *Arguments, s string) bool {
	return a.compare(len(Sentences(s)), "relation", "num_sentences")
}

var wordPattern = pyre.MustCompile(`\w+`)

func numberOfWords(a *Arguments, s string) bool {
	found, err := wordPattern.FindAll(s)
	if err != nil {
		a.fail("%w", err)
	}
	return a.compare(len(found), "relation", "num_words")
}

func placeholders(a *Arguments, s string) bool {
	return a.matches(`\[.*?\]`, s, false) >= a.count("num_placeholders")
}

func bulletPoints(a *Arguments, s string) bool {
	n := a.matches(`(?m)^\s*\*[^\*].*$`, s, false) + a.matches(`(?m)^\s*-.*$`, s, false)
	return n == a.count("num_bullets")
}

func constrainedResponse(_ *Arguments, s string) bool {
	for _, answer := range []string{"My answer is yes.", "My answer is no.", "My answer is maybe."} {
		if strings.Contains(s, answer) {
			return true
		}
	}
	return false
}

var (
	single = pyre.MustCompile(`\*[^\n\*]*\*`)
	double = pyre.MustCompile(`\*\*[^\n\*]*\*\*`)
)

func highlights(a *Arguments, s string) bool {
	n := 0
	for _, re := range []*pyre.Regexp{single, double} {
		found, err := re.FindAll(s)
		if err != nil {
			a.fail("%w", err)
		}
		for _, m := range found {
			if strip(strings.Trim(m.Groups[0], "*")) != "" {
				n++
			}
		}
	}
	return n >= a.count("num_highlights")
}

func sections(a *Arguments, s string) bool {
	return a.matches(`\s?`+strip(a.text("section_spliter"))+`\s?\d+\s?`, s, false) >= a.count("num_sections")
}

func postscript(a *Arguments, s string) bool {
	pattern := ""
	switch marker := strip(a.text("postscript_marker")); marker {
	case "P.P.S":
		pattern = `(?m)\s*p\.\s?p\.\s?s.*$`
	case "P.S.":
		pattern = `(?m)\s*p\.\s?s\..*$`
	default:
		pattern = `(?m)\s*` + lower(marker) + `.*$`
	}
	return a.matches(pattern, lower(s), false) > 0
}

var titlePattern = pyre.MustCompile(`<<[^\n]+>>`)

func title(a *Arguments, s string) bool {
	found, err := titlePattern.FindAll(s)
	if err != nil {
		a.fail("%w", err)
	}
	for _, m := range found {
		if strip(strings.TrimRight(strings.TrimLeft(m.Groups[0], "<"), ">")) != "" {
			return true
		}
	}
	return false
}

func repeatPrompt(a *Arguments, s string) bool {
	return strings.HasPrefix(lower(strip(s)), lower(strip(a.text("prompt_to_repeat"))))
}

func endPhrase(a *Arguments, s string) bool {
	return strings.HasSuffix(lower(strings.Trim(strip(s), `"`)), lower(strip(a.text("end_phrase"))))
}

func quotation(_ *Arguments, s string) bool {
	s = strip(s)
	return len(s) > 1 && strings.HasPrefix(s, `"`) && strings.HasSuffix(s, `"`)
}

func capitalWords(a *Arguments, s string) bool {
	n := 0
	for _, w := range Words(s) {
		if allUpper(w) {
			n++
		}
	}
	return a.compare(n, "capital_relation", "capital_frequency")
}

func englishCapital(_ *Arguments, s string) bool { return allUpper(s) && inLanguage(s, "en") }

func englishLowercase(_ *Arguments, s string) bool { return allLower(s) && inLanguage(s, "en") }
