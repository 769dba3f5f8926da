package gpu_test

import (
	"errors"
	"testing"

	"pgregory.net/rapid"

	"github.com/onset-eval/onset/backends/local/gpu"
	"github.com/onset-eval/onset/backends/local/gpu/gputest"
)

// step takes buffers of the sizes given.
func step(t *testing.T, a *gpu.Arena, sizes ...int64) []gpu.Ptr {
	t.Helper()
	if err := a.Reset(); err != nil {
		t.Fatal(err)
	}
	var got []gpu.Ptr
	for _, n := range sizes {
		p, err := a.Take(n)
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, p)
	}
	return got
}

func TestArenaSettles(t *testing.T) {
	d := gputest.New(64 << 20)
	a := gpu.NewArena(d)
	sizes := []int64{100, 3 << 20, 0, 5 << 20, 1}
	step(t, a, sizes...)
	first := step(t, a, sizes...) // the second step brings the memory into one block
	generation := a.Generation()
	d.Forget()
	for range 5 {
		for i, p := range step(t, a, sizes...) {
			if p != first[i] {
				t.Fatalf("buffer %d moved from %#x to %#x", i, uint64(first[i]), uint64(p))
			}
		}
	}
	if len(d.Calls) != 0 || a.Generation() != generation {
		t.Errorf("the steady state calls the device:\n%v", d)
	}
	if first[2] != 0 || first[0]%gpu.Align != 0 || first[1] != first[0]+256 || first[3] != first[1]+3<<20 {
		t.Errorf("addresses %#x", first)
	}
	if want := int64(256 + 8<<20 + 256); a.Peak() != want {
		t.Errorf("peak %d, want %d", a.Peak(), want)
	}
	if err := a.Close(); err != nil || d.Used() != 0 || len(d.Leaks()) != 0 {
		t.Errorf("after Close: %v, %v", err, d.Leaks())
	}
}

func TestArenaReserve(t *testing.T) {
	d := gputest.New(64 << 20)
	a := gpu.NewArena(d)
	if err := a.Reserve(10 << 20); err != nil {
		t.Fatal(err)
	}
	generation := a.Generation()
	step(t, a, 4<<20, 6<<20)
	if err := a.Reserve(9 << 20); err != nil || a.Generation() != generation || a.Bytes() != 10<<20 {
		t.Errorf("reserving less than there is changes it: %d bytes, error %v", a.Bytes(), err)
	}
	if err := a.Reserve(12 << 20); err != nil || a.Generation() == generation || d.Used() != 12<<20 {
		t.Errorf("%d bytes on the device, error %v", d.Used(), err)
	}
}

func TestArenaMarks(t *testing.T) {
	d := gputest.New(64 << 20)
	a := gpu.NewArena(d)
	step(t, a, 1<<20)
	m := a.Mark()
	first, _ := a.Take(3 << 20) // another block
	a.Release(m)
	second, _ := a.Take(3 << 20)
	if first == 0 || first != second {
		t.Errorf("buffers after the same mark are %#x and %#x", first, second)
	}
	if a.Peak() != 4<<20 {
		t.Errorf("peak %d", a.Peak())
	}
}

func TestArenaOutOfMemory(t *testing.T) {
	d := gputest.New(9 << 20)
	a := gpu.NewArena(d)
	step(t, a, 6<<20)
	// Half as much again is 3 MiB and fits; then a further MiB does not.
	if _, err := a.Take(1 << 20); err != nil {
		t.Fatal(err)
	}
	_, err := a.Take(4 << 20)
	var oom *gpu.OutOfMemory
	if !errors.As(err, &oom) || oom.Asked != 4<<20 {
		t.Errorf("error %v", err)
	}
	// One block instead of two fits only because the old ones go first.
	if err := a.Reset(); err != nil || a.Bytes() != 9<<20 {
		t.Errorf("%d bytes, error %v", a.Bytes(), err)
	}
	e := gputest.New(8 << 20)
	b := gpu.NewArena(e)
	step(t, b, 6<<20)
	if _, err := b.Take(1 << 20); err != nil || e.Used() != 7<<20 {
		t.Errorf("what is needed fits and half as much again does not: %v, %d bytes", err, e.Used())
	}
}

// TestArenaBuffersAreApart holds that buffers of one step never overlap, lie within allocations, and are aligned.
func TestArenaBuffersAreApart(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := gputest.New(1 << 30)
		a := gpu.NewArena(d)
		for range rapid.IntRange(1, 4).Draw(t, "steps") {
			if err := a.Reset(); err != nil {
				t.Fatal(err)
			}
			taken := map[gpu.Ptr]int64{}
			for _, n := range rapid.SliceOfN(rapid.Int64Range(1, 3<<20), 1, 12).Draw(t, "sizes") {
				p, err := a.Take(n)
				if err != nil {
					t.Fatal(err)
				}
				d.At(p, n)
				if p%gpu.Align != 0 {
					t.Fatalf("%#x is not aligned", uint64(p))
				}
				for q, m := range taken {
					if p < q.Add(m) && q < p.Add(n) {
						t.Fatalf("%d bytes at %#x overlap %d at %#x", n, uint64(p), m, uint64(q))
					}
				}
				taken[p] = n
			}
		}
	})
}
