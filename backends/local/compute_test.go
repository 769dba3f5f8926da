package local

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/onset-eval/onset/backends/local/internal/kernels"
	"github.com/onset-eval/onset/backends/local/internal/randmodel"
)

// TestComputeBF16: bf16 gives the same numbers on every set of kernels, with any number of threads and from the packed
// cache; they are near those of f32 and not the same; and a checkpoint of any type can be computed so.
func TestComputeBF16(t *testing.T) {
	for _, dtype := range []string{"F32", "BF16", "F16"} {
		t.Run(dtype, func(t *testing.T) {
			dir := writeTiny(t, tinySize, randmodel.Options{DType: dtype})
			exact, _, plain := scores(t, dir, Options{})
			want, _, info := scores(t, dir, Options{Compute: "bf16"})
			if plain.Details["compute"] != "f32" || info.Details["compute"] != "bf16" {
				t.Errorf("compute is %q and %q", plain.Details["compute"], info.Details["compute"])
			}
			if same(want, exact) {
				t.Error("bf16 changes nothing")
			}
			for i := range want {
				if d := math.Abs(want[i].Sum - exact[i].Sum); !(d < 0.15*float64(want[i].Tokens)) {
					t.Errorf("continuation %d: %g, in f32 %g", i, want[i].Sum, exact[i].Sum)
				}
			}
			cache := t.TempDir()
			for _, set := range kernels.All() {
				for _, threads := range []int{1, 3} {
					o := Options{Compute: "bf16", Kernels: set.Name(), Threads: threads, CacheDir: cache, smallest: 1, apart: -1}
					if got, in, _ := scores(t, dir, o); !same(got, want) || in.Place != "disk" {
						t.Errorf("%s, %d threads, %s: %v, want %v", set.Name(), threads, in.Place, got, want)
					}
				}
			}
			if got, _, _ := scores(t, dir, Options{CacheDir: cache, smallest: 1}); !same(got, exact) {
				t.Error("the cache of bf16 changes f32")
			}
			if got, _, _ := scores(t, dir, Options{Compute: "f32"}); !same(got, exact) {
				t.Error("f32 is not what is without a word")
			}
		})
	}
}

func TestComputeIsChecked(t *testing.T) {
	dir := writeTiny(t, tinySize, randmodel.Options{})
	for _, compute := range []string{"fp8", "f16"} { // the second is for devices
		_, err := Open(context.Background(), dir, Options{Compute: compute})
		var hint *hintError
		if err == nil || !strings.Contains(fmt.Sprint(err), compute) || !errors.As(err, &hint) {
			t.Errorf("%s: %v", compute, err)
		}
	}
}
