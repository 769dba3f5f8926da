package adaptive_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/onset-eval/onset/backends"
	"github.com/onset-eval/onset/backends/adaptive"
)

func TestMain(m *testing.M) {
	if dir := os.Getenv("ONSET_TEST_SHARE"); dir != "" { // a process of TestProcesses
		n, err := strconv.Atoi(os.Getenv("ONSET_TEST_CALLS"))
		if err != nil {
			os.Exit(1)
		}
		os.Exit(callUntilKilled(dir, os.Getenv("ONSET_TEST_ADDR"), n))
	}
	goleak.VerifyTestMain(m)
}

// inVirtualTime runs f in a bubble of its own and gives what it gives.
func inVirtualTime[T any](t *testing.T, f func(t *testing.T) T) (out T) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) { out = f(t) })
	return out
}

// bestFixed gives the shortest time in which a fixed level makes n calls, of levels around the server's slots and the most.
func bestFixed(t *testing.T, s traits, n int) (time.Duration, int) {
	t.Helper()
	levels := []int{256}
	switch {
	case s.slots > 0 && s.queue:
		levels = []int{s.slots * 3 / 4, s.slots, s.slots * 5 / 4, s.slots * 2}
	case s.slots > 0:
		levels = []int{s.slots} // more are refused, and the plain loop does not retry
	}
	best, at := time.Duration(math.MaxInt64), 0
	for _, level := range levels {
		d := inVirtualTime(t, func(t *testing.T) time.Duration {
			d, _ := drive(t.Context(), newServer(s), n, level)
			return d
		})
		if d < best {
			best, at = d, level
		}
	}
	return best, at
}

// result is what a run over a simulated server came to.
type result struct {
	took                        time.Duration
	lost, calls, refused, level int
	late                        float64 // share of refusals in the second half
	perMinute                   float64 // tokens
}

// workers is the number of calls that are wanted at once.
const workers = 256

func ourRun(t *testing.T, s traits, n int, o adaptive.Options) result {
	t.Helper()
	return inVirtualTime(t, func(t *testing.T) result {
		server := newServer(s)
		b, l := limiter(t, server, o)
		took, lost := drive(t.Context(), b, n, workers)
		return server.result(took, lost, l.Stats().Level)
	})
}

func (s *server) result(took time.Duration, lost, level int) result {
	return result{
		took: took, lost: lost, calls: s.seen, refused: s.refused, level: level, late: s.lateRefusals(),
		perMinute: float64(s.tokens+len(prompt)/4*s.answered) / took.Minutes(),
	}
}

// TestKnee holds the limiter within a tenth of the best fixed level on servers that never refuse, the time to find the
// level included.
func TestKnee(t *testing.T) {
	work := traits{queue: true, noise: .5, base: 100 * time.Millisecond, perTok: 10 * time.Millisecond, lengths: mixed}
	for _, c := range []struct {
		name   string
		change func(*traits)
		calls  int
	}{
		{"equal calls", func(s *traits) { *s = traits{queue: true, slots: 50} }, 20_000},
		{"mixed lengths", func(s *traits) { s.slots = 36 }, 20_000},
		{"few slots", func(s *traits) { s.slots = 4 }, 8_000},
		{"many slots", func(s *traits) { s.slots = 150 }, 40_000},
		{"slower beyond the knee", func(s *traits) { s.slots, s.thrash = 36, .3 }, 40_000},
		{"a cold start", func(s *traits) { s.slots, s.cold = 36, 40 }, 20_000},
		{"no knee", func(s *traits) { s.queue = false }, 40_000},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := work
			c.change(&s)
			best, at := bestFixed(t, s, c.calls)
			r := ourRun(t, s, c.calls, adaptive.Options{})
			t.Logf("%v against %v at a fixed %d: %.3f; level %d at the end", r.took, best, at, best.Seconds()/r.took.Seconds(), r.level)
			if r.lost > 0 || best.Seconds() < 0.9*r.took.Seconds() {
				t.Errorf("%d calls took %v, %d lost; the best fixed level, %d, takes %v", c.calls, r.took, r.lost, at, best)
			}
		})
	}
}

