package process

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"github.com/sourcegraph/conc"
)

// childOptions say what to start.
type childOptions struct {
	command []string // the program and its arguments
	dir     string
	env     []string // added to onset's own
	log     io.Writer
	// lines makes pipes of standard input and output; without it both outputs go to the log and the input is empty.
	lines bool
}

// child is a program that was started.
type child struct {
	cmd    *exec.Cmd
	stdin  *os.File // nil without childOptions.lines
	stdout *os.File
	out    *tail
	ended  chan struct{} // closed when the program has ended and its group is killed
	state  string        // how it ended; set before ended is closed
	guard  *watchdog
	logged chan struct{} // closed when all that it wrote to its log is in the tail
	all    conc.WaitGroup
	output *os.File // the read end of what goes to the tail
}

// drainTime is how long a program's output is read after its end: a grandchild may hold the pipe open.
const drainTime = time.Second

// findProgram gives the file of a program, or an error that says how it was looked for.
func findProgram(name string) (string, error) {
	path, err := exec.LookPath(name)
	if errors.Is(err, exec.ErrDot) {
		err = nil
	}
	switch {
	case err == nil:
		return path, nil
	case strings.ContainsRune(name, '/') || strings.ContainsRune(name, filepath.Separator):
		st, serr := os.Stat(name)
		switch {
		case serr != nil:
			return "", fmt.Errorf("find program: %w", serr)
		case st.IsDir():
			return "", fmt.Errorf("find program: %s is a folder", name)
		}
		return "", hintf(fmt.Errorf("find program: %s is not executable", name), "chmod +x %s, and begin a script with #!", name)
	}
	return "", fmt.Errorf("find program: no %s in PATH", name)
}

// startChild starts a program in a process group of its own, watched so that it ends with onset.
func startChild(o childOptions) (*child, error) {
	c := &child{out: new(tail), ended: make(chan struct{}), logged: make(chan struct{})}
	c.cmd = exec.Command(o.command[0], o.command[1:]...) //nolint:gosec // the user names the program
	c.cmd.Dir = o.dir
	c.cmd.Env = append(os.Environ(), o.env...)
	ownGroup(c.cmd)
	var theirs []*os.File
	defer func() {
		for _, f := range theirs {
			_ = f.Close()
		}
	}()
	r, w, err := os.Pipe()
	if err != nil {
		return nil, fmt.Errorf("start %s: %w", o.command[0], err)
	}
	theirs = append(theirs, w)
	c.output, c.cmd.Stderr, c.cmd.Stdout = r, w, w
	if o.lines {
		inR, inW, err := os.Pipe()
		if err != nil {
			c.closePipes()
			return nil, fmt.Errorf("start %s: %w", o.command[0], err)
		}
		theirs = append(theirs, inR)
		c.cmd.Stdin, c.stdin = inR, inW
		outR, outW, err := os.Pipe()
		if err != nil {
			c.closePipes()
			return nil, fmt.Errorf("start %s: %w", o.command[0], err)
		}
		theirs = append(theirs, outW)
		c.cmd.Stdout, c.stdout = outW, outR
	}
	if err := c.start(o.log); err != nil {
		c.closePipes()
		return nil, fmt.Errorf("start %s: %w", o.command[0], err)
	}
	return c, nil
}

// start starts the program on a thread that stays until the program ends: Linux sends the signal that was asked for the
// parent's death when the thread that started a program ends, and not the process.
func (c *child) start(log io.Writer) error {
	started := make(chan error, 1)
	c.all.Go(func() {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := c.cmd.Start()
		if err == nil {
			c.guard = watch(c.cmd.Process.Pid)
		}
		started <- err
		if err == nil {
			c.wait()
		}
	})
	if err := <-started; err != nil {
		c.all.Wait()
		return err
	}
	c.all.Go(func() {
		defer close(c.logged)
		var w io.Writer = c.out
		if log != nil {
			w = io.MultiWriter(c.out, lossy{log})
		}
		_, _ = io.Copy(w, c.output)
	})
	return nil
}

// lossy writes what can be written: a full disk below a log must not block the program that is logged.
type lossy struct{ io.Writer }

func (l lossy) Write(p []byte) (int, error) {
	_, _ = l.Writer.Write(p)
	return len(p), nil
}

// wait waits for the program's end, kills what is left of its group, and lets the output's readers finish.
func (c *child) wait() {
	err := c.cmd.Wait()
	killGroup(c.cmd.Process.Pid)
	c.guard.dismiss()
	c.state = "exit status 0"
	if err != nil {
		c.state = err.Error()
	}
	deadline := time.Now().Add(drainTime)
	_ = c.output.SetReadDeadline(deadline)
	if c.stdout != nil {
		_ = c.stdout.SetReadDeadline(deadline)
	}
	close(c.ended)
}

// stop asks the program to end, by a signal where polite is spent, and kills its group where it does not. Standard input
// must be closed before where the program is to see its end first. It returns when the program has ended.
func (c *child) stop(polite, grace time.Duration) {
	if !c.endsWithin(polite) {
		terminateGroup(c.cmd)
		if !c.endsWithin(grace) {
			killGroup(c.cmd.Process.Pid)
			_ = c.cmd.Process.Kill()
		}
	}
	<-c.ended
	c.closeStdin()
	c.all.Wait()
	c.closePipes()
}

func (c *child) endsWithin(d time.Duration) bool { return closesWithin(c.ended, d) }

// settle waits until it is known how the program ended and what it last wrote, where it has ended by itself.
func (c *child) settle() {
	if c.endsWithin(drainTime) {
		closesWithin(c.logged, 2*drainTime)
	}
}

func closesWithin(ch <-chan struct{}, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ch:
		return true
	case <-timer.C:
		return false
	}
}

func (c *child) closeStdin() {
	if c.stdin != nil {
		_ = c.stdin.Close()
	}
}

func (c *child) closePipes() {
	for _, f := range []*os.File{c.stdin, c.stdout, c.output} {
		if f != nil {
			_ = f.Close()
		}
	}
}

// settleIfEnded reads the last words of a program that has ended, and does not wait for one that goes on.
func (c *child) settleIfEnded() {
	select {
	case <-c.ended:
		closesWithin(c.logged, 2*drainTime)
	default:
	}
}
