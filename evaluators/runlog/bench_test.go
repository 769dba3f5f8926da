package runlog

import (
	"context"
	"fmt"
	"runtime"
	"strings"
	"testing"
)

// big is a record of about 2 KB, as generated text makes them.
func big(i int) Record {
	r := record(i)
	r.Responses[0].Text = strings.Repeat("step by step, ", 110)
	return r
}

func BenchmarkAppend(b *testing.B) {
	for _, c := range []struct {
		name string
		make func(int) Record
	}{{"small", record}, {"2KB", big}} {
		b.Run(c.name, func(b *testing.B) {
			w := open(b, b.TempDir(), Options{KeepPlain: true})
			b.ReportAllocs()
			b.SetParallelism(32) // writers a processor, as a run has workers
			b.RunParallel(func(pb *testing.PB) {
				r := c.make(0)
				for i := 0; pb.Next(); i++ {
					r.Index = i
					if err := w.Write(context.Background(), r); err != nil {
						b.Error(err)
						return
					}
				}
			})
			closeWriter(b, w)
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "records/s")
		})
	}
}

func BenchmarkRead(b *testing.B) {
	for _, compressed := range []bool{false, true} {
		b.Run(fmt.Sprintf("compressed=%v", compressed), func(b *testing.B) {
			dir := b.TempDir()
			w := open(b, dir, Options{KeepPlain: !compressed})
			const n = 20000
			for i := range n {
				write(b, w, big(i))
			}
			closeWriter(b, w)
			for b.Loop() {
				got := 0
				for _, err := range Read(dir) {
					if err != nil {
						b.Fatal(err)
					}
					got++
				}
				if got != n {
					b.Fatalf("%d records", got)
				}
			}
			b.ReportMetric(float64(b.N)*n/b.Elapsed().Seconds(), "records/s")
		})
	}
}

// BenchmarkMillionKeys measures the memory that a resume of 1,000,000 records keeps.
func BenchmarkMillionKeys(b *testing.B) {
	for b.Loop() {
		var before, after runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&before)
		set := make(keySet)
		for i := range 1_000_000 {
			set.add(Key{Model: "m", Task: "t", Sample: fmt.Sprint(i)}.hash())
		}
		runtime.GC()
		runtime.ReadMemStats(&after)
		b.ReportMetric(float64(after.HeapAlloc-before.HeapAlloc)/1e6, "MB")
		if len(set) != 1_000_000 {
			b.Fatal("keys are equal")
		}
		runtime.KeepAlive(set)
	}
}
