package adaptive

import (
	"testing"
	"time"
)

// TestGateGivesUpEarlyOnAServerThatOnlyFails sees what an outage is, and how long each kind of silence is waited out.
func TestGateGivesUpEarlyOnAServerThatOnlyFails(t *testing.T) {
	for _, c := range []struct {
		name      string
		first     func(g *gate, now time.Time)
		out, gone bool // after three minutes of failures
	}{
		{"nothing else", func(*gate, time.Time) {}, false, true},
		{"it answered once", func(g *gate, _ time.Time) { g.answered(ticket{gated: g.closings}) }, true, false},
		{"it refused once", func(g *gate, now time.Time) { g.ended(now, ticket{}, outcome{Kind: refused}, 0, 0) }, true, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			now := time.Unix(0, 0)
			g := new(gate)
			c.first(g, now)
			for end := now.Add(3 * time.Minute); now.Before(end); now = now.Add(time.Second) {
				if g.wait(now) == 0 {
					g.ended(now, ticket{probe: g.send(), gated: g.closings}, outcome{Kind: failed}, 0, 0)
				}
			}
			if g.out() != c.out || g.hopeless(now, 30*time.Minute) != c.gone {
				t.Errorf("out %v, hopeless %v", g.out(), g.hopeless(now, 30*time.Minute))
			}
			if !g.hopeless(now.Add(30*time.Minute), 30*time.Minute) {
				t.Error("it is never hopeless")
			}
		})
	}
}
