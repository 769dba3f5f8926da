package tasks

import (
	"strings"
	"unicode/utf8"

	"github.com/onset-eval/onset/backends"
	"github.com/onset-eval/onset/tasks/pyval"
)

// message is one part of a conversation. As a turn it is its content alone; in a text, after follows it.
type message struct{ role, content, after string }

// example is a worked example laid out: the question, and its answer where it has one.
type example struct {
	question, answer, prefix string
	has                      bool
}

// messages lays an example out. The prefix stands before the answer.
func (t turn) messages(e example) []message {
	q := message{role: "user", content: e.question}
	switch {
	case e.prefix == "" && e.has:
		q.after = t.targetDelimiter
	case e.prefix != "" && e.question != "" && !blankBetween(e.question, e.prefix):
		q.after = t.targetDelimiter
	}
	switch {
	case e.has:
		return []message{q, {role: "assistant", content: delimit(e.prefix, e.answer, " "), after: t.delimiter}}
	case e.prefix != "":
		return []message{q, {role: "assistant", content: e.prefix}}
	}
	return []message{q}
}

// delimit joins two texts, with a delimiter where neither has a blank at the seam.
func delimit(a, b, delimiter string) string {
	if a == "" || b == "" || blankBetween(a, b) {
		return a + b
	}
	return a + delimiter + b
}

func blankBetween(a, b string) bool {
	first, _ := utf8.DecodeRuneInString(b)
	return endsBlank(a) || pyval.IsSpace(first)
}

func endsBlank(s string) bool {
	last, n := utf8.DecodeLastRuneInString(s)
	return n > 0 && pyval.IsSpace(last)
}

// textOf lays a conversation out as one text.
func textOf(messages []message) string {
	var b strings.Builder
	for _, m := range messages {
		b.WriteString(m.content)
		b.WriteString(m.after)
	}
	return b.String()
}

// turnsOf lays the same out as turns, which need no delimiters.
func turnsOf(messages []message) []backends.Message {
	out := make([]backends.Message, len(messages))
	for i, m := range messages {
		out[i] = backends.Message{Role: m.role, Content: m.content}
	}
	return out
}

// foldTurns lays a conversation out as one turn of the user, with a system turn before it and the start of the
// answer after it where there are such.
func foldTurns(messages []message) []backends.Message {
	var out []backends.Message
	if messages[0].role == "system" {
		out, messages = turnsOf(messages[:1]), messages[1:]
	}
	asked, rest := messages, []message(nil)
	if last := len(messages) - 1; messages[last].role == "assistant" {
		asked, rest = messages[:last], messages[last:]
	}
	var text string
	if last := len(asked) - 1; last >= 0 {
		text = textOf(asked[:last]) + asked[last].content
	}
	out = append(out, backends.Message{Role: "user", Content: text})
	return append(out, turnsOf(rest)...)
}
