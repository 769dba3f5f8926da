//go:build cuda

package gpu_test

import (
	"encoding/binary"
	"testing"

	"github.com/onset-eval/onset/backends/local/gpu"
)

// elemBench is one kernel at a shape, and the bytes that it has to move.
type elemBench struct {
	name  string
	bytes int64 // of device memory, read and written
	run   func(o *gpu.Ops)
}

// benchRows is large enough that a row's neighbours do not wait in the cache for the next run: a hundred megabytes and more
// for most kernels.
const benchRows = 8192

// benchMemory makes scratch memory of numbers of a type, normal deviates: the same megabyte again and again.
func benchMemory(o *gpu.Ops, name string, count int64, typ gpu.DType) gpu.Ptr {
	size := count * int64(typ.Size())
	at := o.Scratch(name, size)
	data := toBytes(normal(elemRand(len(name)), 1<<20/typ.Size(), 1), typ)
	for from := int64(0); from < size && o.Err() == nil; from += int64(len(data)) {
		o.Fail(o.Dev.ToDevice(at.Add(from), data[:min(int64(len(data)), size-from)], o.Stream))
	}
	return at
}

// elemBenches are the kernels between the products of a layer of 4096, the shape of a model of 7 billion parameters, and of
// a head of 32000 outputs. index is [benchRows] of ascending rows.
func elemBenches(o *gpu.Ops, index, rows gpu.Ptr) []elemBench {
	const n, d, ff, vocab, heads, dim = benchRows, 4096, 11008, 32000, 32, 128
	s := int64(o.T.Size())
	x, z, y := benchMemory(o, "x", n*d, gpu.F32), benchMemory(o, "z", n*d, o.T), benchMemory(o, "y", n*d, o.T)
	w, state := benchMemory(o, "w", 2*d, gpu.F32), benchMemory(o, "state", 3*n, gpu.F32)
	big, half := benchMemory(o, "big", 2*n*ff, o.T), benchMemory(o, "half", n*ff, o.T)
	cos, sin := benchMemory(o, "cos", n*dim/2, gpu.F32), benchMemory(o, "sin", n*dim/2, gpu.F32)
	logits := benchMemory(o, "logits", n/8*vocab, gpu.F32)
	pool := gpu.Pool{Layers: 1, KVHeads: heads, Dim: dim}
	pool.At = benchMemory(o, "pool", pool.PageElements()*n/gpu.PageSize, o.T)
	norm := gpu.Norm{Kind: gpu.RMSNorm, Weight: w, Eps: 1e-5}
	rope := gpu.RopeStore{QKV: big, LD: 3 * d, Heads: heads, Pool: pool, Slots: index, Rot: dim, Cos: cos, Sin: sin}
	normed := rope
	normed.Norm = gpu.HeadNorm{Kind: gpu.RMSNorm, Query: w, Key: w}
	return []elemBench{
		{"embed", (4+s)*n*d + 4*n, func(o *gpu.Ops) { o.Embed(x, big, index, n, d, 1) }},
		{"add_norm", 2 * (4 + s) * n * d, func(o *gpu.Ops) { o.AddNorm(gpu.AddNorm{X: x, Z: z, Norm: norm, Y: y}, n, d) }},
		{"add_norm of a norm", 2 * (4 + s) * n * d, func(o *gpu.Ops) { o.AddNorm(gpu.AddNorm{X: x, Z: z, ZNorm: norm, Norm: norm, Y: y}, n, d) }},
		{"add_norm of 8192", 2 * (4 + s) * n * d, func(o *gpu.Ops) { o.AddNorm(gpu.AddNorm{X: x, Z: z, Norm: norm, Y: y}, n/2, 2*d) }},
		{"norm of heads", 2 * s * n * d, func(o *gpu.Ops) {
			o.NormInPlace(gpu.NormGroups{X: z, LD: d, Groups: heads}, gpu.Norm{Kind: gpu.RMSNorm, Weight: w, Eps: 1e-5}, n, dim)
		}},
		{"rope_store", 6*s*n*d + 4*n*dim, func(o *gpu.Ops) { o.RopeStore(rope, n) }},
		{"rope_norm_store", 6*s*n*d + 4*n*dim, func(o *gpu.Ops) { o.RopeStore(normed, n) }},
		{"gate", 3 * s * n * ff, func(o *gpu.Ops) { o.Gate(half, big, n, ff, 0) }},
		{"activate", 2 * s * n * ff, func(o *gpu.Ops) { o.Activate(half, n*ff, 2) }},
		{"add_bias", 2 * s * n * ff, func(o *gpu.Ops) { o.AddBias(half, big, n, ff) }},
		{"gather", 2 * s * n * d, func(o *gpu.Ops) { o.Gather(y, z, d, index, n, d) }},
		{"head_reduce", 4 * n / 8 * vocab, func(o *gpu.Ops) {
			o.HeadReduce(gpu.HeadReduce{Logits: logits, LD: vocab, Width: vocab, Max: state, Sum: state.Add(4 * n), ArgMax: state.Add(8 * n), First: true}, n/8)
		}},
		{"sample of 128", 4 * 128 * vocab, func(o *gpu.Ops) { o.Sample(logits, vocab, 128, vocab, rows, state) }},
		{"sample of 1", 4 * vocab, func(o *gpu.Ops) { o.Sample(logits, vocab, 1, vocab, rows, state) }},
	}
}

