package adaptive

import "math"

// The rules by which the level moves.
const (
	cut        = 0.7  // what a refusal leaves of the level
	near       = 0.9  // the share of the last good level to which recovery climbs quickly
	approach   = 0.1  // growth an answer from there to the last good level
	venture    = 0.03 // growth of a trial of a higher level, as a share of it, a round trip
	stride     = 1.5  // how much higher a trial goes; less after trials that failed
	leastStep  = 1.1
	retreat    = 0.8 // how much lower a trial goes, and after one that brought clearly more
	hurry      = 0.6
	worth      = 0.1  // d log goodput / d log level above which a higher level is worth having
	cheap      = 0.02 // the least gain of goodput, as a logarithm, for which a higher level is
	softShare  = 0.1  // share of timeouts in a round from which they mean congestion
	vainCuts   = 6    // cuts for timeouts that do not make them fewer, after which they are borne
	sure       = 1.5  // standard errors by which a verdict must be clear, or else
	mostCalls  = 512  // a cohort grows no larger
	firstHold  = 100  // answers between two trials
	longestGap = 16   // how many times longer that may become when trials fail
)

type phase int

const (
	slowStart phase = iota // no refusal and no knee was met yet
	recovery               // below the last good level after a cut
	steady                 // at the last good level
	upTrial                // to a higher level
	downTrial              // to a lower one
)

func (p phase) String() string {
	return [...]string{"slow start", "recovery", "steady", "trial of more", "trial of less"}[p]
}

// control moves the level. It has no clock: rounds are counted in answers, and a round trip is told by marks.
type control struct {
	bounds Bounds
	level  float64
	phase  phase
	goal   float64 // the level to which a ramp leads
	good   float64 // the last level that was good, 0 while none is known
	floor  float64 // the level that the last cut left
	epoch  int     // the number of cuts
	hold   int     // answers until the next trial
	gap    int     // answers between trials, as a multiple of the first
	kneed  bool    // more load has brought nothing more

	soft, round int     // timeouts and outcomes of this round
	lastSoft    float64 // share of timeouts at which the last cut for them was made
	vain        int     // cuts for timeouts in a row that did not help

	step  float64 // how much higher the next trial goes, and how much lower
	back  float64
	work  workModel
	wins  []window // in slow start one a level, in the order of the levels; else the one that is open
	winID int      // the number of the first of wins
	base  window   // goodput before a trial
}

// mark is what a call carries from when it is sent to when it ends.
type mark struct {
	epoch    int
	window   int // the number of the window whose cohort it is in, 0 is none, and its place there
	place    int
	inFlight int // with the call itself
}

func newControl(b Bounds) *control {
	c := &control{bounds: b, level: float64(b.Start), goal: float64(b.Start), gap: 1, step: stride, back: retreat, winID: 1}
	c.climb()
	return c
}

// climb begins a round of slow start: to twice the level.
func (c *control) climb() {
	w := climb(c.level)
	w.level = min(w.level, float64(c.bounds.Max))
	c.goal = w.level
	c.wins = append(c.wins, w)
}

// inherit goes on from what another control knew.
func (c *control) inherit(m memory) {
	c.level = max(float64(c.bounds.Min), min(float64(c.bounds.Max), m.Level))
	c.good, c.goal = min(m.Good, float64(c.bounds.Max)), c.level
	c.shutAll()
	switch {
	case m.Slow:
		c.climb()
	case c.level < c.good:
		c.phase, c.floor = recovery, c.level
	default:
		c.settle("")
	}
}

// limit is the number of calls that may be in flight.
func (c *control) limit() int { return max(c.bounds.Min, min(c.bounds.Max, int(c.level+1e-9))) }

// sent marks a call when it is sent; inFlight counts it.
func (c *control) sent(inFlight int) mark {
	m := mark{epoch: c.epoch, inFlight: inFlight}
	if w := c.last(); w != nil && !w.full() && 10*inFlight >= 9*c.limit() {
		m.window, m.place = c.winID+len(c.wins)-1, w.sent
		w.sent++
	}
	return m
}

// last is the window that is open; nil where there is none.
func (c *control) last() *window {
	if len(c.wins) == 0 {
		return nil
	}
	return &c.wins[len(c.wins)-1]
}

// at is the window of a mark; nil where it is of none that is still of use.
func (c *control) at(m mark) *window {
	if i := m.window - c.winID; m.window > 0 && i >= 0 && i < len(c.wins) {
		return &c.wins[i]
	}
	return nil
}

// ended counts a call of a cohort that is over, however it ended.
func (c *control) ended(m mark) {
	if w := c.at(m); w != nil {
		w.ended++
	}
}

// open opens a window for the next calls and forgets those before.
func (c *control) open() {
	c.winID += len(c.wins)
	c.wins = append(c.wins[:0], newWindow(c.level, max(64, 2*int(c.level))))
}

// shutAll forgets all windows: what is sent now is at no level to be judged.
func (c *control) shutAll() {
	c.winID += len(c.wins)
	c.wins = c.wins[:0]
}

