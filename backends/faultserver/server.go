// Package faultserver is an HTTP server with the faces of model providers and a script of faults, for tests and for trying
// things out: it answers from a function and does on demand what servers and networks do when they fail.
//
// It lies beside the backends, and not under an internal folder, since tests of the command line use it too. serve is the
// same as a program: go run ./backends/faultserver/serve -script faults.json.
package faultserver

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"log"
	"net"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/sourcegraph/conc"

	"github.com/onset-eval/onset/backends"
)

// Options describe a server. The zero value is one that answers with Echo at a port of its own.
type Options struct {
	// Addr is where it listens; "" is a free port of 127.0.0.1.
	Addr   string
	Script Script
	// Model answers calls; nil is Echo. It may be called by many goroutines at once.
	Model func(Call) Reply
	// TLS serves with a certificate of no authority, made anew; Cert gives it in PEM form.
	TLS bool
	// Observe is told of every call when it is over; nil is nobody. It may be called by many goroutines at once.
	Observe func(Event)
}

// Event is a call that is over.
type Event struct {
	Number int    `json:"n"` // of the call, from 1
	Face   string `json:"face"`
	Path   string `json:"path"`
	Digest string `json:"digest"` // of model, prompt, seed, and bound: equal for a call made again
	// Did is "answer", or what went wrong: a fault's name, "requests" or "tokens" for a limit, "key", "invalid".
	Did    string `json:"did"`
	Status int    `json:"status"` // 0 where none was sent
	// Waited is how long the call waited for its turn, Took its whole time.
	Waited   Duration `json:"waited"`
	Took     Duration `json:"took"`
	InFlight int      `json:"in_flight"` // calls under way when it came, itself among them
}

// Counts sum up the calls so far.
type Counts struct {
	Calls       int            `json:"calls"`
	Answered    int            `json:"answered"`
	Did         map[string]int `json:"did"` // by Event.Did
	MaxInFlight int            `json:"max_in_flight"`
	MaxWorking  int            `json:"max_working"` // of Slots
	Connections int            `json:"connections"`
}

// Server is a running server.
type Server struct {
	opts     Options
	faces    []Face
	listener net.Listener
	http     *http.Server
	cert     []byte
	start    time.Time
	serving  conc.WaitGroup
	slots    chan struct{}
	stop     chan struct{} // closed by Close, for calls that stall

	store batchStore

	mu               sync.Mutex // guards what follows
	counts           Counts
	inFlight         int
	working          int
	faults           []hitter
	requests, tokens bucket
}

// Start starts a server. The caller closes it.
func Start(o Options) (*Server, error) {
	if o.Model == nil {
		o.Model = Echo
	}
	if o.Addr == "" {
		o.Addr = "127.0.0.1:0"
	}
	if o.Script.Window <= 0 {
		o.Script.Window = Duration(time.Minute)
	}
	if err := o.Script.check(); err != nil {
		return nil, err
	}
	s := &Server{opts: o, faces: faces(), start: time.Now(), stop: make(chan struct{})}
	s.counts.Did = make(map[string]int)
	for _, f := range o.Script.Faults {
		s.faults = append(s.faults, hitter{Fault: f})
	}
	if o.Script.Slots > 0 {
		s.slots = make(chan struct{}, o.Script.Slots)
	}
	s.requests = newBucket(o.Script.RequestsPerWindow, time.Duration(o.Script.Window), s.start)
	s.tokens = newBucket(o.Script.TokensPerWindow, time.Duration(o.Script.Window), s.start)
	return s, s.listen()
}

func (s *Server) listen() error {
	l, err := new(net.ListenConfig).Listen(context.Background(), "tcp", s.opts.Addr)
	if err != nil {
		return fmt.Errorf("start the fault server: %w", err)
	}
	s.listener = l
	s.http = &http.Server{
		Handler: s, ReadHeaderTimeout: time.Minute, ErrorLog: log.New(io.Discard, "", 0),
		ConnState: func(_ net.Conn, state http.ConnState) {
			if state == http.StateNew {
				s.mu.Lock()
				s.counts.Connections++
				s.mu.Unlock()
			}
		},
	}
	if s.opts.TLS {
		cert, pem, err := selfSigned()
		if err != nil {
			return errors.Join(err, l.Close())
		}
		s.cert = pem
		l = tls.NewListener(l, &tls.Config{Certificates: []tls.Certificate{cert}, MinVersion: tls.VersionTLS12})
	}
	s.serving.Go(func() { _ = s.http.Serve(l) })
	return nil
}

