package kernels

import "math"

// rounder is what a Set needs for RoundBF16.
type rounder interface {
	parts
	// roundedPanels is panels for a rounded to bfloat16 where the weight is stored as BF16.
	roundedPanels(dst []float32, ld int, a []float32, m int, w Weight, from, to int)
}

// roundedSet computes with bfloat16 inputs.
type roundedSet struct{ rounder }

// RoundBF16 gives a Set that rounds what Linear and LogProbs multiply by weights stored as BF16 to bfloat16 too, and
// multiplies as the instruction VDPBF16PS does: for each pair of neighbours in k first the odd, then the even, each a
// fused multiply-add into float32 that takes and gives zeros for subnormals. Blocks of BlockK are added in order as
// ever. All sets give the same bits, and machines with the instruction about twice the speed. Weights of other types
// and all else are as in s. It panics if s is no set of this package, or shared already: share the result instead.
func RoundBF16(s Set) Set {
	r, ok := s.(rounder)
	if !ok {
		panic("kernels: " + s.Name() + " cannot round to bfloat16")
	}
	return roundedSet{r}
}

var _ parts = roundedSet{}

func (s roundedSet) Name() string { return s.rounder.Name() + "+bf16" }

func (s roundedSet) panels(dst []float32, ld int, a []float32, m int, w Weight, from, to int) {
	s.roundedPanels(dst, ld, a, m, w, from, to)
}

func (s roundedSet) Linear(dst, a []float32, m int, w Weight) {
	checkLinear(dst, a, m, w)
	s.roundedPanels(dst, w.N, a, m, w, 0, w.N)
}

func (s roundedSet) LogProbs(rows []Scores, x []float32, head Weight, l Logits) {
	logProbs(s, rows, x, head, l)
}

// roundedPanels does pair by pair what panelChain does number by number.
func (generic) roundedPanels(dst []float32, ld int, a []float32, m int, w Weight, from, to int) {
	if w.Type != BF16 {
		genericPanels(dst, ld, a, m, w, from, to)
		return
	}
	var block [BlockK * PanelWidth]float32
	var pairs [BlockK]float32
	eachBlock(w, from, to, func(n, k, end int) {
		w.expand(block[:], n, k, end)
		if (end-k)%2 == 1 {
			clear(block[(end-k)*PanelWidth : (end-k+1)*PanelWidth])
		}
		for i := range m {
			clear(pairs[:])
			for j, x := range a[i*w.K+k : i*w.K+end] {
				pairs[j] = FromBF16(ToBF16(x))
			}
			var sum [PanelWidth]float32
			for j := 0; j < end-k; j += 2 {
				for o := range sum {
					sum[o] = flushedFMA(pairs[j+1], block[(j+1)*PanelWidth+o], sum[o])
					sum[o] = flushedFMA(pairs[j], block[j*PanelWidth+o], sum[o])
				}
			}
			w.finish(dst[i*ld+n-from:], &sum, n, min(PanelWidth, to-n), k, end)
		}
	})
}

// flushedFMA is a·b + c with zeros for subnormals, those that it is given and the one that it would give.
func flushedFMA(a, b, c float32) float32 {
	a, b, c = flush(a), flush(b), flush(c)
	p, q := float64(a)*float64(b), float64(c)
	s := p + q
	// Whether the result, rounded to 24 bits of whatever exponent, is below the least normal.
	back := s - p
	err := (p - (s - back)) + (q - back)
	const edge = 0x1p-126 - 0x1p-151
	if abs := math.Abs(s); abs < edge || abs == edge && (err > 0) != (s > 0) && err != 0 {
		return float32(math.Copysign(0, s))
	}
	return fma(a, b, c)
}

// flush gives a zero for a subnormal.
func flush(x float32) float32 {
	if math.Float32bits(x)&(0xff<<23) == 0 {
		return math.Float32frombits(math.Float32bits(x) & (1 << 31))
	}
	return x
}

// dotBF16 is the type of tiles that multiply bfloat16 with bfloat16.
const dotBF16 = F16 + 1
