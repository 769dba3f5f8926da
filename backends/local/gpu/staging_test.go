package gpu_test

import (
	"errors"
	"slices"
	"testing"

	"github.com/onset-eval/onset/backends/local/gpu"
	"github.com/onset-eval/onset/backends/local/gpu/gputest"
)

// reader makes a lazy device whose kernel "read" notes the n int32 at its first argument.
func reader(t *testing.T) (*gputest.Device, *[][]int32, func(gpu.Stream, gpu.Ptr, int)) {
	t.Helper()
	d := gputest.New(64 << 20)
	d.Lazy = true
	var seen [][]int32
	d.Kernels["read"] = func(d *gputest.Device, c gputest.Call) error {
		seen = append(seen, d.Ints(c.Ptr(0), c.Int(1)))
		return nil
	}
	f, err := d.Function("read")
	if err != nil {
		t.Fatal(err)
	}
	var a gpu.Args
	return d, &seen, func(s gpu.Stream, p gpu.Ptr, n int) {
		t.Helper()
		if err := d.Launch(f, gpu.D1(1), gpu.D1(1), 0, s, a.Reset().Ptr(p).Int(n).Words()); err != nil {
			t.Fatal(err)
		}
	}
}

func stagings(t *testing.T, d gpu.Device) map[string]*gpu.Staging {
	t.Helper()
	overlapped, err := gpu.NewStaging(d, 0, 2)
	if err != nil {
		t.Fatal(err)
	}
	return map[string]*gpu.Staging{"overlapped": overlapped, "fixed": gpu.NewFixedStaging(d, 0, 2)}
}

// TestStagingSteps sends many steps of two inputs without ever waiting itself, on a device that puts everything off: a step
// whose copy or computation were not waited for would see another step's numbers.
func TestStagingSteps(t *testing.T) {
	for _, name := range []string{"overlapped", "fixed"} {
		t.Run(name, func(t *testing.T) {
			d, seen, read := reader(t)
			s := stagings(t, d)[name]
			var want [][]int32
			for i := range 9 {
				b, err := s.Begin()
				if err != nil {
					t.Fatal(err)
				}
				n := 3 + i%4
				ints, in, err := gpu.Stage[int32](b, n)
				if err != nil {
					t.Fatal(err)
				}
				values := []int32{int32(-i), int32(i * i)}
				more, err := gpu.StageAll(b, values)
				if err != nil {
					t.Fatal(err)
				}
				for j := range ints {
					ints[j] = int32(100*i + j)
				}
				want = append(want, slices.Clone(ints), slices.Clone(values))
				if err := b.Send(); err != nil {
					t.Fatal(err)
				}
				clear(values) // was copied
				read(0, in.Ptr(), n)
				read(0, more.Ptr(), 2)
				if in.Ptr()%16 != 0 || more.Ptr()%16 != 0 {
					t.Errorf("inputs at %#x and %#x are not aligned", uint64(in.Ptr()), uint64(more.Ptr()))
				}
				if err := b.Done(); err != nil {
					t.Fatal(err)
				}
			}
			if err := d.Synchronize(0); err != nil {
				t.Fatal(err)
			}
			if !slices.EqualFunc(*seen, want, slices.Equal[[]int32]) {
				t.Errorf("kernels saw %v, want %v", *seen, want)
			}
			if err := s.Close(); err != nil || len(d.Leaks()) != 0 {
				t.Errorf("after Close: %v, %v", err, d.Leaks())
			}
		})
	}
}

// TestStagingGrows holds that a step larger than any before arrives whole, that the next such step is one copy and no
// allocation, and that addresses change only with the generation.
func TestStagingGrows(t *testing.T) {
	for _, name := range []string{"overlapped", "fixed"} {
		t.Run(name, func(t *testing.T) {
			d, seen, read := reader(t)
			s := stagings(t, d)[name]
			sizes := []int{10, 200 << 10, 1, 300 << 10, 7}
			var last []gpu.Ptr
			var generation uint64
			for i := range 6 {
				*seen = nil
				d.Forget()
				b, err := s.Begin()
				if err != nil {
					t.Fatal(err)
				}
				var ins []gpu.Input
				for k, n := range sizes {
					ints, in, err := gpu.Stage[int32](b, n)
					if err != nil {
						t.Fatal(err)
					}
					for j := range ints {
						ints[j] = int32(i + 10*k + 100*j)
					}
					ins = append(ins, in)
				}
				if err := b.Send(); err != nil {
					t.Fatal(err)
				}
				var at []gpu.Ptr
				for k, in := range ins {
					at = append(at, in.Ptr())
					read(0, in.Ptr(), sizes[k])
				}
				if err := b.Done(); err != nil {
					t.Fatal(err)
				}
				if err := d.Synchronize(0); err != nil {
					t.Fatal(err)
				}
				for k, got := range *seen {
					for j, x := range got {
						if x != int32(i+10*k+100*j) {
							t.Fatalf("step %d, input %d, element %d is %d", i, k, j, x)
						}
					}
				}
				if name == "fixed" && i > 0 && s.Generation() == generation && !slices.Equal(at, last) {
					t.Errorf("step %d: addresses moved in one generation", i)
				}
				last, generation = at, s.Generation()
				copies, others := 0, 0
				for _, c := range d.Calls {
					switch c.Op {
					case "todevice":
						copies++
					case "alloc", "pinned", "free", "freepinned":
						others++
					}
				}
				if i >= 4 && (copies != 1 || others != 0) {
					t.Errorf("step %d: %d copies, %d allocations\n%v", i, copies, others, d)
				}
			}
			if err := s.Close(); err != nil || len(d.Leaks()) != 0 {
				t.Errorf("after Close: %v, %v", err, d.Leaks())
			}
		})
	}
}

