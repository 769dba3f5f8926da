package adaptive_test

import (
	"context"
	"math"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/onset-eval/onset/backends"
	"github.com/onset-eval/onset/backends/adaptive"
)

// traits describe a simulated server. Zero fields limit nothing.
type traits struct {
	slots    int           // calls served at once; further ones are refused, or queue where queue is set
	queue    bool          // further ones wait instead of being refused
	thrash   float64       // how much longer a call takes for each multiple of slots that is there beyond them
	base     time.Duration // time of a call without its tokens
	perTok   time.Duration // time of a token of the answer
	hint     time.Duration // Retry-After of refusals
	refuse   time.Duration // time of a refusal
	lengths  func(*rand.Rand) int
	cold     int // the first calls take ten times as long
	noise    float64
	quota    *quota // tokens a minute
	mute     bool   // neither headers nor hints with the quota
	broken   func(now time.Duration) error
	slotsAt  func(now time.Duration) int
	switchAt int // calls after which answers have a thousand tokens
}

// server is a simulated model server in virtual time.
type server struct {
	traits

	mu       sync.Mutex // guards what follows
	rng      *rand.Rand
	start    time.Time
	inside   int
	peak     int
	seen     int
	answered int
	refused  int
	attempts []bool // of each call: refused
	tokens   int
	wait     []chan struct{}
}

func newServer(t traits) *server {
	s := &server{traits: t, rng: rand.New(rand.NewPCG(1, 2)), start: time.Now()}
	if s.base == 0 && s.perTok == 0 {
		s.base = time.Second
	}
	if s.refuse == 0 {
		s.refuse = 50 * time.Millisecond
	}
	if s.lengths == nil {
		s.lengths = func(*rand.Rand) int { return 100 }
	}
	if q := t.quota; q != nil {
		s.quota = &quota{perMinute: q.perMinute, window: q.window}
	}
	return s
}

// mixed gives lengths between a token and a thousand, as answers to letters and chains of thought side by side.
func mixed(r *rand.Rand) int { return int(math.Exp(r.Float64() * math.Log(1000))) }

func (s *server) Info() backends.Info {
	return backends.Info{Provider: "sim", Model: "sim", Kinds: backends.Kinds[:]}
}
func (s *server) Close() error { return nil }

func (s *server) Do(ctx context.Context, req backends.Request) (backends.Response, error) {
	s.mu.Lock()
	s.seen++
	seen := s.seen
	tokens := s.lengths(s.rng)
	if s.switchAt > 0 && seen > s.switchAt {
		tokens = 1000
	}
	if s.slotsAt != nil {
		s.slots = s.slotsAt(time.Since(s.start))
	}
	jitter := 1 + s.noise*(2*s.rng.Float64()-1)
	var signals *backends.Signals
	refusal := error(nil)
	if s.broken != nil {
		refusal = s.broken(time.Since(s.start))
	}
	if refusal == nil && s.quota != nil {
		var ok bool
		var retry time.Duration
		if signals, retry, ok = s.quota.take(time.Now(), tokens+len(req.Prompt)/4); !ok {
			refusal = &backends.Error{Kind: backends.KindRateLimit, RetryAfter: retry, Signals: signals, Status: 429}
			if s.mute {
				refusal = &backends.Error{Kind: backends.KindRateLimit, Status: 429}
			}
		}
		if s.mute {
			signals = nil
		}
	}
	if refusal == nil && s.slots > 0 && !s.queue && s.inside >= s.slots {
		refusal = &backends.Error{Kind: backends.KindRateLimit, RetryAfter: s.hint, Status: 429}
	}
	s.attempts = append(s.attempts, refusal != nil)
	if refusal != nil {
		s.refused++
		s.mu.Unlock()
		return backends.Response{}, after(ctx, s.refuse, refusal)
	}
	s.inside++
	s.peak = max(s.peak, s.inside)
	var turn chan struct{}
	if s.queue && s.inside > s.slots {
		turn = make(chan struct{})
		s.wait = append(s.wait, turn)
	}
	slow := jitter
	if over := s.inside - s.slots; s.thrash > 0 && over > 0 {
		slow *= 1 + s.thrash*float64(over)/float64(s.slots)
	}
	if seen <= s.cold {
		slow *= 10
	}
	s.mu.Unlock()
	if turn != nil {
		<-turn
	}
	d := time.Duration(slow * float64(s.base+time.Duration(tokens)*s.perTok))
	err := after(ctx, d, nil)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.inside--
	if len(s.wait) > 0 {
		close(s.wait[0])
		s.wait = s.wait[1:]
	}
	if err != nil {
		return backends.Response{}, err
	}
	s.answered++
	s.tokens += tokens
	return backends.Response{
		Text: "ok", Attempts: 1, Signals: signals,
		Usage: backends.Usage{PromptTokens: len(req.Prompt) / 4, CompletionTokens: tokens},
	}, nil
}

