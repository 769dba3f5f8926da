package scaling_test

import (
	"path/filepath"
	"testing"

	"github.com/onset-eval/onset/reports/scaling"
	"github.com/onset-eval/onset/reports/stats"
)

// judged is one task with the label that people gave it and what was measured of it.
type judged struct {
	task, label string
	scaling.Analysis
}

// bigBench analyses the BIG-G curves of tasks with 60 items at least.
func bigBench(t *testing.T) []judged {
	labels := map[string]string{}
	for _, r := range readRows(t, filepath.Join(published(t), "wei_appE_labels.csv")) {
		labels[r["bigbench_name"]] = r["label"]
	}
	var out []judged
	for key, c := range readCurves(t, "bigg_curves.csv", "params") {
		if label := labels[key.task]; label != "" && c.Points[0].N >= 60 {
			out = append(out, judged{key.task, label, scaling.Analyze(*c, scaling.Options{})})
		}
	}
	if len(out) < 20 {
		t.Fatalf("%d labelled tasks", len(out))
	}
	return out
}

// TestAgreement compares with the labels of Wei et al. 2022, appendix E: those emergent in GPT-3 or LaMDA should be
// emergent in BIG-G, the others not; those emergent in PaLM only should be flat, but for what PaLM's size adds.
func TestAgreement(t *testing.T) {
	var hits, wanted, claimed, smooth, smoothRight float64
	for _, j := range bigBench(t) {
		t.Logf("%-20s %-14s %s", j.label, j.Label, j.task)
		if j.label == "emergent_gpt3_lamda" {
			wanted++
		}
		if j.Label == scaling.Emergent {
			claimed++
			if j.label == "emergent_gpt3_lamda" {
				hits++
			}
		}
		if j.label == "smooth" {
			smooth++
			if j.Label == scaling.Smooth {
				smoothRight++
			}
		}
	}
	precision, recall, right := stats.Wilson(hits, claimed, 0), stats.Wilson(hits, wanted, 0), stats.Wilson(smoothRight, smooth, 0)
	t.Logf("emergent: precision %.2f [%.2f, %.2f], recall %.2f [%.2f, %.2f]; smooth found %.2f [%.2f, %.2f]",
		precision.Value, precision.Lo, precision.Hi, recall.Value, recall.Lo, recall.Hi, right.Value, right.Lo, right.Hi)
	if precision.Value < .7 || recall.Value < .7 || right.Value < .8 {
		t.Error("agreement is lower than was measured when the procedure was written down")
	}
}

// TestNaiveDetectors holds that breakthroughness alone, and a fixed rise over chance alone, agree less.
func TestNaiveDetectors(t *testing.T) {
	all := bigBench(t)
	var pairs, ordered, hits, claimed float64
	for _, a := range all {
		last, first := a.Points[len(a.Points)-1].Score, a.Points[0].Score
		if last-a.Baseline.Value >= .1 && first-a.Baseline.Value < .1 {
			claimed++
			if a.label == "emergent_gpt3_lamda" {
				hits++
			}
		}
		for _, b := range all {
			if a.label != "emergent_gpt3_lamda" || b.label == "emergent_gpt3_lamda" || b.label == "emergent_palm" {
				continue
			}
			pairs++
			switch {
			case a.BigBench.Breakthroughness > b.BigBench.Breakthroughness:
				ordered++
			case a.BigBench.Breakthroughness == b.BigBench.Breakthroughness:
				ordered += .5
			}
		}
	}
	t.Logf("breakthroughness: AUC %.2f; ten points over chance at the end and not at the start: precision %.2f, recall of 4: %v",
		ordered/pairs, hits/claimed, hits)
	if ordered/pairs > .95 || hits/claimed > .7 {
		t.Error("a naive detector does as well: the comparison says nothing")
	}
}

// TestTable1 holds the onsets that Wei et al. 2022, table 1, give for a chain of thought on word problems: LaMDA 68B.
func TestTable1(t *testing.T) {
	curves := readCurves(t, "cot_curves.csv", "params")
	for _, task := range []string{"SVAMP", "MAWPS"} {
		c := curves[curveKey{task, "LaMDA", "cot", 8, "accuracy"}]
		if c == nil {
			t.Fatalf("no curve of %s", task)
		}
		a := scaling.Analyze(*c, scaling.Options{})
		if a.Label != scaling.Emergent || a.Onset.Above != 68e9 {
			t.Errorf("%s: %s %+v, want an onset at 68B", task, a.Label, a.Onset)
		}
		palm := curves[curveKey{task, "PaLM", "cot", 8, "accuracy"}]
		if a := scaling.Analyze(*palm, scaling.Options{}); a.Label != scaling.Undetermined {
			t.Errorf("%s: three sizes of PaLM are labelled %s", task, a.Label)
		}
	}
}

// TestObservational holds the onsets of arithmetic over training compute: Pythia at the 2.8B model, abruptly.
func TestObservational(t *testing.T) {
	curves := readCurves(t, "obsscaling_curves.csv", "train_flops")
	for _, task := range []string{"arithmetic_3da", "arithmetic_3ds"} {
		a := scaling.Analyze(*curves[curveKey{task, "Pythia", "standard", 2, "acc"}], scaling.Options{})
		if a.Label != scaling.Emergent || a.Sharpness != scaling.Abrupt || a.Onset.AboveModel != "EleutherAI/pythia-2.8b-deduped" {
			t.Errorf("%s: %s %s %+v", task, a.Label, a.Sharpness, a.Onset)
		}
	}
}

// TestPriors holds that a hundred and more multiple-choice curves of small models, where a preferred letter moves
// the accuracy, yield few emergents, and fewer that both trainings of the family confirm.
func TestPriors(t *testing.T) {
	var curves []scaling.Curve
	for key, c := range readCurves(t, "pythia_v1_final.csv", "params") {
		if key.shots == 5 && key.metric == "acc" && len(key.task) > 14 && key.task[:14] == "hendrycksTest-" {
			curves = append(curves, *c)
		}
	}
	if len(curves) < 100 {
		t.Fatalf("%d curves", len(curves))
	}
	emergent, significant, replicated := 0, 0, 0
	for _, a := range scaling.AnalyzeAll(curves, scaling.Options{}) {
		if a.Label == scaling.Emergent {
			emergent++
			if a.Q < .05 {
				significant++
			}
			if a.Replication != nil && a.Replication.Same > 1 {
				replicated++
			}
		}
	}
	t.Logf("%d curves: %d emergent, %d of them significant among all, %d replicated", len(curves), emergent, significant, replicated)
	if emergent > 16 || replicated > 8 {
		t.Errorf("%d of %d curves are emergent, %d replicated", emergent, len(curves), replicated)
	}
}
