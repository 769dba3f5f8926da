package adaptive

import (
	"slices"
	"time"
)

// allowance follows one kind of allowance that a server tells in headers, requests or tokens, between the answers that
// tell it.
//
// Servers renew an allowance in one of two ways: all at once at the end of a window, or bit by bit. Which one shows in
// whether the time at which it is whole again moves when something is spent; until that is known, nothing is expected
// before that time. Servers count a call when it comes in or when it ends, and their answers come in any order. So of the
// calls in flight those sent after the call which told last are taken off what it told, and of those sent before as much
// as a quarter of the limit.
type allowance struct {
	known bool
	limit float64
	told  float64 // what was left by the last answer that told
	at    time.Time
	whole time.Time // when it is whole again, as last told
	seq   int       // number of the latest call whose answer told
	begun int       // number of the call that began the window, where no answer told of it
	calls []spent   // those in flight, and those sent after seq; by number

	votes  int // above 0: bit by bit; below: all at once
	anchor struct {
		told      float64
		at, whole time.Time
	}
}

// spent is a call and what it costs, as far as is known.
type spent struct {
	seq   int
	cost  float64
	ended bool
}

const (
	// margin is the part of an allowance that is kept back for what the estimates miss.
	margin = 0.01
	// certain is how far the end of a window must have been expected to move before a verdict on how it renews: servers
	// round it to seconds.
	certain = 2500 * time.Millisecond
)

// send notes a call.
func (a *allowance) send(now time.Time, seq int, cost float64) {
	if a.known && !now.Before(a.whole) { // a new window, of which no answer has told yet
		a.begun, a.seq = seq, seq-1
		a.told, a.at, a.whole = a.limit, now, now.Add(time.Minute)
		a.prune()
	}
	a.calls = append(a.calls, spent{seq: seq, cost: cost})
}

// end notes the end of a call and its cost.
func (a *allowance) end(seq int, cost float64) {
	if i, ok := slices.BinarySearchFunc(a.calls, seq, func(s spent, seq int) int { return s.seq - seq }); ok {
		a.calls[i].cost, a.calls[i].ended = cost, true
	}
	if !a.known {
		a.seq = seq
		a.prune()
	}
}

// prune forgets the calls that are over and counted.
func (a *allowance) prune() {
	a.calls = slices.DeleteFunc(a.calls, func(s spent) bool { return s.ended && s.seq <= a.seq })
}

// tell takes what the answer of call seq said.
func (a *allowance) tell(now time.Time, seq, limit, left int, reset time.Duration) {
	defer a.prune()
	if left < 0 || limit <= 0 || seq < a.begun {
		return
	}
	whole := now.Add(reset)
	if a.known && a.limit == float64(limit) {
		moved := whole.Sub(a.whole)
		same := moved.Abs() < certain/2
		switch {
		case same && float64(left) > a.told, !same && seq < a.seq:
			return // old news: this call was counted before the one that told last
		case a.votes < 0 && moved < -certain/2:
			return // of a window that is over
		}
		a.vote(now, whole, float64(left))
	}
	a.known, a.limit, a.told, a.seq = true, float64(limit), float64(left), max(a.seq, seq)
	a.at, a.whole = now, whole
}

// vote compares where the end of the window has gone with where it would be were the allowance renewed bit by bit.
func (a *allowance) vote(now, whole time.Time, left float64) {
	then := &a.anchor
	rate := 0.0
	if reset := then.whole.Sub(then.at).Seconds(); reset > 0 {
		rate = (a.limit - then.told) / reset
	}
	expect := now.Sub(then.at)
	if rate > 0 {
		expect += time.Duration((then.told - left) / rate * float64(time.Second))
	}
	switch {
	case rate > 0 && left <= then.told && expect < certain:
		return // too early to tell
	case rate <= 0 || left > then.told:
	case whole.Sub(then.whole) > expect/2:
		a.votes = min(a.votes+1, 8)
	default:
		a.votes = max(a.votes-1, -8)
	}
	then.told, then.at, then.whole = left, now, whole
}

// left is what may be spent now.
func (a *allowance) left(now time.Time) float64 {
	left := a.told
	if !now.Before(a.whole) {
		left = a.limit
	} else if a.votes >= 2 {
		left = min(a.limit, left+a.rate()*now.Sub(a.at).Seconds())
	}
	before := 0.0
	for _, s := range a.calls {
		switch {
		case s.seq > a.seq:
			left -= s.cost
		case !s.ended:
			before += s.cost
		}
	}
	return left - min(before, a.limit/4)
}

// rate is what comes back a second where an allowance renews bit by bit, as of the last answer.
func (a *allowance) rate() float64 {
	if reset := a.whole.Sub(a.at).Seconds(); reset > 0 && a.told < a.limit {
		return (a.limit - a.told) / reset
	}
	return 0
}

// wait says how long a call of the given cost has to wait.
func (a *allowance) wait(now time.Time, cost float64) time.Duration {
	if !a.known {
		return 0
	}
	need := min(cost, a.limit*(1-margin)) // a call larger than the allowance is the server's to refuse
	if cost > 1 {
		need += margin * a.limit // single requests are counted exactly
	}
	left := a.left(now)
	switch {
	case left >= need:
		return 0
	case !now.Before(a.whole):
		return time.Second // a new window, all of it in flight: until an answer tells more
	case a.votes >= 2 && a.rate() > 0:
		return time.Duration((need-left)/a.rate()*float64(time.Second)) + time.Millisecond
	}
	return a.whole.Sub(now)
}

// allowances are those of a server.
type allowances struct{ requests, tokens allowance }

func (a *allowances) wait(now time.Time, tokens int) time.Duration {
	return max(a.requests.wait(now, 1), a.tokens.wait(now, float64(tokens)))
}

func (a *allowances) send(now time.Time, seq, tokens int) {
	a.requests.send(now, seq, 1)
	a.tokens.send(now, seq, float64(tokens))
}

// end settles call seq of so many estimated tokens and takes what its answer told.
func (a *allowances) end(now time.Time, seq, tokens int, o outcome) {
	calls := 1.0
	switch {
	case o.Kind == answered && o.Prompt+o.Completion > 0:
		tokens = o.Prompt + o.Completion
	case o.Kind == refused:
		calls, tokens = 0, 0
	}
	a.requests.end(seq, calls)
	a.tokens.end(seq, float64(tokens))
	if s := o.Signals; s != nil {
		a.requests.tell(now, seq, s.RequestsLimit, s.RequestsRemaining, s.RequestsReset)
		a.tokens.tell(now, seq, s.TokensLimit, s.TokensRemaining, s.TokensReset)
	}
}
