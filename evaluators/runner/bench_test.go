package runner_test

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/sourcegraph/conc"

	"github.com/onset-eval/onset/backends"
	"github.com/onset-eval/onset/evaluators/runlog"
	"github.com/onset-eval/onset/evaluators/runner"
	"github.com/onset-eval/onset/tasks"
)

// BenchmarkMillionSamples runs a million scripted samples into a run directory and reports samples a second and the
// most memory that the heap held.
func BenchmarkMillionSamples(b *testing.B) {
	const n = 1_000_000
	dir := b.TempDir()
	writeMillion(b, dir, n)
	index, err := tasks.NewIndex(tasks.Source{FS: os.DirFS(dir)})
	if err != nil {
		b.Fatal(err)
	}
	cells, err := tasks.Suite{Name: "big", Entries: []tasks.Entry{{Task: "digit"}}}.Cells(index)
	if err != nil {
		b.Fatal(err)
	}
	p := runner.Plan{Cells: cells, Models: []backends.Model{{Name: "a"}}}
	for b.Loop() {
		runMillion(b, p, n)
	}
	b.ReportMetric(n*float64(b.N)/b.Elapsed().Seconds(), "samples/s")
}

func runMillion(b *testing.B, p runner.Plan, n int) {
	ctx, o := context.Background(), new(opener)
	infos, err := runner.Check(ctx, p, o)
	if err != nil {
		b.Fatal(err)
	}
	w, err := runlog.Open(filepath.Join(b.TempDir(), fmt.Sprint(b.N)), runlog.Options{})
	if err != nil {
		b.Fatal(err)
	}
	runtime.GC()
	watch := newHeapWatch()
	sum, err := runner.Run(ctx, p, infos, o, w, runner.Options{Observe: watch})
	if err != nil || sum.Recorded != n {
		b.Fatalf("%v, %+v", err, sum)
	}
	if err := w.Close(); err != nil {
		b.Fatal(err)
	}
	b.ReportMetric(watch.stop()/(1<<20), "peak-MiB")
}

func writeMillion(b *testing.B, dir string, n int) {
	f, err := os.Create(filepath.Join(dir, "digit.jsonl"))
	if err != nil {
		b.Fatal(err)
	}
	for i := range n {
		fmt.Fprintf(f, "{\"id\": \"%d\", \"q\": \"question %d\", \"a\": \"%d\"}\n", i, i, i%10)
	}
	if err := f.Close(); err != nil {
		b.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "digit.yaml"), []byte(digitTask), fs.FileMode(0o644)); err != nil {
		b.Fatal(err)
	}
}

// heapWatch samples the memory that the program holds from the system, every ten thousand records.
type heapWatch struct {
	ticks chan struct{}
	group conc.WaitGroup
	peak  uint64
	seen  int
}

func newHeapWatch() *heapWatch {
	w := &heapWatch{ticks: make(chan struct{}, 1)}
	w.group.Go(func() {
		for range w.ticks {
			w.seen++
			if w.seen%10_000 != 0 {
				continue
			}
			var m runtime.MemStats
			runtime.ReadMemStats(&m)
			w.peak = max(w.peak, m.Sys-m.HeapReleased)
		}
	})
	return w
}

func (w *heapWatch) ModelStarted(backends.Model, backends.Info) {}
func (w *heapWatch) Skipped(int)                                {}
func (w *heapWatch) Recorded(*runlog.Record)                    { w.ticks <- struct{}{} }

// stop gives the most bytes held.
func (w *heapWatch) stop() float64 {
	close(w.ticks)
	w.group.Wait()
	return float64(w.peak)
}
