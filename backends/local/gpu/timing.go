package gpu

import (
	"errors"
	"fmt"
	"slices"
	"time"
)

// Timing says how work on a device is timed. The zero value is right for a card.
type Timing struct {
	// Warm is how often the work is done before it is timed; 0 is 3.
	Warm int
	// Span is about how long each measurement runs; 0 is 10 ms.
	Span time.Duration
	// Most bounds how often the work is done in a measurement; 0 is 200.
	Most int
	// Rounds is the number of measurements; 0 is 5.
	Rounds int
}

func (t Timing) orDefault() Timing {
	for _, d := range []struct{ value, to *int }{{&t.Warm, new(3)}, {&t.Most, new(200)}, {&t.Rounds, new(5)}} {
		if *d.value <= 0 {
			*d.value = *d.to
		}
	}
	if t.Span <= 0 {
		t.Span = 10 * time.Millisecond
	}
	return t
}

// Measure times work that f enqueues in s, by events on the device, and returns the median of the measurements: the time of one
// f. A measurement is a graph of several f, since short kernels would wait for their launches; i counts them, so that f may
// take other memory each time and find none of it in a cache. Where f cannot be captured it is enqueued as it is.
func (t Timing) Measure(dev Device, s Stream, f func(i int) error) (time.Duration, error) {
	t = t.orDefault()
	for i := range t.Warm {
		if err := f(i); err != nil {
			return 0, err
		}
	}
	if err := dev.Synchronize(s); err != nil {
		return 0, err
	}
	once, err := elapsed(dev, s, func() error { return f(0) })
	if err != nil {
		return 0, err
	}
	count := max(1, min(t.Most, int(t.Span/max(once, time.Microsecond))))
	all := func() error {
		for i := range count {
			if err := f(i); err != nil {
				return err
			}
		}
		return nil
	}
	run := all
	if graph, err := dev.Capture(s, all); err == nil {
		defer dev.DropGraph(graph)
		run = func() error { return dev.Replay(graph, s) }
	}
	if err := run(); err != nil { // a graph's first replay uploads it
		return 0, err
	}
	var took []time.Duration
	for range t.Rounds {
		d, err := elapsed(dev, s, run)
		if err != nil {
			return 0, err
		}
		took = append(took, d)
	}
	slices.Sort(took)
	return max(1, took[len(took)/2]/time.Duration(count)), nil
}

// elapsed is the device's time for what f enqueues.
func elapsed(dev Device, s Stream, f func() error) (took time.Duration, err error) {
	from, err := dev.Record(s)
	if err != nil {
		return 0, err
	}
	defer dev.Release(from)
	if err := f(); err != nil {
		return 0, err
	}
	to, err := dev.Record(s)
	if err != nil {
		return 0, err
	}
	defer dev.Release(to)
	return dev.Elapsed(from, to)
}

// Peak is what a device was measured to do at most.
type Peak struct {
	// Product is the operations a second of the faster product of two square matrices in bf16, two for each multiply-add, and
	// By names what computed it: the library, or the own kernel. Own is that of the own kernels.
	Product float64 `json:"product_flops"`
	By      string  `json:"by"`
	Own     float64 `json:"own_product_flops"`
	// Copy is the bytes a second of a copy within the device's memory, those read and those written counted.
	Copy float64 `json:"copy_bytes_s"`
	// Size is the rows of the matrices, CopyBytes what was copied at once.
	Size      int   `json:"size"`
	CopyBytes int64 `json:"copy_bytes"`
}

// The sizes by which a card's peak is measured, and those for the stand-in.
const (
	peakSize      = 8192
	peakCopy      = 1 << 30
	stubPeakSize  = 64
	stubPeakBytes = 1 << 16
)

// MeasurePeak measures a device by products of random matrices with size rows and columns, 0 being 8192, and by a copy of a
// gibibyte. A device with less memory is measured by less. The stand-in for a driver does next to nothing, slowly.
func MeasurePeak(dev Device, size int) (p Peak, err error) {
	free, _, err := dev.Memory()
	if err != nil {
		return p, err
	}
	p.Size, p.CopyBytes = peakSize, peakCopy
	if dev.Info().Emulated {
		p.Size, p.CopyBytes = stubPeakSize, stubPeakBytes
	}
	if size > 0 {
		p.Size = size
	}
	for p.CopyBytes > 1<<20 && 2*p.CopyBytes > free/2 {
		p.CopyBytes /= 2
	}
	for p.Size > 256 && 6*int64(p.Size)*int64(p.Size) > free/2 {
		p.Size /= 2
	}
	if err := p.measureProducts(dev); err != nil {
		return p, fmt.Errorf("measure the device's matrix products: %w", err)
	}
	if err := p.measureCopy(dev); err != nil {
		return p, fmt.Errorf("measure the device's memory: %w", err)
	}
	return p, nil
}

