package gpu

import (
	"fmt"

	"github.com/onset-eval/onset/backends/local/internal/kernels"
)

// LogBlock is the number of outputs over which a head's sum runs before it is merged, as on the CPU.
const LogBlock = kernels.LogBlock

// HeadReduce says what is taken of a chunk of a head's outputs: those from Base to Base+Width of each row.
type HeadReduce struct {
	Logits      Ptr // float32 [n×LD], the chunk's outputs before scale and cap
	LD          int
	Base, Width int
	Scale, Cap  float32 // as kernels.Logits: zero for none
	// Starts and Targets list what each row asks for: row i the outputs Targets[Starts[i]:Starts[i+1]]. Both are int32 on
	// the device, Starts [n+1]. TargetLogits is float32, as long as Targets; outputs of other chunks are left alone.
	Starts, Targets, TargetLogits Ptr
	// Max, Sum and ArgMax are the result, [n] of float32, float32 and int32: of the outputs so far the largest and the first
	// that has it, and Σ exp(output - Max). Max is what LogSumExp calls top.
	Max, Sum, ArgMax Ptr
	First            bool // the chunk is the first: what stood in Max, Sum and ArgMax is not read
}

// HeadReduce enqueues the reduction of a chunk. A chunk begins at a multiple of LogBlock; where it ends short of one it is
// the last. Blocks of LogBlock are summed and merged in order and as the CPU's kernels do, so that neither chunks nor rows
// show: of equal logits it gives the bits of kernels.Set.LogProbs, with LogSumExp on the host.
//
//	head_reduce(const float *logits, int ld, int base, int width, float scale, float cap, const int *starts,
//	            const int *targets, float *tlogits, float *run_max, float *run_sum, int *argmax, int first)
func (o *Ops) HeadReduce(p HeadReduce, n int) {
	if n < 0 || p.Width < 1 || p.LD < p.Width || p.Base < 0 || p.Base%LogBlock != 0 || p.Cap < 0 {
		panic(fmt.Sprintf("gpu: HeadReduce of %d rows, outputs %d+%d, %d apart, cap %g", n, p.Base, p.Width, p.LD, p.Cap))
	}
	if p.Logits == 0 || p.Max == 0 || p.Sum == 0 || p.ArgMax == 0 || (p.Starts == 0) != (p.Targets == 0) || (p.Starts == 0) != (p.TargetLogits == 0) {
		panic("gpu: HeadReduce without an operand")
	}
	a := o.Args().Ptr(p.Logits).Int(p.LD).Int(p.Base).Int(p.Width).Float(p.Scale).Float(p.Cap).Ptr(p.Starts).Ptr(p.Targets).
		Ptr(p.TargetLogits).Ptr(p.Max).Ptr(p.Sum).Ptr(p.ArgMax).Bool(p.First)
	o.LaunchExact("head_reduce", D1(n), D1(headThreads), 0, a)
}

// headThreads are the threads of a row in head_reduce, whose warps take blocks of LogBlock outputs.
const headThreads = 512

// LogSumExp is log Σ exp of a row's outputs from what HeadReduce left of them, with the bits of the CPU's.
func LogSumExp(top, sum float32) float32 { return kernels.LogSumOf(top, sum) }

// FinishLogits enqueues x = cap·tanh(scale·x/cap) for count float32, leaving out a scale or cap of zero.
//
//	finish_logits(float *x, long long count, float scale, float cap)
func (o *Ops) FinishLogits(x Ptr, count int64, scale, limit float32) {
	grid := flatGrid("FinishLogits", x, count)
	if limit < 0 {
		panic(fmt.Sprintf("gpu: FinishLogits with cap %g", limit))
	}
	if scale == 0 && limit == 0 {
		return
	}
	o.LaunchExact("finish_logits", grid, D1(elemThreads), 0, o.Args().Ptr(x).Long(count).Float(scale).Float(limit))
}
