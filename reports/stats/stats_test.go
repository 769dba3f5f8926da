package stats_test

import (
	"encoding/json"
	"errors"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/onset-eval/onset/reports/stats"
)

func near(t *testing.T, what string, got, want, tol float64) {
	t.Helper()
	if math.IsNaN(got) || math.Abs(got-want) > tol*max(1, math.Abs(want)) {
		t.Errorf("%s = %.17g, want %.17g", what, got, want)
	}
}

func TestProportion(t *testing.T) {
	// Origin: scipy 1.17.1, stats.binomtest(k, n).proportion_ci(0.95, "wilson" and "exact").
	tests := []struct{ k, n, wlo, whi, clo, chi float64 }{
		{0, 50, 0.0, 0.07134759913335872, 0.0, 0.07112173646420458},
		{7, 50, 0.06950833427016292, 0.26186193710585537, 0.05819170033997344, 0.26739600249700846},
		{50, 50, 0.9286524008666412, 1.0, 0.9288782635357954, 1.0},
		{131, 200, 0.5867558925905367, 0.7174020562325105, 0.5846927609896106, 0.7206345240284361},
		{3, 7, 0.1582198552514697, 0.7495416354723428, 0.09898827844243689, 0.81594843235993},
	}
	for _, c := range tests {
		w, e := stats.Wilson(c.k, c.n, 0), stats.ClopperPearson(c.k, c.n, 0.95)
		near(t, "Wilson lo", w.Lo, c.wlo, 1e-12)
		near(t, "Wilson hi", w.Hi, c.whi, 1e-12)
		near(t, "Clopper-Pearson lo", e.Lo, c.clo, 1e-9)
		near(t, "Clopper-Pearson hi", e.Hi, c.chi, 1e-9)
		if w.N != c.n || w.Method != "Wilson" || w.Level != 0.95 || !w.Contains(c.k/c.n) {
			t.Errorf("Wilson(%v, %v) = %+v", c.k, c.n, w)
		}
		if few := c.n < 100; errors.Is(errors.Join(w.Warnings...), stats.ErrFewData) != few {
			t.Errorf("Wilson(%v, %v) warns %v", c.k, c.n, w.Warnings)
		}
	}
}

func TestProportionOfBadInput(t *testing.T) {
	for _, c := range []struct {
		k, n float64
		want error
	}{{0, 0, stats.ErrNoData}, {3, 2, stats.ErrInput}, {-1, 2, stats.ErrInput}, {math.NaN(), 2, stats.ErrInput}, {1, math.Inf(1), stats.ErrInput}} {
		for _, e := range []stats.Estimate{stats.Wilson(c.k, c.n, 0), stats.ClopperPearson(c.k, c.n, 0)} {
			if !errors.Is(errors.Join(e.Warnings...), c.want) || e.Lo != 0 || e.Hi != 1 {
				t.Errorf("%s(%v, %v) = %+v, want the whole range and %v", e.Method, c.k, c.n, e, c.want)
			}
		}
	}
}

func TestBinomialTails(t *testing.T) {
	// Origin: scipy 1.17.1, stats.binom.sf(k-1, n, p) and stats.binom.cdf(k, n, p).
	tests := []struct{ k, n, p, upper, lower float64 }{
		{8, 50, .1, 0.12214508360127836, 0.9421327942819058},
		{66, 104, .5, 0.0038998080924446833, 0.9978837265771954},
		{1, 100, .0067, 0.4894438085747293, 0.8549361856414506},
		{5000, 10000, .49, 0.023281712519269027, 0.9777976478701199},
		{200, 5000, .02, 3.346147474988865e-19, 1},
	}
	for _, c := range tests {
		u := stats.BinomialUpper(c.k, c.n, c.p)
		if math.Abs(u/c.upper-1) > 1e-9 {
			t.Errorf("upper tail of %v = %v", c, u)
		}
		near(t, "lower tail", stats.BinomialLower(c.k, c.n, c.p), c.lower, 1e-10)
	}
	// Origin: scipy 1.17.1, stats.beta.cdf(.3, 8.25, 20.5-8.25+1).
	near(t, "real counts", stats.BinomialUpper(8.25, 20.5, .3), 0.21661042805806377, 1e-12)
	if !math.IsNaN(stats.BinomialUpper(3, 2, .5)) || !math.IsNaN(stats.BinomialUpper(1, 2, 1.5)) {
		t.Error("a tail of impossible counts is a number")
	}
	near(t, "all or more", stats.BinomialUpper(0, 0, .5), 1, 0)
	near(t, "p=1", stats.BinomialUpper(5, 5, 1), 1, 0)
	near(t, "p=0", stats.BinomialUpper(1, 5, 0), 0, 0)
}

