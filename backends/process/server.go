package process

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/onset-eval/onset/backends"
)

// ServerOptions say which model server to run and how. Kind, Model and Connect are required.
type ServerOptions struct {
	Kind Kind
	// Model is the rest of the model reference: a name that the server knows, or a path.
	Model string
	// Args are the model's; ServerArgs lists those that are heeded here, and the others are Connect's.
	Args map[string]string
	// Command replaces Kind.Command: the words with which the server is started. The argument "command" goes before it.
	Command []string
	// Start is how long the server may take until it is healthy, the loading of weights among it; 0 is 30 minutes.
	Start time.Duration
	// Grace is how long it may take to end when it is asked to; 0 is 10 seconds.
	Grace time.Duration
	// Restarts is how often a server that ended is started anew; 0 is 3, below 0 is never.
	Restarts int
	// Log gives the file that takes all that the server writes, for each start; nil is none.
	Log func() (LogFile, error)
	// Say is told what takes time; nil is nobody.
	Say func(format string, args ...any)
	// Connect makes the backend that asks the server, whose base URL (scheme, host, port) and whose name for the model it is
	// given.
	Connect func(ctx context.Context, base, model string) (backends.Backend, error)
}

// LogFile is a file with a name.
type LogFile interface {
	io.WriteCloser
	Name() string
}

const defaultServerRestarts = 3

// Server is a backend that a model server of onset's own answers for. It implements backends.Backend.
type Server struct {
	opts   ServerOptions
	launch launch
	info   backends.Info

	turn  chan struct{} // held while the server is started
	life  *serverLife   // guarded by turn
	spent int           // restarts used; guarded by turn
	given error         // why it is not started again; guarded by turn

	mu     sync.Mutex // guards what follows
	closed bool
	calls  sync.WaitGroup
}

var _ backends.Backend = (*Server)(nil)

// serverLife is one life of a server.
type serverLife struct {
	c   *child
	b   backends.Backend
	log LogFile
}

// Describe gives what Info of an opened server says, without starting it: starting takes minutes and may fill a GPU, and a
// run describes all models of a ladder before it asks the first. An executable that is not there is an error.
func Describe(ctx context.Context, o ServerOptions) (backends.Info, error) {
	l, err := o.prepare()
	if err != nil {
		return backends.Info{}, err
	}
	return o.describe(ctx, l)
}

// OpenServer starts a server on a free port of this machine, waits until it is healthy, and connects to it. The caller
// closes it. An error shows the end of what the server wrote, and where all of it is.
func OpenServer(ctx context.Context, o ServerOptions) (*Server, error) {
	l, err := o.prepare()
	if err != nil {
		return nil, err
	}
	s := &Server{opts: o, launch: l, turn: make(chan struct{}, 1)}
	if s.info, err = o.describe(ctx, l); err != nil {
		return nil, err
	}
	if s.life, err = s.start(ctx); err != nil {
		return nil, err
	}
	have := s.life.b.Info()
	for _, k := range s.info.Kinds {
		if !have.Serves(k) {
			err = hintf(fmt.Errorf("the server does not serve %s requests, which %s servers do (it serves %v)", k, o.Kind.Name, have.Kinds),
				"--model-args kinds=generate measures what is generated only")
		}
	}
	if err == nil && have.Messages != s.info.Messages {
		err = errors.New("the server takes messages where text was expected, or text for messages")
	}
	if err != nil {
		s.life.close(s.opts.Grace)
		return nil, fmt.Errorf("open %s/%s: %w", o.Kind.Name, o.Model, err)
	}
	s.info.Parallel = have.Parallel
	return s, nil
}

