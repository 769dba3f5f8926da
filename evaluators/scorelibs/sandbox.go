package scorelibs

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"sync"
	"time"

	"github.com/sourcegraph/conc/pool"
)

// Sandbox runs programs that models write, by a command of the user's, who vouches that it shuts them in.
//
// The command gets the program on stdin, or, where one of its words holds {file}, in a file of that path, which lies in
// a folder of its own. A program passes that ends within Timeout with the exit code 0 and has written the last line that
// is added to it, so that one which leaves early by itself does not pass.
type Sandbox struct {
	// Command is the command and its arguments.
	Command []string
	// Timeout bounds one program, the command's own start included; 0 is 10 s.
	Timeout time.Duration

	known sync.Map // by a program's digest, whether it passed: a run's table needs no second run of it
}

// ParseSandbox cuts a command line into words: at blanks, with quotes as a shell has them and nothing else of it.
func ParseSandbox(line string) (*Sandbox, error) {
	var words []string
	var word strings.Builder
	quote, open := rune(0), false
	for _, r := range line {
		switch {
		case quote != 0 && r == quote:
			quote = 0
		case quote != 0:
			word.WriteRune(r)
		case r == '\'' || r == '"':
			quote, open = r, true
		case r == ' ' || r == '\t':
			if open || word.Len() > 0 {
				words = append(words, word.String())
				word.Reset()
			}
			open = false
		default:
			word.WriteRune(r)
		}
	}
	if quote != 0 {
		return nil, fmt.Errorf("the sandbox %q: a quote is not closed", line)
	}
	if open || word.Len() > 0 {
		words = append(words, word.String())
	}
	if len(words) == 0 {
		return nil, errors.New("the sandbox names no command")
	}
	if _, err := exec.LookPath(words[0]); err != nil {
		return nil, fmt.Errorf("the sandbox %q: %w", line, err)
	}
	return &Sandbox{Command: words}, nil
}

// RunAll runs programs side by side and says which pass. The error is that of the command, not of a program.
func (s *Sandbox) RunAll(programs []string) ([]bool, error) {
	passed := make([]bool, len(programs))
	p := pool.New().WithErrors().WithMaxGoroutines(max(1, runtime.GOMAXPROCS(0)))
	for i, program := range programs {
		p.Go(func() error {
			var err error
			passed[i], err = s.run(program)
			return err
		})
	}
	return passed, p.Wait()
}

// run runs one program.
func (s *Sandbox) run(program string) (bool, error) {
	sum := sha256.Sum256([]byte(program))
	if passed, ok := s.known.Load(sum); ok {
		return passed.(bool), nil
	}
	mark := "onset-end-" + hex.EncodeToString(sum[:8])
	program += "\nprint()\nprint(\"" + mark + "\")\n"
	timeout := s.Timeout
	if timeout == 0 {
		timeout = 10 * time.Second
	}
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	words, inFile := append([]string(nil), s.Command...), false
	dir := ""
	for i, w := range words {
		if !strings.Contains(w, "{file}") {
			continue
		}
		if dir == "" {
			var err error
			if dir, err = os.MkdirTemp("", "onset-sandbox-"); err != nil {
				return false, fmt.Errorf("sandbox: %w", err)
			}
			defer func() { _ = os.RemoveAll(dir) }() // a folder of temporary files
			if err := os.WriteFile(dir+"/program.py", []byte(program), 0o600); err != nil {
				return false, fmt.Errorf("sandbox: %w", err)
			}
		}
		words[i] = strings.ReplaceAll(w, "{file}", dir+"/program.py")
		inFile = true
	}
	cmd := exec.CommandContext(ctx, words[0], words[1:]...)
	if !inFile {
		cmd.Stdin = strings.NewReader(program)
	}
	cmd.WaitDelay = time.Second
	out := &tail{keep: 4096}
	cmd.Stdout = out
	err := cmd.Run()
	var exit *exec.ExitError
	switch {
	case ctx.Err() != nil || errors.As(err, &exit) || errors.Is(err, exec.ErrWaitDelay):
		s.known.Store(sum, false)
		return false, nil
	case err != nil && !strings.Contains(err.Error(), "broken pipe"):
		return false, fmt.Errorf("sandbox %s: %w", words[0], err)
	}
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	passed := strings.TrimSpace(lines[len(lines)-1]) == mark
	s.known.Store(sum, passed)
	return passed, nil
}

// tail keeps the end of what is written.
type tail struct {
	keep int
	b    bytes.Buffer
}

func (t *tail) Write(p []byte) (int, error) {
	t.b.Write(p)
	if extra := t.b.Len() - t.keep; extra > t.keep {
		t.b.Next(extra)
	}
	return len(p), nil
}

func (t *tail) String() string { return t.b.String() }
