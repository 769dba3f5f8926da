package figure

import (
	"encoding/csv"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// ladder is a page of two families, eight sizes and twelve facets; its values
// are a made-up logistic, so nothing here is a measurement.
func ladder() Figure {
	f := Figure{Title: "Where abilities appear", Columns: 4, Caption: "Accuracy against parameters for two families of eight models, n = 200 items each. Bars are 95 % Clopper-Pearson intervals; filled points are significantly above chance after Holm's correction within a curve. The bracket lies between the last model at chance and the first above it; scorer exact match, greedy decoding, seed 1."}
	for _, task := range []string{"mapping", "sums", "facts"} {
		for _, shots := range []string{"0 shots", "4 shots", "16 shots", "cot"} {
			p := Panel{Title: task + ", " + shots, XLabel: "parameters (no embedding)", YLabel: "accuracy", LogX: true, Baselines: []Baseline{{0.25, "chance (uniform)"}}}
			for fam := range 2 {
				s := Series{Name: []string{"seed A", "seed B"}[fam], Family: fam, Marker: Marker(fam), Onset: &Bracket{2e4, 6e4 * float64(fam+1)}}
				for i := range 8 {
					x := 1500 * math.Pow(2.53, float64(i))
					y := 0.24 + 0.01*float64(fam) + 0.6/(1+math.Exp(-4*(math.Log10(x)-4.9-0.2*float64(fam))))
					s.Points = append(s.Points, Point{x, y, y - 0.05, y + 0.06, i > 3, "m" + strconv.Itoa(i)})
				}
				p.Series = append(p.Series, s)
			}
			f.Panels = append(f.Panels, p)
		}
	}
	return f
}

// full has every part that a panel can have.
func full() Figure {
	f := ladder()
	f.Columns, f.Panels = 2, f.Panels[:2]
	for i := range f.Panels {
		for j := range f.Panels[i].Series {
			s := &f.Panels[i].Series[j]
			s.ChangePoint = Range{3e4, 1e5 * float64(j+1)}
			for _, q := range s.Points {
				s.Fit = append(s.Fit, XY{q.X, q.Y - 0.01})
			}
		}
		low := f.Panels[i]
		low.Title, low.YLabel, low.Baselines = "", "nats per answer", []Baseline{{2, "uniform"}}
		low.Series = nil
		for _, s := range f.Panels[i].Series {
			s.Onset, s.ChangePoint, s.Fit = nil, Range{}, nil
			pts := append([]Point(nil), s.Points...)
			for k := range pts {
				pts[k].Y, pts[k].Lo, pts[k].Hi = 3-2.5*pts[k].Y, math.NaN(), math.NaN()
			}
			s.Points = pts
			low.Series = append(low.Series, s)
		}
		f.Panels[i].Lower = &low
	}
	return f
}

func one(p Panel) Figure { return Figure{Panels: []Panel{p}} }

func points(xy ...float64) []Series {
	s := Series{Name: "family"}
	for i := 0; i+1 < len(xy); i += 2 {
		s.Points = append(s.Points, Point{xy[i], xy[i+1], xy[i+1] - .04, xy[i+1] + .04, i%4 == 0, "p" + strconv.Itoa(i/2)})
	}
	return []Series{s}
}

// crowded has the parts of a page of many families: names at the curves' ends,
// a reference, spans, notes and an inset.
func crowded() Figure {
	p := Panel{Title: "twelve families", XLabel: "parameters", YLabel: "accuracy", LogX: true, Inset: true,
		Baselines: []Baseline{{0, "chance"}}, References: []Baseline{{0.5, "human"}},
		Spans: []Span{{Name: "begins to help", Family: 2, Range: Range{1e7, 1e9}, At: 1e8}, {Name: "begins to help", Range: Range{1e6, math.NaN()}}},
		Notes: []Note{{"metric artefact, 0.5 [0.3, 0.7]", 1}}}
	for fam := range 12 {
		s := Series{Name: "family " + strconv.Itoa(fam), Family: fam}
		for i := range 6 {
			y := 0.001 * float64(i)
			if i > 3 {
				y = 0.1 * float64(i) * float64(fam%3+1) / 3
			}
			s.Points = append(s.Points, Point{math.Pow(10, 5+float64(i)), y, y, y + .01, i > 3, ""})
		}
		p.Series = append(p.Series, s)
	}
	return one(p)
}

// edges are drawable figures at the limits.
func edges() map[string]Figure {
	long := strings.Repeat("a very long title that never seems to end ", 6)
	many := Figure{Columns: 5}
	for i := range 40 {
		many.Panels = append(many.Panels, Panel{Title: "task " + strconv.Itoa(i), XLabel: "parameters", YLabel: "accuracy", LogX: true, Series: points(1e6, .1, 1e8, .3, 1e10, .8)})
	}
	return map[string]Figure{
		"ladder":  ladder(),
		"full":    full(),
		"many":    many,
		"single":  one(Panel{Title: "one point", XLabel: "training FLOPs (6ND)", YLabel: "accuracy", LogX: true, Series: points(1e19, .4)}),
		"equal":   one(Panel{Title: "all equal", XLabel: "parameters", YLabel: "accuracy", LogX: true, Series: points(1e6, .4, 1e6, .4)}),
		"narrow":  one(Panel{Title: "under one decade", XLabel: "parameters", YLabel: "accuracy", LogX: true, Series: points(1.3e9, .4, 1.5e9, .6, 1.7e9, .7)}),
		"halfdec": one(Panel{Title: "half a decade", XLabel: "parameters", YLabel: "accuracy", LogX: true, Series: points(2e6, .4, 7e6, .6)}),
		"flops":   one(Panel{Title: "10⁹ to 10²⁴ → é ≤ ⁰", XLabel: "training FLOPs (6ND)", YLabel: "accuracy", LogX: true, Series: points(1e9, .4, 3e19, .6, 1e24, 1)}),
		"loss":    one(Panel{Title: "linear axis, negative values", XLabel: "loss (nats)", YLabel: "log-likelihood", Series: points(1.5, -4, 2.5, -123.5, 3.5, -12)}),
		"long":    {Title: long, Caption: long + long, Columns: 3, Panels: []Panel{{Title: long, XLabel: long, YLabel: long, LogX: true, Baselines: []Baseline{{.5, long}}, Series: points(1e3, .4, 1e5, .6)}, {Title: strings.Repeat("x", 90), XLabel: "p", LogX: true, Series: []Series{{Name: long, Family: 3, Points: points(1e3, .4)[0].Points}}}}},
		"bad":     one(Panel{Title: "values that are no numbers", LogX: true, YLabel: "accuracy", XLabel: "parameters", Baselines: []Baseline{{math.NaN(), "chance"}}, Series: points(1e3, math.NaN(), math.Inf(1), .4, 1e5, math.Inf(-1), 1e6, .3, 1e7, .5)}),
		"empty":   one(Panel{Title: "no series", LogX: true}),
	}
}

func heat() Heatmap {
	h := Heatmap{Title: "Few-shot accuracy by size", Caption: "n = 200 items a cell.", XLabel: "parameters", YLabel: "shots", Cols: []string{"1.5k", "4k", "10k", "27k", "69k", "175k", "443k", "1.0M"}, Rows: []string{"0", "1", "2", "4", "16"}}
	for r := range h.Rows {
		var row []float64
		for c := range h.Cols {
			row = append(row, 1/(1+math.Exp(4-float64(c+r)*.8)))
		}
		h.Values = append(h.Values, row)
	}
	h.Values[0][0] = math.NaN()
	return h
}

// emergenceDir is where the published curves lie; the test skips without them.
func emergenceDir(t *testing.T) string {
	t.Helper()
	dir := os.Getenv("ONSET_SHARED")
	if dir == "" {
		dir = filepath.Join("..", "..", "..", "shared")
	}
	dir = filepath.Join(dir, "emergence")
	if _, err := os.Stat(dir); err != nil {
		t.Skipf("published curves are missing: %v", err)
	}
	return dir
}

// published reads series of one file, one per distinct value of the column by.
func published(t *testing.T, file, xcol, by string, want map[string]string) []Series {
	t.Helper()
	in, err := os.Open(filepath.Join(emergenceDir(t), file))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = in.Close() }()
	rows, err := csv.NewReader(in).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	col := map[string]int{}
	for i, h := range rows[0] {
		col[h] = i
	}
	index := map[string]int{}
	var out []Series
rows:
	for _, r := range rows[1:] {
		for k, v := range want {
			if !strings.Contains("|"+v+"|", "|"+r[col[k]]+"|") {
				continue rows
			}
		}
		x, err := strconv.ParseFloat(r[col[xcol]], 64)
		if err != nil {
			continue
		}
		y, _ := strconv.ParseFloat(r[col["score"]], 64)
		n, _ := strconv.ParseFloat(r[col["n"]], 64)
		se := 1.96 * math.Sqrt(y*(1-y)/n) // a normal interval is enough for a picture
		i, ok := index[r[col[by]]]
		if !ok {
			i = len(out)
			index[r[col[by]]] = i
			out = append(out, Series{Name: r[col[by]], Family: i, Marker: Marker(i)})
		}
		out[i].Points = append(out[i].Points, Point{x, y, max(0, y-se), min(1, y+se), y-se > 0.05, r[col["model"]]})
	}
	if len(out) == 0 {
		t.Fatalf("%s has no rows for %v", file, want)
	}
	return out
}

