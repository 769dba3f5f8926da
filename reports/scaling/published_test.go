package scaling_test

import (
	"testing"

	"github.com/onset-eval/onset/reports/scaling"
)

// TestCoinFlip holds the claim of Wei et al. 2022 (arXiv 2201.11903, Table 5): LaMDA leaves chance at 68B
// with a chain of thought and at no size without.
func TestCoinFlip(t *testing.T) {
	curves := readCurves(t, "cot_curves.csv", "params")
	for _, task := range []string{"CoinFlip-2", "CoinFlip-3-OOD"} {
		cot := curves[curveKey{task, "LaMDA", "cot", 8, "accuracy"}]
		plain := curves[curveKey{task, "LaMDA", "standard", 8, "accuracy"}]
		if cot == nil || plain == nil {
			t.Fatalf("no LaMDA curves of %s", task)
		}
		a := scaling.Analyze(*cot, scaling.Options{})
		if a.Onset == nil || a.Onset.Below == nil || *a.Onset.Below != 8e9 || a.Onset.Above != 68e9 {
			t.Errorf("%s with a chain of thought: onset %+v, want (8B, 68B]", task, a.Onset)
		}
		if a := scaling.Analyze(*plain, scaling.Options{}); a.Onset != nil {
			t.Errorf("%s without: onset %+v, want none", task, a.Onset)
		}
	}
}

// TestPythiaAddition holds that few-shot addition appears between 1.4B and 2.8B parameters, although the 6.9B
// model is worse than the 2.8B one, and that zero-shot addition is no more than the start of an ability.
func TestPythiaAddition(t *testing.T) {
	curves := readCurves(t, "pythia_arithmetic_termfreq.csv", "params")
	for _, shots := range []int{2, 4, 8} {
		c := curves[curveKey{"arithmetic_addition", "pythia-deduped-v0(termfreq)", "standard", shots, "exact_match"}]
		if c == nil {
			t.Fatalf("no curve of %d-shot addition", shots)
		}
		a := scaling.Analyze(*c, scaling.Options{})
		if a.Onset == nil || a.Onset.Below == nil || *a.Onset.Below != 1414647808 || a.Onset.Above != 2775208960 {
			t.Errorf("%d-shot addition: onset %+v, want (1.4B, 2.8B]", shots, a.Onset)
		}
	}
}
