// Package peak measures what the machine can do at most, for speeds to be stated as a share of it: multiply-adds in
// float32 out of registers, and reading memory that no cache holds.
//
// Each measurement is the best of short runs, which other work on the machine disturbs least. A virtual machine's peak
// changes with its neighbours, so it is to be taken beside what is compared with it.
package peak

import (
	"strings"
	"sync"
	"time"
)

// The lengths of one run: about a millisecond of multiply-adds, and more bytes than caches hold.
const (
	fmaLoops  = 1 << 17
	readBytes = 256 << 20
	runs      = 12
)

// FMA measures float32 operations a second, two for each multiply-add, on as many threads at once, with the
// instructions of a kernel set ("avx2", "avx512", "neon"). It is 0 where the set has none of its own.
func FMA(set string, threads int) float64 {
	set, _, _ = strings.Cut(set, "+") // what a wrapper adds
	loop, flops := fmaLoop(set)
	if loop == nil {
		return 0
	}
	best := 0.0
	for range runs {
		best = max(best, rate(threads, float64(fmaLoops*flops), func(int) { loop(fmaLoops) }))
	}
	return best
}

// Read measures the bytes a second that threads read together from memory, a part of 256 MiB each.
func Read(threads int) float64 {
	buf := make([]byte, readBytes)
	for i := range buf {
		buf[i] = byte(i)
	}
	part := readBytes / threads &^ 4095
	best := 0.0
	for range runs {
		best = max(best, rate(threads, float64(part), func(t int) { read(buf[t*part : (t+1)*part]) }))
	}
	return best
}

// rate is the work a second of threads that each do some at once.
func rate(threads int, work float64, run func(thread int)) float64 {
	var ready, done sync.WaitGroup
	start := make(chan time.Time)
	ready.Add(threads)
	for t := range threads {
		done.Go(func() {
			ready.Done()
			<-start
			run(t)
		})
	}
	ready.Wait()
	began := time.Now()
	close(start)
	done.Wait()
	return work * float64(threads) / time.Since(began).Seconds()
}

// readGo reads in portable Go, four words a step.
func readGo(buf []byte) uint64 {
	var a, b, c, d uint64
	for len(buf) >= 32 {
		a += word(buf)
		b += word(buf[8:])
		c += word(buf[16:])
		d += word(buf[24:])
		buf = buf[32:]
	}
	return a + b + c + d
}

func word(b []byte) uint64 {
	_ = b[7]
	return uint64(b[0]) | uint64(b[1])<<8 | uint64(b[2])<<16 | uint64(b[3])<<24 |
		uint64(b[4])<<32 | uint64(b[5])<<40 | uint64(b[6])<<48 | uint64(b[7])<<56
}