// prepare fills in what is not given, and finds the program.
func (o *ServerOptions) prepare() (launch, error) {
	if o.Start == 0 {
		o.Start = defaultServer
	}
	if o.Grace == 0 {
		o.Grace = defaultGrace
	}
	if o.Restarts == 0 {
		o.Restarts = defaultServerRestarts
	}
	if o.Say == nil {
		o.Say = func(string, ...any) {}
	}
	if d, err := durationArg(o.Args, "start_timeout"); err != nil || d > 0 {
		if err != nil {
			return launch{}, err
		}
		o.Start = d
	}
	return o.newLaunch()
}

// describe says what is known of the model before its server runs.
func (o *ServerOptions) describe(ctx context.Context, l launch) (backends.Info, error) {
	info := backends.Info{Provider: o.Kind.Name, Model: o.Model, Kinds: o.Kind.Kinds, Details: make(map[string]string)}
	if o.Args["api"] == "chat" {
		info.Messages, info.Kinds = true, []backends.Kind{backends.Generate}
	}
	if list, ok := o.Args["kinds"]; ok {
		info.Kinds = nil
		for name := range strings.SplitSeq(list, "+") {
			k := backends.Kind(strings.TrimSpace(name))
			if !slices.Contains(o.Kind.Kinds, k) {
				return info, hintf(fmt.Errorf("kinds %q: %s servers do not serve %q", list, o.Kind.Name, k), "for example --model-args kinds=generate, or generate+loglikelihood")
			}
			info.Kinds = append(info.Kinds, k)
		}
	}
	for key, value := range o.Args {
		if key != "start_timeout" && key != "command" {
			info.Details["arg "+key] = value
		}
	}
	if l.file != "" {
		hash, err := hashFile(ctx, l.file)
		if err != nil {
			return info, fmt.Errorf("read model: %w", err)
		}
		info.WeightsHash = hash
	}
	if v := l.version(ctx); v != "" {
		info.Details["server"] = v
	}
	return info, nil
}

// Info says what the model is. Its identity is that of Describe; only Parallel is the running server's.
func (s *Server) Info() backends.Info {
	info := s.info
	info.Details = maps.Clone(info.Details)
	return info
}

// portTries bounds how often another port is tried where somebody took the free one first.
const portTries = 3

// start starts a life of the server.
func (s *Server) start(ctx context.Context) (*serverLife, error) {
	for try := 1; ; try++ {
		l, taken, err := s.startOnce(ctx)
		if err == nil || !taken || try == portTries {
			return l, err
		}
	}
}

// startOnce starts the server on a port that is free now. taken tells that it failed since the port was not free any more.
func (s *Server) startOnce(ctx context.Context) (l *serverLife, taken bool, err error) {
	port, err := freePort()
	if err != nil {
		return nil, false, err
	}
	l = new(serverLife)
	where := ""
	var log io.Writer
	if s.opts.Log != nil {
		if l.log, err = s.opts.Log(); err != nil {
			return nil, false, fmt.Errorf("open the server's log: %w", err)
		}
		log, where = l.log, "\n  all of it is in "+l.log.Name()
	}
	words := s.launch.words(port)
	s.opts.Say("starting %s", commandLine(words))
	if l.c, err = startChild(childOptions{command: words, log: log}); err != nil {
		l.closeLog()
		return nil, false, err
	}
	begun := time.Now()
	err = s.becomes(ctx, l, port)
	if err == nil {
		s.opts.Say("%s is ready after %s", s.opts.Kind.Name, time.Since(begun).Round(100*time.Millisecond))
		return l, false, nil
	}
	taken = errors.Is(err, errPortTaken)
	if ctx.Err() == nil {
		l.c.settleIfEnded()
		err = fmt.Errorf("start %s/%s: %w%s%s", s.opts.Kind.Name, s.opts.Model, err, l.c.out.shown(), where)
		err = s.opts.Kind.advise(err, l.c.out)
	}
	l.close(s.opts.Grace)
	return nil, taken, err
}

