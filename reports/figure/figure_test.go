package figure

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/xml"
	"errors"
	"flag"
	"image/png"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

var (
	update = flag.Bool("update", false, "rewrite the golden hashes")
	dump   = flag.String("dump", "", "directory to write every picture to, for looking at")
)

// parts counts the elements of each class and collects the texts.
func parts(t *testing.T, svg []byte) (map[string]int, []string) {
	t.Helper()
	count, texts := map[string]int{}, []string(nil)
	dec := xml.NewDecoder(bytes.NewReader(svg))
	for {
		tok, err := dec.Token()
		if errors.Is(err, io.EOF) {
			return count, texts
		}
		if err != nil {
			t.Fatalf("svg does not parse: %v", err)
		}
		el, ok := tok.(xml.StartElement)
		if !ok {
			continue
		}
		for _, a := range el.Attr {
			switch a.Name.Local {
			case "class":
				count[a.Value]++
			case "aria-label":
				texts = append(texts, a.Value)
			}
			if strings.Contains(a.Value, "NaN") || strings.Contains(a.Value, "Inf") {
				t.Errorf("attribute %s holds %q", a.Name.Local, a.Value)
			}
		}
	}
}

func write(t *testing.T, d *Drawing, format string) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := d.Write(&b, format); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func look(t *testing.T, name string, d *Drawing) {
	t.Helper()
	if *dump == "" {
		return
	}
	for _, f := range Formats() {
		if err := os.WriteFile(filepath.Join(*dump, name+"."+f), write(t, d, f), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

func TestEdgesDraw(t *testing.T) {
	for name, f := range edges() {
		t.Run(name, func(t *testing.T) {
			d, err := Draw(f, Options{})
			if err != nil {
				t.Fatal(err)
			}
			look(t, name, d)
			count, _ := parts(t, write(t, d, "svg"))
			want := len(f.Panels)
			for _, p := range f.Panels {
				if p.Lower != nil {
					want++
				}
			}
			if count["frame"] != want {
				t.Errorf("%d frames, want %d", count["frame"], want)
			}
			inside(t, d)
		})
	}
}

// inside fails when any stroke, fill or letter leaves the page.
func inside(t *testing.T, d *Drawing) {
	t.Helper()
	face, err := newTypeface()
	if err != nil {
		t.Fatal(err)
	}
	check := func(what string, x, y float64) {
		if x < 0 || y < 0 || x > d.Width || y > d.Height {
			t.Errorf("%s at %.1f,%.1f is outside the page of %.1f by %.1f", what, x, y, d.Width, d.Height)
		}
	}
	for _, o := range d.ops {
		for _, s := range o.path {
			if s.cmd == 'M' || s.cmd == 'L' {
				check(o.class, s.p[0].X, s.p[0].Y)
			}
		}
		if o.text == nil {
			continue
		}
		_, w := face.set(o.text.text, o.text.size)
		check(o.text.text, o.text.at.X, o.text.at.Y)
		if o.text.up {
			check(o.text.text, o.text.at.X, o.text.at.Y-w)
		} else {
			check(o.text.text, o.text.at.X+w, o.text.at.Y)
		}
	}
}

func TestLadderStructure(t *testing.T) {
	d, err := Draw(ladder(), Options{})
	if err != nil {
		t.Fatal(err)
	}
	count, texts := parts(t, write(t, d, "svg"))
	// 12 panels × 2 families × 8 models, of which the last 4 are filled.
	for class, want := range map[string]int{"marker filled": 96, "marker hollow": 96, "bar": 192, "cap": 384, "onset": 24, "onset-edge": 24, "baseline": 12, "frame": 12} {
		if count[class] != want {
			t.Errorf("%d elements of class %q, want %d", count[class], class, want)
		}
	}
	for _, want := range []string{"mapping, 0 shots", "10⁵", "seed A", "seed B", "chance (uniform) 0.25", "above chance"} {
		if !slices.Contains(texts, want) {
			t.Errorf("no text %q in %q", want, texts)
		}
	}
}

func TestSameBytes(t *testing.T) {
	for _, format := range Formats() {
		a, err := Draw(full(), Options{})
		if err != nil {
			t.Fatal(err)
		}
		b, _ := Draw(full(), Options{})
		if !bytes.Equal(write(t, a, format), write(t, b, format)) {
			t.Errorf("two %s files of one figure differ", format)
		}
	}
}

func TestGoldenHash(t *testing.T) {
	d, err := Draw(full(), Options{})
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(write(t, d, "svg"))
	got, path := hex.EncodeToString(sum[:])+"\n", filepath.Join("testdata", "full.svg.sha256")
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("svg hash is %s, want %s; look at the picture (-dump), then run with -update", got, want)
	}
}

func TestPNGIsNotBlank(t *testing.T) {
	d, err := Draw(ladder(), Options{DPI: 72})
	if err != nil {
		t.Fatal(err)
	}
	img, err := png.Decode(bytes.NewReader(write(t, d, "png")))
	if err != nil {
		t.Fatal(err)
	}
	seen := map[[3]uint32]bool{}
	for y := img.Bounds().Min.Y; y < img.Bounds().Max.Y; y++ {
		for x := img.Bounds().Min.X; x < img.Bounds().Max.X; x++ {
			r, g, b, _ := img.At(x, y).RGBA()
			seen[[3]uint32{r, g, b}] = true
		}
	}
	if len(seen) < 50 {
		t.Errorf("only %d colours", len(seen))
	}
}

func TestRefusals(t *testing.T) {
	for name, c := range map[string]struct {
		f    Figure
		o    Options
		want string
	}{
		"no panels":  {Figure{}, Options{}, "no panels"},
		"zero x":     {one(Panel{Title: "T", LogX: true, Series: points(0, .5)}), Options{}, `panel "T" series "family" point 1 "p0"`},
		"negative x": {one(Panel{Title: "T", LogX: true, Series: points(1, .5, -2, .5)}), Options{}, `point 2 "p1"`},
		"bad range":  {one(Panel{Title: "T", YRange: Range{1, 0}}), Options{}, "axis range"},
		"too narrow": {ladder(), Options{Width: 50}, "width"},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := Draw(c.f, c.o); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error is %v, want it to hold %q", err, c.want)
			}
		})
	}
	d, err := Draw(ladder(), Options{})
	if err != nil {
		t.Fatal(err)
	}
	if err := d.Write(io.Discard, "gif"); err == nil {
		t.Error("an unknown format is not an error")
	}
}

