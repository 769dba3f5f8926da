package process

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sourcegraph/conc"

	"github.com/onset-eval/onset/backends"
)

// session is one life of a plug-in, from its start to its end.
type session struct {
	c       *child
	hello   chan helloLine // gets the first line
	dead    chan struct{}  // closed by fail
	release func()         // gives a request's slot back
	answers atomic.Int64
	next    atomic.Int64 // the last request's id
	silence time.Duration
	maxLine int
	all     conc.WaitGroup

	wake  chan struct{} // the writer has something to write, or shall end
	mu    sync.Mutex    // guards what follows
	lines [][]byte      // to be written; bounded by the slots
	asked map[int64]*asking
	cause error // why the session ended; nil while it lives
	quiet *time.Timer
}

// asking is a request that the plug-in has not answered yet.
type asking struct {
	req  *backends.Request
	done chan answer // buffered
}

type answer struct {
	resp backends.Response
	err  error
}

type helloLine struct {
	m   fromPlugin
	err error
}

// startSession starts a plug-in and says hello.
func startSession(o *PluginOptions, release func()) (*session, error) {
	c, err := startChild(childOptions{command: o.Command, lines: true, log: o.Log})
	if err != nil {
		return nil, err
	}
	s := &session{
		c: c, hello: make(chan helloLine, 1), dead: make(chan struct{}), release: release, silence: o.Silence, maxLine: o.maxLine,
		wake: make(chan struct{}, 1), asked: make(map[int64]*asking),
	}
	s.quiet = time.AfterFunc(time.Hour, s.hung)
	s.quiet.Stop()
	line, err := encodeLine(toPlugin{Type: "hello", Protocol: Protocol, Args: o.Args})
	if err != nil {
		return nil, err
	}
	s.lines = append(s.lines, line)
	s.all.Go(s.write)
	s.all.Go(s.read)
	s.signal()
	return s, nil
}

// greet waits for the plug-in's hello and gives what it says.
func (s *session) greet(ctx context.Context, limit time.Duration, model string) (backends.Info, error) {
	timer := time.NewTimer(limit)
	defer timer.Stop()
	select {
	case h := <-s.hello:
		if h.err != nil {
			return backends.Info{}, h.err
		}
		return h.m.info(model)
	case <-s.dead:
		return backends.Info{}, s.why()
	case <-timer.C:
		return backends.Info{}, hintf(fmt.Errorf("it says no hello within %v", limit),
			"it must answer the line {\"type\":\"hello\",…} and flush its output; --model-args start_timeout=30m waits longer")
	case <-ctx.Done():
		return backends.Info{}, ctx.Err()
	}
}

// ask sends a request. The slot that the caller holds is given back when the plug-in has answered, or has ended: not when
// the caller has lost interest, so that a plug-in never has more requests than it asked for.
func (s *session) ask(ctx context.Context, req backends.Request) (backends.Response, error) {
	a := &asking{req: &req, done: make(chan answer, 1)}
	id, err := s.register(a)
	if err != nil {
		s.release()
		return backends.Response{}, err
	}
	select {
	case got := <-a.done:
		return got.resp, got.err
	case <-ctx.Done():
		s.cancel(id)
		return backends.Response{}, fmt.Errorf("ask plug-in: %w", ctx.Err())
	}
}

func (s *session) register(a *asking) (int64, error) {
	id := s.next.Add(1)
	line, err := encodeRequest(id, a.req) // before the lock: prompts are long, and callers many
	if err != nil {
		return 0, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.cause != nil {
		return 0, s.cause
	}
	s.asked[id] = a
	s.lines = append(s.lines, line)
	if len(s.asked) == 1 {
		s.quiet.Reset(s.silence)
	}
	s.signal()
	return id, nil
}

// cancel tells the plug-in that nobody waits for an answer.
func (s *session) cancel(id int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if line, err := encodeLine(toPlugin{Type: "cancel", ID: id}); err == nil && s.cause == nil && s.asked[id] != nil {
		s.lines = append(s.lines, line)
		s.signal()
	}
}

func (s *session) signal() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// write writes lines to the plug-in until the session is dead.
func (s *session) write() {
	defer s.c.closeStdin()
	var buf []byte
	for {
		select {
		case <-s.dead:
			return
		case <-s.wake:
		}
		s.mu.Lock()
		lines := s.lines
		s.lines = nil
		s.mu.Unlock()
		for len(lines) > 0 {
			if lines[0] == nil { // the end, see close
				return
			}
			var n int
			buf, n = gather(buf[:0], lines)
			if _, err := s.c.stdin.Write(buf); err != nil {
				s.fail(backends.KindServer, errors.New("it no longer reads its input"))
				return
			}
			lines = lines[n:]
		}
	}
}

// gatherBytes is about how much is written at once: a system call a line would be most of what short requests take.
const gatherBytes = 256 << 10

// gather joins lines up to the end, at least the first, and says how many.
func gather(buf []byte, lines [][]byte) ([]byte, int) {
	for n, line := range lines {
		if line == nil || n > 0 && len(buf)+len(line) > gatherBytes {
			return buf, n
		}
		buf = append(buf, line...)
	}
	return buf, len(lines)
}

// read reads the plug-in's lines until its output ends or breaks the protocol.
func (s *session) read() {
	r := bufio.NewReaderSize(s.c.stdout, 64<<10)
	greeted := false
	for {
		line, err := readLine(r, s.maxLine)
		switch {
		case errors.Is(err, errLongLine):
			s.fail(backends.KindNetwork, fmt.Errorf("it wrote a line of more than %d MiB", s.maxLine>>20))
			return
		case err != nil:
			s.fail(backends.KindServer, errors.New("it ended"))
			return
		}
		if len(line) == 0 || line[0] != '{' { // a library's banner, say
			_, _ = s.c.out.Write(append(line, '\n'))
			continue
		}
		m, err := decodeLine(line)
		if err == nil && !greeted {
			greeted = true
			s.hello <- helloLine{m: m}
			continue
		}
		if err == nil {
			err = s.take(m)
		}
		if err != nil {
			err = fmt.Errorf("it wrote a line that breaks the protocol: %w: %s", err, shorten(clean(string(line)), 200))
			if !greeted {
				s.hello <- helloLine{err: err}
			}
			s.fail(backends.KindNetwork, err)
			return
		}
	}
}

// take takes one line of a plug-in that has said hello.
func (s *session) take(m fromPlugin) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.cause != nil {
		return s.cause
	}
	switch m.Type {
	case "heartbeat":
		s.heard()
		return nil
	case "response", "error":
	default:
		return fmt.Errorf("the type %q is unknown", m.Type)
	}
	a := s.asked[m.ID]
	if a == nil {
		return fmt.Errorf("no request with the id %d waits for an answer", m.ID)
	}
	delete(s.asked, m.ID)
	s.heard()
	s.answers.Add(1)
	resp, err := m.response(a.req)
	a.done <- answer{resp, err}
	s.release()
	return nil
}

