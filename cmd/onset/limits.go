package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"

	"github.com/spf13/pflag"

	"github.com/onset-eval/onset/backends"
	"github.com/onset-eval/onset/backends/adaptive"
)

// limitOptions say how many requests a run sends at once.
type limitOptions struct {
	fixed    int    // --max-connections; 0 leaves it open
	adaptive string // --adaptive-connections
}

func (o *limitOptions) add(fs *pflag.FlagSet) {
	fs.IntVarP(&o.fixed, "max-connections", "j", 0, "requests in flight, fixed; 0 finds the number for servers, and lets other backends say")
	fs.StringVar(&o.adaptive, "adaptive-connections", "", "bounds of the requests in flight to servers, as MIN-START-MAX or MIN-MAX (default "+boundsText(adaptive.DefaultBounds)+"); off takes the backend's word")
}

func boundsText(b adaptive.Bounds) string { return fmt.Sprintf("%d-%d-%d", b.Min, b.Start, b.Max) }

// bounds gives those of the level; ok is false where it is not adapted.
func (o limitOptions) bounds() (b adaptive.Bounds, ok bool, err error) {
	switch {
	case o.fixed < 0:
		return b, false, usage(fmt.Errorf("--max-connections %d is negative", o.fixed))
	case o.fixed > 0 && o.adaptive != "" && o.adaptive != "off":
		return b, false, usage(withHint(errors.New("--max-connections and --adaptive-connections are given"),
			"the one fixes what the other bounds: give one of them"))
	case o.fixed > 0:
		return adaptive.Bounds{Min: o.fixed, Start: o.fixed, Max: o.fixed}, true, nil
	case o.adaptive == "off":
		return b, false, nil
	case o.adaptive == "":
		return adaptive.DefaultBounds, true, nil
	}
	var n []int
	for part := range strings.SplitSeq(o.adaptive, "-") {
		v, err := strconv.Atoi(part)
		if err != nil || v < 1 {
			n = nil
			break
		}
		n = append(n, v)
	}
	switch len(n) {
	case 2:
		b = adaptive.Bounds{Min: n[0], Start: min(max(n[0], adaptive.DefaultBounds.Start), n[1]), Max: n[1]}
	case 3:
		b = adaptive.Bounds{Min: n[0], Start: n[1], Max: n[2]}
	}
	if len(n) != 2 && len(n) != 3 || b.Min > b.Start || b.Start > b.Max {
		return b, false, usage(withHint(fmt.Errorf("--adaptive-connections %q is no MIN-START-MAX", o.adaptive), "for example %s", boundsText(adaptive.DefaultBounds)))
	}
	return b, true, nil
}

// limits holds the limiters of a run: one for each server and key, which models of one server share.
type limits struct {
	bounds adaptive.Bounds
	off    bool
	meet   string // the folder where processes meet; "" shares with none
	trail  string // the file of the trace; "" is none
	warn   io.Writer
	getenv func(string) string

	mu     sync.Mutex // guards what follows
	all    map[string]*limiter
	file   *os.File
	trace  *adaptive.TraceWriter
	warned bool
}

// limiter is one server's, with the budget of its retries.
type limiter struct {
	*adaptive.Limiter
	budget *backends.RetryBudget
}

// limits makes the limits of a run in a directory.
func (o limitOptions) limits(a *app, dir string, shard int) (*limits, error) {
	bounds, ok, err := o.bounds()
	if err != nil {
		return nil, err
	}
	name := adaptive.TraceFile
	if shard > 0 { // shards may append from several machines
		name = fmt.Sprintf("trace-%d.jsonl", shard+1)
	}
	return &limits{
		bounds: bounds, off: !ok, meet: meetingDir(a.getenv), trail: filepath.Join(dir, name), warn: a.stderr, getenv: a.getenv,
	}, nil
}

// server names the server of a model, "" where it is in this process; shared says that other processes may ask it too.
func (p provider) server(info backends.Info) (name string, shared bool) {
	if endpoint := info.Details["endpoint"]; endpoint != "" {
		return info.Provider + " " + endpoint, true
	}
	if p.served {
		return info.Provider + " " + info.Model, false
	}
	return "", false
}

