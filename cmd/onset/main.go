// Command onset measures what language models can do as they grow: it runs task suites against models,
// records every sample, and draws scaling curves that say where an ability appears.
//
// Arguments, environment, standard streams, signals and the exit code are touched in this package only.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"golang.org/x/term"
)

// version is set by the build.
var version = "unknown"

func main() {
	os.Exit(realMain(os.Args[1:]))
}

// realMain runs one command line on the process's own streams and gives its exit code.
func realMain(args []string) int {
	ctx, interrupts, stop := withInterrupts(context.Background(), os.Stderr)
	defer stop()
	a := &app{
		stdout:   os.Stdout,
		stderr:   os.Stderr,
		getenv:   os.Getenv,
		drain:    interrupts,
		terminal: term.IsTerminal(int(os.Stderr.Fd())),
		width:    terminalWidth(os.Stdout),
	}
	return a.main(ctx, args)
}

// app is what a command may touch of its process.
type app struct {
	stdout, stderr io.Writer
	getenv         func(string) string
	// drain is closed by the first interrupt: finish what is in flight, record it, and end.
	drain <-chan struct{}
	// terminal says whether stderr shows progress bars.
	terminal bool
	// started is set when a command's own work begins: an error before is one of the command line.
	started bool
	// width is the number of columns of stdout's terminal, 0 where it is none.
	width int
}

// Exit codes, as CI systems and other harnesses read them.
const (
	exitOK           = 0
	exitNoGo         = 1  // what was checked does not hold
	exitInfra        = 3  // a model, file or machine failed, or the run was stopped
	exitUsage        = 64 // the command line or a file that it names is wrong
	interruptsToKill = 2
)

// main runs one command line and gives its exit code.
func (a *app) main(ctx context.Context, args []string) int {
	cmd := newRootCommand(a)
	cmd.SetArgs(args)
	cmd.SetOut(a.stdout)
	cmd.SetErr(a.stderr)
	err := cmd.ExecuteContext(ctx)
	if err == nil {
		return exitOK
	}
	var wrong *usageError
	if !a.started && !errors.As(err, &wrong) { // no command was found to start
		err = usage(withFallbackHint(err, "onset --help lists the commands"))
	}
	a.printError(err)
	var broken *noGoError
	switch {
	case errors.As(err, &wrong):
		return exitUsage
	case errors.As(err, &broken):
		return exitNoGo
	}
	return exitInfra
}

// printError writes an error and, below it, what to do about it.
func (a *app) printError(err error) {
	fmt.Fprintf(a.stderr, "onset: %v\n", err)
	if hint := hintOf(err); hint != "" {
		fmt.Fprintf(a.stderr, "hint: %s\n", hint)
	}
}

// usageError marks an error of the user's input: the command line, or a file that it names.
type usageError struct{ error }

func (e *usageError) Unwrap() error { return e.error }

// noGoError marks the answer no of a command that checks something.
type noGoError struct{ error }

func (e *noGoError) Unwrap() error { return e.error }

// usage marks err, if there is one, as an error of the user's input.
func usage(err error) error {
	if err == nil {
		return nil
	}
	return &usageError{err}
}

// hinted is an error that says what to do about it.
type hinted struct {
	error
	hint string
}

func (e *hinted) Unwrap() error { return e.error }

// Hint says what to do.
func (e *hinted) Hint() string { return e.hint }

// withHint adds what to do to err, if there is an error.
func withHint(err error, format string, args ...any) error {
	if err == nil {
		return nil
	}
	return &hinted{err, fmt.Sprintf(format, args...)}
}

// hintOf gives the outermost hint of an error.
func hintOf(err error) string {
	var h interface{ Hint() string }
	if errors.As(err, &h) && h.Hint() != "" {
		return h.Hint()
	}
	switch {
	case errors.Is(err, syscall.ENOSPC):
		return "free some space, then continue with onset resume: what is recorded stays"
	case errors.Is(err, os.ErrPermission):
		return "check who may read and write there"
	case errors.Is(err, os.ErrNotExist):
		return "check the path; it is taken relative to the current folder"
	}
	return ""
}

// withInterrupts gives a channel that the first interrupt closes and a context that the second one ends.
func withInterrupts(parent context.Context, stderr io.Writer) (context.Context, <-chan struct{}, func()) {
	ctx, cancel := context.WithCancel(parent)
	signals := make(chan os.Signal, interruptsToKill)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	drain, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		for n := 1; n <= interruptsToKill; n++ {
			select {
			case <-ctx.Done():
				return
			case <-signals:
			}
			if n == 1 {
				fmt.Fprintln(stderr, "\nonset: finishing what is in flight; interrupt again to stop at once")
				close(drain)
				continue
			}
			fmt.Fprintln(stderr, "\nonset: stopping at once")
			cancel()
		}
	}()
	return ctx, drain, func() {
		signal.Stop(signals)
		cancel()
		<-done
	}
}
