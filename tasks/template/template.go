// Package template renders Jinja2 templates, byte for byte as jinja2 3.1 does: those of task files, under
// the lm-evaluation-harness's environment, and chat templates under that of Hugging Face's transformers.
//
// A template is lexed and parsed once, its names are resolved to slots by jinja2's own rules of scope, and
// it is compiled to closures; rendering then looks up no names but those of the document. What a hostile
// template can use is bounded: steps, the size of texts and lists, and the depth of calls.
package template

import (
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/onset-eval/onset/tasks/pyval"
)

// Options say which environment a template is for. The zero value is that of task files: undefined names
// are errors, white space around tags stays, and so does a newline at the end.
type Options struct {
	TrimBlocks          bool // a newline after a block's tag is dropped
	LstripBlocks        bool // so is white space between a line's start and a block's tag
	DropTrailingNewline bool // and one newline at the end of the template
	Lenient             bool // an undefined name prints as nothing and is false
	LoopControls        bool // break and continue
	Generation          bool // the tag generation, which marks what the assistant says
	Chat                bool // tojson without HTML escapes and with its options, and raise_exception
	Immutable           bool // lists and dictionaries may not be changed
	Now                 func() time.Time
	// Now is what strftime_now goes by. Without it the name is undefined.
}

// ChatOptions are the options of a chat template, as transformers renders it.
func ChatOptions(now func() time.Time) Options {
	return Options{
		TrimBlocks: true, LstripBlocks: true, DropTrailingNewline: true, Lenient: true,
		LoopControls: true, Generation: true, Chat: true, Immutable: true, Now: now,
	}
}

// Template is a compiled template. It may be used concurrently.
type Template struct {
	opts    Options
	root    *function
	blocks  map[string]*function
	mutates bool // it calls a method that changes lists or dictionaries
	size    int  // bytes of the text between tags: a first guess at the output's
}

// Error says where a template failed and as what kind of Python exception.
type Error struct {
	Line int    // counted from 1
	Kind string // the name of the exception's class, such as TypeError
	Err  error
}

func (e *Error) Error() string { return fmt.Sprintf("template line %d: %v", e.Line, e.Err) }

func (e *Error) Unwrap() error { return e.Err }

// textError is an error that is all text.
type textError string

func (e textError) Error() string { return string(e) }

// UndefinedError says that a template uses a value that does not exist. Name is the variable's, or the
// attribute's or item's that a value lacks.
type UndefinedError struct{ Name, Msg string }

func (e *UndefinedError) Error() string { return e.Msg }

// atLine adds the line to an error that has none yet.
func atLine(line int, err error) error {
	var placed *Error
	var j jump
	if err == nil || errors.As(err, &placed) || errors.As(err, &j) {
		return err
	}
	kind := pyval.KindOf(err)
	if u := new(UndefinedError); errors.As(err, &u) {
		kind = "UndefinedError"
	} else if kind == "" {
		kind = "RuntimeError"
	}
	return &Error{Line: line, Kind: kind, Err: err}
}

// Compile reads a template of a task file. An error is an *Error that gives the line.
func Compile(src string) (*Template, error) { return CompileWith(src, Options{}) }

// CompileWith reads a template for another environment.
func CompileWith(src string, opts Options) (*Template, error) {
	body, err := parse(src, &opts)
	if err != nil {
		return nil, err
	}
	t := &Template{opts: opts}
	c := &compiler{t: t, opts: &t.opts}
	if err := c.template(body); err != nil {
		return nil, err
	}
	return t, nil
}

var runs = sync.Pool{New: func() any { return new(run) }}

// Render fills in the template. A name that vars lacks is an error that wraps an *UndefinedError where the
// environment is strict; every error is an *Error.
func (t *Template) Render(vars *pyval.Dict) (string, error) {
	r := runs.Get().(*run)
	defer runs.Put(r)
	r.reset(t, vars)
	err := r.function(t.root)
	out := string(r.out)
	r.release()
	if err != nil {
		return "", atLine(1, err)
	}
	return out, nil
}

// errStopped is why a render that does not end is ended.
var errStopped = errors.New("the template runs too long: it takes more steps than any prompt should")
