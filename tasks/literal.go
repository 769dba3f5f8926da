package tasks

import "github.com/onset-eval/onset/tasks/pyval"

// literal reads a list, number or string as Python writes it.
func literal(s string) (pyval.Value, error) { return pyval.LiteralEval(s) }
