package reports

import (
	"math"
	"strings"
	"testing"
	"time"

	"github.com/onset-eval/onset/backends/adaptive"
	"github.com/onset-eval/onset/reports/figure"
)

// traceOf makes events of a limit at seconds, from level to level.
func traceOf(events ...adaptive.Event) []adaptive.Event {
	start := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	for i := range events {
		events[i].At = start.Add(time.Duration(events[i].At.Second()) * time.Second)
		events[i].Limit = "openai https://api.example.com"
	}
	return events
}

func at(second int) time.Time { return time.Date(2026, 1, 1, 0, 0, second, 0, time.UTC) }

func TestTraces(t *testing.T) {
	events := traceOf(
		adaptive.Event{At: at(0), Level: 10, Reason: "start"},
		adaptive.Event{At: at(10), Previous: 10, Level: 20, Reason: "slow start", Answered: 50},
		adaptive.Event{At: at(20), Previous: 20, Level: 14, Reason: "refused", Answered: 90, Refused: 2},
		adaptive.Event{At: at(20), Previous: 14, Level: 14, Reason: "paused: rate_limit", Answered: 90, Refused: 2, Closed: 5 * time.Second, Processes: 3},
		adaptive.Event{At: at(50), Level: 10, Reason: "start"}, // the run was continued
		adaptive.Event{At: at(55), Previous: 10, Level: 12, Reason: "slow start", Answered: 9, Failed: 1},
	)
	both := append(append([]adaptive.Event{}, events[3:]...), events...) // two processes wrote the same
	traces := Traces(both)
	if len(traces) != 1 || len(traces[0].Events) != len(events) {
		t.Fatalf("%+v", traces)
	}
	tr := traces[0]
	if got, want := tr.Mean(), (10*10+10*20+5*10)/25.0; math.Abs(got-want) > 1e-9 {
		t.Errorf("the mean level is %v, want %v", got, want)
	}
	text := strings.Join(tr.Describe(), "\n")
	for _, want := range []string{
		"level 10 at first, 12 in the end, 10 to 20, 14 on average over 55s",
		"99 answered, 2 refused (2.0 %), 1 failed; cuts: 1, pauses: 1 (5s in all); shared by up to 3 processes",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("the text lacks %q:\n%s", want, text)
		}
	}
	f := TraceFigure(traces, "title")
	names := ""
	for _, s := range f.Panels[0].Series {
		names += s.Name + ","
	}
	if names != "level,level,cut,pause," {
		t.Errorf("the series are %s", names)
	}
	d, err := figure.Draw(f, figure.Options{})
	if err != nil || len(d.Warnings) > 0 {
		t.Errorf("%v, %v", err, d.Warnings)
	}
}

// TestTraceOfOneEvent draws what there is of a run that has just begun.
func TestTraceOfOneEvent(t *testing.T) {
	traces := Traces(traceOf(adaptive.Event{At: at(3), Level: 8, Reason: "start"}))
	if traces[0].Mean() != 8 || traces[0].Took() != 0 {
		t.Errorf("%v over %v", traces[0].Mean(), traces[0].Took())
	}
	if _, err := figure.Draw(TraceFigure(traces, ""), figure.Options{}); err != nil {
		t.Error(err)
	}
}
