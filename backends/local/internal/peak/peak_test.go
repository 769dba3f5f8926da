package peak

import "testing"

// TestPeak sees that what is measured is of the size of a machine's of these years, for each set that it has.
func TestPeak(t *testing.T) {
	for _, set := range []string{"avx2", "avx512", "neon"} {
		loop, _ := fmaLoop(set)
		got := FMA(set, 1, nil)
		t.Logf("%s: %.1f GFLOP/s", set, got/1e9)
		if loop != nil && (got < 1e9 || got > 1e12) || loop == nil && got != 0 {
			t.Errorf("%s: %g operations a second", set, got)
		}
	}
	if got := FMA("generic", 1, nil); got != 0 {
		t.Errorf("the portable set has a peak of %g", got)
	}
	for _, threads := range []int{1, 2} {
		got := Read(threads, nil)
		t.Logf("%d threads read %.1f GB/s", threads, got/1e9)
		if got < 1e8 || got > 1e13 {
			t.Errorf("%d threads: %g bytes a second", threads, got)
		}
	}
}

func TestReadGo(t *testing.T) {
	if got := readGo([]byte{0: 1, 15: 1, 32: 9}); got != 1+1<<56 {
		t.Errorf("sum %x", got)
	}
}