// after waits, and gives err or that of the context.
func after(ctx context.Context, d time.Duration, err error) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// lateRefusals is the share of refusals among the second half of the calls.
func (s *server) lateRefusals() float64 {
	half := s.attempts[len(s.attempts)/2:]
	n := 0
	for _, r := range half {
		if r {
			n++
		}
	}
	return float64(n) / float64(len(half))
}

// quota is an allowance of tokens: renewed bit by bit, or all at once at the end of a window.
type quota struct {
	perMinute float64
	window    bool
	left      float64
	at        time.Time
}

func (q *quota) take(now time.Time, tokens int) (*backends.Signals, time.Duration, bool) {
	if q.at.IsZero() {
		q.left, q.at = q.perMinute, now
	}
	if q.window {
		for now.Sub(q.at) >= time.Minute {
			q.at, q.left = q.at.Add(time.Minute), q.perMinute
		}
	} else {
		q.left = min(q.perMinute, q.left+q.perMinute*now.Sub(q.at).Minutes())
		q.at = now
	}
	ok := q.left >= float64(tokens)
	if ok {
		q.left -= float64(tokens)
	}
	reset := time.Duration((q.perMinute - q.left) / q.perMinute * float64(time.Minute))
	retry := time.Duration((float64(tokens) - q.left) / q.perMinute * float64(time.Minute))
	if q.window {
		reset = time.Minute - now.Sub(q.at)
		retry = reset
	}
	return &backends.Signals{
		RequestsLimit: -1, RequestsRemaining: -1, TokensLimit: int(q.perMinute), TokensRemaining: int(q.left),
		TokensReset: reset.Round(time.Millisecond),
	}, retry.Round(time.Second) + time.Second, ok
}

// drive makes n calls with the given number of workers, and gives the time that it took and how many failed in the end.
func drive(ctx context.Context, b backends.Backend, n, workers int) (time.Duration, int) {
	start := time.Now()
	jobs := make(chan struct{}, workers)
	var wg sync.WaitGroup
	var mu sync.Mutex
	lost := 0
	for range workers {
		wg.Go(func() {
			for range jobs {
				if _, err := b.Do(ctx, backends.Request{Kind: backends.Generate, Prompt: prompt}); err != nil {
					mu.Lock()
					lost++
					mu.Unlock()
				}
			}
		})
	}
	for range n {
		jobs <- struct{}{}
	}
	close(jobs)
	wg.Wait()
	return time.Since(start), lost
}

const prompt = "a prompt of one hundred bytes, or thereabouts, so that it costs twenty-five tokens on these servers"

// limiter makes a limiter with a retry around it.
func limiter(t testing.TB, s backends.Backend, o adaptive.Options) (backends.Backend, *adaptive.Limiter) {
	t.Helper()
	o.Budget = backends.NewRetryBudget(backends.RetryBudgetOptions{})
	l, err := adaptive.New(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	return backends.Retry(l.Wrap(s, adaptive.WrapOptions{}), backends.RetryOptions{Budget: o.Budget}), l
}
