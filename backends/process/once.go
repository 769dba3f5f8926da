package process

import (
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/sourcegraph/conc"
)

// Output is what a program that has ended left.
type Output struct {
	// Stdout is what it wrote to its standard output, at most 1 MiB.
	Stdout []byte
	// Exit is its exit code, -1 where a signal ended it, and State says it for people: "exit status 1".
	Exit  int
	State string
	// Stderr is the end of what it wrote to its standard error, without secrets.
	Stderr string
}

// maxOutput bounds the standard output of a program that Once runs.
const maxOutput = 1 << 20

// Once runs a program to its end and gives what it wrote, whatever its exit code is: an error is one of starting it, or of
// ctx, at whose end it is killed with all that it started. It never outlives onset.
func Once(ctx context.Context, command []string) (Output, error) {
	c, err := startChild(childOptions{command: command, lines: true})
	if err != nil {
		return Output{}, err
	}
	c.closeStdin()
	var out Output
	var reading conc.WaitGroup
	reading.Go(func() { out.Stdout, _ = io.ReadAll(io.LimitReader(c.stdout, maxOutput)) })
	var ended error
	select {
	case <-c.ended:
	case <-ctx.Done():
		ended = context.Cause(ctx)
		killGroup(c.cmd.Process.Pid)
		_ = c.cmd.Process.Kill()
		<-c.ended
	}
	closesWithin(c.logged, 2*drainTime)
	reading.Wait()
	out.Stderr = strings.Join(c.out.lines(20), "\n")
	out.State, out.Exit = c.state, c.cmd.ProcessState.ExitCode()
	c.stop(0, time.Second)
	if ended != nil {
		return out, fmt.Errorf("run %s: %w", commandLine(command), ended)
	}
	return out, nil
}