// key is the secret that the server tells accounts apart by.
func (p provider) key(m backends.Model, getenv func(string) string) string {
	if name := m.Args["key_env"]; name != "" {
		return getenv(name)
	}
	for _, name := range p.keys {
		if key := getenv(name); key != "" {
			return key
		}
	}
	return ""
}

// wrap puts the policies of the run around a model. Models of servers share a limiter with all models of the same server
// and key; others are retried alone.
func (l *limits) wrap(b backends.Backend, p provider, m backends.Model, retry backends.RetryOptions) (backends.Backend, error) {
	server, shared := p.server(b.Info())
	if server == "" || l.off {
		return backends.Retry(b, retry), nil
	}
	lim, err := l.of(server, p.key(m, l.getenv), shared)
	if err != nil {
		return nil, err
	}
	limited := lim.Wrap(b, adaptive.WrapOptions{AttemptTimeout: retry.AttemptTimeout})
	retry.AttemptTimeout, retry.Budget = 0, lim.budget // the wait for a slot is no part of an attempt
	return backends.Retry(limited, retry), nil
}

// parallel is the number of requests worth having in flight to a model that says info.
func (l *limits) parallel(info backends.Info, p provider) int {
	if server, _ := p.server(info); server == "" || l.off {
		return info.Parallel
	}
	return l.bounds.Max
}

// of gives the limiter of a server and key.
func (l *limits) of(server, key string, shared bool) (*limiter, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	id := fmt.Sprintf("%q %q", server, key)
	if have := l.all[id]; have != nil {
		return have, nil
	}
	if err := l.openTrace(); err != nil {
		return nil, err
	}
	o := adaptive.Options{Name: server, Bounds: l.bounds, Budget: backends.NewRetryBudget(backends.RetryBudgetOptions{})}
	if l.trace != nil {
		o.Trace = l.trace.Write
	}
	if l.meet != "" && shared {
		o.Share = &adaptive.Share{Dir: l.meet, Server: server, Key: key}
	}
	lim, err := adaptive.New(o)
	var alone *adaptive.NoSharingError
	if errors.As(err, &alone) {
		if !l.warned {
			l.warned = true
			fmt.Fprintf(l.warn, "warning: %v\nhint: %s\n", alone, alone.Hint())
		}
		o.Share = nil
		lim, err = adaptive.New(o)
	}
	if err != nil {
		return nil, err
	}
	if l.all == nil {
		l.all = make(map[string]*limiter)
	}
	l.all[id] = &limiter{lim, o.Budget}
	return l.all[id], nil
}

// openTrace opens the trace when the first limiter is made: a run without any has none. A run that is continued appends.
func (l *limits) openTrace() error {
	if l.trail == "" || l.file != nil {
		return nil
	}
	f, err := os.OpenFile(l.trail, os.O_CREATE|os.O_APPEND|os.O_RDWR, 0o644)
	if err != nil {
		return fmt.Errorf("open trace: %w", err)
	}
	l.file, l.trace = f, adaptive.NewTraceWriter(f)
	return endLine(f)
}

// endLine ends the last line of a file that is appended to, which a crash may have torn.
func endLine(f *os.File) error {
	st, err := f.Stat()
	if err != nil || st.Size() == 0 {
		return err
	}
	last := make([]byte, 1)
	if _, err := f.ReadAt(last, st.Size()-1); err != nil || last[0] == '\n' {
		return err
	}
	_, err = f.WriteString("\n")
	return err
}

// close ends all limiters, after the models.
func (l *limits) close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	var errs []error
	for _, lim := range l.all {
		errs = append(errs, lim.Close())
	}
	l.all = nil
	if l.file != nil {
		if err := errors.Join(l.trace.Err(), l.file.Close()); err != nil {
			errs = append(errs, fmt.Errorf("write trace: %w", err))
		}
		l.file = nil
	}
	return errors.Join(errs...)
}

// meetingDir is where runs on this machine meet to share limits: in the user's folder for what runs, else the cache.
func meetingDir(getenv func(string) string) string {
	if dir := getenv("XDG_RUNTIME_DIR"); dir != "" {
		return filepath.Join(dir, "onset")
	}
	if dir, err := os.UserCacheDir(); err == nil {
		return filepath.Join(dir, "onset", "limits")
	}
	return ""
}
