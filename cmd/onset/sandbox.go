package main

import (
	"github.com/onset-eval/onset/evaluators/scorelibs"
)

// sandboxUse describes --sandbox.
const sandboxUse = "run the programs that models write, for tasks judged by them, with this command: the program is on its stdin, or in the file {file}"

// openSandbox reads the command of --sandbox; nil for none.
func openSandbox(line string) (*scorelibs.Sandbox, error) {
	if line == "" {
		return nil, nil
	}
	box, err := scorelibs.ParseSandbox(line)
	if err != nil {
		return nil, usage(withHint(err, `as --sandbox "bwrap --ro-bind / / --unshare-all --die-with-parent python3 -"`))
	}
	return box, nil
}
