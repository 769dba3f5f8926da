package process

import "os/exec"

// ownGroup does nothing: there are no process groups as Unix has them.
func ownGroup(*exec.Cmd) {}

// terminateGroup ends the program; there is no polite signal.
func terminateGroup(cmd *exec.Cmd) { _ = cmd.Process.Kill() }

// killGroup does nothing: child.stop kills the program itself.
func killGroup(int) {}

// watchdog does not exist here.
type watchdog struct{}

func watch(int) *watchdog { return nil }

func (*watchdog) dismiss() {}