func TestAdjustedP(t *testing.T) {
	p := []float64{.01, .04, .03, math.NaN(), .005, .2, .5}
	// Origin: statsmodels 0.15.0, multipletests(method="holm" and "fdr_bh") of the six numbers.
	holm := []float64{.05, .12, .12, math.NaN(), .03, .4, .5}
	bh := []float64{.03, .06, .06, math.NaN(), .03, .24, .5}
	for i := range p {
		for name, pair := range map[string][2]float64{"Holm": {stats.Holm(p)[i], holm[i]}, "BH": {stats.BenjaminiHochberg(p)[i], bh[i]}} {
			if math.IsNaN(pair[0]) != math.IsNaN(pair[1]) || math.Abs(pair[0]-pair[1]) > 1e-12 {
				t.Errorf("%s[%d] = %v, want %v", name, i, pair[0], pair[1])
			}
		}
	}
}

func TestMeans(t *testing.T) {
	x := []float64{.2, .5, .1, .9, .4, .7, .3, .8, .6, .35}
	e := stats.Mean(x, 0)
	// Origin: scipy 1.17.1, stats.sem(x) and stats.t.interval(.95, 9, mean, sem).
	near(t, "mean", e.Value, 0.485, 1e-12)
	near(t, "stderr", e.StdErr, 0.08301606270274849, 1e-12)
	near(t, "lo", e.Lo, 0.29720461912967255, 1e-9)
	near(t, "hi", e.Hi, 0.6727953808703274, 1e-9)

	c := stats.ClusteredMean(x, []int{0, 0, 0, 1, 1, 2, 2, 3, 3, 3}, 0)
	// Origin: statsmodels 0.15.0, OLS(x, 1).fit(cov_type="cluster", groups), use_t; scipy's t with 3 degrees of freedom.
	near(t, "clustered stderr", c.StdErr, 0.09134915, 1e-7)
	near(t, "clustered lo", c.Lo, 0.19428624448157922, 1e-9)
	near(t, "clustered hi", c.Hi, 0.7757137555184208, 1e-9)
	if c.Clusters != 4 || !errors.Is(errors.Join(c.Warnings...), stats.ErrFewData) {
		t.Errorf("four clusters give %+v", c)
	}
	alone := stats.ClusteredMean(x, []int{0, 1, 2, 3, 4, 5, 6, 7, 8, 9}, 0)
	near(t, "one in each cluster", alone.StdErr, e.StdErr, 1e-12)
}

func TestMeansOfTooLittle(t *testing.T) {
	for _, c := range []struct {
		name string
		e    stats.Estimate
		want error
	}{
		{"nothing", stats.Mean(nil, 0), stats.ErrNoData},
		{"one", stats.Mean([]float64{3}, 0), stats.ErrFewData},
		{"equal", stats.Mean([]float64{1, 1, 1}, 0), stats.ErrNoVariation},
		{"not a number", stats.Mean([]float64{1, math.NaN()}, 0), stats.ErrInput},
		{"one cluster", stats.ClusteredMean([]float64{1, 2}, []string{"a", "a"}, 0), stats.ErrFewData},
	} {
		if !errors.Is(errors.Join(c.e.Warnings...), c.want) {
			t.Errorf("mean of %s warns %v, want %v", c.name, c.e.Warnings, c.want)
		}
	}
}

func TestPaired(t *testing.T) {
	// Origin: scipy 1.17.1, stats.binomtest(b, b+c, .5).pvalue.
	for _, c := range []struct {
		b, c int
		p    float64
	}{{10, 2, 0.03857421875}, {3, 3, 1}, {0, 7, 0.015625}, {25, 14, 0.10812902140605732}, {0, 0, 1}} {
		near(t, "McNemar", stats.McNemar(c.b, c.c).P, c.p, 1e-12)
	}
	a, b := []float64{1, 1, 0, 1, 1}, []float64{0, 1, 0, 0, 1}
	near(t, "difference", stats.PairedDiff(a, b, 0).Value, 0.4, 1e-12)
	// √(0.3/5): the differences 1 0 0 1 0 have variance 0.3.
	near(t, "its stderr", stats.PairedDiff(a, b, 0).StdErr, math.Sqrt(.3/5), 1e-12)
	// ⌈(1.959964+0.841621)² / 0.1²⌉, by hand from the normal table.
	near(t, "items", stats.PairedItems(.1, 1, .05, .8), 785, 0)
}

