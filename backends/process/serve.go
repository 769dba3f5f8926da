package process

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/sourcegraph/conc"
	"github.com/sourcegraph/conc/panics"

	"github.com/onset-eval/onset/backends"
)

// ServeOptions say what a plug-in written in Go answers with. Open is required.
type ServeOptions struct {
	// Open opens the model with the arguments of the hello. Its error, and the hint of one that has any, are what onset
	// shows.
	Open func(ctx context.Context, args map[string]string) (backends.Backend, error)
	// Alive is asked every Beat whether the model made progress since it was last asked; if it did, onset is told that the
	// plug-in lives though its answers take long. nil says nothing.
	Alive func() bool
	// Beat is the time between two such questions; 0 is 10 seconds.
	Beat time.Duration
	// Fatal says of a request's error that the process is of no use any more: Serve ends with it, and onset starts the
	// plug-in anew. nil says it of none.
	Fatal func(error) bool
}

const defaultBeat = 10 * time.Second

// Serve answers for a model by the plug-in protocol, until the input ends or ctx does. It is the other side of Plugin: any
// number of requests are in hand at once, each answered as soon as the model has. After a shutdown it finishes what is in
// hand; where the input ends without one, onset is gone and it is given up. It closes the model.
func Serve(ctx context.Context, in io.Reader, out io.Writer, o ServeOptions) (err error) {
	ctx, cancel := context.WithCancelCause(ctx)
	s := &serving{
		opts: o, cancel: cancel, input: make(chan toPlugin), ended: make(chan error, 1), lines: make(chan []byte, 1024), busy: make(map[int64]context.CancelFunc),
	}
	defer cancel(nil)
	// Nothing ends a read of a pipe but its end, so nobody waits for this goroutine: the process that serves ends anyway.
	go s.read(ctx, bufio.NewReaderSize(in, gatherBytes))
	var writer conc.WaitGroup
	writer.Go(func() { s.write(out) })
	defer func() { // the last answers are written before the end
		close(s.lines)
		writer.Wait()
	}()
	if err := s.greet(ctx); err != nil {
		return err
	}
	stop := make(chan struct{})
	var beats conc.WaitGroup
	if o.Alive != nil {
		beats.Go(func() { s.beat(stop) })
	}
	err = s.take(ctx)
	if err != nil {
		cancel(err) // nobody waits for what is in hand
	}
	s.requests.Wait()
	close(stop)
	beats.Wait()
	if fatal := context.Cause(ctx); err == nil && fatal != nil { // met after the shutdown
		err = fatal
	}
	return errors.Join(err, s.model.Close())
}

// serving is one call of Serve.
type serving struct {
	opts     ServeOptions
	model    backends.Backend
	cancel   context.CancelCauseFunc
	input    chan toPlugin
	ended    chan error // why the input ended
	lines    chan []byte
	requests conc.WaitGroup

	mu   sync.Mutex // guards busy
	busy map[int64]context.CancelFunc
}

// errNoWord ends what is in hand when onset is gone.
var errNoWord = errors.New("the input ended without a shutdown")

// write writes lines, as many at once as there are.
func (s *serving) write(out io.Writer) {
	w := bufio.NewWriterSize(out, gatherBytes)
	broken := false
	for line := range s.lines {
		if broken {
			continue
		}
		_, err := w.Write(line)
		if err == nil && len(s.lines) == 0 {
			err = w.Flush()
		}
		if err != nil {
			broken = true // whoever reads is gone
			s.cancel(fmt.Errorf("write answer: %w", err))
		}
	}
	if !broken {
		_ = w.Flush() // there is nobody to tell
	}
}

// serveLine is a line of a plug-in, as it is written.
type serveLine struct {
	Type     string     `json:"type"`
	Protocol int        `json:"protocol,omitempty"`
	Info     *serveInfo `json:"info,omitempty"`
	ID       int64      `json:"id,omitempty"`

	Text           *string             `json:"text,omitempty"`
	Stop           backends.StopReason `json:"stop,omitempty"`
	LogProbs       []serveLogProb      `json:"logprobs,omitempty"`
	Usage          backends.Usage      `json:"usage,omitzero"`
	ContextDropped int                 `json:"context_dropped,omitempty"`

	Kind       backends.ErrorKind `json:"kind,omitempty"`
	Message    string             `json:"message,omitempty"`
	RetryAfter float64            `json:"retry_after,omitempty"`
	Hint       string             `json:"hint,omitempty"`
}

type serveInfo struct {
	Revision      string            `json:"revision,omitempty"`
	WeightsHash   string            `json:"weights_hash,omitempty"`
	Kinds         []backends.Kind   `json:"kinds"`
	Messages      bool              `json:"messages,omitempty"`
	ChatTemplate  string            `json:"chat_template,omitempty"`
	Params        int64             `json:"params,omitempty"`
	NonEmbedding  int64             `json:"params_non_embedding,omitempty"`
	ContextLength int               `json:"context_length,omitempty"`
	Parallel      int               `json:"parallel,omitempty"`
	Details       map[string]string `json:"details,omitempty"`
}

type serveLogProb struct {
	Sum    wireSum `json:"sum"`
	Tokens int     `json:"tokens"`
	Greedy bool    `json:"greedy"`
}

// say hands a line to the writer.
func (s *serving) say(l serveLine) {
	data, err := encodeLine(l)
	if err != nil { // a log-probability that is no number, say
		data, err = encodeLine(serveLine{Type: "error", ID: l.ID, Kind: backends.KindInternal, Message: err.Error()})
	}
	if err == nil {
		s.lines <- data
	}
}