// rented is device memory that is given back together.
type rented struct {
	dev Device
	all []Ptr
}

func (r *rented) take(bytes int64) (Ptr, error) {
	p, err := r.dev.Alloc(bytes)
	if err == nil {
		r.all = append(r.all, p)
	}
	return p, err
}

func (r *rented) free() error {
	var errs []error
	for _, p := range r.all {
		errs = append(errs, r.dev.Free(p))
	}
	return errors.Join(errs...)
}

func (p *Peak) measureProducts(dev Device) (err error) {
	ops, err := NewOps(dev, BF16)
	if err != nil {
		return err
	}
	memory := rented{dev: dev}
	defer func() { err = errors.Join(err, memory.free(), ops.Close()) }()
	n := int64(p.Size)
	var m [3]Ptr // x, w and y
	for i := range m {
		if m[i], err = memory.take(2 * n * n); err != nil {
			return err
		}
	}
	if err := errors.Join(FillRandom(dev, ops.Stream, m[0], 2*n*n), FillRandom(dev, ops.Stream, m[1], 2*n*n)); err != nil {
		return err
	}
	problem := LtProblem{X: m[0], W: m[1], Y: m[2], M: p.Size, N: p.Size, K: p.Size, LdX: p.Size, LdY: p.Size, T: BF16}
	rate := func(f func(i int) error) (float64, error) {
		took, err := Timing{Span: 50 * time.Millisecond}.Measure(dev, ops.Stream, f)
		return 2 * float64(n) * float64(n) * float64(n) / max(took.Seconds(), 1e-9), err
	}
	if !dev.Info().Emulated { // which takes long
		if err := ops.CheckProducts(); err != nil {
			return err
		}
	}
	tile := ops.tile(problem)
	p.Own, err = rate(func(int) error {
		ops.tileProduct(tile, problem, 0)
		return ops.Err()
	})
	p.Product, p.By = p.Own, tile.Kernel
	lt := dev.Lt()
	if err != nil || lt == nil {
		return err
	}
	vendor, err := rate(func(int) error { return lt.Matmul(problem, ops.Stream) })
	if err != nil {
		return dev.Synchronize(ops.Stream) // a product that the library refuses is not measured
	}
	if vendor > p.Product {
		p.Product, p.By = vendor, lt.Version()
	}
	return nil
}

func (p *Peak) measureCopy(dev Device) (err error) {
	memory := rented{dev: dev}
	defer func() { err = errors.Join(err, memory.free()) }()
	from, err := memory.take(p.CopyBytes)
	if err != nil {
		return err
	}
	to, err := memory.take(p.CopyBytes)
	if err != nil {
		return err
	}
	if err := FillRandom(dev, 0, from, p.CopyBytes); err != nil {
		return err
	}
	took, err := Timing{}.Measure(dev, 0, func(int) error { return dev.Copy(to, from, p.CopyBytes, 0) })
	p.Copy = 2 * float64(p.CopyBytes) / max(took.Seconds(), 1e-9)
	return err
}

// randomBytes is how much of what FillRandom writes is made: the rest repeats it.
const randomBytes = 8 << 20

// FillRandom fills device memory with random numbers in bf16, uniform in [-1, 1) and always the same; read as float32 they are
// about the same numbers. Zeros would be computed with faster, and hide what is not written.
func FillRandom(dev Device, s Stream, p Ptr, bytes int64) error {
	block := randomElements(BF16, int(min(bytes, randomBytes)+1)/2, 0)
	for at := int64(0); at < bytes; at += int64(len(block)) {
		if err := dev.ToDevice(p.Add(at), block[:min(int64(len(block)), bytes-at)], s); err != nil {
			return err
		}
	}
	return dev.Synchronize(s)
}
