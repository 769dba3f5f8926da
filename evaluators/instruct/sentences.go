package instruct

import (
	"strings"

	"github.com/onset-eval/onset/tasks/pyre"
)

const (
	nonWord    = `(?:[)";}\]\*:@'({\[\u2018\u2019\u201c\u201d\xab\xbb?!])`
	multiPunct = `(?:\-{2,}|\.{2,}|(?:\.\s){2,}\.)`
)

var (
	periodContext = pyre.MustCompile(`[\.\?!](?=(` + nonWord + `|\s+(\S+)))`)
	punktWords    = pyre.MustCompile(`(` + multiPunct + `|(?=[^\("` + "`" + `{\[:;&\#\*@\)}\]\-,])\S+?(?=\s|$|` + nonWord + `|` + multiPunct +
		`|,(?=$|\s|` + nonWord + `|` + multiPunct + `))|\S)`)
	realigned = pyre.MustCompile(`(?m)\A["'\)\]}\u2018\u2019\u201c\u201d\xab\xbb]+?(?:\s+|(?=--)|$)`)
)

// Sentences parts a text into English sentences as NLTK 3.10's PunktSentenceTokenizer does (Kiss and Strunk 2006,
// Computational Linguistics 32:4). A search that runs out of time leaves the text whole.
func Sentences(text string) []string {
	spans, err := sentenceSpans(text)
	if err != nil {
		return []string{text}
	}
	var out []string
	shift := 0
	for i, s := range spans {
		start := s.start + shift
		if i == len(spans)-1 {
			if start < s.end {
				out = append(out, text[start:s.end])
			}
			break
		}
		// Closing marks behind a full stop belong to its sentence.
		next := text[spans[i+1].start:max(spans[i+1].start, spans[i+1].end)]
		shift = 0
		if m, ok, err := realigned.Search(next); ok && err == nil {
			out = append(out, text[start:spans[i+1].start+len(strings.TrimRightFunc(m.Groups[0], isSpace))])
			shift = m.End
		} else if start < s.end {
			out = append(out, text[start:s.end])
		}
	}
	return out
}

type span struct{ start, end int }

// candidate is a full stop, question mark or exclamation mark at which a sentence may end.
type candidate struct {
	end, next int    // of the sentence, and the start of the one after it
	context   string // the word before it, the mark and the word after it
}

func sentenceSpans(text string) ([]span, error) {
	found, err := candidates(text)
	if err != nil {
		return nil, err
	}
	var out []span
	last := 0
	for _, c := range found {
		ends, err := endsSentence(c.context)
		if err != nil {
			return nil, err
		}
		if ends {
			out = append(out, span{last, c.end})
			last = c.next
		}
	}
	return append(out, span{last, len(strings.TrimRightFunc(text, isSpace))}), nil
}

// candidates finds the marks; of several within a word, the last.
func candidates(text string) ([]candidate, error) {
	matches, err := periodContext.FindAll(text)
	if err != nil {
		return nil, err
	}
	var out []candidate
	var previous pyre.Match
	var word span // before the previous match
	emit := func() {
		after, next := previous.Groups[1], previous.Groups[2]
		c := candidate{end: previous.End, next: previous.End, context: text[word.start:word.end] + previous.Groups[0] + after}
		if next != "" {
			c.next += len(after) - len(next)
		}
		out = append(out, c)
	}
	for i, m := range matches {
		start := word.start
		if at := strings.LastIndexAny(text[word.end:m.Start], " \t\n\r\v\f"); at > 0 {
			start = word.end + at + 1
		}
		if i > 0 && word.end <= start {
			emit()
		}
		previous, word = m, span{start, m.Start}
	}
	if len(matches) > 0 {
		emit()
	}
	return out, nil
}

// endsSentence reports whether a sentence ends within a context, before its last word.
func endsSentence(context string) (bool, error) {
	tokens, err := punktTokens(context)
	if err != nil {
		return false, err
	}
	for i := range tokens {
		if i+1 < len(tokens) {
			reclassify(&tokens[i], tokens[i+1])
		}
		if tokens[i].ends && i+1 < len(tokens) {
			return true, nil
		}
	}
	return false, nil
}
