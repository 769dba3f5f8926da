// Package yamlfile reads YAML files that people write: strictly, and with errors that point at file, line and column
// and say what to type instead.
package yamlfile

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v4"
)

// Error says what is wrong in a file, where, and what to type instead.
type Error struct {
	File         string
	Line, Column int // count from 1; 0 is unknown
	Msg          string
	Advice       string // what to type; may be empty
	Err          error  // the cause; may be nil
}

func (e *Error) Error() string {
	switch {
	case e.Line == 0:
		return e.File + ": " + e.Msg
	case e.Column == 0:
		return fmt.Sprintf("%s:%d: %s", e.File, e.Line, e.Msg)
	}
	return fmt.Sprintf("%s:%d:%d: %s", e.File, e.Line, e.Column, e.Msg)
}

func (e *Error) Unwrap() error { return e.Err }

// Hint says what to type instead; it may be empty.
func (e *Error) Hint() string { return e.Advice }

// Parse reads one YAML document whose root is a mapping. Nothing is decoded, so tags such as
// !function are still there.
func Parse(file string, data []byte) (Field, error) {
	var doc yaml.Node
	if err := yaml.Load(data, &doc); err != nil {
		return Field{}, yamlError(file, data, err)
	}
	root := Field{File: file, Node: &doc}
	if doc.Kind == yaml.DocumentNode {
		root.Node = doc.Content[0]
	}
	if root.Node.Kind != yaml.MappingNode {
		return Field{}, root.Errorf("a file of keys and values is expected, not %s", kindOf(root.Node))
	}
	return root, nil
}

func yamlError(file string, data []byte, err error) error {
	var one *yaml.LoadError
	var many *yaml.LoadErrors
	if errors.As(err, &many) && len(many.Errors) > 0 {
		one = many.Errors[0]
	}
	if one == nil && !errors.As(err, &one) {
		return &Error{File: file, Msg: "malformed YAML: " + err.Error()}
	}
	at, msg := one.Mark, strings.TrimPrefix(one.Message, "yaml: ")
	if one.ContextMsg != "" {
		msg = one.ContextMsg + ": " + msg
	}
	lines := bytes.Split(bytes.TrimRight(data, "\n"), []byte("\n"))
	if at.Line > len(lines) && one.ContextMark.Line > 0 {
		at = one.ContextMark // where it began says more than the end of the file
	}
	e := &Error{File: file, Line: at.Line, Column: at.Column, Msg: "malformed YAML: " + msg}
	if e.Line > len(lines) {
		e.Line, e.Column = len(lines), utf8.RuneCount(lines[len(lines)-1])+1
	}
	return e
}
