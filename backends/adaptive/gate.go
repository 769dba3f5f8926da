package adaptive

import "time"

// gate stops dispatch for a while: for as long as the server asks, or, where nothing is answered any more, for waits that
// double. After it one call goes first, the probe; its answer opens the gate for all.
type gate struct {
	shut     bool
	until    time.Time
	since    time.Time // of the first closing since an answer
	probing  bool
	closings int
	barren   int  // calls in a row without an answer, of those sent since the last answer
	waits    int  // closings in a row without an answer that the server did not ask for
	ever     bool // something was answered once, or refused: the server is one that can be asked
}

// The waits of a gate that closes by itself.
const (
	firstPause = time.Second
	mostPause  = 30 * time.Second
)

// wait says how long nothing may be sent: 0 is not at all, below 0 until a call that is under way has ended.
func (g *gate) wait(now time.Time) time.Duration {
	switch {
	case !g.shut:
		return 0
	case now.Before(g.until):
		return g.until.Sub(now)
	case g.probing:
		return -1
	}
	return 0
}

// left is the time for which the gate is closed yet.
func (g *gate) left(now time.Time) time.Duration {
	if g.shut && now.Before(g.until) {
		return g.until.Sub(now)
	}
	return 0
}

// send notes a call and tells whether it is the probe.
func (g *gate) send() bool {
	if g.shut {
		g.probing = true
	}
	return g.shut
}

// answered notes an answer, and tells whether it opened the gate: one of a call that was sent before the gate closed
// does not, since it says nothing of now.
func (g *gate) answered(t ticket) bool {
	if t.gated != g.closings {
		return false
	}
	g.barren, g.waits, g.ever = 0, 0, true
	open := g.shut
	g.shut, g.probing, g.since = false, false, time.Time{}
	return open
}

// ended notes the end of a call, with the calls that are still in flight and a random number in [0,1) for jitter.
func (g *gate) ended(now time.Time, t ticket, o outcome, inFlight int, jitter float64) {
	if t.probe && t.gated == g.closings {
		g.probing = false
	}
	switch o.Kind {
	case refused, failed, timedOut:
	default:
		return
	}
	g.ever = g.ever || o.Kind == refused
	if t.gated == g.closings {
		g.barren++
	}
	switch {
	case o.Kind == refused && o.Hint > 0:
		g.close(now, now.Add(o.Hint))
	case t.probe && t.gated == g.closings, g.barren >= inFlight+8:
		pause := min(firstPause<<min(g.waits, 10), mostPause)
		g.waits++
		g.close(now, now.Add(time.Duration((0.75+jitter/2)*float64(pause))))
	}
}

func (g *gate) close(now, until time.Time) {
	if g.shut && !until.After(g.until) {
		return
	}
	if g.since.IsZero() {
		g.since = now
	}
	if !g.shut || now.After(g.until) {
		g.closings++ // calls sent before do not open it
		g.probing = false
	}
	g.shut, g.until, g.barren = true, until, 0
}

// out says that a server which has answered does not answer now: an outage, which tells nothing of the requests. One that
// has only ever failed is more likely the wrong one, or asked wrongly.
func (g *gate) out() bool { return g.shut && g.ever }

// firstGiveUp bounds the wait for the first answer of all.
const firstGiveUp = 2 * time.Minute

// hopeless says whether nothing was answered for so long that waiting is of no use.
func (g *gate) hopeless(now time.Time, giveUp time.Duration) bool {
	if !g.ever {
		giveUp = min(giveUp, firstGiveUp)
	}
	return g.shut && now.Sub(g.since) >= giveUp
}
