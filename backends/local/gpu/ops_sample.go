package gpu

import (
	"encoding/binary"
	"fmt"
	"math"
	"math/bits"
)

// MaxVocab is the largest vocabulary that Sample draws from.
const MaxVocab = 1 << 24

// SampleRow is how one row's token is drawn; the fields are those of backends.Sampling.
type SampleRow struct {
	Temperature float64 // 0 takes the first of the largest logits, and reads nothing else
	TopK        int     // 0 for all
	TopP        float64 // 0 or 1 for all
	MinP        float64 // 0 for all
	U           float64 // the draw's number, 0 ≤ U < 1
}

// SampleRowBytes is the size of a packed SampleRow.
const SampleRowBytes = 40

// PackSamples appends rows as the kernel reads them: temperature and min-p as double, top-p as ⌈p·2⁶⁴⌉ (0 for all), u as
// u·2⁶⁴, top-k as int, four bytes of padding. It panics where a number is out of its range.
func PackSamples(to []byte, rows []SampleRow) []byte {
	for _, r := range rows {
		if !(r.Temperature >= 0) || r.TopK < 0 || !(r.TopP >= 0) || !(r.MinP >= 0 && r.MinP <= 1) || !(r.U >= 0 && r.U < 1) {
			panic(fmt.Sprintf("gpu: sampling by %+v", r))
		}
		to = binary.LittleEndian.AppendUint64(to, math.Float64bits(r.Temperature))
		to = binary.LittleEndian.AppendUint64(to, math.Float64bits(r.MinP))
		to = binary.LittleEndian.AppendUint64(to, fixed64(r.TopP, true))
		to = binary.LittleEndian.AppendUint64(to, fixed64(r.U, false))
		to = binary.LittleEndian.AppendUint32(to, uint32(min(r.TopK, math.MaxInt32)))
		to = binary.LittleEndian.AppendUint32(to, 0)
	}
	return to
}

// fixed64 is x·2⁶⁴ rounded down, or up, for x < 1; 0 from there on.
func fixed64(x float64, up bool) uint64 {
	if x >= 1 {
		return 0
	}
	whole := math.Ldexp(x, 64)
	n := uint64(whole)
	if up && float64(n) < whole {
		n++
	}
	return n
}

// Sample enqueues the drawing of a token from each of n rows of logits, float32 [n×ld] of which the first vocab count; rows
// are PackSamples's, out is int32 [n]. It is what the CPU's sampler does, step by step: at the temperature, top-k first, then
// top-p of what that leaves, then min-p, ties to the lower id; of what is kept the token by inversion of U in the order of
// ids. NaN is passed over; where the largest logit is infinite the first of the largest is taken.
//
// A token's weight is the CPU's own double, rounded to a multiple of 2^-shift; sums of these are exact, so the result does
// not depend on the order of the threads. The CPU adds doubles, whose sums are rounded instead. So the two differ only where
// U·total or TopP·total lies within such a rounding of a token's bound: for less than one draw in 2^(shift-1)/vocab of
// tokens that all weigh little. Of different logits so near that their weights are the same double, top-p takes the
// larger here and the lower id there.
//
// Devices that do few double operations (all but those of capability 8.0, 9.0 and 10.0, which would take a millisecond for a
// large vocabulary) take weights in float, within 1.5e-7 of the CPU's: one draw in about a million differs.
//
//	sample[_float](const float *logits, int ld, int vocab, int shift, const void *rows, int *out)
func (o *Ops) Sample(logits Ptr, ld, n, vocab int, rows, out Ptr) {
	if n < 0 || vocab < 1 || vocab > MaxVocab || ld < vocab || logits == 0 || rows == 0 || out == 0 {
		panic(fmt.Sprintf("gpu: Sample from %d rows of %d logits, %d apart", n, vocab, ld))
	}
	a := o.Args().Ptr(logits).Int(ld).Int(vocab).Int(sampleShift(vocab)).Ptr(rows).Ptr(out)
	o.LaunchExact(sampleKernel(o.info.Capability()), D1(n), D1(sampleThreads(vocab)), 0, a)
}

// sampleKernel is the kernel by the device's speed at double: CUDA C++ Programming Guide, table "Throughput of Native
// Arithmetic Instructions".
func sampleKernel(capability int) string {
	switch capability {
	case 80, 90, 100:
		return "sample"
	}
	return "sample_float"
}

// sampleThreads is the number of threads that draw from a row: a power of two, about eight logits a thread.
func sampleThreads(vocab int) int {
	threads := 64
	for threads < MaxBlockThreads && threads*8 < vocab {
		threads *= 2
	}
	return threads
}

// sampleShift is the number of bits after the point of a weight, at most 1, so that vocab of them sum to less than 2⁶³.
func sampleShift(vocab int) int { return 63 - bits.Len(uint(vocab)) }
