package ladder_test

import (
	"errors"
	"testing"

	"github.com/onset-eval/onset/backends/local/ladder"
)

// TestLaddersOpen loads every checkpoint that ships and holds it against its ladder file.
func TestLaddersOpen(t *testing.T) {
	models := 0
	for _, name := range ladder.Ladders() {
		l, err := ladder.Load(name)
		if err != nil {
			t.Fatal(err)
		}
		last := 0.0
		for _, m := range l.Models {
			models++
			if m.Ref.Provider != ladder.Provider {
				t.Errorf("%s is %s", m.Name, m.Ref)
			}
			b, err := ladder.Open(t.Context(), m.Ref.Model)
			if err != nil {
				t.Fatal(err)
			}
			if info := b.Info(); float64(info.Params) != m.Scale.Params || info.Provider != ladder.Provider {
				t.Errorf("%s has %d parameters by its weights and %g by the ladder", m.Name, info.Params, m.Scale.Params)
			}
			if m.Scale.Params <= last {
				t.Errorf("%s is not larger than the model before it", m.Name)
			}
			last = m.Scale.Params
			if err := b.Close(); err != nil {
				t.Error(err)
			}
		}
	}
	if models != 16 {
		t.Errorf("%d models ship, want 16", models)
	}
}

func TestUnknown(t *testing.T) {
	for _, name := range []string{"seed0", "seed0/s9", "../seed0/s0", "", "seed0/s0/config.json"} {
		_, err := ladder.Open(t.Context(), name)
		var unknown *ladder.UnknownError
		if !errors.As(err, &unknown) || unknown.Hint() == "" {
			t.Errorf("%q gives %v, want an UnknownError", name, err)
		}
	}
}