// answered moves the level after an answer. busy says that the level was in use. It gives the reason where it did more
// than go on as before.
func (c *control) answered(m mark, o outcome, busy bool) string {
	if m.epoch != c.epoch {
		return "" // sent before the cut: it tells of the load before it
	}
	if w := c.at(m); w != nil {
		w.add(m, o)
	}
	if float64(m.inFlight) <= c.trusted() {
		c.work.learn(o)
	}
	if reason := c.countSoft(0); reason != "" || !busy {
		return reason
	}
	if c.vain < vainCuts && (c.lastSoft > 0 || float64(c.soft) > softShare*float64(max(10, c.round))) {
		return "" // a round with timeouts is none to grow by, nor one before it is known that a cut for them helped
	}
	switch c.phase {
	case slowStart:
		return c.start()
	case recovery:
		return c.regain()
	case steady:
		return c.wait()
	case upTrial:
		return c.tryMore(m)
	case downTrial:
		return c.judgeDown()
	}
	return ""
}

// trusted is the level up to which calls may teach what a call costs: beyond it they may be waiting in the server, which
// makes all calls look alike.
func (c *control) trusted() float64 {
	switch {
	case c.phase == slowStart && len(c.wins) > 1:
		return c.wins[0].level
	case c.phase == upTrial:
		return c.base.level
	}
	return c.level
}

// start doubles the level a round: one more for each answer. A round is judged against the one before, and the next but one
// does not begin before.
func (c *control) start() string {
	top := float64(c.bounds.Max)
	if c.level < c.goal {
		c.level = min(c.level+1, c.goal)
	}
	w := c.last()
	if c.level >= c.goal && w.want == math.MaxInt {
		w.want = max(parts, w.sent)
	}
	for len(c.wins) >= 2 && c.wins[0].ready() && c.wins[1].ready() {
		most := 0
		if len(c.wins) == 2 { // its cohort can go on
			most = max(128, 8*int(c.level))
		}
		from, to := c.wins[0], &c.wins[1]
		switch c.compare(from, to, most) {
		case unsure:
			if most > 0 {
				return ""
			}
			c.wins[1] = from // the next round is compared with the same
		case no:
			c.level, c.kneed = from.level, true
			defer func() { c.hold = 1 }() // the level may be far beyond the knee: less is tried at once
			return c.settle("more in flight brought no more")
		}
		c.wins, c.winID = c.wins[1:], c.winID+1
	}
	switch {
	case c.level < c.goal || !c.last().full():
	case c.level < top && (len(c.wins) == 1 || c.promises()):
		c.climb()
	case c.level >= top && len(c.wins) == 1:
		return c.settle("the most allowed")
	}
	return ""
}

// promises says whether slow start may go on before the last level is judged: its answers so far look well. They are the
// short ones, which on a server with a queue look worse than all, so where there is a queue it waits for the verdict.
func (c *control) promises() bool {
	from, to := &c.wins[0], &c.wins[1]
	w := c.work.weights()
	a, _ := from.goodput(w)
	b, _ := to.goodput(w)
	return len(c.wins) == 2 && 2*to.ended >= to.want && b-a >= worth*math.Log(to.all().level()/from.all().level())
}

// verdict is what a comparison of goodputs says.
type verdict int

const (
	unsure verdict = iota
	yes
	no
)

// compare says whether a higher level, that of to, is worth having over that of from by what the windows show, or a lower
// one does no harm. Where their errors leave that open it extends to, until it has as many calls as given; where that is
// none, it is unsure.
func (c *control) compare(from window, to *window, most int) verdict {
	w := c.work.weights()
	a, aErr := from.goodput(w)
	b, bErr := to.goodput(w)
	gain, err := b-a, math.Hypot(aErr, bErr)
	least := worth * math.Log(to.all().level()/from.all().level())
	if least > 0 {
		least = max(least, cheap)
	}
	if math.IsNaN(gain) {
		return yes // nothing is known: no reason to hold back
	}
	if math.Abs(gain-least) < sure*err {
		switch {
		case most == 0:
			return unsure
		case to.want < most:
			to.extend()
			return unsure
		}
	}
	if gain >= least {
		return yes
	}
	return no
}

// more says whether a window shows clearly more goodput than another.
func (c *control) more(from, to window) bool {
	w := c.work.weights()
	a, aErr := from.goodput(w)
	b, bErr := to.goodput(w)
	return b-a > sure*math.Hypot(aErr, bErr)
}

// settle ends a climb: the level is good.
func (c *control) settle(reason string) string {
	c.phase, c.good, c.goal = steady, c.level, c.level
	c.hold = c.holdFor()
	c.open()
	return reason
}

func (c *control) holdFor() int { return c.gap * max(firstHold, 4*int(c.level)) }

// regain climbs back to the last good level: quickly to nearly there, then slowly.
func (c *control) regain() string {
	by := 1.0
	if c.level >= near*c.good {
		by = approach
	}
	c.level = min(c.level+by, c.good, float64(c.bounds.Max))
	if c.level >= min(c.good, float64(c.bounds.Max))-1e-9 {
		return c.settle("back at the last good level")
	}
	return ""
}

