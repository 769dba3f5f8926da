package tasks

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"path"
	"strings"

	"github.com/onset-eval/onset/backends/yamlfile"
	"github.com/onset-eval/onset/tasks/dataset"
)

// locate puts the name of a source before the file that an error names.
func locate(err error, source string) error {
	var file *yamlfile.Error
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
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	return fmt.Errorf("%s: %w", source, err)
}

// comparePlace orders places: the file first, its includes by name after it, then line and column.
func comparePlace(first string, a, b yamlfile.Field) int {
	if a.File != b.File {
		switch {
		case a.File == first:
			return -1
		case b.File == first:
			return 1
		}
		return strings.Compare(a.File, b.File)
	}
	return cmp.Or(cmp.Compare(a.Node.Line, b.Node.Line), cmp.Compare(a.Node.Column, b.Node.Column))
}
