//go:build cuda

package cu

import (
	"testing"
)

// BenchmarkEnter is what every method costs beside the driver.
func BenchmarkEnter(b *testing.B) {
	d := openFirst(b)
	for b.Loop() {
		if err := d.enter("benchmark"); err != nil {
			b.Fatal(err)
		}
		d.leave()
	}
}

// BenchmarkLaunch is a launch of one block. On the driver's stand-in that includes running it.
func BenchmarkLaunch(b *testing.B) {
	d := openFirst(b)
	k := newAxpy(b, d, 1)
	for b.Loop() {
		if err := k.launch(0); err != nil {
			b.Fatal(err)
		}
	}
	fatal(b, d.Synchronize(0))
}

// BenchmarkReplay is a graph of a hundred launches.
func BenchmarkReplay(b *testing.B) {
	d := openFirst(b)
	k := newAxpy(b, d, 1)
	g, err := d.Capture(0, func() error {
		for range 100 {
			if err := k.launch(0); err != nil {
				return err
			}
		}
		return nil
	})
	fatal(b, err)
	for b.Loop() {
		fatal(b, d.Replay(g, 0))
	}
	fatal(b, d.Synchronize(0))
}

// BenchmarkEvent is an event's recording, waiting and release.
func BenchmarkEvent(b *testing.B) {
	d := openFirst(b)
	for b.Loop() {
		e, err := d.Record(0)
		fatal(b, err)
		fatal(b, d.Wait(0, e))
		d.Release(e)
	}
}

// BenchmarkToDevice copies 64 MiB from memory of both kinds.
func BenchmarkToDevice(b *testing.B) {
	const n = 64 << 20
	d := openFirst(b)
	p, err := d.Alloc(n)
	fatal(b, err)
	pinned, err := d.Pinned(n)
	fatal(b, err)
	for name, src := range map[string][]byte{"pinned": pinned, "other": make([]byte, n)} {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(n)
			for b.Loop() {
				fatal(b, d.ToDevice(p, src, 0))
				fatal(b, d.Synchronize(0))
			}
		})
	}
}