// TestLongAnswersAreNoCongestion gives a server without limits answers of one token, and then of a thousand.
func TestLongAnswersAreNoCongestion(t *testing.T) {
	s := traits{noise: .3, base: 100 * time.Millisecond, perTok: 10 * time.Millisecond, lengths: func(*rand.Rand) int { return 1 }, switchAt: 3000}
	if r := ourRun(t, s, 10_000, adaptive.Options{}); r.level < 200 {
		t.Errorf("the level is %d after the answers became long, want 256 or nearly", r.level)
	}
}

// TestRefusals holds refusals under 2 % in steady state, and the time near that of the best fixed level, whatever the
// server's bound and whether it gives hints, each of which stops everybody for its time.
func TestRefusals(t *testing.T) {
	for _, slots := range []int{1, 2, 3, 5, 10, 30, 100, 200} {
		for _, hint := range []time.Duration{0, 2 * time.Second} {
			t.Run(fmt.Sprintf("%d slots, hint %v", slots, hint), func(t *testing.T) {
				s := traits{slots: slots, hint: hint, noise: .3}
				n := max(3000, 200*slots)
				best, _ := bestFixed(t, s, n)
				r := ourRun(t, s, n, adaptive.Options{})
				t.Logf("%.3f of the best, %d of %d refused, %.2f %% late, level %d", best.Seconds()/r.took.Seconds(), r.refused, r.calls, 100*r.late, r.level)
				if r.lost > 0 || r.late > 0.02 {
					t.Errorf("%d lost, %.2f %% refused in the second half", r.lost, 100*r.late)
				}
				// The race detector shuffles what happens at one instant, and a server of a few slots is then sometimes asked
				// with one less for long stretches: 0.77 of the best was seen, against 0.98 and more in the usual order.
				least := 0.8
				if underRace {
					least = 0.7
				}
				if best.Seconds() < least*r.took.Seconds() {
					t.Errorf("%v for %d calls; a fixed level of %d takes %v", r.took, n, slots, best)
				}
			})
		}
	}
}

// TestTokenBudget holds that headers pace requests before the server has to refuse one.
func TestTokenBudget(t *testing.T) {
	for _, c := range []struct {
		name string
		s    traits
	}{
		{"windows", traits{quota: &quota{perMinute: 60_000, window: true}}},
		{"bit by bit", traits{quota: &quota{perMinute: 60_000}}},
		{"windows, mixed", traits{quota: &quota{perMinute: 120_000, window: true}, lengths: mixed}},
		{"bit by bit, mixed", traits{quota: &quota{perMinute: 120_000}, lengths: mixed}},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.s.noise = .3
			r := ourRun(t, c.s, 5000, adaptive.Options{})
			t.Logf("%.0f tokens a minute, %d of %d refused", r.perMinute, r.refused, r.calls)
			if r.refused > 0 || r.lost > 0 || r.perMinute < 0.95*c.s.quota.perMinute {
				t.Errorf("%d refused, %d lost, %.0f tokens a minute of %.0f", r.refused, r.lost, r.perMinute, c.s.quota.perMinute)
			}
		})
	}
}

// TestSilentBudget is a server with a rate that it does not tell.
func TestSilentBudget(t *testing.T) {
	r := ourRun(t, traits{noise: .3, mute: true, quota: &quota{perMinute: 60_000}}, 5000, adaptive.Options{})
	t.Logf("%.0f tokens a minute, %d of %d refused, %.4f late, level %d", r.perMinute, r.refused, r.calls, r.late, r.level)
	if r.lost > 0 || r.late > 0.02 || r.perMinute < 50_000 {
		t.Errorf("%d lost, %.2f %% refused late, %.0f tokens a minute", r.lost, 100*r.late, r.perMinute)
	}
}

// levels follows a limiter's level over time.
type levels struct {
	mu     sync.Mutex // guards events
	events []adaptive.Event
}

func (l *levels) add(e adaptive.Event) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.events = append(l.events, e)
}

// firstAtMost gives when the level first was at most so high, after a time.
func (l *levels) firstAtMost(level int, after time.Time) (time.Time, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, e := range l.events {
		if !e.At.Before(after) && e.Level <= level {
			return e.At, true
		}
	}
	return time.Time{}, false
}