// heard starts the time anew after which the plug-in counts as hung. s.mu is held.
func (s *session) heard() {
	if len(s.asked) == 0 {
		s.quiet.Stop()
		return
	}
	s.quiet.Reset(s.silence)
}

// hung ends the session of a plug-in that is silent for too long.
func (s *session) hung() {
	s.mu.Lock()
	waits := len(s.asked)
	s.mu.Unlock()
	if waits > 0 {
		s.fail(backends.KindTimeout, fmt.Errorf("it was silent for %v with %d requests in hand", s.silence, waits))
	}
}

// fail ends the session: its requests fail with an error of a temporary kind, and the plug-in is killed.
func (s *session) fail(kind backends.ErrorKind, cause error) {
	if kind == backends.KindServer { // it ended by itself
		s.c.settle()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.cause != nil {
		return
	}
	select {
	case <-s.c.ended:
		cause = fmt.Errorf("%w (%s)", cause, s.c.state)
	default:
	}
	if last := s.c.out.last(); last != "" {
		cause = fmt.Errorf("%w: %s", cause, last)
	}
	s.cause = &backends.Error{Kind: kind, Op: "ask plug-in", Err: endedError{cause}}
	close(s.dead) // before the answers: who gets one asks again and must not meet this session
	for id, a := range s.asked {
		delete(s.asked, id)
		a.done <- answer{err: s.cause}
		s.release()
	}
	s.quiet.Stop()
	killGroup(s.c.cmd.Process.Pid)
	_ = s.c.cmd.Process.Kill()
}

// ErrEnded marks the errors of requests that a plug-in had in hand when it ended, hung or broke the protocol. Those of one
// end have the same *backends.Error in their chain.
var ErrEnded = errors.New("the plug-in ended")

// endedError is a cause that is ErrEnded without saying so.
type endedError struct{ error }

func (e endedError) Unwrap() error      { return e.error }
func (endedError) Is(target error) bool { return target == ErrEnded }

func (s *session) why() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.cause
}

// close ends the plug-in: by a word and the end of its input, then by signals. It returns when the plug-in has ended.
func (s *session) close(grace time.Duration) {
	s.mu.Lock()
	if line, err := encodeLine(toPlugin{Type: "shutdown"}); err == nil {
		s.lines = append(s.lines, line, nil)
	}
	s.signal()
	s.mu.Unlock()
	s.c.stop(grace, grace)
	s.fail(backends.KindClosed, errors.New("it was closed"))
	s.all.Wait()
}

var errLongLine = errors.New("the line is too long")

// readLine reads a line of at most limit bytes, without its end. The text after the last line's end is not a line.
func readLine(r *bufio.Reader, limit int) ([]byte, error) {
	var line []byte
	for {
		part, err := r.ReadSlice('\n')
		if len(line)+len(part) > limit {
			return nil, errLongLine
		}
		line = append(line, part...)
		switch {
		case err == nil:
			return bytes.TrimRight(line, "\r\n"), nil
		case errors.Is(err, bufio.ErrBufferFull):
		case errors.Is(err, os.ErrDeadlineExceeded):
			return nil, io.EOF
		default:
			return nil, err
		}
	}
}

func environ() []string { return os.Environ() }

// commandLine writes a command for people.
func commandLine(words []string) string {
	quoted := make([]string, len(words))
	for i, w := range words {
		quoted[i] = w
		if w == "" || strings.ContainsAny(w, " \t\n'\"\\$") {
			quoted[i] = "'" + strings.ReplaceAll(w, "'", `'\''`) + "'"
		}
	}
	return strings.Join(quoted, " ")
}
