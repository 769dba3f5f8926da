package evaluators

import (
	"fmt"
	"math"
	"strings"

	"github.com/onset-eval/onset/backends"
	"github.com/onset-eval/onset/tasks"
)

// Judge gives each bound scorer's score of one sample and draw: of the responses to the sample's requests, or of the
// error err that took their place. It changes nothing that it gets, and may be called concurrently. A scorer that
// panics gives a score that says so.
func Judge(sample tasks.Sample, responses []backends.Response, err error, bound []Bound) []Score {
	out := make([]Score, len(bound))
	for i, b := range bound {
		out[i] = b.judge(sample, responses, err)
		out[i].Metric, out[i].Filter = b.Scorer.Name, b.Pipeline.Name
	}
	return out
}

func (b Bound) judge(sample tasks.Sample, responses []backends.Response, err error) (s Score) {
	defer func() {
		if p := recover(); p != nil {
			s = Score{Outcome: Failed, Explanation: fmt.Sprintf("scorer %s panicked: %v", b.Scorer.Name, p)}
		}
	}()
	generated := sample.Kind() == backends.Generate
	switch {
	case backends.KindOf(err) == backends.KindRefused && generated:
		return Score{Outcome: Refused, Value: ptr(0), Explanation: err.Error()}
	case err != nil:
		return Score{Outcome: Failed, Explanation: err.Error()}
	case len(responses) == 0:
		return Score{Outcome: Failed, Explanation: "there is no response"}
	}
	in := Input{Sample: sample, Responses: responses, Parsed: true}
	if generated {
		answer := b.Pipeline.Apply(responses[0].Text)
		in.Answer, in.Parsed = answer.Text, answer.Parsed
		s = b.judgeText(in, answer.Reason)
	} else {
		s = b.score(in)
	}
	if s.Outcome == Failed {
		return s
	}
	s.ContinuousName, s.Continuous = companion(in)
	if s.Value != nil && (math.IsNaN(*s.Value) || math.IsInf(*s.Value, 0)) {
		return Score{Outcome: Failed, Explanation: fmt.Sprintf("the value is %v", *s.Value)}
	}
	return s
}

// judgeText judges generated text. Where there is no answer, the value is 0 and the outcome says why.
func (b Bound) judgeText(in Input, reason string) Score {
	var s Score
	switch stop := in.Responses[0].Stop; {
	case stop == backends.StopRefusal:
		s = Score{Outcome: Refused, Value: ptr(0)}
	case !in.Parsed && stop == backends.StopLength:
		s = Score{Outcome: Truncated, Value: ptr(0), Explanation: reason}
	case !in.Parsed:
		s = Score{Outcome: Unparsed, Value: ptr(0), Explanation: reason}
	default:
		s = b.score(in)
		s.Outcome, s.Explanation = Empty(in.Responses[0], s.Outcome, s.Explanation)
	}
	if s.Answer == "" {
		s.Answer = in.Answer
	}
	return s
}

// Empty tells an answer that was judged wrong because there is no text from one that says something wrong: its outcome is
// that no answer was found, and whether the token limit is why. Other outcomes stay as they are.
func Empty(r backends.Response, judged Outcome, why string) (Outcome, string) {
	switch {
	case judged != Wrong || strings.TrimSpace(r.Text) != "":
		return judged, why
	case r.Stop == backends.StopRefusal:
		return Refused, why
	case r.Stop == backends.StopLength:
		return Truncated, "the token limit left no text"
	}
	return Unparsed, "the response is empty"
}
