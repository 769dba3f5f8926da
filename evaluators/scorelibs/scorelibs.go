// Package scorelibs gives functions of task files the Python libraries that they score with, under the names by which
// they import them.
package scorelibs

import "github.com/onset-eval/onset/tasks/pycode"

// Libraries gives the modules by name, for tasks.IndexOptions.
func Libraries() map[string]pycode.Library {
	return map[string]pycode.Library{}
}
