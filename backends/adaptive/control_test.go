package adaptive

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/onset-eval/onset/backends"
)

// clean answers one call that was sent with the level used up, and moves the level.
func clean(c *control) {
	m := c.sent(c.limit())
	c.ended(m)
	c.answered(m, outcome{Kind: answered, Completion: 100, Duration: time.Second}, true)
}

// TestRegain cuts the level from 100 to 15 by refusals in a row, and counts the answers until it is 100 again: under 200,
// where Inspect's rules take 935.
func TestRegain(t *testing.T) {
	if n := RegainAnswers(); n < 85 || n >= 200 {
		t.Errorf("from 15 or less to 100 takes %d answers, want under 200 and one a level at least", n)
	}
}

// TestHintsDoNotFreeze is the trace of Inspect's issue 5137: a refusal every two seconds with a hint of 89 s. The level
// falls to its least whatever the hint, which the rules never see.
func TestHintsDoNotFreeze(t *testing.T) {
	c := newControl(Bounds{1, 20, 100})
	cuts := 0
	for range 400 {
		if c.refused(c.sent(c.limit())) != "" {
			cuts++
		}
	}
	if c.limit() != 1 || cuts > 9 {
		t.Errorf("after 400 refusals in a row the level is %d, by %d cuts; want 1 by at most 9", c.limit(), cuts)
	}
}

// TestOneCutARoundTrip refuses a whole round at once: one cut.
func TestOneCutARoundTrip(t *testing.T) {
	c := newControl(Bounds{1, 100, 100})
	var round []mark
	for i := range 100 {
		round = append(round, c.sent(i+1))
	}
	for _, m := range round {
		c.refused(m)
	}
	if c.limit() != 70 {
		t.Errorf("a round of 100 refused calls leaves a level of %d, want 70", c.limit())
	}
	for _, m := range round {
		c.answered(m, outcome{Kind: answered, Completion: 1, Duration: time.Second}, true)
	}
	if c.limit() != 70 {
		t.Errorf("answers to calls from before the cut move the level to %d", c.limit())
	}
}

// TestFreshBound lets the server take less than before: the memory of what was good follows.
func TestFreshBound(t *testing.T) {
	c := newControl(Bounds{1, 100, 256})
	answeredOf, refusedOf := 0, 0
	for range 3000 {
		if m := c.sent(c.limit()); c.limit() > 10 {
			c.refused(m)
			refusedOf++
			continue
		}
		clean(c)
		answeredOf++
	}
	if refusedOf > 60 || c.limit() < 7 {
		t.Errorf("%d of %d calls are refused, level %d; want few, and nearly 10", refusedOf, refusedOf+answeredOf, c.limit())
	}
}

// TestIdleCallsTeachNothing answers calls while the level is not used up: it stays.
func TestIdleCallsTeachNothing(t *testing.T) {
	c := newControl(Bounds{1, 8, 256})
	for range 1000 {
		m := c.sent(2)
		c.ended(m)
		c.answered(m, outcome{Kind: answered, Completion: 1, Duration: time.Second}, false)
	}
	if c.limit() != 8 {
		t.Errorf("two calls at a time move the level to %d", c.limit())
	}
}

// TestTimeoutsCut has half of all calls time out above 20 in flight, and none below.
func TestTimeoutsCut(t *testing.T) {
	c := newControl(Bounds{1, 100, 256})
	for i := range 2000 {
		if m := c.sent(c.limit()); c.limit() > 20 && i%2 == 0 {
			c.ended(m)
			c.timedOut(m)
		} else {
			clean(c)
		}
	}
	if c.limit() > 40 {
		t.Errorf("half of the calls time out above 20 in flight, and the level is %d", c.limit())
	}
}

// TestWeights learns what calls cost from durations that stray by a third.
func TestWeights(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	var m workModel
	for range 2000 {
		o := outcome{Kind: answered, Prompt: 10 + r.IntN(2000), Completion: 1 + r.IntN(500)}
		s := .2 + .0005*float64(o.Prompt) + .02*float64(o.Completion)
		o.Duration = time.Duration(s * (1 + .6*(r.Float64()-.5)) * float64(time.Second))
		m.learn(o)
	}
	w := m.weights()
	if math.Abs(w.call/.2-1) > .4 || math.Abs(w.prompt/.0005-1) > .25 || math.Abs(w.completion/.02-1) > .1 {
		t.Errorf("the weights are %+v, want about .2, .0005 and .02", w)
	}
}

// TestWeightsOfEqualCalls has nothing from which to tell terms apart.
func TestWeightsOfEqualCalls(t *testing.T) {
	var m workModel
	for range 100 {
		m.learn(outcome{Prompt: 10, Completion: 1, Duration: time.Second})
	}
	w := m.weights()
	if got := w.of(sums{n: 1, prompt: 10, completion: 1}); math.Abs(got-1) > 1e-6 {
		t.Errorf("a call like all others is worth %v of them: %+v", got, w)
	}
	if w := new(workModel).weights(); w.call != 1 {
		t.Errorf("without calls the weights are %+v", w)
	}
}

// TestAllowanceKinds tells a window from a bucket by headers alone, and waits for each as it renews.
func TestAllowanceKinds(t *testing.T) {
	start := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	for _, c := range []struct {
		name  string
		reset func(now time.Time, left float64) time.Duration
		wait  func(d time.Duration) bool
	}{
		{"window", func(now time.Time, _ float64) time.Duration { return start.Add(time.Minute).Sub(now) },
			func(d time.Duration) bool { return d > 30*time.Second }},
		{"bucket", func(_ time.Time, left float64) time.Duration {
			return time.Duration((6000 - left) / 100 * float64(time.Second))
		}, func(d time.Duration) bool { return d > 500*time.Millisecond && d < 3*time.Second }},
	} {
		t.Run(c.name, func(t *testing.T) {
			var a allowance
			now, left := start, 6000.0
			for seq := 1; left > 200; seq++ {
				a.send(now, seq, 300)
				now = now.Add(time.Second)
				left -= 300
				if c.name == "bucket" {
					left += 100
				}
				a.end(seq, 300)
				a.tell(now, seq, 6000, int(left), c.reset(now, left).Round(time.Second))
			}
			if d := a.wait(now, 300); !c.wait(d) {
				t.Errorf("with %v left the wait is %v", left, d)
			}
		})
	}
}

// TestEstimates holds that guesses come to lie above what calls take, and not far above.
func TestEstimates(t *testing.T) {
	var e estimator
	r := rand.New(rand.NewPCG(3, 4))
	req := backends.Request{Kind: backends.Generate, Prompt: string(make([]byte, 3000))}
	if got := e.estimate(req); got < 500 {
		t.Errorf("before anything is known the estimate is %d", got)
	}
	under, sum := 0, 0.0
	for i := range 1000 {
		actual := 1000 + 50 + r.IntN(100)
		guess := e.estimate(req)
		e.correct(req, backends.Usage{PromptTokens: 1000, CompletionTokens: actual - 1000})
		if i >= 100 {
			sum += float64(guess) / float64(actual)
			if guess < actual {
				under++
			}
		}
	}
	if under > 180 || sum/900 > 1.2 {
		t.Errorf("%d of 900 estimates are too low, and the mean is %.2f of the truth", under, sum/900)
	}
	req.Sampling.MaxTokens = 1
	if got := e.estimate(req); got > 1010 {
		t.Errorf("an answer of one token is estimated to take %d with its prompt", got)
	}
}