// wait counts answers until the next trial, and keeps a fresh measurement of the goodput.
func (c *control) wait() string {
	if w := c.last(); w.ready() {
		c.base = *w
		if w.want < mostCalls {
			w.extend()
		} else {
			c.open()
		}
	}
	if c.hold--; c.hold > 0 || c.base.level != c.level {
		return ""
	}
	if c.kneed {
		return c.tryLess("try less in flight")
	}
	if c.level >= float64(c.bounds.Max) {
		c.hold = c.holdFor()
		return ""
	}
	c.aim()
	return "try more in flight"
}

// aim begins a climb to a higher level.
func (c *control) aim() {
	c.phase = upTrial
	c.goal = min(float64(c.bounds.Max), math.Ceil(max(c.step*c.level, c.level+1)))
	c.shutAll()
}

// tryLess begins a trial of a lower level.
func (c *control) tryLess(reason string) string {
	c.kneed = false
	if c.level <= float64(c.bounds.Min) {
		return c.settle(reason)
	}
	c.phase, c.level = downTrial, max(float64(c.bounds.Min), math.Floor(c.back*c.level))
	c.goal, c.good = c.level, c.base.level
	c.open()
	return reason
}

// tryMore goes on with a trial of a higher level: a little more a round trip, so that a server which refuses has little
// to refuse, then a verdict.
func (c *control) tryMore(m mark) string {
	if c.level < c.goal {
		if m.inFlight >= c.limit() { // what was added last is answered
			if c.level = min(c.goal, c.level+max(1, venture*c.level)); c.level >= c.goal {
				c.open()
			}
		}
		return ""
	}
	if !c.last().ready() {
		return ""
	}
	switch c.compare(c.base, c.last(), mostCalls) {
	case unsure:
		return ""
	case yes:
		c.base, c.gap, c.step, c.good = *c.last(), 1, min(stride, c.step*c.step), c.level
		if c.level >= float64(c.bounds.Max) {
			return c.settle("the most allowed")
		}
		c.aim()
		return "more in flight brings more"
	}
	c.level, c.kneed = c.base.level, true
	c.gap, c.step = min(2*c.gap, longestGap), max(leastStep, math.Sqrt(c.step))
	return c.settle("more in flight brought no more")
}

// judgeDown ends a trial of a lower level.
func (c *control) judgeDown() string {
	if !c.last().ready() {
		return ""
	}
	switch c.compare(c.base, c.last(), mostCalls) {
	case unsure:
		return ""
	case yes:
		c.back = retreat
		if c.more(c.base, *c.last()) {
			c.back = hurry // far beyond the knee
		}
		c.base = *c.last()
		return c.tryLess("less in flight brings as much")
	}
	c.level, c.back = c.base.level, retreat
	return c.settle("less in flight brought less")
}

// refused cuts the level, once a round trip: only a call that was sent after the last cut can cause the next.
func (c *control) refused(m mark) string {
	if m.epoch != c.epoch {
		return ""
	}
	return c.cut(m, "refused")
}

func (c *control) cut(m mark, reason string) string {
	// A level to which the last cut led and which is refused at once was never good: the one before is still the last
	// that was, and a short trouble costs no memory.
	if c.good == 0 || c.level >= c.floor+1 || c.epoch == 0 {
		c.good = max(cut*c.level, min(c.level, float64(m.inFlight))-1, float64(c.bounds.Min))
	}
	if c.phase == upTrial {
		c.gap = min(2*c.gap, longestGap)
	}
	if c.level <= float64(c.bounds.Min) {
		reason = "" // there is nothing left to cut
	}
	c.level = max(float64(c.bounds.Min), math.Floor(cut*c.level))
	c.floor = c.level
	c.phase, c.goal, c.kneed, c.base = recovery, c.level, false, window{}
	c.epoch++
	c.soft, c.round = 0, 0
	c.shutAll()
	return reason
}

// timedOut counts a timeout. Load causes timeouts, and so do single prompts: they cut the level only where they are more
// than a tenth of a round, and no further where cutting does not make them fewer.
func (c *control) timedOut(m mark) string {
	if m.epoch != c.epoch {
		return ""
	}
	return c.countSoft(1)
}

// countSoft counts an outcome, n timeouts among it, and judges full rounds.
func (c *control) countSoft(n int) string {
	c.soft += n
	c.round++
	if c.round < max(10, c.limit()) {
		return ""
	}
	share := float64(c.soft) / float64(c.round)
	if share > softShare && c.soft < 3 {
		return "" // too few to tell: the round goes on
	}
	c.soft, c.round = 0, 0
	if share <= softShare {
		c.lastSoft, c.vain = 0, 0
		return ""
	}
	if c.vain >= vainCuts {
		return ""
	}
	before := c.good
	if c.lastSoft > 0 && share > 0.8*c.lastSoft {
		c.vain++
	} else {
		c.vain = 0
	}
	c.lastSoft = share
	if c.vain >= vainCuts {
		return "" // they are no matter of load: recovery leads back
	}
	reason := c.cut(mark{inFlight: c.limit()}, "timeouts")
	if c.vain > 0 && before > 0 {
		c.good = before
	}
	return reason
}
