// Package process runs models in programs that onset starts and stops: plug-ins, which answer JSON lines on their standard
// input and output, and model servers, which are asked over HTTP.
//
// A program never outlives onset. It is started in a process group of its own, so that an interrupt on the terminal
// reaches onset alone; Close asks it to end and kills its group where it does not; and where onset itself dies, by kill -9
// or a crash, a watchdog does the same (on Unix; on Windows a program that ignores the end of its input may stay).
//
// The environment is passed on as it is, keys included: a plug-in may need them. What a program writes to its standard
// error is kept in a bounded tail, shown where it fails, with the values of variables that look like secrets taken out.
package process

import (
	"fmt"
	"strings"
	"time"
	"unicode"
)

// The times and sizes of Options that are 0.
const (
	defaultStart   = 5 * time.Minute
	defaultServer  = 30 * time.Minute // weights may have to be fetched first
	defaultSilence = 10 * time.Minute
	defaultGrace   = 10 * time.Second
	defaultLine    = 16 << 20
	defaultRestart = 10
	answersEarn    = 25 // answers that earn one restart back
)

// hintError is an error that says what to do about it.
type hintError struct {
	error
	hint string
}

func (e *hintError) Unwrap() error { return e.error }

// Hint says what to do.
func (e *hintError) Hint() string { return e.hint }

func hintf(err error, format string, args ...any) error {
	return &hintError{err, fmt.Sprintf(format, args...)}
}

// SplitCommand splits a command line at blanks as a shell does, but for what a shell would expand: 'single quotes' keep all,
// "double quotes" keep blanks, and a backslash keeps the next character outside of single quotes.
func SplitCommand(line string) ([]string, error) {
	var words []string
	var word strings.Builder
	open, quote, escaped := false, rune(0), false
	for _, r := range line {
		switch {
		case escaped:
			word.WriteRune(r)
			escaped = false
		case r == '\\' && quote != '\'':
			open, escaped = true, true
		case quote != 0 && r == quote:
			quote = 0
		case quote != 0:
			word.WriteRune(r)
		case r == '\'' || r == '"':
			open, quote = true, r
		case unicode.IsSpace(r):
			if open {
				words = append(words, word.String())
			}
			open = false
			word.Reset()
		default:
			open = true
			word.WriteRune(r)
		}
	}
	if quote != 0 || escaped {
		return nil, hintf(fmt.Errorf("split %q: a quote or backslash is not closed", line), "close it, or write \\%c for the character itself", openMark(quote))
	}
	if open {
		words = append(words, word.String())
	}
	return words, nil
}

func openMark(quote rune) rune {
	if quote == 0 {
		return '\\'
	}
	return quote
}