func TestStagingMisuse(t *testing.T) {
	panics := func(t *testing.T, what string, f func()) {
		t.Helper()
		defer func() {
			if recover() == nil {
				t.Errorf("%s: no panic", what)
			}
		}()
		f()
	}
	begin := func(s *gpu.Staging) *gpu.Batch {
		b, err := s.Begin()
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	d := gputest.New(64 << 20)
	s := gpu.NewFixedStaging(d, 0, 2)
	b := begin(s)
	in, err := gpu.StageAll(b, []uint64{1})
	if err != nil {
		t.Fatal(err)
	}
	panics(t, "an address before Send", func() { in.Ptr() })
	panics(t, "done before Send", func() { _ = b.Done() })
	if err := b.Send(); err != nil {
		t.Fatal(err)
	}
	panics(t, "sent twice", func() { _ = b.Send() })
	panics(t, "an input after Send", func() { _, _, _ = b.Bytes(1) })
	second := begin(s)
	panics(t, "sent before the last one is done", func() { _ = second.Send() })
	second.Cancel()
	panics(t, "begun before the slot is done", func() { begin(s) })
	panics(t, "no slots", func() { gpu.NewFixedStaging(d, 0, 0) })
	panics(t, "parts of elements", func() { gpu.ViewOf[int32](make([]byte, 7)) })
}

func TestStagingErrors(t *testing.T) {
	for _, op := range []string{"pinned", "alloc", "todevice", "record", "wait"} {
		d := gputest.New(64 << 20)
		s := stagings(t, d)["overlapped"]
		want := errors.New(op)
		d.FailAt(op, 1, want)
		err := func() error {
			b, err := s.Begin()
			if err != nil {
				return err
			}
			if _, err := gpu.StageAll(b, []int32{1}); err != nil {
				b.Cancel()
				return err
			}
			return b.Send()
		}()
		if !errors.Is(err, want) {
			t.Errorf("error of %s is %v", op, err)
		}
		if err := s.Close(); err != nil || len(d.Leaks()) != 0 {
			t.Errorf("%s: after Close: %v, %v", op, err, d.Leaks())
		}
	}
}

func TestUploader(t *testing.T) {
	for _, n := range []int64{0, 1, 511, 512, 513, 1024, 5000} {
		d := gputest.New(1 << 20)
		d.Lazy = true
		u, err := gpu.NewUploader(d, 0, 512)
		if err != nil {
			t.Fatal(err)
		}
		p, err := d.Alloc(6000)
		if err != nil {
			t.Fatal(err)
		}
		value := func(i int64) byte { return byte(i*7 + i>>8) }
		var pieces []int
		for range 2 { // the buffers are used again
			if err := u.Upload(p, n, func(to []byte, offset int64) error {
				pieces = append(pieces, len(to))
				for i := range to {
					to[i] = value(offset + int64(i))
				}
				return nil
			}); err != nil {
				t.Fatal(err)
			}
		}
		if err := d.Synchronize(0); err != nil {
			t.Fatal(err)
		}
		for i, x := range d.At(p, n) {
			if x != value(int64(i)) {
				t.Fatalf("%d bytes: byte %d is %d", n, i, x)
			}
		}
		if want := 2 * int((n+511)/512); len(pieces) != want {
			t.Errorf("%d bytes in %d pieces", n, len(pieces))
		}
		want := errors.New("fill")
		if err := u.Upload(p, 10, func([]byte, int64) error { return want }); !errors.Is(err, want) {
			t.Errorf("error %v", err)
		}
		if err := errors.Join(u.Close(), d.Free(p)); err != nil || len(d.Leaks()) != 0 {
			t.Errorf("after Close: %v, %v", err, d.Leaks())
		}
	}
}

func TestResults(t *testing.T) {
	d := gputest.New(1 << 20)
	d.Lazy = true
	next := int32(0)
	d.Kernels["count"] = func(d *gputest.Device, c gputest.Call) error {
		next++
		for i := range c.Int(1) {
			copy(d.At(c.Ptr(0).Add(int64(4*i)), 4), gpu.BytesOf([]int32{next}))
		}
		return nil
	}
	o, err := gpu.NewOps(d, gpu.F32)
	if err != nil {
		t.Fatal(err)
	}
	p := o.Scratch("out", 64<<10)
	r := gpu.NewResults(d, 0, 2)
	var waiting []gpu.Fetched
	for step := range 8 {
		n := 1 + step*step*100
		o.LaunchExact("count", gpu.D1(1), gpu.D1(1), 0, o.Args().Ptr(p).Int(n))
		f, err := r.Fetch(p, 4*n)
		if err != nil {
			t.Fatal(err)
		}
		if waiting = append(waiting, f); len(waiting) < 2 {
			continue
		}
		// The step before is looked at while this one is on its way.
		b, err := waiting[step-1].Wait()
		if err != nil {
			t.Fatal(err)
		}
		for _, x := range gpu.ViewOf[int32](b) {
			if x != int32(step) {
				t.Fatalf("step %d saw %d", step-1, x)
			}
		}
	}
	func() {
		defer func() {
			if recover() == nil {
				t.Error("an old result was handed out")
			}
		}()
		_, _ = waiting[0].Wait()
	}()
	// An error of a kernel comes out where its result is waited for.
	want := errors.New("kernel")
	d.Kernels["count"] = func(*gputest.Device, gputest.Call) error { return want }
	o.LaunchExact("count", gpu.D1(1), gpu.D1(1), 0, o.Args().Ptr(p).Int(1))
	f, err := r.Fetch(p, 4)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.Wait(); !errors.Is(err, want) {
		t.Errorf("error %v", err)
	}
}