// maxRequestLine bounds a line of onset in bytes: a prompt and its continuations.
const maxRequestLine = 1 << 30

// read reads lines of onset until the input ends, or serving does.
func (s *serving) read(ctx context.Context, in *bufio.Reader) {
	for {
		line, err := readLine(in, maxRequestLine)
		var m toPlugin
		if err == nil { // newer versions may say more
			err = json.Unmarshal(line, &m, lineOptions, json.RejectUnknownMembers(false))
		}
		if errors.Is(err, io.EOF) {
			err = errNoWord
		}
		if err != nil {
			s.ended <- err
			return
		}
		select {
		case s.input <- m:
		case <-ctx.Done():
			return
		}
	}
}

// next gives the next line of onset.
func (s *serving) next(ctx context.Context) (toPlugin, error) {
	select {
	case m := <-s.input:
		return m, nil
	case err := <-s.ended:
		return toPlugin{}, fmt.Errorf("read standard input: %w", err)
	case <-ctx.Done():
		return toPlugin{}, context.Cause(ctx)
	}
}

// greet opens the model and says hello.
func (s *serving) greet(ctx context.Context) error {
	m, err := s.next(ctx)
	switch {
	case err != nil:
		return err
	case m.Type != "hello" || m.Protocol != Protocol:
		return fmt.Errorf("the first line is no hello of version %d", Protocol)
	}
	s.model, err = s.opts.Open(ctx, m.Args)
	if err != nil {
		l := serveLine{Type: "error", Kind: backends.KindOf(err), Message: err.Error()}
		var h interface{ Hint() string }
		if errors.As(err, &h) {
			l.Hint = h.Hint()
		}
		s.say(l)
		return err
	}
	i := s.model.Info()
	s.say(serveLine{Type: "hello", Protocol: Protocol, Info: &serveInfo{
		Revision: i.Revision, WeightsHash: i.WeightsHash, Kinds: i.Kinds, Messages: i.Messages, ChatTemplate: i.ChatTemplate, Params: i.Params,
		NonEmbedding: i.ParamsNonEmbedding, ContextLength: i.ContextLength, Parallel: i.Parallel, Details: i.Details,
	}})
	return nil
}

// take takes lines until the shutdown. Its error is of an end without one.
func (s *serving) take(ctx context.Context) error {
	for {
		m, err := s.next(ctx)
		if err != nil {
			return err
		}
		switch m.Type {
		case "request":
			s.start(ctx, &m)
		case "cancel":
			s.mu.Lock()
			if stop := s.busy[m.ID]; stop != nil {
				stop()
			}
			s.mu.Unlock()
		case "shutdown":
			return nil
		}
	}
}

// start answers a request, beside others.
func (s *serving) start(ctx context.Context, m *toPlugin) {
	req := backends.Request{Kind: m.Kind, Messages: m.Messages, Continuations: m.Continuations, Draw: m.Draw}
	if m.Prompt != nil {
		req.Prompt = *m.Prompt
	}
	if m.Sampling != nil {
		req.Sampling = *m.Sampling
	}
	ctx, stop := context.WithCancel(ctx)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.busy[m.ID] = stop
	s.requests.Go(func() {
		defer stop()
		l := s.answer(ctx, m.ID, req)
		s.mu.Lock()
		delete(s.busy, m.ID)
		s.mu.Unlock()
		s.say(l)
	})
}

// answer asks the model.
func (s *serving) answer(ctx context.Context, id int64, req backends.Request) serveLine {
	var resp backends.Response
	var err error
	if caught := panics.Try(func() { resp, err = s.model.Do(ctx, req) }); caught != nil {
		err = backends.Errorf(backends.KindInternal, "answer request", "%v", caught.Value)
	}
	if err != nil {
		return s.failed(ctx, id, err)
	}
	l := serveLine{Type: "response", ID: id, Usage: resp.Usage, ContextDropped: resp.ContextDropped, Stop: resp.Stop}
	if req.Kind == backends.Generate {
		l.Text = &resp.Text
	}
	for _, p := range resp.LogProbs {
		l.LogProbs = append(l.LogProbs, serveLogProb{Sum: wireSum(p.Sum), Tokens: p.Tokens, Greedy: p.Greedy})
	}
	return l
}

func (s *serving) failed(ctx context.Context, id int64, err error) serveLine {
	l := serveLine{Type: "error", ID: id, Kind: backends.KindOf(err), Message: err.Error()}
	if l.Kind == "" { // nobody waits for it
		l.Kind = backends.KindServer
	}
	var e *backends.Error
	if errors.As(err, &e) {
		l.RetryAfter = e.RetryAfter.Seconds()
		if e.Err != nil {
			l.Message = e.Err.Error()
		}
	}
	if ctx.Err() == nil && s.opts.Fatal != nil && s.opts.Fatal(err) {
		l.Kind = backends.KindServer // it is to be asked again, of the next process
		s.cancel(err)
	}
	return l
}

// beat says that the plug-in lives as long as the model makes progress.
func (s *serving) beat(stop <-chan struct{}) {
	every := s.opts.Beat
	if every <= 0 {
		every = defaultBeat
	}
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		select {
		case <-stop:
			return
		case <-tick.C:
		}
		if s.opts.Alive() {
			s.say(serveLine{Type: "heartbeat"})
		}
	}
}
