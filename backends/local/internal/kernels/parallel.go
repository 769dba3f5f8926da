package kernels

import (
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"time"
)

// parts is what a Set offers so that its work can be shared out. The parts give the bits of the whole.
type parts interface {
	Set
	// panels computes outputs from ≤ n < to of Linear, of m rows, into dst, whose rows are ld apart and begin with
	// output from, a multiple of PanelWidth; to is another or w.N.
	panels(dst []float32, ld int, a []float32, m int, w Weight, from, to int)
	// attendHeads is Attend for the query heads from ≤ h < to, where dst's rows are Heads·Dim apart.
	attendHeads(dst, q []float32, ld int, rows []Query, a Attention, from, to int)
	// blockSum is the sum of a block of up to LogBlock logits.
	blockSum(x []float32) logSum
}

// Pool is a Set that shares the work of another among goroutines, over outputs, rows and heads and never over
// what is summed, so it gives the other's bits. Its methods may be called concurrently: a call that finds the
// workers busy does its work itself.
type Pool struct {
	parts
	workers int // with the caller

	busy   sync.Mutex // held by the call that the workers help
	task   atomic.Pointer[task]
	asleep atomic.Int32
	wake   chan struct{}
	done   sync.WaitGroup
	close  atomic.Bool
}

var _ Set = (*Pool)(nil)

// Parallel shares the work of a Set of this package among so many goroutines, callers included; 0 asks for
// GOMAXPROCS. The workers stay until Close. It panics if the Set cannot be shared out.
func Parallel(s Set, workers int) *Pool {
	p, ok := s.(parts)
	if !ok {
		panic(fmt.Sprintf("kernels: %s cannot be shared among workers", s.Name()))
	}
	if workers <= 0 {
		workers = runtime.GOMAXPROCS(0)
	}
	pool := &Pool{parts: p, workers: workers, wake: make(chan struct{}, workers)}
	for range workers - 1 {
		pool.done.Add(1)
		go pool.work()
	}
	return pool
}

// Workers is the number of goroutines that share a call's work, its caller included.
func (p *Pool) Workers() int { return p.workers }

// Close ends the workers and waits for them. The Set must not be in use, nor be used after.
func (p *Pool) Close() {
	p.close.Store(true)
	for range p.workers {
		select {
		case p.wake <- struct{}{}:
		default:
		}
	}
	p.done.Wait()
}

// task is one call's work in pieces.
type task struct {
	run    func(piece int)
	pieces int64
	next   atomic.Int64 // the first piece that nobody has taken
	left   atomic.Int64 // pieces not done
	done   chan struct{}
}

// help takes pieces until none is left.
func (t *task) help() {
	for {
		i := t.next.Add(1) - 1
		if i >= t.pieces {
			return
		}
		t.run(int(i))
		if t.left.Add(-1) == 0 {
			close(t.done)
		}
	}
}

// share runs a task's pieces on the workers and the caller.
func (p *Pool) share(pieces int, run func(piece int)) {
	if pieces <= 1 || p.workers == 1 || !p.busy.TryLock() {
		for i := range pieces {
			run(i)
		}
		return
	}
	defer p.busy.Unlock()
	t := &task{run: run, pieces: int64(pieces), done: make(chan struct{})}
	t.left.Store(int64(pieces))
	p.task.Store(t)
	for n := min(int(p.asleep.Load()), pieces-1); n > 0; n-- {
		select {
		case p.wake <- struct{}{}:
		default:
		}
	}
	t.help()
	for start := time.Now(); t.left.Load() > 0; {
		if time.Since(start) > spin {
			<-t.done
			break
		}
		runtime.Gosched()
	}
	p.task.Store(nil)
}

// spin is how long a goroutine looks for what it waits for before it sleeps: the gap between two kernels of a step
// is shorter, and waking takes about as long.
const spin = 20 * time.Microsecond

// work is a worker's life.
func (p *Pool) work() {
	defer p.done.Done()
	var last *task
	for {
		t := p.wait(last)
		if t == nil {
			return
		}
		t.help()
		last = t
	}
}

// wait gives the next task after last, nil at the end.
func (p *Pool) wait(last *task) *task {
	for {
		for start := time.Now(); time.Since(start) < spin; {
			if p.close.Load() {
				return nil
			}
			if t := p.task.Load(); t != nil && t != last {
				return t
			}
			runtime.Gosched()
		}
		p.asleep.Add(1)
		if t := p.task.Load(); (t == nil || t == last) && !p.close.Load() {
			<-p.wake
		}
		p.asleep.Add(-1)
	}
}
