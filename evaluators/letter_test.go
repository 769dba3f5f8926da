package evaluators_test

import (
	"testing"

	"github.com/onset-eval/onset/backends"
	"github.com/onset-eval/onset/evaluators"
	"github.com/onset-eval/onset/tasks"
)

func TestJudgeLetter(t *testing.T) {
	// The choices in their order have the letters C, A, D, B; Oslo is right.
	sample := tasks.Sample{
		Requests: []backends.Request{{Kind: backends.Generate}}, Targets: []string{"Oslo"},
		Choices: []string{"Oslo", "Bergen", "a fjord", "Rome."}, Letters: []string{"C", "A", "D", "B"}, Gold: []int{0},
	}
	for _, c := range []struct {
		text   string
		answer string // the choice, or "" for none
	}{
		{"C", "Oslo"}, {" c.\n", "Oslo"}, {"(C)", "Oslo"}, {"**C**", "Oslo"}, {"C) Oslo", "Oslo"}, {"C. Oslo, since it is the capital", "Oslo"},
		{"The answer is C", "Oslo"}, {"the correct answer is (C).", "Oslo"}, {"Answer: **C**", "Oslo"}, {"answer: c", "Oslo"}, {"The answer is C because A is a port.", "Oslo"},
		{"First, A looks good. The answer is A. No, wait: the answer is C.", "Oslo"},
		{`so we get \boxed{C}`, "Oslo"}, {`\boxed{\text{(C)}}`, "Oslo"},
		{"Oslo", "Oslo"}, {"oslo.", "Oslo"}, {"Rome", "Rome."},
		{"I think that A fits: it must be C", "Oslo"},
		{"It has to be D, I am sure", "a fjord"},
		{"A: Bergen", "Bergen"}, {"I choose (A)", "Bergen"},
		{"The answer is a city", ""}, {"A city in the north", ""}, {"", ""}, {"I do not know", ""}, {"E", ""}, {"either B or C", ""},
		{"It could be B, C or D", ""},
		{"option B", "Rome."}, {"My choice: **B**", "Rome."},
	} {
		scores := evaluators.JudgeLetter(sample, []backends.Response{{Text: c.text, Stop: backends.StopEOS}}, nil)
		if len(scores) != 1 || scores[0].Metric != "acc_letter" {
			t.Fatalf("%+v", scores)
		}
		s := scores[0]
		want := evaluators.Wrong
		switch c.answer {
		case "":
			want = evaluators.Unparsed
		case "Oslo":
			want = evaluators.Correct
		}
		if s.Outcome != want || want != evaluators.Unparsed && s.Answer != c.answer {
			t.Errorf("%q is %s, %q; want %s, %q", c.text, s.Outcome, s.Answer, want, c.answer)
		}
		if s.Value == nil || (*s.Value == 1) != (want == evaluators.Correct) || s.ContinuousName != "" {
			t.Errorf("%q has the value %v and the companion %q", c.text, s.Value, s.ContinuousName)
		}
	}
	for _, c := range []struct {
		resp backends.Response
		err  error
		want evaluators.Outcome
	}{
		{resp: backends.Response{Text: "Let us think", Stop: backends.StopLength}, want: evaluators.Truncated},
		{resp: backends.Response{Stop: backends.StopRefusal}, want: evaluators.Refused},
		{err: backends.Errorf(backends.KindServer, "ask", "broken"), want: evaluators.Failed},
	} {
		var responses []backends.Response
		if c.err == nil {
			responses = append(responses, c.resp)
		}
		if s := evaluators.JudgeLetter(sample, responses, c.err)[0]; s.Outcome != c.want || (s.Value == nil) != (c.want == evaluators.Failed) {
			t.Errorf("%+v, %v is %+v; want %s", c.resp, c.err, s, c.want)
		}
	}
}
