package process

import (
	"context"
	"errors"
	"fmt"
	"io"
	"reflect"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/onset-eval/onset/backends"
)

// PluginOptions say how to run a plug-in. Command is required; zero is right for the rest.
type PluginOptions struct {
	// Command is the program and its arguments.
	Command []string
	// Model names the model in Info; "" is the program.
	Model string
	// Args are passed on in the hello.
	Args map[string]string
	// Start is how long the plug-in may take to say hello; 0 is 5 minutes.
	Start time.Duration
	// Silence is how long it may write no line while it has requests in hand, before it counts as hung and is started
	// anew; 0 is 10 minutes.
	Silence time.Duration
	// Grace is how long it may take to end when its input ends, and then again after a polite signal; 0 is 10 seconds.
	Grace time.Duration
	// Restarts is how often a plug-in that ended or hung is started anew; 25 answers earn one of them back. 0 is 10,
	// below 0 is never.
	Restarts int
	// Log gets all that the plug-in writes to its standard error; nil is nobody.
	Log io.Writer
	// Say is told of each time that the plug-in is started anew, and why; nil is nobody.
	Say func(format string, args ...any)

	maxLine int // bytes of the longest line that is read; 0 is 16 MiB
}

// pluginArgs are the arguments of a model that are onset's and not the plug-in's.
var pluginArgs = []string{"args", "start_timeout", "silence_timeout", "restarts"}

// PluginFor gives the options of a model reference's plug-in. The name is the program: with a slash in it a path, else
// looked up in PATH. Of the arguments, args is split as a shell does (see SplitCommand) and stands behind the program,
// start_timeout, silence_timeout (as 90s) and restarts say what the fields of PluginOptions say; the others are the
// plug-in's.
func PluginFor(name string, args map[string]string) (PluginOptions, error) {
	o := PluginOptions{Model: name, Args: make(map[string]string)}
	words, err := SplitCommand(args["args"])
	if err != nil {
		return o, err
	}
	o.Command = append([]string{name}, words...)
	for key, value := range args {
		o.Args[key] = value
	}
	for _, key := range pluginArgs {
		delete(o.Args, key)
	}
	if o.Start, err = durationArg(args, "start_timeout"); err != nil {
		return o, err
	}
	if o.Silence, err = durationArg(args, "silence_timeout"); err != nil {
		return o, err
	}
	if text, ok := args["restarts"]; ok {
		if o.Restarts, err = strconv.Atoi(text); err != nil || o.Restarts < 0 {
			return o, hintf(fmt.Errorf("restarts %q is not a number from 0 on", text), "for example --model-args restarts=3")
		}
		if o.Restarts == 0 {
			o.Restarts = -1
		}
	}
	return o, nil
}

// durationArg reads a time of a model's arguments; 0 where it is not given.
func durationArg(args map[string]string, key string) (time.Duration, error) {
	text, ok := args[key]
	if !ok {
		return 0, nil
	}
	d, err := time.ParseDuration(text)
	if err != nil || d <= 0 {
		return 0, hintf(fmt.Errorf("%s %q is no time", key, text), "for example --model-args %s=90s, or 10m", key)
	}
	return d, nil
}

// Plugin is a backend that a program answers for. It implements backends.Backend.
type Plugin struct {
	opts  PluginOptions
	info  backends.Info
	slots chan struct{} // one for each request that the plug-in has in hand

	turn    chan struct{} // held while the plug-in is started
	session *session      // the last one; guarded by turn
	spent   int64         // restarts used; guarded by turn
	earlier int64         // answers of earlier sessions; guarded by turn
	given   error         // why it is not started again; guarded by turn

	mu     sync.Mutex // guards what follows
	closed bool
	calls  sync.WaitGroup
}

var _ backends.Backend = (*Plugin)(nil)

// OpenPlugin starts a plug-in and waits for its hello. The caller closes it. An error shows the end of what the plug-in
// wrote.
func OpenPlugin(ctx context.Context, o PluginOptions) (*Plugin, error) {
	o.fill()
	program, err := findProgram(o.Command[0])
	if err != nil {
		if strings.ContainsRune(o.Command[0], '/') {
			return nil, fmt.Errorf("open plug-in: %w", err)
		}
		return nil, hintf(fmt.Errorf("open plug-in: %w", err), "exec/%s looks in PATH; write exec/./%s for a file of the current folder", o.Command[0], o.Command[0])
	}
	o.Command[0] = program
	p := &Plugin{opts: o, turn: make(chan struct{}, 1)}
	s, info, err := p.start(ctx)
	if err != nil {
		return nil, fmt.Errorf("open plug-in %s: %w", commandLine(o.Command), err)
	}
	p.session, p.info = s, info
	p.slots = make(chan struct{}, info.Parallel)
	return p, nil
}

func (o *PluginOptions) fill() {
	o.Command = append([]string(nil), o.Command...)
	if o.Model == "" {
		o.Model = o.Command[0]
	}
	for _, d := range []struct {
		value *time.Duration
		zero  time.Duration
	}{{&o.Start, defaultStart}, {&o.Silence, defaultSilence}, {&o.Grace, defaultGrace}} {
		if *d.value == 0 {
			*d.value = d.zero
		}
	}
	if o.Restarts == 0 {
		o.Restarts = defaultRestart
	}
	if o.maxLine == 0 {
		o.maxLine = defaultLine
	}
}

