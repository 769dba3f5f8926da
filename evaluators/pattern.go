package evaluators

import (
	"fmt"
	"regexp"
	"regexp/syntax"
	"strings"
	"time"

	"github.com/dlclark/regexp2/v2"
)

// matchBudget is the longest time that one search of a back-tracking pattern may take, so that a pattern with
// exponential cost cannot stop a run.
const matchBudget = 2 * time.Second

// pattern is a regular expression that matches as Python's re does. Where pattern and text allow it, RE2 does the
// work in linear time; else a back-tracking engine under a time budget.
type pattern struct {
	linear *regexp.Regexp // nil where RE2 would match otherwise
	full   *regexp2.Regexp
	groups int
}

// compilePattern compiles a pattern in Python's syntax.
func compilePattern(expr string) (*pattern, error) {
	full, err := regexp2.Compile(pythonSyntax(expr), regexp2.OptionMaintainCaptureOrder())
	if err != nil {
		return nil, fmt.Errorf("regular expression %q: %w", expr, err)
	}
	full.MatchTimeout = matchBudget
	p := &pattern{full: full, groups: len(full.GetGroupNumbers()) - 1}
	if tree, err := syntax.Parse(expr, syntax.Perl); err == nil && linearAgrees(tree) && !strings.Contains(expr, "{,") {
		p.linear, _ = regexp.Compile(expr)
	}
	return p, nil
}

// linearAgrees reports whether RE2 matches as Python does on plain texts: it does not where `$` stands for the
// place before a final line feed too, nor after empty matches, of which Python finds one more beside a match.
func linearAgrees(re *syntax.Regexp) bool {
	if mayBeEmpty(re) {
		return false
	}
	return !contains(re, func(r *syntax.Regexp) bool { return r.Op == syntax.OpEndText })
}

func contains(re *syntax.Regexp, is func(*syntax.Regexp) bool) bool {
	if is(re) {
		return true
	}
	for _, sub := range re.Sub {
		if contains(sub, is) {
			return true
		}
	}
	return false
}

// mayBeEmpty reports whether re can match the empty text.
func mayBeEmpty(re *syntax.Regexp) bool {
	switch re.Op {
	case syntax.OpLiteral, syntax.OpCharClass, syntax.OpAnyChar, syntax.OpAnyCharNotNL, syntax.OpNoMatch:
		return false
	case syntax.OpCapture, syntax.OpPlus:
		return mayBeEmpty(re.Sub[0])
	case syntax.OpRepeat:
		return re.Min == 0 || mayBeEmpty(re.Sub[0])
	case syntax.OpConcat:
		for _, sub := range re.Sub {
			if !mayBeEmpty(sub) {
				return false
			}
		}
		return true
	case syntax.OpAlternate:
		for _, sub := range re.Sub {
			if mayBeEmpty(sub) {
				return true
			}
		}
		return false
	}
	return true
}

// plain reports whether text is printable ASCII, tabs and line ends: there the classes \d, \w, \s and \b of Python,
// which are Unicode's, and of RE2, which are ASCII's, agree.
func plain(text string) bool {
	for i := range len(text) {
		if c := text[i]; c > '~' || c < ' ' && c != '\n' && c != '\t' && c != '\r' {
			return false
		}
	}
	return true
}

// findAll gives the groups of each match, group 0 first; a group that took no part is "".
func (p *pattern) findAll(text string) ([][]string, error) {
	if p.linear != nil && plain(text) {
		return p.linear.FindAllStringSubmatch(text, -1), nil
	}
	var all [][]string
	m, err := p.full.FindStringMatch(text)
	for ; m != nil && err == nil; m, err = p.full.FindNextMatch(m) {
		groups := make([]string, 0, p.groups+1)
		for _, g := range m.Groups() {
			groups = append(groups, g.String())
		}
		all = append(all, groups)
	}
	if err != nil {
		return nil, fmt.Errorf("match regular expression: %w", err)
	}
	return all, nil
}

// remove gives text without what p matches.
func (p *pattern) remove(text string) (string, error) {
	if p.linear != nil && plain(text) {
		return p.linear.ReplaceAllLiteralString(text, ""), nil
	}
	out, err := p.full.Replace(text, "", -1, -1)
	if err != nil {
		return "", fmt.Errorf("match regular expression: %w", err)
	}
	return out, nil
}