// TestFall lets a server's bound fall from 100 to 10: within ten round trips the level has followed.
func TestFall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const at = 60 * time.Second
		var seen levels
		s := newServer(traits{noise: .1, slotsAt: func(now time.Duration) int {
			if now < at {
				return 100
			}
			return 10
		}, slots: 100})
		b, _ := limiter(t, s, adaptive.Options{Trace: seen.add})
		start := time.Now()
		if _, lost := drive(t.Context(), b, 8000, 256); lost > 0 {
			t.Errorf("%d lost", lost)
		}
		fell, ok := seen.firstAtMost(10, start.Add(at))
		if !ok || fell.Sub(start.Add(at)) > 10*time.Second {
			t.Errorf("the level is 10 after %v, %v; a round trip is one second", fell.Sub(start.Add(at)), ok)
		}
		t.Logf("from 100 to 10 within %v", fell.Sub(start.Add(at)))
	})
}

// TestSustainedRefusals is the trace of Inspect's issue 5137 over the whole limiter: every call is refused with a hint of
// 89 s for two hours, then none. The level has to reach its least, few calls be wasted, and none lost.
func TestSustainedRefusals(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var seen levels
		s := newServer(traits{noise: .1, broken: func(now time.Duration) error {
			if now < 25*time.Minute {
				return &backends.Error{Kind: backends.KindRateLimit, RetryAfter: 89 * time.Second, Status: 429}
			}
			return nil
		}})
		b, _ := limiter(t, s, adaptive.Options{Trace: seen.add, Bounds: adaptive.Bounds{Min: 1, Start: 20, Max: 100}})
		start := time.Now()
		took, lost := drive(t.Context(), b, 2000, 100)
		least, ok := seen.firstAtMost(1, start)
		t.Logf("least level after %v; %d calls refused; all done after %v", least.Sub(start), s.refused, took)
		if !ok || least.Sub(start) > 20*time.Minute {
			t.Errorf("the level never reached its least: %v", seen.events)
		}
		if lost > 0 || s.refused > 60 {
			t.Errorf("%d lost, %d calls refused", lost, s.refused)
		}
	})
}

// TestOutage takes the server away for ten minutes: nothing is lost, and it is asked seldom meanwhile.
func TestOutage(t *testing.T) {
	for _, kind := range []backends.ErrorKind{backends.KindOverloaded, backends.KindNetwork, backends.KindServer, backends.KindTimeout} {
		t.Run(string(kind), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				during := 0
				s := newServer(traits{slots: 1000, noise: .1})
				s.broken = func(now time.Duration) error {
					if now < 30*time.Second || now > 10*time.Minute {
						return nil
					}
					during++
					return backends.Errorf(kind, "ask", "out of order")
				}
				b, l := limiter(t, s, adaptive.Options{})
				took, lost := drive(t.Context(), b, 20_000, 256)
				t.Logf("%d calls during the outage, %d lost, %v in all, level %d", during, lost, took, l.Stats().Level)
				if lost > 0 || during > 1500 {
					t.Errorf("%d lost, %d calls to a server that was away", lost, during)
				}
				if took > 13*time.Minute {
					t.Errorf("it took %v, of which the server was away nine and a half minutes", took)
				}
			})
		})
	}
}

// TestGiveUp lets a server stay away for good: every request fails as what it was.
func TestGiveUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newServer(traits{broken: func(time.Duration) error {
			return &backends.Error{Kind: backends.KindOverloaded, Status: 503, Err: errors.New("busy")}
		}})
		b, _ := limiter(t, s, adaptive.Options{GiveUp: 10 * time.Minute})
		var wg sync.WaitGroup
		start := time.Now()
		for range 100 {
			wg.Go(func() {
				_, err := b.Do(t.Context(), backends.Request{Kind: backends.Generate, Prompt: prompt})
				if backends.KindOf(err) != backends.KindOverloaded {
					t.Errorf("the server is always busy, and the request ends with %v", err)
				}
			})
		}
		wg.Wait()
		if d := time.Since(start); d > 14*time.Minute {
			t.Errorf("giving up took %v", d)
		}
	})
}

