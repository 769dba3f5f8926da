// Package stats estimates from samples and compares estimates. It is pure computation: it reads no records
// and draws no random number but from a source that it is passed.
//
// Every estimate carries the number of observations behind it, an interval, the name of the method and the
// warnings that a reader needs before trusting it. Counts are real numbers, so that effective counts, which
// stand for fewer independent observations than were made, need no rounding.
package stats

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
)

// DefaultLevel is the confidence level that a level of 0 means.
const DefaultLevel = 0.95

// The conditions under which an estimate should not be trusted as it stands. Warnings wrap them.
var (
	ErrNoData      = errors.New("no observations")
	ErrFewData     = errors.New("too few observations")
	ErrNoVariation = errors.New("all observations are equal")
	ErrInput       = errors.New("input out of range")
)

// Warnings are the reasons to doubt an estimate. They encode in JSON as an array of strings.
type Warnings []error

// MarshalJSON writes the warnings' texts.
func (w Warnings) MarshalJSON() ([]byte, error) {
	texts := make([]string, len(w))
	for i, err := range w {
		texts[i] = err.Error()
	}
	return json.Marshal(texts)
}

// UnmarshalJSON reads what MarshalJSON writes; the errors keep their texts and lose their kinds.
func (w *Warnings) UnmarshalJSON(data []byte) error {
	var texts []string
	if err := json.Unmarshal(data, &texts); err != nil {
		return fmt.Errorf("decode warnings: %w", err)
	}
	*w = nil
	for _, t := range texts {
		*w = append(*w, errors.New(t))
	}
	return nil
}

// Estimate is a number with its uncertainty.
type Estimate struct {
	Value float64 `json:"value"`
	// StdErr is the standard error; NaN is never used, and 0 with a warning means unknown.
	StdErr float64 `json:"stderr"`
	// Lo and Hi bound the interval, and Level is its confidence, in (0,1).
	Lo    float64 `json:"lo"`
	Hi    float64 `json:"hi"`
	Level float64 `json:"level"`
	// N counts the observations, and Clusters the independent groups among them where they were grouped.
	N        float64 `json:"n"`
	Clusters int     `json:"clusters,omitempty"`
	// Method names the interval: "Wilson", "Clopper-Pearson", "Student t", "clustered t", "bootstrap percentile".
	Method   string   `json:"method"`
	Warnings Warnings `json:"warnings,omitempty"`
}

// Contains says whether x lies in the interval.
func (e Estimate) Contains(x float64) bool { return e.Lo <= x && x <= e.Hi }

func (e *Estimate) warn(kind error, format string, args ...any) {
	e.Warnings = append(e.Warnings, fmt.Errorf("%w: %s", kind, fmt.Sprintf(format, args...)))
}

// level resolves a confidence level: 0 is DefaultLevel. A level outside of (0,1) is a programmer's error.
func levelOf(level float64) float64 {
	if level == 0 {
		return DefaultLevel
	}
	if !(level > 0 && level < 1) {
		panic(fmt.Sprintf("stats: confidence level %v is not in (0,1)", level))
	}
	return level
}

// finite says whether x is a number that can be computed with.
func finite(x float64) bool { return !math.IsNaN(x) && !math.IsInf(x, 0) }
