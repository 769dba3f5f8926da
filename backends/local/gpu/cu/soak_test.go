//go:build cuda

package cu

import (
	"bytes"
	"errors"
	"flag"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/onset-eval/onset/backends/local/gpu"
)

var soak = flag.Duration("soak", time.Second, "how long TestSoak mixes allocations, copies, launches, events and graphs")

// TestSoak mixes everything that a run does with a device, checks every byte that comes back, and holds that the device has as
// much memory at the end as at the beginning. On a card that others use too, their allocations show in it.
func TestSoak(t *testing.T) {
	d := openFirst(t)
	k := newAxpy(t, d, 4096)
	side, err := d.NewStream()
	fatal(t, err)
	staging := gpu.NewFixedStaging(d, 0, 2)
	overlapped, err := gpu.NewStaging(d, 0, 3)
	fatal(t, err)
	results := gpu.NewResults(d, 0, 2)
	arena := gpu.NewArena(d)
	random := rand.New(rand.NewPCG(1, 2))
	step := func() {
		e, err := d.Record(0)
		fatal(t, errors.Join(err, d.Wait(side, e), k.launch(side)))
		back, err := d.Record(side)
		fatal(t, errors.Join(err, d.Wait(0, back)))
		d.Release(e)
		d.Release(back)
		for _, s := range []*gpu.Staging{staging, overlapped} {
			stepThrough(t, d, s, arena, results, random)
		}
		p, err := d.Alloc(1 + random.Int64N(1<<20))
		fatal(t, err)
		pinned, err := d.Pinned(1 + random.IntN(1<<16))
		fatal(t, err)
		g, err := d.Capture(0, func() error {
			return errors.Join(k.launch(0), d.Zero(p, 1, 0), d.ToDevice(k.x, pinned[:1], 0))
		})
		fatal(t, errors.Join(err, d.Replay(g, 0), d.Replay(g, 0)))
		d.DropGraph(g)
		fatal(t, errors.Join(d.Free(p), d.FreePinned(pinned), d.Synchronize(0)))
	}
	for range 50 { // what grows has grown
		step()
	}
	fatal(t, d.Synchronize(side))
	before, _, err := d.Memory()
	fatal(t, err)
	events, count := len(d.events.all), 0
	for begin := time.Now(); time.Since(begin) < *soak; count++ {
		step()
	}
	fatal(t, d.Synchronize(side))
	after, _, err := d.Memory()
	fatal(t, err)
	if d.info.Emulated && after != before || after < before-64<<20 {
		t.Errorf("%s free before, %s after %d steps", gpu.Bytes(before), gpu.Bytes(after), count)
	}
	if len(d.events.all) != events || len(d.graphs) != 0 {
		t.Errorf("%d events of the driver, %d before; %d graphs", len(d.events.all), events, len(d.graphs))
	}
	fatal(t, errors.Join(staging.Close(), overlapped.Close(), results.Close(), arena.Close()))
	if len(d.allocs) != 2 || len(d.pinned) != 0 {
		t.Errorf("%d allocations and %d pinned buffers are left, want two of the kernel's", len(d.allocs), len(d.pinned))
	}
	t.Logf("%d steps", count)
}

// stepThrough sends random bytes through staging, copies them on the device, and checks what comes back.
func stepThrough(t *testing.T, d *device, s *gpu.Staging, arena *gpu.Arena, results *gpu.Results, random *rand.Rand) {
	t.Helper()
	b, err := s.Begin()
	fatal(t, err)
	n := 1 + random.IntN(50_000)
	host, in, err := b.Bytes(n)
	fatal(t, err)
	want := make([]byte, n)
	for i := range want {
		want[i] = byte(random.Uint32())
	}
	copy(host, want)
	fatal(t, errors.Join(b.Send(), arena.Reset()))
	p, err := arena.Take(int64(n))
	fatal(t, err)
	fatal(t, errors.Join(d.Copy(p, in.Ptr(), int64(n), 0), b.Done()))
	f, err := results.Fetch(p, n)
	fatal(t, err)
	got, err := f.Wait()
	fatal(t, err)
	if !bytes.Equal(got, want) {
		t.Fatalf("%d bytes came back otherwise", n)
	}
}
