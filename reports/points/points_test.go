package points_test

import (
	"errors"
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/onset-eval/onset/reports/points"
	"github.com/onset-eval/onset/reports/scaling"
)

func read(t *testing.T, text string) points.Table {
	t.Helper()
	table, err := points.Read(strings.NewReader(text), "t.csv")
	if err != nil {
		t.Fatal(err)
	}
	return table
}

func curves(t *testing.T, text string, o points.Options) points.Set {
	t.Helper()
	set, err := points.Curves(read(t, text).Rows, o)
	if err != nil {
		t.Fatal(err)
	}
	return set
}

func TestRead(t *testing.T) {
	table := read(t, "\ufeffmodel,Task , params,family,score,n,k_correct,shots,style,chance,continuous,extra\n"+
		"a,sum,1e6,f,0.5,4,2,3,cot,0.25,-1.5,x\n"+
		"b,\"sum\",0.002B,f,,4,1,3,cot,0.25,,y\n"+
		"c,sum,-1,f,NaN,,,3,cot,,,z\n")
	if len(table.Rows) != 2 || len(table.Warnings) != 2 || !strings.Contains(table.Warnings[0], "1 lines have no score") {
		t.Fatalf("%d rows, warnings %q", len(table.Rows), table.Warnings)
	}
	a, b := table.Rows[0], table.Rows[1]
	if a.Task != "sum" || a.Scale.Params != 1e6 || a.Prompt != "cot" || a.Shots != 3 || a.K != 2 || a.Continuous != -1.5 || a.Line != 2 {
		t.Errorf("%+v", a)
	}
	if b.Score != 0.25 || b.Scale.Params != 2e6 || !math.IsNaN(b.Continuous) {
		t.Errorf("%+v", b)
	}
}

// TestReadErrors holds that bad tables are refused with place and remedy.
func TestReadErrors(t *testing.T) {
	tests := []struct{ name, text, want, hint string }{
		{"empty", "", "t.csv:1: the file is empty", "header"},
		{"no task", "score,params\n1,2\n", "t.csv:1: there is no column task", "header"},
		{"no score", "task,params,n\nx,1,2\n", "t.csv:1: there is no column score", "k_correct"},
		{"no scale", "task,score\nx,.5\n", "t.csv:1: no column says how large", "params"},
		{"twice", "task,score,value,params\nx,1,1,1\n", `"score" and "value" hold the same`, "keep one"},
		{"ragged", "task,score,params\nx,1\n", "t.csv:2: wrong number of fields", "quotes"},
		{"quote", "task,score,params\n\"x,1,2\n", "t.csv:", "quotes"},
		{"no number", "task,score,params\nx,half,1\n", `t.csv:2: score: "half" is not a number`, "0.25"},
		{"shots", "task,score,params,shots\nx,.5,1,few\n", `t.csv:2: shots: "few"`, "0 or 5"},
		{"count", "task,params,n,k_correct\nx,1,10,11\n", "t.csv:2: 11 of 10 items", "k_correct"},
		{"negative", "task,score,params,n\nx,.5,1,-3\n", "t.csv:2: n is -3", "items"},
		{"stderr", "task,score,params,stderr\nx,.5,1,-3\n", "t.csv:2: stderr is -3", "standard error"},
		{"no rows", "task,score,params\n", "t.csv:1: the table has no scores", "line"},
		{"no task name", "task,score,params\n,.5,1\n", "t.csv:2: the task is empty", "benchmark"},
	}
	for _, c := range tests {
		t.Run(c.name, func(t *testing.T) {
			_, err := points.Read(strings.NewReader(c.text), "t.csv")
			var e *points.Error
			if !errors.As(err, &e) || !strings.Contains(err.Error(), c.want) || !strings.Contains(e.Hint(), c.hint) {
				t.Errorf("error %v", err)
			}
		})
	}
}

const head = "task,family,model,params,train_tokens,score,n,k_correct,chance,shots,prompt,metric,stderr\n"