// start starts a life of the plug-in.
func (p *Plugin) start(ctx context.Context) (*session, backends.Info, error) {
	s, err := startSession(&p.opts, func() { <-p.slots })
	if err != nil {
		return nil, backends.Info{}, err
	}
	info, err := s.greet(ctx, p.opts.Start, p.opts.Model)
	if err != nil {
		s.fail(backends.KindClosed, errors.New("it was not usable"))
		s.close(0)
		var refused *RefusedError
		if ctx.Err() == nil && !errors.As(err, &refused) { // which says all that there is to say
			err = showOutput(err, s.c.out)
		}
		return nil, info, err
	}
	return s, info, nil
}

// showOutput adds the end of a program's output to an error, and keeps its hint.
func showOutput(err error, out *tail) error {
	return fmt.Errorf("%w%s", err, out.shown())
}

// Info is what the plug-in said of its model when it was first started.
func (p *Plugin) Info() backends.Info { return p.info }

// Do asks the plug-in. A request that was in hand when the plug-in ended, hung or broke the protocol fails with an error
// of a temporary kind, and the next request starts the plug-in anew; when it was started too often, requests fail with
// KindClosed.
func (p *Plugin) Do(ctx context.Context, req backends.Request) (backends.Response, error) {
	start := time.Now()
	if err := ctx.Err(); err != nil {
		return backends.Response{}, fmt.Errorf("ask plug-in: %w", err)
	}
	if err := p.enter(); err != nil {
		return backends.Response{}, err
	}
	defer p.calls.Done()
	if err := p.admit(&req); err != nil {
		return backends.Response{}, err
	}
	select {
	case p.slots <- struct{}{}:
	case <-ctx.Done():
		return backends.Response{}, fmt.Errorf("ask plug-in: %w", ctx.Err())
	}
	s, err := p.living(ctx)
	if err != nil {
		<-p.slots
		return backends.Response{}, err
	}
	resp, err := s.ask(ctx, req)
	resp.Latency = time.Since(start)
	return resp, err
}

func (p *Plugin) enter() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return backends.Errorf(backends.KindClosed, "ask plug-in", "it was closed")
	}
	p.calls.Add(1)
	return nil
}

// admit refuses what no plug-in needs to see.
func (p *Plugin) admit(req *backends.Request) error {
	switch {
	case !p.info.Serves(req.Kind):
		return backends.Errorf(backends.KindUnsupported, "ask plug-in", "it does not serve %s requests", req.Kind)
	case len(req.Messages) > 0 && !p.info.Messages:
		return backends.Errorf(backends.KindUnsupported, "ask plug-in", "it takes text and no messages")
	case req.Kind == backends.LogLikelihood && len(req.Continuations) == 0:
		return backends.Errorf(backends.KindInvalid, "ask plug-in", "there is no continuation to score")
	}
	for i, c := range req.Continuations {
		if c == "" {
			return backends.Errorf(backends.KindInvalid, "ask plug-in", "continuation %d is empty", i)
		}
	}
	return nil
}

// living gives the session that takes requests, which it starts where the last one has ended.
func (p *Plugin) living(ctx context.Context) (*session, error) {
	select {
	case p.turn <- struct{}{}:
		defer func() { <-p.turn }()
	case <-ctx.Done():
		return nil, fmt.Errorf("wait for the plug-in's start: %w", ctx.Err())
	}
	if p.given != nil {
		return nil, p.given
	}
	select {
	case <-p.session.dead:
	default:
		return p.session, nil
	}
	if err := p.mayRestart(); err != nil {
		return nil, err
	}
	cause := p.session.why()
	p.session.close(0)
	p.earlier += p.session.answers.Swap(0)
	p.spent++
	if p.opts.Say != nil {
		why := cause
		var e *backends.Error
		if errors.As(cause, &e) {
			why = e.Err
		}
		p.opts.Say("%v; starting it again", why)
	}
	s, info, err := p.start(ctx)
	switch {
	case ctx.Err() != nil:
		p.spent--
		return nil, fmt.Errorf("start plug-in again: %w", ctx.Err())
	case err != nil:
		return nil, &backends.Error{Kind: backends.KindServer, Op: "start plug-in again", Err: fmt.Errorf("%w; before, %w", err, cause)}
	case !reflect.DeepEqual(info, p.info):
		s.close(0)
		p.given = backends.Errorf(backends.KindClosed, "start plug-in again", "it is another model than before: %+v, was %+v", info, p.info)
		return nil, p.given
	}
	p.session = s
	return s, nil
}

// mayRestart says whether the plug-in may be started once more. p.turn is held.
func (p *Plugin) mayRestart() error {
	answers := p.earlier + p.session.answers.Load()
	if p.spent-answers/answersEarn < int64(max(0, p.opts.Restarts)) {
		return nil
	}
	err := fmt.Errorf("it failed %d times in %d answers, and is not started again; the last time, %w", p.spent+1, answers, p.session.why())
	p.given = &backends.Error{Kind: backends.KindClosed, Op: "ask plug-in", Err: hintf(showOutput(err, p.session.c.out),
		"mend the plug-in, or allow more with --model-args restarts=N; what is recorded stays")}
	return p.given
}

// Close waits for the calls in flight, tells the plug-in to end, and kills it where it does not.
func (p *Plugin) Close() error {
	p.mu.Lock()
	if p.closed {
		p.mu.Unlock()
		return nil
	}
	p.closed = true
	p.mu.Unlock()
	p.calls.Wait()
	p.session.close(p.opts.Grace)
	return nil
}
