package process

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"sync"
	"unicode/utf8"
)

// tailBytes is how much of a program's output is kept to be shown.
const tailBytes = 64 << 10

// tail keeps the end of what a program writes.
type tail struct {
	mu      sync.Mutex // guards what follows
	buf     []byte
	dropped bool
}

func (t *tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.buf = append(t.buf, p...)
	if n := len(t.buf); n > 2*tailBytes {
		t.buf = slices.Clone(t.buf[n-tailBytes:])
		t.dropped = true
	}
	return len(p), nil
}

// lines gives the last n lines, without secrets; fewer where there are fewer.
func (t *tail) lines(n int) []string {
	t.mu.Lock()
	text := string(t.buf[len(t.buf)-min(len(t.buf), tailBytes):])
	cut := t.dropped || len(t.buf) > tailBytes
	t.mu.Unlock()
	if cut { // a secret may stand astride the cut, and is then not known again
		_, text, _ = strings.Cut(text, "\n")
	}
	text = clean(hideSecrets(strings.TrimRight(text, "\r\n\t "), os.Environ()))
	if text == "" {
		return nil
	}
	all := strings.Split(text, "\n")
	return all[len(all)-min(len(all), n):]
}

// last gives the last line, or "" where nothing was written.
func (t *tail) last() string {
	lines := t.lines(1)
	if len(lines) == 0 {
		return ""
	}
	return shorten(strings.TrimSpace(lines[0]), 300)
}

// shown gives the last lines indented, to stand below a message; "" where there is none.
func (t *tail) shown() string {
	lines := t.lines(20)
	if len(lines) == 0 {
		return ""
	}
	for i, l := range lines {
		lines[i] = "    " + shorten(l, 500)
	}
	return "\n  its last output:\n" + strings.Join(lines, "\n")
}

// shorten keeps the first n bytes of a line.
func shorten(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n] + "…"
}

// clean replaces what a terminal would act on.
func clean(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' && r != '\n' && r != '\t' || r == 0x7f || r == utf8.RuneError {
			return '?'
		}
		return r
	}, strings.ReplaceAll(s, "\r\n", "\n"))
}

// secretName matches names of variables whose values are not shown.
var secretName = regexp.MustCompile(`(?i)(KEY|TOKEN|SECRET|PASSW|CREDENTIAL|AUTH)`)

// minSecret is the length of the shortest value that is taken for a secret: shorter ones are words of any log.
const minSecret = 8

// hideSecrets replaces the values of variables that look like secrets by their names.
func hideSecrets(text string, env []string) string {
	for _, pair := range env {
		name, value, _ := strings.Cut(pair, "=")
		if len(value) >= minSecret && secretName.MatchString(name) {
			text = strings.ReplaceAll(text, value, "["+name+"]")
		}
	}
	return text
}