// TestCurves holds how rows become curves: by task, prompt, shots, metric and family, in that order.
func TestCurves(t *testing.T) {
	set := curves(t, head+
		"b,f,m1,1e6,,.5,10,5,.25,0,direct,acc,\n"+
		"a,f,m1,1e6,,.5,10,5,.25,0,cot,acc,\n"+
		"a,f,m2,1e7,,.6,10,6,.3,0,direct,acc,\n"+
		"a,f,m1,1e6,,.5,10,5,.25,0,direct,acc,\n"+
		"a,g,m1,1e6,,.5,10,5,.25,0,direct,acc,\n"+
		"a,f,m1,1e6,,.5,10,5,.25,4,direct,acc,\n", points.Options{})
	var names []string
	for _, c := range set.Curves {
		names = append(names, c.Name())
	}
	want := []string{"a, 0-shot direct, f", "a, 0-shot direct, g", "a, 4-shot direct, f", "a, 0-shot cot, f", "b, 0-shot direct, f"}
	if d := cmp.Diff(want, names); d != "" {
		t.Error(d)
	}
	c := set.Curves[0]
	if len(c.Points) != 2 || c.Axis != scaling.AxisParams || c.Baseline.Value != .3 || c.Points[0].Model != "m2" || c.Points[0].K != 6 {
		t.Errorf("%+v", c)
	}
}

// TestUnits holds what is read as a count, a share, a percentage, or none of them.
func TestUnits(t *testing.T) {
	tests := []struct {
		name, row         string
		n, k, score, se   float64
		perfect, baseline float64
	}{
		{"count", "t,f,m,1e6,,,10,4,.25,0,direct,acc,", 10, 4, .4, 0, 0, .25},
		{"share of n", "t,f,m,1e6,,.4,10,,.25,0,direct,acc,", 10, 4, .4, 0, 0, .25},
		{"share with its binomial error", "t,f,m,1e6,,.4,100,,.25,0,direct,acc,0.049", 100, 40, .4, 0, 0, .25},
		{"mean with another error", "t,f,m,1e6,,.4,100,,.25,0,direct,f1,0.02", 0, 0, .4, .02, 0, .25},
		{"percentage", "t,f,m,1e6,,40,,,25,0,direct,bleu,2", 0, 0, .4, .02, 0, .25},
		{"percentage and a share of chance", "t,f,m,1e6,,40,,,.25,0,direct,acc,2", 0, 0, .4, .02, 0, .25},
	}
	for _, c := range tests {
		t.Run(c.name, func(t *testing.T) {
			set := curves(t, head+c.row+"\n", points.Options{})
			got, p := set.Curves[0], set.Curves[0].Points[0]
			near := func(a, b float64) bool { return math.Abs(a-b) < 1e-12 }
			if !near(p.N, c.n) || !near(p.K, c.k) || !near(p.Score, c.score) || !near(p.StdErr, c.se) || got.Perfect != c.perfect || !near(got.Baseline.Value, c.baseline) {
				t.Errorf("%+v of %+v", p, got)
			}
		})
	}
	set := curves(t, head+"t,f,m,1e6,,12.5,,,,0,direct,word_perplexity,\n", points.Options{})
	if len(set.Curves) != 0 || len(set.Warnings) != 1 {
		t.Errorf("a perplexity became %+v, %q", set.Curves, set.Warnings)
	}
}

// TestCheckpoints holds that a model's training is a curve over tokens, and one point over params.
func TestCheckpoints(t *testing.T) {
	text := head
	for _, m := range []string{"small,1e6", "large,1e8"} {
		for _, tokens := range []string{"1e9", "1e10", "1e11"} {
			text += "t,f," + m + "," + tokens + ",.5,10,5,.25,0,direct,acc,\n"
		}
	}
	if set := curves(t, text, points.Options{}); len(set.Curves) != 1 || len(set.Curves[0].Points) != 2 || len(set.Warnings) != 1 || set.Rows[0][0].Scale.TrainTokens != 1e11 {
		t.Errorf("%+v", set)
	}
	set := curves(t, text, points.Options{Axis: scaling.AxisTokens})
	if len(set.Curves) != 2 || set.Curves[0].Family != "f/100M" || len(set.Curves[0].Points) != 3 || set.Curves[1].Points[0].X != 1e9 {
		t.Errorf("%+v", set.Curves)
	}
	one := curves(t, head+"t,f,m,1e6,1e9,.5,10,5,.25,0,direct,acc,\nt,f,m,1e6,1e10,.5,10,5,.25,0,direct,acc,\n", points.Options{})
	if c := one.Curves[0]; c.Axis != scaling.AxisTokens || len(c.Points) != 2 {
		t.Errorf("one model's training is %+v", c)
	}
}

