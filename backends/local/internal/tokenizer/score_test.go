package tokenizer

import "testing"

// The scores are those that tokenizers 0.23.3 reads, as it writes them again. None is the nearest to its number.
func TestScore(t *testing.T) {
	for number, want := range map[string]float64{
		"45730261640930455391.06427":    4.573026164093046e+19,
		"-229678.4162998649840329":      -229678.416299865,
		"-65922407.40707620088951e-89":  -6.592240740707619e-82,
		"-76318399172.073034511e-184":   -7.6318399172073025e-174,
		"-23083034143.891511":           -23083034143.891514,
		"-6522068.831531851236006":      -6522068.831531851,
		"1343204839340371262.834":       1.3432048393403715e+18,
		"-449.7093444788588189763966":   -449.7093444788588,
		"-44306356.8018415595200370478": -44306356.801841564,
		"0":                             0, "-12": -12, "1e-310": 1e-310, "-2.5e3": -2500,
	} {
		if got, err := score(number); err != nil || got != want {
			t.Errorf("score(%q) = %v, %v, want %v", number, got, err, want)
		}
	}
	for _, number := range []string{`"1"`, "null", "1e999", "[]", ""} {
		if got, err := score(number); err == nil {
			t.Errorf("score(%q) = %v and no error", number, got)
		}
	}
}
