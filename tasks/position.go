package tasks

import (
	"bytes"
	"errors"
	"fmt"
	"path"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v4"

	"github.com/onset-eval/onset/tasks/dataset"
)

// FileError says what is wrong in a task or suite file, where, and what to type instead.
type FileError struct {
	File         string
	Line, Column int // count from 1; 0 is unknown
	Msg          string
	Advice       string // what to type; may be empty
	Err          error  // the cause; may be nil
}

func (e *FileError) Error() string {
	switch {
	case e.Line == 0:
		return e.File + ": " + e.Msg
	case e.Column == 0:
		return fmt.Sprintf("%s:%d: %s", e.File, e.Line, e.Msg)
	}
	return fmt.Sprintf("%s:%d:%d: %s", e.File, e.Line, e.Column, e.Msg)
}

func (e *FileError) Unwrap() error { return e.Err }

// Hint says what to type instead; it may be empty.
func (e *FileError) Hint() string { return e.Advice }

// parseYAML reads one YAML document whose root is a mapping. Nothing is decoded, so tags such as
// !function are still there.
func parseYAML(file string, data []byte) (field, error) {
	var doc yaml.Node
	if err := yaml.Load(data, &doc); err != nil {
		return field{}, yamlError(file, data, err)
	}
	root := field{file: file, node: &doc}
	if doc.Kind == yaml.DocumentNode {
		root.node = doc.Content[0]
	}
	if root.node.Kind != yaml.MappingNode {
		return field{}, root.errorf("a file of keys and values is expected, not %s", kindOf(root.node))
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
		return &FileError{File: file, Msg: "malformed YAML: " + err.Error()}
	}
	at, msg := one.Mark, strings.TrimPrefix(one.Message, "yaml: ")
	if one.ContextMsg != "" {
		msg = one.ContextMsg + ": " + msg
	}
	lines := bytes.Split(bytes.TrimRight(data, "\n"), []byte("\n"))
	if at.Line > len(lines) && one.ContextMark.Line > 0 {
		at = one.ContextMark // where it began says more than the end of the file
	}
	e := &FileError{File: file, Line: at.Line, Column: at.Column, Msg: "malformed YAML: " + msg}
	if e.Line > len(lines) {
		e.Line, e.Column = len(lines), utf8.RuneCount(lines[len(lines)-1])+1
	}
	return e
}

// locate puts the name of a source before the file that an error names.
func locate(err error, source string) error {
	var file *FileError
	var row *dataset.Error
	switch {
	case errors.As(err, &file):
		moved := *file
		moved.File = path.Join(source, file.File)
		return &moved
	case errors.As(err, &row):
		moved := *row
		moved.File = path.Join(source, row.File)
		return &moved
	}
	return fmt.Errorf("%s: %w", source, err)
}
