package hooks

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/onset-eval/onset/tasks/pyval"
)

// Module is the source of a Python file, cut into the statements of its outermost level. Nothing is run.
type Module struct {
	statements []statement
	bound      map[string][]int // by name, the statements that bind it

	mu      sync.Mutex
	digests map[string]string
}

// statement is one statement with what is inside of it.
type statement struct {
	lines []line
	names []string // that it binds
	used  []string // all words in it that may be names
}

// ParseModule cuts a Python file into statements. Any text gives a module; what is no Python gives no names.
func ParseModule(source string) *Module {
	m := &Module{bound: make(map[string][]int), digests: make(map[string]string)}
	for _, l := range scanLines(source) {
		if l.indent > 0 || l.continues() || m.decorated() {
			if len(m.statements) == 0 {
				continue
			}
			last := &m.statements[len(m.statements)-1]
			last.lines = append(last.lines, l)
			continue
		}
		m.statements = append(m.statements, statement{lines: []line{l}})
	}
	for i := range m.statements {
		s := &m.statements[i]
		s.read()
		for _, n := range s.names {
			m.bound[n] = append(m.bound[n], i)
		}
	}
	return m
}

// decorated reports whether the last statement is a decorator that waits for its function.
func (m *Module) decorated() bool {
	if len(m.statements) == 0 {
		return false
	}
	lines := m.statements[len(m.statements)-1].lines
	return strings.HasPrefix(lines[len(lines)-1].text, "@") && lines[len(lines)-1].indent == 0
}

// Digest gives the first 16 hex digits of the SHA-256 of the source that a function depends on, see Source.
func (m *Module) Digest(name string) (string, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if d, ok := m.digests[name]; ok {
		return d, nil
	}
	source, err := m.Source(name)
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256([]byte(source))
	d := hex.EncodeToString(sum[:])[:16]
	m.digests[name] = d
	return d, nil
}

// Source gives the source that a function depends on: its own, and that of all names of the module which it uses,
// in the order of the file, without comments and blank lines, each line with its indentation. A name that is made
// while the module runs depends on the whole module. What other modules define is not part of it.
func (m *Module) Source(name string) (string, error) {
	if m.bound[name] == nil {
		if !m.dynamic() {
			return "", fmt.Errorf("the file does not define it")
		}
		name = ""
	}
	var b strings.Builder
	for _, i := range m.closure(name) {
		for _, l := range m.statements[i].lines {
			b.WriteString(strings.Repeat(" ", l.indent))
			b.WriteString(l.text)
			b.WriteByte('\n')
		}
	}
	return b.String(), nil
}

// Partial gives the function and the named arguments of NAME = partial(FUNCTION, ARGUMENT=VALUE, ...), or of
// another name for a function; false for anything else. args is nil for none.
func (m *Module) Partial(name string) (function string, args *pyval.Dict, ok bool) {
	text, ok := m.Assigned(name)
	if !ok {
		return "", nil, false
	}
	if m.Defines(text) {
		return text, nil, true
	}
	inner, ok := strings.CutPrefix(strings.TrimPrefix(text, "functools."), "partial(")
	if !ok || !strings.HasSuffix(inner, ")") {
		return "", nil, false
	}
	function, rest, _ := strings.Cut(strings.TrimSuffix(inner, ")"), ",")
	args = new(pyval.Dict)
	// The arguments read as the items of a dictionary, once their names are quoted.
	literal := argument.ReplaceAllString("{"+strings.TrimSpace(rest)+"}", `${1}"${2}":`)
	v, err := pyval.LiteralEval(literal)
	d, isDict := v.(*pyval.Dict)
	if err != nil || !isDict && rest != "" {
		return "", nil, false
	}
	if isDict {
		args = d
	}
	return strings.TrimSpace(function), args, true
}

var argument = regexp.MustCompile(`([{,]\s*)([A-Za-z_][A-Za-z_0-9]*)=`)

// dynamic reports whether the module may make names that its text does not show.
func (m *Module) dynamic() bool {
	return slices.ContainsFunc(m.statements, func(s statement) bool {
		return slices.Contains(s.used, "globals") || slices.Contains(s.used, "import *")
	})
}

// closure gives the statements that name depends on, rising; all of them for "".
func (m *Module) closure(name string) []int {
	var out []int
	if name == "" {
		for i := range m.statements {
			out = append(out, i)
		}
		return out
	}
	seen := make(map[int]bool)
	queue := slices.Clone(m.bound[name])
	for len(queue) > 0 {
		i := queue[0]
		queue = queue[1:]
		if seen[i] {
			continue
		}
		seen[i] = true
		out = append(out, i)
		for _, word := range m.statements[i].used {
			queue = append(queue, m.bound[word]...)
		}
	}
	slices.Sort(out)
	return out
}

// Defines reports whether the module's text binds the name.
func (m *Module) Defines(name string) bool { return m != nil && m.bound[name] != nil }

// Assigned gives the text that is assigned to a name, where it is assigned once: NAME = TEXT.
func (m *Module) Assigned(name string) (string, bool) {
	if m == nil || len(m.bound[name]) != 1 {
		return "", false
	}
	s := m.statements[m.bound[name][0]]
	rest, ok := strings.CutPrefix(s.lines[0].text, name)
	if !ok || len(s.lines) != 1 {
		return "", false
	}
	rest = strings.TrimSpace(rest)
	if annotation, value, ok := strings.Cut(rest, "="); ok && strings.HasPrefix(annotation, ":") {
		return strings.TrimSpace(value), true
	}
	value, ok := strings.CutPrefix(rest, "=")
	return strings.TrimSpace(value), ok && !strings.HasPrefix(value, "=")
}

// Returned gives the value of a function that does nothing but return a literal; false for any other.
func (m *Module) Returned(name string) (pyval.Value, bool) {
	if m == nil || len(m.bound[name]) != 1 {
		return nil, false
	}
	lines := m.statements[m.bound[name][0]].lines
	if !strings.HasPrefix(lines[0].text, "def ") || len(lines) < 2 {
		return nil, false
	}
	body := lines[1:]
	if len(body) == 2 && strings.HasPrefix(body[0].text, `"""`) {
		body = body[1:]
	}
	text, ok := strings.CutPrefix(body[0].text, "return ")
	if !ok || len(body) != 1 {
		return nil, false
	}
	v, err := pyval.LiteralEval(text)
	return v, err == nil
}
