// Package builtin holds the tasks and suites that ship in the binary.
//
// The tasks are made of rules and chance, none of them is taken from a published benchmark, and their
// models are the embedded ladder's.
package builtin

import (
	"embed"
	"io/fs"

	"github.com/onset-eval/onset/tasks"
)

//go:embed all:tasks data suites
var files embed.FS

// Source gives the embedded tasks.
func Source() tasks.Source { return tasks.Source{Name: "builtin", FS: files} }

// Suites gives the embedded suites, NAME.yaml each.
func Suites() fs.FS {
	sub, err := fs.Sub(files, "suites")
	if err != nil {
		panic(err) // the folder is embedded
	}
	return sub
}