// URL is the server's scheme and host.
func (s *Server) URL() string {
	scheme := "http"
	if s.opts.TLS {
		scheme = "https"
	}
	return scheme + "://" + s.listener.Addr().String()
}

// Cert is the certificate of a server with TLS, in PEM form.
func (s *Server) Cert() []byte { return s.cert }

// Counts sum up the calls so far.
func (s *Server) Counts() Counts {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.counts
	c.Did = make(map[string]int, len(c.Did))
	for k, v := range s.counts.Did {
		c.Did[k] = v
	}
	return c
}

// Close ends the server and every call under way.
func (s *Server) Close() error {
	s.mu.Lock()
	select {
	case <-s.stop:
	default:
		close(s.stop)
	}
	s.mu.Unlock()
	err := s.http.Close()
	s.serving.Wait()
	return err
}

// maxBody bounds what a caller may send.
const maxBody = 256 << 20

// ServeHTTP answers a call. The counts are at /counts, in JSON.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path == "/counts" {
		s.writeJSON(w, http.StatusOK, s.Counts())
		return
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if err != nil {
		http.Error(w, err.Error(), http.StatusRequestEntityTooLarge)
		return
	}
	for _, f := range s.faces {
		if f.Serves(r.Method, r.URL.Path) {
			s.serve(f, w, r, body)
			return
		}
		if router, ok := f.(Router); ok && router.Route(s, w, r, body) {
			return
		}
	}
	http.NotFound(w, r)
}

// Ask gives the model's answer to a call, without any fault, as to a call in a batch.
func (s *Server) Ask(c Call) Reply {
	r := s.opts.Model(c)
	for _, prompt := range c.Others {
		other := c
		other.Prompt, other.Others = prompt, nil
		r.Others = append(r.Others, s.opts.Model(other))
	}
	return r
}

// Script is what the server does beside answering.
func (s *Server) Script() Script { return s.opts.Script }

func (s *Server) writeJSON(w http.ResponseWriter, status int, body any) {
	data, err := json.Marshal(body)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Length", strconv.Itoa(len(data)))
	w.WriteHeader(status)
	_, _ = w.Write(data)
}

func digest(text string, seed uint64) uint64 {
	h := fnv.New64a()
	_, _ = io.WriteString(h, text)
	_, _ = io.WriteString(h, strconv.FormatUint(seed, 36))
	return h.Sum64()
}

func itoa(n int) string { return strconv.Itoa(n) }

// bucket is a limit that fills up evenly over its window.
type bucket struct {
	limit  int
	window time.Duration
	level  float64
	at     time.Time
}

func newBucket(limit int, window time.Duration, now time.Time) bucket {
	return bucket{limit: limit, window: window, level: float64(limit), at: now}
}

func (b *bucket) fill(now time.Time) {
	b.level = min(float64(b.limit), b.level+float64(b.limit)*now.Sub(b.at).Seconds()/b.window.Seconds())
	b.at = now
}

// wait is how long it takes until n are there; 0 where they are. More than the whole bucket is there when it is full.
func (b *bucket) wait(n int) time.Duration {
	missing := min(float64(n), float64(b.limit)) - b.level
	if b.limit == 0 || missing <= 0 {
		return 0
	}
	return time.Duration(missing / float64(b.limit) * float64(b.window))
}

func (b *bucket) take(n int) {
	if b.limit > 0 {
		b.level -= float64(n)
	}
}

// tell gives limit, remaining and the time until the bucket is full; -1 where there is no limit.
func (b *bucket) tell() (limit, remaining int, reset time.Duration) {
	if b.limit == 0 {
		return -1, -1, 0
	}
	return b.limit, max(0, int(b.level)), b.wait(b.limit)
}

// signals tells of both limits.
func (s *Server) signals() backends.Signals {
	var out backends.Signals
	out.RequestsLimit, out.RequestsRemaining, out.RequestsReset = s.requests.tell()
	out.TokensLimit, out.TokensRemaining, out.TokensReset = s.tokens.tell()
	return out
}
