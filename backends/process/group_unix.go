//go:build unix

package process

import (
	"os"
	"os/exec"
	"strconv"
	"syscall"

	"github.com/sourcegraph/conc"
)

// ownGroup puts the program into a process group of its own.
func ownGroup(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	endWithParent(cmd.SysProcAttr)
}

// terminateGroup asks a program and what it started to end.
func terminateGroup(cmd *exec.Cmd) { _ = syscall.Kill(-cmd.Process.Pid, syscall.SIGTERM) }

// killGroup kills a process group; one that has ended is no error.
func killGroup(group int) { _ = syscall.Kill(-group, syscall.SIGKILL) }

// watchdog is a shell that ends a process group when onset dies: it reads a pipe whose other end only onset holds, and
// the end of that pipe without a word is the end of onset. It works wherever there is /bin/sh, and unlike Linux's signal
// at the parent's death it reaches grandchildren too.
type watchdog struct {
	cmd  *exec.Cmd
	line *os.File
	all  conc.WaitGroup
}

const watchScript = `read -r word && exit 0
kill -TERM -"$1" 2>/dev/null
for i in 1 2 3 4 5; do
	kill -0 -"$1" 2>/dev/null || exit 0
	sleep 1
done
kill -KILL -"$1" 2>/dev/null`

// watch starts a watchdog of a process group. Without a shell there is none: nil.
func watch(group int) *watchdog {
	r, w, err := os.Pipe()
	if err != nil {
		return nil
	}
	defer func() { _ = r.Close() }()
	d := &watchdog{cmd: exec.Command("/bin/sh", "-c", watchScript, "onset-watchdog", strconv.Itoa(group)), line: w}
	d.cmd.Stdin = r
	d.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // what kills onset's group must not kill it
	if err := d.cmd.Start(); err != nil {
		_ = w.Close()
		return nil
	}
	d.all.Go(func() { _ = d.cmd.Wait() })
	return d
}

// dismiss ends the watchdog, whose group has ended.
func (d *watchdog) dismiss() {
	if d == nil {
		return
	}
	_, _ = d.line.WriteString("done\n")
	_ = d.line.Close()
	d.all.Wait()
}