func TestWarnings(t *testing.T) {
	d, err := Draw(edges()["bad"], Options{})
	if err != nil {
		t.Fatal(err)
	}
	if len(d.Warnings) != 4 { // three points and one baseline
		t.Errorf("warnings are %q, want 4", d.Warnings)
	}
	crop := ladder()
	crop.Panels[0].YRange = Range{0, .3}
	if d, err = Draw(crop, Options{}); err != nil || len(d.Warnings) == 0 {
		t.Errorf("points outside a fixed range: error %v, warnings %q", err, d.Warnings)
	}
}

func TestSketch(t *testing.T) {
	d, err := Draw(sketch(t), Options{})
	if err != nil {
		t.Fatal(err)
	}
	look(t, "sketch", d)
	count, _ := parts(t, write(t, d, "svg"))
	if got := count["marker filled"] + count["marker hollow"]; got < 60 {
		t.Errorf("%d markers, want at least 60", got)
	}
}

func TestHeatmap(t *testing.T) {
	d, err := DrawHeatmap(heat(), Options{})
	if err != nil {
		t.Fatal(err)
	}
	look(t, "heatmap", d)
	inside(t, d)
	count, texts := parts(t, write(t, d, "svg"))
	if count["cell"] != 40 || !slices.Contains(texts, "–") {
		t.Errorf("%d cells, want 40, one of them missing", count["cell"])
	}
	for i := range 10 {
		a, b := ramp(float64(i)/10), ramp(float64(i+1)/10)
		if grey := func(r, g, b uint8) float64 { return .2126*float64(r) + .7152*float64(g) + .0722*float64(b) }; grey(b.R, b.G, b.B) >= grey(a.R, a.G, a.B) {
			t.Errorf("the scale does not darken at step %d", i)
		}
	}
	bad := heat()
	bad.Values = bad.Values[1:]
	if _, err := DrawHeatmap(bad, Options{}); err == nil {
		t.Error("a missing row is not an error")
	}
}

