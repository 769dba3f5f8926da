package runlog

import (
	"fmt"
	"math"
	"slices"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	jsonv1 "github.com/go-json-experiment/json/v1"
)

// Prompt is the text of a prompt, by its digest.
type Prompt struct {
	Digest string `json:"digest"`
	Text   string `json:"text"`
}

// line is one line of a segment: exactly one of its members is set.
type line struct {
	Prompt *Prompt `json:"prompt,omitzero"`
	Record *Record `json:"record,omitzero"`
}

// encoding says how lines are written: durations in nanoseconds, empty members left out as encoding/json
// does, and bytes that are no UTF-8 as U+FFFD, since models generate them.
func encoding() json.Options {
	return json.JoinOptions(
		jsonv1.FormatDurationAsNano(true),
		jsonv1.OmitEmptyWithLegacySemantics(true),
		jsontext.AllowInvalidUTF8(true),
	)
}

// encode gives the line with its line feed.
func (l line) encode(opts json.Options) ([]byte, error) {
	data, err := json.Marshal(l, opts)
	if err != nil {
		return nil, err
	}
	return append(data, '\n'), nil
}

// decode reads a line without its line feed. Members that it does not know are left to newer versions.
func decode(data []byte, opts json.Options) (line, error) {
	var l line
	if err := json.Unmarshal(data, &l, opts); err != nil {
		return line{}, err
	}
	return l, nil
}

// finite gives r with each log-probability of −∞ as the least float64, since JSON has no infinities. NaN and
// +∞ are defects of a backend or a scorer and an error.
func finite(r Record) (Record, error) {
	for i := range r.Responses {
		for j, p := range r.Responses[i].LogProbs {
			if math.IsNaN(p.Sum) || math.IsInf(p.Sum, 1) {
				return r, fmt.Errorf("log-probability %d of response %d is %v", j, i, p.Sum)
			}
			if math.IsInf(p.Sum, -1) {
				r.Responses = slices.Clone(r.Responses)
				r.Responses[i].LogProbs = slices.Clone(r.Responses[i].LogProbs)
				r.Responses[i].LogProbs[j].Sum = -math.MaxFloat64
			}
		}
	}
	for _, s := range r.Scores {
		for _, v := range []*float64{s.Value, s.Continuous} {
			if v != nil && (math.IsNaN(*v) || math.IsInf(*v, 0)) {
				return r, fmt.Errorf("score %s is %v", s.Metric, *v)
			}
		}
	}
	return r, nil
}