// becomes waits until the server is healthy, and connects to it.
func (s *Server) becomes(ctx context.Context, l *serverLife, port int) error {
	base := fmt.Sprintf("http://127.0.0.1:%d", port)
	bounded, cancel := context.WithTimeoutCause(ctx, s.opts.Start, errStart)
	defer cancel()
	err := s.launch.await(bounded, l.c, base)
	if err == nil {
		l.b, err = s.opts.Connect(bounded, base, s.launch.alias)
	}
	switch {
	case err == nil:
		return nil
	case errors.Is(context.Cause(bounded), errStart):
		return hintf(fmt.Errorf("it is not ready within %v: %w", s.opts.Start, err), "--model-args start_timeout=1h waits longer")
	}
	return err
}

var errStart = errors.New("the time to start is over")

func (l *serverLife) close(grace time.Duration) {
	if l.b != nil {
		_ = l.b.Close()
	}
	l.c.stop(0, grace)
	l.closeLog()
}

func (l *serverLife) closeLog() {
	if l.log != nil {
		_ = l.log.Close()
	}
}

// Do asks the server. Where it has ended, the request fails with an error of a temporary kind, and the next one starts the
// server anew; when that was done too often, requests fail with KindClosed.
func (s *Server) Do(ctx context.Context, req backends.Request) (backends.Response, error) {
	if err := ctx.Err(); err != nil {
		return backends.Response{}, fmt.Errorf("ask %s: %w", s.opts.Kind.Name, err)
	}
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return backends.Response{}, backends.Errorf(backends.KindClosed, "ask "+s.opts.Kind.Name, "it was closed")
	}
	s.calls.Add(1)
	s.mu.Unlock()
	defer s.calls.Done()
	if !s.info.Serves(req.Kind) {
		return backends.Response{}, backends.Errorf(backends.KindUnsupported, "ask "+s.opts.Kind.Name, "it does not serve %s requests", req.Kind)
	}
	l, err := s.living(ctx)
	if err != nil {
		return backends.Response{}, err
	}
	resp, err := l.b.Do(ctx, req)
	if err != nil && backends.KindOf(err) == backends.KindNetwork && l.c.endsWithin(drainTime) {
		err = &backends.Error{Kind: backends.KindServer, Op: "ask " + s.opts.Kind.Name, Err: fmt.Errorf("the server ended (%s): %s", l.c.state, l.c.out.last())}
	}
	return resp, err
}

// living gives the life that takes requests, which it starts where the last one has ended.
func (s *Server) living(ctx context.Context) (*serverLife, error) {
	select {
	case s.turn <- struct{}{}:
		defer func() { <-s.turn }()
	case <-ctx.Done():
		return nil, fmt.Errorf("wait for the server's start: %w", ctx.Err())
	}
	if s.given != nil {
		return nil, s.given
	}
	select {
	case <-s.life.c.ended:
	default:
		return s.life, nil
	}
	s.life.c.settle()
	if s.spent >= max(0, s.opts.Restarts) {
		err := fmt.Errorf("the server ended %d times, and is not started again; the last time: %s%s", s.spent+1, s.life.c.state, s.life.c.out.shown())
		s.given = &backends.Error{Kind: backends.KindClosed, Op: "ask " + s.opts.Kind.Name, Err: hintf(err, "what is recorded stays: onset resume goes on when it is mended")}
		return nil, s.given
	}
	s.opts.Say("%s ended (%s): it is started again", s.opts.Kind.Name, s.life.c.state)
	l, err := s.start(ctx)
	if ctx.Err() != nil {
		return nil, fmt.Errorf("start server again: %w", ctx.Err())
	}
	s.spent++
	if err != nil {
		return nil, &backends.Error{Kind: backends.KindServer, Op: "start server again", Err: err}
	}
	s.life.close(0)
	s.life = l
	return l, nil
}

// Close waits for the calls in flight and stops the server.
func (s *Server) Close() error {
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return nil
	}
	s.closed = true
	s.mu.Unlock()
	s.calls.Wait()
	s.life.close(s.opts.Grace)
	return nil
}