// sketch is the six panels of the specification's example.
func sketch(t *testing.T) Figure {
	t.Helper()
	params, acc := "non-embedding parameters", "accuracy (95 % CI)"
	chance := []Baseline{{0, "chance (assumed)"}}
	f := Figure{Caption: "Published curves. Bars are 95 % intervals."}
	for _, task := range []string{"word_sorting", "fact_checker", "qa_wikidata"} {
		s := published(t, "bigg_curves.csv", "params", "family", map[string]string{"task": task})
		s[0].Onset = &Bracket{2.7e10, 1.28e11}
		f.Panels = append(f.Panels, Panel{Title: "BIG-bench " + task + " (3-shot)", XLabel: params, YLabel: acc, LogX: true, Baselines: chance, Series: s[:1]})
	}
	svamp := published(t, "cot_curves.csv", "params", "prompt", map[string]string{"task": "SVAMP", "family": "LaMDA"})
	term := published(t, "pythia_arithmetic_termfreq.csv", "params", "shots", map[string]string{"task": "arithmetic_addition", "shots": "0|4", "step": "143000"})
	obs := published(t, "obsscaling_curves.csv", "train_flops", "family", map[string]string{"task": "arithmetic_3ds", "family": "Llama-2|Qwen1.5|Pythia|OPT|Falcon"})
	f.Panels = append(f.Panels,
		Panel{Title: "SVAMP, standard vs CoT", XLabel: "parameters", YLabel: acc, LogX: true, Baselines: chance, Series: svamp},
		Panel{Title: "Arithmetic addition (Pythia)", XLabel: "parameters", YLabel: acc, LogX: true, Baselines: chance, Series: term},
		Panel{Title: "3-digit subtraction (2-shot)", XLabel: "training FLOPs (6ND)", YLabel: acc, LogX: true, Baselines: chance, Series: obs})
	return f
}
