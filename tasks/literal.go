package tasks

import (
	"errors"

	"github.com/onset-eval/onset/tasks/pyval"
)

// literal reads a list, number or string as Python writes it.
func literal(s string) (pyval.Value, error) {
	return nil, errors.New("templates that give a list are not supported yet: name a column, or write the list out")
}
