package gpu_test

import (
	"errors"
	"testing"

	"github.com/onset-eval/onset/backends/local/gpu"
	"github.com/onset-eval/onset/backends/local/gpu/gputest"
)

// TestUploader runs on a device that puts copies off, so that a buffer which is filled too early shows.
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