func TestRandomFiguresNeverPanic(t *testing.T) {
	value := rapid.OneOf(rapid.Float64(), rapid.Float64Range(0, 1), rapid.SampledFrom([]float64{0, math.NaN(), math.Inf(1), math.Inf(-1), 1e-320, math.MaxFloat64}))
	rapid.Check(t, func(r *rapid.T) {
		f := Figure{Title: rapid.String().Draw(r, "title"), Caption: rapid.String().Draw(r, "caption"), Columns: rapid.IntRange(-1, 4).Draw(r, "columns")}
		for range rapid.IntRange(0, 3).Draw(r, "panels") {
			p := Panel{Title: rapid.String().Draw(r, "panel"), XLabel: rapid.String().Draw(r, "x label"), LogX: rapid.Bool().Draw(r, "log")}
			p.Baselines = []Baseline{{value.Draw(r, "baseline"), rapid.String().Draw(r, "origin")}}
			for range rapid.IntRange(0, 3).Draw(r, "series") {
				s := Series{Name: rapid.String().Draw(r, "name"), Family: rapid.Int().Draw(r, "family"), Marker: Marker(rapid.Int().Draw(r, "marker"))}
				s.Onset = &Bracket{value.Draw(r, "below"), value.Draw(r, "above")}
				s.ChangePoint = Range{value.Draw(r, "cp low"), value.Draw(r, "cp high")}
				for range rapid.IntRange(0, 4).Draw(r, "points") {
					x := value.Draw(r, "x")
					if p.LogX && rapid.Bool().Draw(r, "positive") {
						x = math.Abs(x) + 1e-9
					}
					s.Points = append(s.Points, Point{x, value.Draw(r, "y"), value.Draw(r, "lo"), value.Draw(r, "hi"), rapid.Bool().Draw(r, "filled"), "p"})
					s.Fit = append(s.Fit, XY{value.Draw(r, "fx"), value.Draw(r, "fy")})
				}
				p.Series = append(p.Series, s)
			}
			f.Panels = append(f.Panels, p)
		}
		d, err := Draw(f, Options{})
		if err != nil {
			return
		}
		for _, format := range []string{"svg", "pdf"} {
			var b bytes.Buffer
			if err := d.Write(&b, format); err != nil {
				r.Fatal(err)
			}
			if format == "svg" && (strings.Contains(b.String(), "NaN\"") || strings.Contains(b.String(), " NaN")) {
				r.Fatal("a coordinate is not a number")
			}
		}
	})
}

// TestCrowded holds the parts that pages of many families have.
func TestCrowded(t *testing.T) {
	d, err := Draw(crowded(), Options{Width: 400})
	if err != nil {
		t.Fatal(err)
	}
	look(t, "crowded", d)
	inside(t, d)
	count, texts := parts(t, write(t, d, "svg"))
	for class, want := range map[string]int{"leader": 12, "reference": 1, "span": 1, "span-at": 1, "inset-frame": 1, "inset-marker hollow": 0} {
		if count[class] != want {
			t.Errorf("%d elements of class %q, want %d", count[class], class, want)
		}
	}
	for _, want := range []string{"family 11", "human", "begins to help", "metric artefact, 0.5 [0.3, 0.7]", "log y, 0 on the frame"} {
		if !slices.Contains(texts, want) {
			t.Errorf("no text %q in %q", want, texts)
		}
	}
	// The names keep apart.
	var ys []float64
	for _, o := range d.ops {
		if o.text != nil && strings.HasPrefix(o.text.text, "family ") {
			ys = append(ys, o.text.at.Y)
		}
	}
	slices.Sort(ys)
	for i := 1; i < len(ys); i++ {
		if ys[i]-ys[i-1] < textSize {
			t.Errorf("two names are %.1f points apart", ys[i]-ys[i-1])
		}
	}
	// An inset never hides data.
	f := crowded()
	f.Panels[0].Series[0].Points[0].Y = .9
	if d, err = Draw(f, Options{Width: 400}); err != nil {
		t.Fatal(err)
	}
	if count, _ = parts(t, write(t, d, "svg")); count["inset-frame"] != 0 {
		t.Error("an inset lies over a point")
	}
}

// TestTeX holds that the code for LaTeX has every point, and that text cannot break it.
func TestTeX(t *testing.T) {
	f := full()
	f.Title, f.Panels[0].Title = `50 % of \all {a_b} & #1 ~^$`, "10⁵ ≤ x"
	d, err := Draw(f, Options{})
	if err != nil {
		t.Fatal(err)
	}
	tex := string(write(t, d, "tex"))
	for text, want := range map[string]int{
		`\nextgroupplot`: 4, `+= (0,`: 2 * 2 * 2 * 8, `\fill[`: 4, "dashed, forget plot": 4, `\addlegendentry`: 2,
		`50 \% of \textbackslash{}all \{a\_b\} \& \#1 \textasciitilde{}\textasciicircum{}\$`: 1, `10\textsuperscript{5} $\leq$ x`: 1,
	} {
		if got := strings.Count(tex, text); got != want {
			t.Errorf("%q is there %d times, want %d", text, got, want)
		}
	}
	if open, closed := strings.Count(tex, "{")-strings.Count(tex, `\{`), strings.Count(tex, "}")-strings.Count(tex, `\}`); open != closed {
		t.Errorf("%d braces open and %d close", open, closed)
	}
}
