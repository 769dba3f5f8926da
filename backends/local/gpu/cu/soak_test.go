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
	upload, err := gpu.NewUploader(d, side, 8<<10)
	fatal(t, err)
	random := rand.New(rand.NewPCG(1, 2))
	step := func() {
		e, err := d.Record(0)
		fatal(t, errors.Join(err, d.Wait(side, e), k.launch(side)))
		back, err := d.Record(side)
		fatal(t, errors.Join(err, d.Wait(0, back)))
		d.Release(e)
		d.Release(back)
		throughDevice(t, d, upload, side, random)
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
	fatal(t, upload.Close())
	if len(d.allocs) != 2 || len(d.pinned) != 2 {
		t.Errorf("%d allocations and %d pinned buffers are left, want two of the kernel's and two that other memory goes through",
			len(d.allocs), len(d.pinned))
	}
	t.Logf("%d steps", count)
}

// throughDevice uploads random bytes in the side stream, copies them in the first, and checks what comes back by memory that is
// pinned and by memory that is not.
func throughDevice(t *testing.T, d *device, upload *gpu.Uploader, side gpu.Stream, random *rand.Rand) {
	t.Helper()
	n := 1 + random.IntN(50_000)
	want := make([]byte, n)
	for i := range want {
		want[i] = byte(random.Uint32())
	}
	p, err := d.Alloc(int64(n))
	fatal(t, err)
	q, err := d.Alloc(int64(n))
	fatal(t, err)
	pinned, err := d.Pinned(n)
	fatal(t, err)
	fatal(t, upload.Upload(p, int64(n), func(to []byte, offset int64) error {
		copy(to, want[offset:])
		return nil
	}))
	there, err := d.Record(side)
	fatal(t, err)
	fatal(t, errors.Join(d.Wait(0, there), d.Copy(q, p, int64(n), 0), d.ToHost(pinned, q, 0)))
	d.Release(there)
	back, err := d.Record(0)
	fatal(t, err)
	got := make([]byte, n)
	fatal(t, errors.Join(d.ToHost(got, q, 0), d.Await(back)))
	d.Release(back)
	if !bytes.Equal(got, want) || !bytes.Equal(pinned, want) {
		t.Fatalf("%d bytes came back otherwise", n)
	}
	fatal(t, errors.Join(d.Free(p), d.Free(q), d.FreePinned(pinned)))
}
