// Package pyre matches regular expressions as Python's re module does.
//
// Where a pattern and a text allow it, Go's RE2 engine works in linear time; else a back-tracking engine under a
// time budget. A Regexp may be used concurrently.
package pyre

import (
	"fmt"
	"regexp"
	"regexp/syntax"
	"sync"
	"time"

	"github.com/dlclark/regexp2/v2"
)

// budget is the longest time that one search of the back-tracking engine may take, so that a pattern with
// exponential cost cannot stop a run.
const budget = 2 * time.Second

// Regexp is a compiled pattern.
type Regexp struct {
	// program compiles at its first call where the pattern is known to be right.
	program func() *program
}

// program is what a pattern compiles to.
type program struct {
	linear *regexp.Regexp // nil where RE2 would match otherwise
	full   *regexp2.Regexp
	// again finds a match that does not end where the search starts: Python's rule after an empty match. It is
	// nil where the pattern matches no empty text.
	again *regexp2.Regexp
	// groups counts the capturing groups.
	groups int
}

// Compile compiles a pattern in Python's syntax.
func Compile(expr string) (*Regexp, error) { return made(compile(expr, 0)) }

// CompileFold compiles a pattern that ignores case, as with re.IGNORECASE.
func CompileFold(expr string) (*Regexp, error) { return made(compile(expr, regexp2.IgnoreCase)) }

func made(p *program, err error) (*Regexp, error) {
	if err != nil {
		return nil, err
	}
	return &Regexp{program: func() *program { return p }}, nil
}

// MustCompile gives a pattern that is known to be right. It is compiled at its first use, so that patterns in
// package variables cost nothing at start, and panics then where it is wrong.
func MustCompile(expr string) *Regexp {
	return &Regexp{program: sync.OnceValue(func() *program {
		p, err := compile(expr, 0)
		if err != nil {
			panic(err)
		}
		return p
	})}
}

func compile(expr string, options regexp2.RegexOptions) (*program, error) {
	net := translate(expr)
	full, err := regexp2.Compile(net, regexp2.OptionMaintainCaptureOrder(), options)
	if err != nil {
		return nil, fmt.Errorf("regular expression %q: %w", expr, err)
	}
	full.MatchTimeout = budget
	re := &program{full: full, groups: len(full.GetGroupNumbers()) - 1}
	flags := syntax.Perl
	prefix := ""
	if options&regexp2.IgnoreCase != 0 {
		flags |= syntax.FoldCase
		prefix = "(?i)"
	}
	if tree, err := syntax.Parse(expr, flags); err == nil && sameSyntax(expr) && linearAgrees(tree) {
		re.linear, _ = regexp.Compile(prefix + expr)
		return re, nil
	}
	re.again, err = regexp2.Compile("(?:"+net+`)(?!\G)`, regexp2.OptionMaintainCaptureOrder(), options)
	if err != nil {
		// Flags in the middle of a pattern are the one thing that cannot be wrapped; without them it always can.
		return nil, fmt.Errorf("regular expression %q: %w", expr, err)
	}
	re.again.MatchTimeout = budget
	return re, nil
}

// Groups counts the capturing groups.
func (re *Regexp) Groups() int { return re.program().groups }

// GroupNumber gives the number of a named group, -1 where there is none.
func (re *Regexp) GroupNumber(name string) int { return re.program().full.GroupNumberFromName(name) }