func TestPassAtK(t *testing.T) {
	// Origin: 1 - C(n-c,k)/C(n,k) by Python's math.comb: 1-comb(7,2)/comb(10,2), 1-comb(190,100)/comb(200,100).
	near(t, "pass@2", stats.PassAtK(10, 3, 2), 1-21.0/45, 1e-12)
	near(t, "pass@1", stats.PassAtK(10, 3, 1), .3, 1e-12)
	near(t, "pass@8", stats.PassAtK(10, 3, 8), 1, 0)
	near(t, "pass of none", stats.PassAtK(10, 0, 5), 0, 0)
	if !math.IsNaN(stats.PassAtK(3, 1, 4)) {
		t.Error("pass@4 of three draws is a number")
	}
	e := stats.MeanPassAtK([]stats.Draws{{N: 10, Correct: 3}, {N: 10, Correct: 0}, {N: 1, Correct: 1}}, 2, 0)
	near(t, "mean pass@2", e.Value, (1-21.0/45)/2, 1e-12)
	if e.N != 2 || !errors.Is(errors.Join(e.Warnings...), stats.ErrFewData) {
		t.Errorf("a sample with one draw is counted in pass@2: %+v", e)
	}
}

// TestMajAtK compares with the definition by enumeration of all subsets of draws.
func TestMajAtK(t *testing.T) {
	for _, c := range []struct {
		correct int
		wrong   []int
		k       int
	}{{5, []int{3, 2}, 1}, {5, []int{3, 2}, 3}, {4, []int{4}, 4}, {3, []int{3, 3, 1}, 5}, {2, []int{5, 1, 1}, 6}, {0, []int{4}, 2}, {4, nil, 3}} {
		near(t, "maj@k", stats.MajAtK(c.correct, c.wrong, c.k), enumerateMaj(c.correct, c.wrong, c.k), 1e-10)
	}
	if !math.IsNaN(stats.MajAtK(1, []int{1}, 3)) {
		t.Error("maj@3 of two draws is a number")
	}
}

func enumerateMaj(correct int, wrong []int, k int) float64 {
	var answers []int
	for range correct {
		answers = append(answers, 0)
	}
	for j, v := range wrong {
		for range v {
			answers = append(answers, j+1)
		}
	}
	sum, subsets := 0.0, 0.0
	for mask := range 1 << len(answers) {
		votes := make([]int, len(wrong)+1)
		size, top := 0, 0
		for i, a := range answers {
			if mask>>i&1 == 1 {
				size++
				votes[a]++
				top = max(top, votes[a])
			}
		}
		if size != k {
			continue
		}
		subsets++
		share := 0.0
		for _, v := range votes {
			if v == top {
				share++
			}
		}
		if votes[0] == top {
			sum += 1 / share
		}
	}
	return sum / subsets
}

func TestBootstrap(t *testing.T) {
	x := make([]float64, 200)
	rng := rand.New(rand.NewPCG(1, 2))
	for i := range x {
		x[i] = rng.NormFloat64()
	}
	mean := func(index []int) float64 {
		s := 0.0
		for _, i := range index {
			s += x[i]
		}
		return s / float64(len(index))
	}
	e := stats.Bootstrap(len(x), 4000, 0, rand.New(rand.NewPCG(3, 4)), mean)
	exact := stats.Mean(x, 0)
	near(t, "bootstrap mean", e.Value, exact.Value, 1e-12)
	near(t, "bootstrap stderr", e.StdErr, exact.StdErr, 0.005)
	near(t, "bootstrap lo", e.Lo, exact.Lo, 0.02)
	near(t, "bootstrap hi", e.Hi, exact.Hi, 0.02)
	again := stats.Bootstrap(len(x), 4000, 0, rand.New(rand.NewPCG(3, 4)), mean)
	if again.Lo != e.Lo || again.Hi != e.Hi {
		t.Error("the same source gives another interval")
	}
}

func TestWarningsJSON(t *testing.T) {
	data, err := json.Marshal(stats.Wilson(1, 2, 0))
	if err != nil {
		t.Fatal(err)
	}
	var back stats.Estimate
	if err := json.Unmarshal(data, &back); err != nil {
		t.Fatal(err)
	}
	if len(back.Warnings) != 1 || back.Warnings[0].Error() != "too few observations: 2 trials are under 100" {
		t.Errorf("%s reads back as %v", data, back.Warnings)
	}
}
