//go:build unix

package process

import (
	"os"
	"strings"
	"testing"

	"go.uber.org/goleak"
)

// TestMain runs the test binary as the program that a test has started where its first argument names one: fake=NAME.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 {
		if name, ok := strings.CutPrefix(os.Args[1], "fake="); ok {
			os.Exit(fakes()[name](os.Args[2:]))
		}
	}
	if err := os.Setenv("GORACE", "atexit_sleep_ms=0"); err != nil { // a second for each program, else
		panic(err)
	}
	goleak.VerifyTestMain(m)
}

// fakes lists the programs that tests start.
func fakes() map[string]func(args []string) int {
	return map[string]func(args []string) int{
		"plugin": fakePlugin,
		"served": servedPlugin,
		"holder": holder,
		"server": fakeServer,
	}
}

// command gives the command that starts a fake program.
func command(name string, args ...string) []string {
	return append([]string{os.Args[0], "fake=" + name}, args...)
}
