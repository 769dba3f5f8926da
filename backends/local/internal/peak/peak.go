// Package peak measures what the machine can do at most, for speeds to be stated as a share of it: multiply-adds in
// float32 out of registers, and reading memory that no cache holds.
//
// A virtual machine's peak changes with its neighbours, so it is to be taken beside what is compared with it. That of
// multiply-adds is the best of short runs, which other work on the machine disturbs least.
package peak

import (
	"strings"
	"sync"
	"time"
)

// One run of multiply-adds takes about a millisecond. Reading walks through more memory than caches hold, so that a part
// has left them when its turn comes again.
const (
	fmaLoops  = 1 << 17
	runs      = 16
	readBytes = 256 << 20
	readTime  = 200 * time.Millisecond
)

// Clock tells the time; nil is the time of day. Processor time suits one thread on a busy machine.
type Clock func() time.Duration

// FMA measures float32 operations a second, two for each multiply-add, on as many threads at once, with the
// instructions of a kernel set ("avx2", "avx512", "neon"). It is 0 where the set has none of its own.
func FMA(set string, threads int, clock Clock) float64 {
	set, _, _ = strings.Cut(set, "+") // what a wrapper adds
	loop, flops := fmaLoop(set)
	if loop == nil {
		return 0
	}
	best := 0.0
	for range runs {
		best = max(best, rate(clock, threads, float64(fmaLoops*flops), func(int) { loop(fmaLoops) }))
	}
	return best
}

// Read measures the bytes a second that threads read together from memory over a fifth of a second, each passing over a
// part of its own of 256 MiB. It is no best of short runs: on a shared machine memory is faster for a millisecond than
// it is for as long as a token takes, and slower for seconds, so this is to be taken just before and after what is held
// against it.
func Read(threads int, clock Clock) float64 {
	buf := make([]byte, readBytes)
	for i := range buf {
		buf[i] = byte(i)
	}
	part := readBytes / threads &^ 4095
	bytes, seconds := 0.0, 0.0
	for passes := 0; passes < 1 || seconds < readTime.Seconds() && passes < 1<<10; passes++ {
		r := rate(clock, threads, float64(part), func(t int) { read(buf[t*part : (t+1)*part]) })
		bytes += float64(part * threads)
		seconds += float64(part*threads) / r
	}
	return bytes / max(1e-9, seconds)
}

// rate is the work a second of threads that each do some at once.
func rate(clock Clock, threads int, work float64, run func(thread int)) float64 {
	if clock == nil {
		zero := time.Now()
		clock = func() time.Duration { return time.Since(zero) }
	}
	var ready, done sync.WaitGroup
	start := make(chan struct{})
	ready.Add(threads)
	for t := range threads {
		done.Go(func() {
			ready.Done()
			<-start
			run(t)
		})
	}
	ready.Wait()
	began := clock()
	close(start)
	done.Wait()
	return work * float64(threads) / (clock() - began).Seconds()
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