// TestTimeouts has calls that hang whatever the load: the level must not fall to nothing for them.
func TestTimeouts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newServer(traits{noise: .1})
		hang := 0
		s.broken = func(time.Duration) error {
			if hang++; hang%5 == 0 {
				return backends.Errorf(backends.KindTimeout, "ask", "no answer")
			}
			return nil
		}
		_, l := limiter(t, s, adaptive.Options{})
		b := l.Wrap(s, adaptive.WrapOptions{})
		_, _ = drive(t.Context(), b, 10_000, 256)
		if got := l.Stats().Level; got < 20 {
			t.Errorf("a fifth of the calls hang at every load, and the level is %d", got)
		}
	})
}

// TestHintStopsDispatch holds that after a hint nothing is sent until then, that one call goes first, and that all follow.
func TestHintStopsDispatch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const pause = 30 * time.Second
		var mu sync.Mutex
		var sent []time.Duration
		s := newServer(traits{base: 2 * time.Second})
		s.broken = func(now time.Duration) error {
			mu.Lock()
			defer mu.Unlock()
			sent = append(sent, now)
			if len(sent) == 9 {
				return &backends.Error{Kind: backends.KindRateLimit, RetryAfter: pause, Status: 429}
			}
			return nil
		}
		b, _ := limiter(t, s, adaptive.Options{Bounds: adaptive.Bounds{Min: 8, Start: 8, Max: 8}})
		if _, lost := drive(t.Context(), b, 40, 40); lost > 0 {
			t.Errorf("%d lost", lost)
		}
		probes := 0
		for _, at := range sent {
			if at > 2050*time.Millisecond && at < 2*time.Second+pause {
				t.Errorf("a call is sent after %v, within the pause", at)
			}
			if at >= 2*time.Second+pause && at < 4*time.Second+pause {
				probes++
			}
		}
		if probes != 1 {
			t.Errorf("%d calls go first after the pause, want one; %v", probes, sent)
		}
	})
}

// TestDrain ends waits for a turn and not calls under way.
func TestDrain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newServer(traits{base: time.Minute})
		b, l := limiter(t, s, adaptive.Options{Bounds: adaptive.Bounds{Min: 2, Start: 2, Max: 2}})
		drain := make(chan struct{})
		ctx := backends.WithDrain(t.Context(), drain)
		var wg sync.WaitGroup
		var mu sync.Mutex
		done, drained := 0, 0
		for range 10 {
			wg.Go(func() {
				_, err := b.Do(ctx, backends.Request{Kind: backends.Generate, Prompt: prompt})
				mu.Lock()
				defer mu.Unlock()
				switch {
				case err == nil:
					done++
				case errors.Is(err, backends.ErrDrained):
					drained++
				default:
					t.Error(err)
				}
			})
		}
		synctest.Wait()
		if st := l.Stats(); st.InFlight != 2 || st.Waiting != 8 || st.Level != 2 {
			t.Errorf("the state is %+v", st)
		}
		close(drain)
		wg.Wait()
		if done != 2 || drained != 8 {
			t.Errorf("%d done and %d drained, want 2 and 8", done, drained)
		}
	})
}

// TestCancelledWaitsLeakNothing cancels calls that wait and calls that run.
func TestCancelledWaitsLeakNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newServer(traits{base: time.Minute})
		b, l := limiter(t, s, adaptive.Options{Bounds: adaptive.Bounds{Min: 3, Start: 3, Max: 3}})
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_, lost := drive(ctx, b, 20, 20)
		if st := l.Stats(); lost != 20 || st.InFlight != 0 || st.Waiting != 0 {
			t.Errorf("%d lost, state %+v", lost, st)
		}
		if d, lost := drive(t.Context(), b, 6, 6); lost > 0 || d != 2*time.Minute {
			t.Errorf("the slots are not free again: %v, %d lost", d, lost)
		}
	})
}

// scenario is one row of the comparison.
type scenario struct {
	name  string
	s     traits
	calls int
}

