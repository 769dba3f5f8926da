//go:build unix

package process

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// holder is an onset that opens a plug-in which ends by nothing polite, says who there is, and waits to be killed.
func holder([]string) int {
	c, err := startChild(childOptions{command: command("plugin", "grandchild", "stubborn"), lines: true, log: os.Stderr})
	if err != nil {
		return 1
	}
	fmt.Fprintln(os.Stderr, "child", c.cmd.Process.Pid)
	time.Sleep(time.Hour)
	return 0
}

// TestNoOrphans kills an onset with -9 and sees that what it started ends, and what that started too.
func TestNoOrphans(t *testing.T) {
	c := command("holder")
	cmd := exec.Command(c[0], c[1:]...)
	out, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var pids []int
	for lines := bufio.NewScanner(out); len(pids) < 2 && lines.Scan(); {
		words := strings.Fields(lines.Text())
		if len(words) == 2 && (words[0] == "child" || words[0] == "grandchild") {
			pid, err := strconv.Atoi(words[1])
			if err != nil {
				t.Fatal(err)
			}
			pids = append(pids, pid)
		}
	}
	if len(pids) < 2 {
		t.Fatalf("processes %v", pids)
	}
	for _, pid := range pids {
		if err := syscall.Kill(pid, 0); err != nil {
			t.Fatalf("process %d is not there before the kill", pid)
		}
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait()
	for _, pid := range pids {
		awaitDeath(t, pid)
	}
}
