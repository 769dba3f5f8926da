package reports

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/onset-eval/onset/backends/adaptive"
	"github.com/onset-eval/onset/reports/figure"
)

// LimitTrace is what a run's trace says of one limit: how many requests were let through to a server at once, and why.
type LimitTrace struct {
	Limit string
	// Events are in the order of time, each once: runs that share a limit write the same ones.
	Events []adaptive.Event
}

// Traces sorts the events of a run by their limits.
func Traces(events []adaptive.Event) []LimitTrace {
	var out []LimitTrace
	seen := make(map[adaptive.Event]bool)
	for _, e := range events {
		if seen[e] {
			continue
		}
		seen[e] = true
		i := slices.IndexFunc(out, func(t LimitTrace) bool { return t.Limit == e.Limit })
		if i < 0 {
			i = len(out)
			out = append(out, LimitTrace{Limit: e.Limit})
		}
		out[i].Events = append(out[i].Events, e)
	}
	for i := range out {
		slices.SortStableFunc(out[i].Events, func(a, b adaptive.Event) int { return a.At.Compare(b.At) })
	}
	return out
}

// begins says whether an event is the first of a limiter, before which nothing held.
func begins(e adaptive.Event) bool { return e.Previous == 0 }

// Took is the time from the first event to the last.
func (t LimitTrace) Took() time.Duration {
	return t.Events[len(t.Events)-1].At.Sub(t.Events[0].At)
}

// Mean is the mean level over time; times between a limiter's end and the next one's beginning do not count.
func (t LimitTrace) Mean() float64 {
	sum, took := 0.0, 0.0
	for i, e := range t.Events[1:] {
		if d := e.At.Sub(t.Events[i].At).Seconds(); !begins(e) {
			sum += d * float64(t.Events[i].Level)
			took += d
		}
	}
	if took == 0 {
		return float64(t.Events[len(t.Events)-1].Level)
	}
	return sum / took
}

// Describe says in lines of text what the trace shows.
func (t LimitTrace) Describe() []string {
	first, last := t.Events[0], t.Events[len(t.Events)-1]
	lowest, highest := first.Level, first.Level
	cuts, pauses, paused := 0, 0, time.Duration(0)
	var answered, refused, failed int64
	for i, e := range t.Events {
		lowest, highest = min(lowest, e.Level), max(highest, e.Level)
		if isCut(e) {
			cuts++
		}
		if isPause(e) {
			pauses++
			paused += min(e.Closed, last.At.Sub(e.At))
		}
		if i == len(t.Events)-1 || begins(t.Events[i+1]) { // counts are a limiter's own
			answered, refused, failed = answered+e.Answered, refused+e.Refused, failed+e.Failed
		}
	}
	name := t.Limit
	if name == "" {
		name = "limit"
	}
	share := 0.0
	if sent := answered + refused + failed; sent > 0 {
		share = 100 * float64(refused) / float64(sent)
	}
	lines := []string{
		fmt.Sprintf("%s: level %d at first, %d in the end, %d to %d, %.0f on average over %v", name, first.Level, last.Level, lowest, highest, t.Mean(), t.Took().Round(time.Second)),
		fmt.Sprintf("  %d answered, %d refused (%.1f %%), %d failed; cuts: %d, pauses: %d", answered, refused, share, failed, cuts, pauses),
	}
	if pauses > 0 {
		lines[1] += fmt.Sprintf(" (%v in all)", paused.Round(time.Second))
	}
	if n := t.most(); n > 1 {
		lines[1] += fmt.Sprintf("; shared by up to %d processes", n)
	}
	return lines
}

// most is the largest number of processes that shared the limit.
func (t LimitTrace) most() int {
	n := 0
	for _, e := range t.Events {
		n = max(n, e.Processes)
	}
	return n
}

func isCut(e adaptive.Event) bool {
	return e.Level < e.Previous && (e.Reason == "refused" || e.Reason == "timeouts")
}
func isPause(e adaptive.Event) bool { return strings.HasPrefix(e.Reason, "paused") }

// TraceFigure draws the level of each limit over time, with the cuts and the pauses.
func TraceFigure(traces []LimitTrace, title string) figure.Figure {
	f := figure.Figure{Title: title, Columns: 1}
	var lines []string
	for _, t := range traces {
		lines = append(lines, t.Describe()...)
		f.Panels = append(f.Panels, t.panel())
	}
	f.Description = strings.Join(lines, "\n")
	return f
}

// panel draws one limit.
func (t LimitTrace) panel() figure.Panel {
	unit, name := unitOf(t.Took())
	x := func(e adaptive.Event) float64 { return float64(e.At.Sub(t.Events[0].At)) / float64(unit) }
	cuts := figure.Series{Name: "cut", Family: 1, Marker: figure.Inverted, Plot: figure.Events}
	pauses := figure.Series{Name: "pause", Family: 4, Marker: figure.Square, Plot: figure.Events}
	p := figure.Panel{Title: t.Limit, XLabel: "time (" + name + ")", YLabel: "requests at once"}
	top := 1.0
	for _, e := range t.Events {
		at := figure.Point{X: x(e), Y: float64(e.Level), Lo: math.NaN(), Hi: math.NaN()}
		top = max(top, at.Y)
		if len(p.Series) == 0 || begins(e) { // a run that was continued: its line begins anew
			p.Series = append(p.Series, figure.Series{Name: "level", Plot: figure.Steps})
		}
		s := &p.Series[len(p.Series)-1]
		s.Points = append(s.Points, at)
		at.Filled = true
		switch {
		case isCut(e):
			cuts.Points = append(cuts.Points, at)
		case isPause(e):
			pauses.Points = append(pauses.Points, at)
		}
	}
	for _, s := range []figure.Series{cuts, pauses} {
		if len(s.Points) > 0 {
			p.Series = append(p.Series, s)
		}
	}
	p.YRange = figure.Range{Min: 0, Max: top}
	if t.Took() == 0 {
		p.XRange = figure.Range{Min: 0, Max: 1}
	}
	return p
}

// unitOf is the unit in which a time is shown.
func unitOf(d time.Duration) (time.Duration, string) {
	switch {
	case d < 3*time.Minute:
		return time.Second, "seconds"
	case d < 3*time.Hour:
		return time.Minute, "minutes"
	}
	return time.Hour, "hours"
}