// TestTable prints the comparison with the rules of other harnesses: go test -run TestTable -v.
func TestTable(t *testing.T) {
	if testing.Short() {
		t.Skip("a table for people")
	}
	work := traits{queue: true, noise: .5, base: 100 * time.Millisecond, perTok: 10 * time.Millisecond, lengths: mixed}
	knee, thrash := work, work
	knee.slots, thrash.slots, thrash.thrash = 36, 36, .3
	rows := []scenario{
		{"refuses beyond 80 at once", traits{slots: 80, noise: .3}, 20_000},
		{"refuses beyond 10 at once", traits{slots: 10, noise: .3}, 5000},
		{"refuses beyond 3 at once, hint 20 s", traits{slots: 3, noise: .3, hint: 20 * time.Second}, 2000},
		{"knee at 36, queues", knee, 20_000},
		{"knee at 36, slows down beyond", thrash, 20_000},
		{"60,000 tokens a minute, headers", traits{noise: .3, quota: &quota{perMinute: 60_000, window: true}}, 5000},
		{"away for ten minutes (503)", traits{noise: .3, slots: 1000, broken: func(now time.Duration) error {
			if now > 30*time.Second && now < 630*time.Second {
				return &backends.Error{Kind: backends.KindOverloaded, Status: 503}
			}
			return nil
		}}, 20_000},
	}
	var out strings.Builder
	fmt.Fprintf(&out, "\n| server | calls | onset | onset -j 20 | Inspect | promptfoo -j 100 |\n|---|---|---|---|---|---|\n")
	for _, row := range rows {
		results := []result{
			ourRun(t, row.s, row.calls, adaptive.Options{}),
			ourRun(t, row.s, row.calls, adaptive.Options{Bounds: adaptive.Bounds{Min: 20, Start: 20, Max: 20}}),
		}
		for _, make := range []func(backends.Backend) backends.Backend{
			func(b backends.Backend) backends.Backend { return newInspect(b, 10, true) },
			func(b backends.Backend) backends.Backend { return newPromptfoo(b, 100) },
		} {
			results = append(results, inVirtualTime(t, func(t *testing.T) result {
				server := newServer(row.s)
				took, lost := drive(t.Context(), make(server), row.calls, 256)
				return server.result(took, lost, 0)
			}))
		}
		fmt.Fprintf(&out, "| %s | %d |", row.name, row.calls)
		for _, r := range results {
			fmt.Fprintf(&out, " %s, %.1f %%", r.took.Round(time.Second), 100*float64(r.refused)/float64(r.calls))
			if r.lost > 0 {
				fmt.Fprintf(&out, ", %d lost", r.lost)
			}
			fmt.Fprint(&out, " |")
		}
		fmt.Fprintln(&out)
	}
	regain, frozen := map[string]int{}, map[string]int{}
	for name, mended := range map[string]bool{"Inspect before": false, "Inspect": true} {
		regain[name] = inVirtualTime(t, func(*testing.T) int {
			c := newInspect(nil, 10, mended)
			c.sem.limit, c.cut = 15, true
			n := 0
			for ; c.level() < 100; n++ {
				c.sem.peak = c.sem.limit
				c.succeed()
			}
			return n
		})
		frozen[name] = inVirtualTime(t, func(*testing.T) int { return sustained(newInspect(nil, 1, mended)) })
	}
	foo := newPromptfoo(nil, 100)
	foo.sem.limit = 15
	for foo.level() < 100 {
		foo.succeed()
		regain["promptfoo"]++
	}
	frozen["promptfoo"] = inVirtualTime(t, func(*testing.T) int { return sustained(newPromptfoo(nil, 20)) })
	fmt.Fprintf(&out, "\n| | onset | Inspect | Inspect before its fix | promptfoo |\n|---|---|---|---|---|\n")
	fmt.Fprintf(&out, "| answers from 15 to 100 after refusals | %d | %d | %d | %d |\n", adaptive.RegainAnswers(), regain["Inspect"], regain["Inspect before"], regain["promptfoo"])
	fmt.Fprintf(&out, "| level after a refusal every 2 s for 800 s, hint 89 s, from 20 | %d | %d | %d | %d |\n", adaptive.LevelAfterRefusals(400), frozen["Inspect"], frozen["Inspect before"], frozen["promptfoo"])
	if regain["Inspect"] != 935 || frozen["Inspect before"] != 15 {
		t.Errorf("the rules of Inspect give %v and %v; its code gives 935 answers, and 15 for good", regain, frozen)
	}
	t.Log(out.String())
}

// sustained gives the level after a refusal every two seconds for 800 s, each with a hint of 89 s.
func sustained(c ruled) int {
	for range 400 {
		time.Sleep(2 * time.Second)
		c.refuse(89 * time.Second)
	}
	return c.level()
}
