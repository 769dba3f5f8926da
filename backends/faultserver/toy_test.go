package faultserver_test

import (
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/onset-eval/onset/backends"
	"github.com/onset-eval/onset/backends/faultserver"
)

func TestToy(t *testing.T) {
	toy, err := faultserver.NewToy()
	if err != nil {
		t.Fatal(err)
	}
	ids := toy.Encode("the cat sat on 12", true)
	var text strings.Builder
	for _, id := range ids {
		text.WriteString(toy.Text(id))
	}
	if ids[0] != faultserver.ToyBOS || text.String() != "the cat sat on 12" || len(ids) >= len("the cat sat on 12") {
		t.Errorf("%v is %q", ids, text.String())
	}
	sum := 0.0
	for _, lp := range toy.LogProbs(ids) {
		sum += math.Exp(lp)
	}
	if math.Abs(sum-1) > 1e-9 {
		t.Errorf("probabilities sum to %v", sum)
	}
	g := toy.Generate(ids, 8, nil, 0, 1)
	if len(g.IDs) != 8 || g.Stop != backends.StopLength || !slices.Equal(g.IDs, toy.Generate(ids, 8, nil, 0, 2).IDs) {
		t.Errorf("greedy: %+v", g)
	}
	before, _, _ := strings.Cut(g.Text, g.Text[3:5])
	if s := toy.Generate(ids, 8, []string{g.Text[3:5]}, 0, 1); s.Stop != backends.StopString || s.Text != before {
		t.Errorf("stopped: %+v of %q", s, g.Text)
	}
	if a, b := toy.Generate(ids, 8, nil, 1, 1), toy.Generate(ids, 8, nil, 1, 2); a.Text == b.Text {
		t.Errorf("two seeds give %q", a.Text)
	}
	if best := faultserver.Best(toy.LogProbs(ids), 2); best[0] != g.IDs[0] {
		t.Errorf("best %v, generated %v", best, g.IDs)
	}
}