func TestChoices(t *testing.T) {
	text := head + "a,f,m,1e6,,.5,10,5,.25,0,direct,acc,\nb,g,m,1e6,,.5,10,5,.25,0,direct,acc,\na,f,none,1,,.4,10,4,.25,0,direct,acc,\n"
	set := curves(t, text, points.Options{Tasks: []string{"a"}, BaselineModel: "none"})
	if len(set.Curves) != 1 || len(set.Curves[0].Points) != 1 || set.Curves[0].Baseline != (scaling.Baseline{Value: .4, Origin: "measured on none"}) {
		t.Errorf("%+v", set.Curves)
	}
	for _, o := range []points.Options{{Tasks: []string{"aa"}}, {Families: []string{"h"}}, {Metrics: []string{"x"}}, {BaselineModel: "x"}} {
		if _, err := points.Curves(read(t, text).Rows, o); err == nil {
			t.Errorf("%+v was found", o)
		}
	}
}

func TestPool(t *testing.T) {
	set := curves(t, head+"a,f,m,1e6,,.5,10,5,.25,0,direct,acc,\na,g,m,1e7,,.5,10,5,.25,0,direct,acc,\n", points.Options{Pool: true})
	if len(set.Curves) != 1 || set.Curves[0].Family != "2 families pooled" || set.Curves[0].Points[1].Family != "g" {
		t.Errorf("%+v", set.Curves)
	}
}

// TestCapability holds that models are ordered by the other tasks alone, in decades of their scale.
func TestCapability(t *testing.T) {
	text := head
	// Four tasks rise together with the decade of scale, and one falls.
	for i, params := range []string{"1e6", "1e7", "1e8", "1e9", "1e10"} {
		for _, task := range []string{"a", "b", "c", "d", "odd"} {
			k := 20 + 15*i
			if task == "odd" {
				k = 100 - k
			}
			text += strings.Join([]string{task, "f", "m" + params, params, "", "", "100", string(rune('0'+k/10)) + "0", "0", "0", "direct", "acc", ""}, ",") + "\n"
		}
	}
	set := curves(t, text, points.Options{Axis: scaling.AxisCapability, Tasks: []string{"a"}})
	if len(set.Curves) != 1 {
		t.Fatalf("%d curves, %q", len(set.Curves), set.Warnings)
	}
	for i, p := range set.Curves[0].Points {
		if math.Abs(p.X-float64(6+i)) > .3 {
			t.Errorf("%s has a capability of %.2f, want about %d", p.Model, p.X, 6+i)
		}
	}
	if set := curves(t, head+"a,f,m,1e6,,.5,10,5,.25,0,direct,acc,\n", points.Options{Axis: scaling.AxisCapability}); len(set.Curves) != 0 || len(set.Warnings) != 1 {
		t.Errorf("one model has a capability: %+v", set)
	}
}

func FuzzRead(f *testing.F) {
	f.Add(head + "a,f,m,1e6,,.5,10,5,.25,0,direct,acc,\n")
	f.Add("task,score,params\nx,1e308,1e-300\n")
	f.Add("task,score,params,k,n\nx,\"\n\",1,1,1\n")
	f.Fuzz(func(t *testing.T, text string) {
		table, err := points.Read(strings.NewReader(text), "t.csv")
		if err != nil {
			return
		}
		for _, axis := range append([]string{""}, points.Axes[:]...) {
			for _, pool := range []bool{false, true} {
				set, err := points.Curves(table.Rows, points.Options{Axis: axis, Pool: pool})
				if err != nil {
					t.Fatal(err)
				}
				for i, c := range set.Curves {
					if len(c.Points) != len(set.Rows[i]) {
						t.Fatalf("%d points of %d rows", len(c.Points), len(set.Rows[i]))
					}
					scaling.Analyze(c, scaling.Options{})
				}
			}
		}
	})
}
