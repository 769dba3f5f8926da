package pyrandom_test

import (
	"encoding/json"
	"os"
	"slices"
	"testing"

	"github.com/onset-eval/onset/tasks/pyrandom"
)

// The vectors are CPython's: testdata/vectors.py.
func TestDrawsAsPythonDoes(t *testing.T) {
	data, err := os.ReadFile("testdata/vectors.json")
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		Cases []struct {
			Seed    int64
			Words   []uint32
			Floats  []float64
			Below   [][2]int
			Samples []sample
			Shuffle []int
			Choices []int32
		}
	}
	if err := json.Unmarshal(data, &file); err != nil {
		t.Fatal(err)
	}
	if len(file.Cases) == 0 {
		t.Fatal("no cases")
	}
	for _, c := range file.Cases {
		r := pyrandom.New(c.Seed)
		for i, want := range c.Words {
			if got := r.Uint32(); got != want {
				t.Fatalf("seed %d, word %d: got %d, want %d", c.Seed, i, got, want)
			}
		}
		for i, want := range c.Floats {
			if got := r.Float64(); got != want {
				t.Fatalf("seed %d, float %d: got %v, want %v", c.Seed, i, got, want)
			}
		}
		for _, b := range c.Below {
			if got := r.Below(b[0]); got != b[1] {
				t.Fatalf("seed %d, below %d: got %d, want %d", c.Seed, b[0], got, b[1])
			}
		}
		for _, s := range c.Samples {
			if got := r.Sample(s.n, s.k); !slices.Equal(got, s.want) {
				t.Fatalf("seed %d, %d of %d: got %v, want %v", c.Seed, s.k, s.n, got, s.want)
			}
		}
		got := make([]int, len(c.Shuffle))
		for i := range got {
			got[i] = i
		}
		r.Shuffle(len(got), func(i, j int) { got[i], got[j] = got[j], got[i] })
		if !slices.Equal(got, c.Shuffle) {
			t.Fatalf("seed %d: shuffled %v, want %v", c.Seed, got, c.Shuffle)
		}
		choices := make([]int32, len(c.Choices))
		r.Choices(choices, 1000)
		if !slices.Equal(choices, c.Choices) {
			t.Fatalf("seed %d: chose %v, want %v", c.Seed, choices, c.Choices)
		}
	}
}

type sample struct {
	n, k int
	want []int
}

func (s *sample) UnmarshalJSON(b []byte) error {
	return json.Unmarshal(b, &[]any{&s.n, &s.k, &s.want})
}

func BenchmarkChoices(b *testing.B) {
	r, out := pyrandom.New(0), make([]int32, 1000)
	for b.Loop() {
		r.Choices(out, len(out))
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*len(out)), "ns/draw")
}
