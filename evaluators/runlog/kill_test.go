package runlog

import (
	"bufio"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"strconv"
	"testing"
)

// killedDir names, to a process of this test's own, the directory that it writes until it is killed.
const killedDir = "ONSET_TEST_KILLED_DIR"

func TestMain(m *testing.M) {
	if dir := os.Getenv(killedDir); dir != "" {
		writeUntilKilled(dir)
	}
	os.Exit(m.Run())
}

// writeUntilKilled writes records and prints how many are durable, after every few.
func writeUntilKilled(dir string) {
	w, err := Open(dir, Options{CommitRecords: 7})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	}
	ctx := context.Background()
	for i := 0; ; i++ {
		if err := w.Write(ctx, record(i)); err != nil {
			os.Exit(3)
		}
		if i%5 == 4 {
			if err := w.Flush(ctx); err != nil {
				os.Exit(4)
			}
			fmt.Println(i + 1)
		}
	}
}

func TestKilledWriterLosesNothingDurable(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	rounds := 12
	if testing.Short() {
		rounds = 3
	}
	dir := t.TempDir()
	torn := 0
	for round := range rounds {
		durable := killAfter(t, dir, 1+rng.IntN(60))
		done, warnings, err := Keys(dir)
		if err != nil {
			t.Fatal(err)
		}
		if warnings.CorruptLines != 0 || warnings.Torn > round+1 {
			t.Errorf("round %d: warnings %+v", round, warnings)
		}
		torn = warnings.Torn
		for i := range durable {
			if !done.Has(record(i).Key) {
				t.Fatalf("round %d: record %d of %d durable ones is lost", round, i, durable)
			}
		}
	}
	t.Logf("%d of %d segments are torn", torn, rounds)
	closeWriter(t, open(t, dir, Options{})) // the lock went with the process
}

// killAfter kills a writer of dir once it has acknowledged so many times, and gives its last acknowledgement.
func killAfter(t *testing.T, dir string, acks int) (durable int) {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), killedDir+"="+dir)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	for n := 0; lines.Scan(); n++ { // what the pipe still holds after the kill counts
		if durable, err = strconv.Atoi(lines.Text()); err != nil {
			t.Fatal(err)
		}
		if n == acks {
			if err := cmd.Process.Kill(); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := cmd.Wait(); err == nil || cmd.ProcessState.ExitCode() > 0 {
		t.Fatalf("the writer ended by itself: %v", err)
	}
	if durable == 0 {
		t.Fatal("the writer acknowledged nothing")
	}
	return durable
}
