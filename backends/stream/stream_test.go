package stream_test

import (
	"testing"

	"github.com/onset-eval/onset/backends/stream"
)

func TestSeedSeparatesItsParts(t *testing.T) {
	seen := map[uint64]string{}
	for name, seed := range map[string]uint64{
		"base":            stream.Seed(1, "shots", "a", "b"),
		"other seed":      stream.Seed(2, "shots", "a", "b"),
		"other purpose":   stream.Seed(1, "draws", "a", "b"),
		"joined keys":     stream.Seed(1, "shots", "ab"),
		"moved boundary":  stream.Seed(1, "shots", "", "ab"),
		"purpose and key": stream.Seed(1, "shotsa", "b"),
	} {
		if other, ok := seen[seed]; ok {
			t.Errorf("%s and %s give the same seed", name, other)
		}
		seen[seed] = name
	}
	first, second := stream.Seed(1, "shots", "a"), stream.Seed(1, "shots", "a")
	if first != second {
		t.Error("equal arguments give different seeds")
	}
}

func TestRandIsRepeatable(t *testing.T) {
	a, b := stream.Rand(7, "p", "k"), stream.Rand(7, "p", "k")
	for i := range 100 {
		if x, y := a.Uint64(), b.Uint64(); x != y {
			t.Fatalf("draw %d: %d and %d", i, x, y)
		}
	}
}