// BenchmarkElementwise reports what each kernel moves a second, beside a plain copy on the same device: the share of the
// roofline. It needs a GPU and 3 GB of its memory.
func BenchmarkElementwise(b *testing.B) {
	dev, err := elemDevice()
	if err != nil {
		b.Fatal(err)
	}
	if dev.Info().Emulated {
		b.Skip("NOT RUN: there is no GPU, and the emulator's time says nothing")
	}
	for _, typ := range []gpu.DType{gpu.BF16, gpu.F32} {
		o, err := gpu.NewOps(dev, typ)
		if err != nil {
			b.Fatal(err)
		}
		index, rows := o.Scratch("index", 4*benchRows), o.Scratch("rows", 128*gpu.SampleRowBytes)
		var ascending []byte
		for i := range uint32(benchRows) {
			ascending = binary.LittleEndian.AppendUint32(ascending, i)
		}
		options := make([]gpu.SampleRow, 128)
		for i := range options {
			options[i] = gpu.SampleRow{Temperature: 0.8, TopP: 0.95, U: float64(i) / 128}
		}
		benches := elemBenches(o, index, rows)
		if err := firstError(o.Err(), dev.ToDevice(index, ascending, o.Stream), dev.ToDevice(rows, gpu.PackSamples(nil, options), o.Stream)); err != nil {
			b.Fatal(err)
		}
		size := int64(2 * benchRows * 11008 * typ.Size()) // read and written
		from, to := o.Scratch("big", size), o.Scratch("half", size/2)
		b.Run("copy/"+typ.String(), func(b *testing.B) {
			timeOnDevice(b, dev, o, size, func(o *gpu.Ops) { o.Fail(dev.Copy(to, from, size/2, o.Stream)) })
		})
		for _, c := range benches {
			b.Run(c.name+"/"+typ.String(), func(b *testing.B) { timeOnDevice(b, dev, o, c.bytes, c.run) })
		}
		if err := o.Close(); err != nil {
			b.Fatal(err)
		}
	}
}

// timeOnDevice reports bytes a second by the device's clock.
func timeOnDevice(b *testing.B, dev gpu.Device, o *gpu.Ops, bytes int64, run func(o *gpu.Ops)) {
	b.Helper()
	run(o) // the driver compiles it
	start, err1 := dev.Record(o.Stream)
	for b.Loop() {
		run(o)
	}
	end, err2 := dev.Record(o.Stream)
	if err := firstError(o.Err(), err1, err2); err != nil {
		b.Fatal(err)
	}
	took, err := dev.Elapsed(start, end)
	if err != nil {
		b.Fatal(err)
	}
	dev.Release(start)
	dev.Release(end)
	each := took.Seconds() / float64(b.N)
	b.ReportMetric(each*1e6, "µs/launch")
	b.ReportMetric(float64(bytes)/each/1e9, "GB/s")
	b.ReportMetric(0, "ns/op")
}

func firstError(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}
