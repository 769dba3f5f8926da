package kernels

import "math"

// generic is the portable Set and the definition of what the others compute, operation by operation. The
// conversions around products keep compilers from fusing them with a following sum.
type generic struct{}

var _ rounder = generic{}

func (generic) Name() string { return "generic" }

// tree adds 16 lanes in halves: 8 pairs 8 apart, then 4, 2 and 1.
func tree(lanes *[16]float32) float32 {
	for w := 8; w > 0; w /= 2 {
		for j := range w {
			lanes[j] += lanes[j+w]
		}
	}
	return lanes[0]
}

func (generic) RMSNorm(dst, x, weight []float32, m int, eps float32) {
	n := checkNorm(dst, x, weight, nil, m)
	for i := range m {
		row, out := x[i*n:(i+1)*n], dst[i*n:(i+1)*n]
		normalize(out, row, weight, nil, 0, inverseRoot(sumSquares(row, 0), n, eps))
	}
}

func (generic) LayerNorm(dst, x, weight, bias []float32, m int, eps float32) {
	n := checkNorm(dst, x, weight, bias, m)
	for i := range m {
		row, out := x[i*n:(i+1)*n], dst[i*n:(i+1)*n]
		var lanes [16]float32
		for j, v := range row {
			lanes[j%16] += v
		}
		mean := tree(&lanes) / float32(n)
		normalize(out, row, weight, bias, mean, inverseRoot(sumSquares(row, mean), n, eps))
	}
}

// normalize sets out = ((x-mean)·inv)·weight + bias.
func normalize(out, x, weight, bias []float32, mean, inv float32) {
	for j, v := range x {
		y, w, b := float32((v-mean)*inv), float32(1), float32(0)
		if weight != nil {
			w = weight[j]
		}
		if bias != nil {
			b = bias[j]
		}
		out[j] = fma(y, w, b)
	}
}

// sumSquares is Σ (x-mean)² in 16 lanes.
func sumSquares(x []float32, mean float32) float32 {
	var lanes [16]float32
	for j, v := range x {
		v -= mean
		lanes[j%16] = fma(v, v, lanes[j%16])
	}
	return tree(&lanes)
}

// inverseRoot is 1/sqrt(sum/n + eps).
func inverseRoot(sum float32, n int, eps float32) float32 {
	mean := sum / float32(n)
	return 1 / float32(math.Sqrt(float64(mean+eps)))
}

func (generic) Activate(x []float32, f Activation) {
	call := f.function()
	for i, v := range x {
		x[i] = call(v)
	}
}

func (generic) Gate(dst, gateUp []float32, m int, f Activation) {
	n := checkGate(dst, gateUp, m)
	call := f.function()
	for i := range m {
		gate, up := gateUp[2*i*n:(2*i+1)*n], gateUp[(2*i+1)*n:(2*i+2)*n]
		for j, g := range gate {
			dst[i*n+j] = float32(call(g)) * up[j]
		}
	}
}

func (generic) Add(dst, x []float32) {
	checkAdd(dst, x)
	for i, v := range x {
		dst[i] += v
	}
}

func (generic) AddBias(x, bias []float32, m int) {
	checkBias(x, bias, m)
	n := len(bias)
	for i := range m {
		for j, v := range bias {
			x[i*n+j] += v
		}
	}
}

func (generic) Scale(x []float32, by float32) {
	for i := range x {
		x[i] *= by
	}
}

func (generic) SoftCap(x []float32, limit float32) {
	inv := checkCap(limit)
	for i, v := range x {
		x[i] = softCap(v, limit, inv)
	}
}

func (generic) Rope(x []float32, ld int, pos []int, cos, sin []float32, heads int, r Rotary) {
	checkRope(x, ld, pos, cos, sin, heads, r)
	half := r.Rot / 2
	step, pair := 1, half
	if r.Interleaved {
		step, pair = 2, 1
	}
	for i, p := range pos {
		c, s := cos[p*half:(p+1)*half], sin[p*half:(p+1)*half]
		for h := range heads {
			head := x[i*ld+h*r.Dim:][:r.Dim]
			for j := range half {
				a, b := head[j*step], head[j*step+pair]
				head[j*step] = fma(-b, s[j], float32(a*c[j]))
				head[j*step+pair] = fma(a, s[j], float32(b*c[j]))
			}
		}
	}
}

func (generic) Store(slots []Slot, k, v []float32, ld, kvHeads, dim int) {
	checkStore(slots, k, v, ld, kvHeads, dim)
	n := kvHeads * dim
	for i, s := range slots {
		s.Page.Put(s.At, kvHeads, dim, k[i*ld:i*ld+n], v[i*ld:i*ld+n])
	}
}

func (g generic) LogSumExp(x []float32) float32 {
	checkLogSumExp(x)
	sum := emptyLogSum()
	for len(x) > 0 {
		n := min(LogBlock, len(x))
		sum.merge(g.blockSum(x[:n]))
		x = x[n:]
	}
	return sum.log()
}

// blockSum is the sum of one block.
func (generic) blockSum(x []float32) logSum {
	b := emptyLogSum()
	for _, v := range x {
		if v > b.top {
			b.top = v
		}
	}
	if math.IsInf(float64(b.top), 0) {
		b.total = infSum(x)
		return b
	}
	var lanes [16]float32
	for i, v := range x {
		lanes[i%16] += exp(v - b.top)
	}
	b.total = tree(&lanes)
	return b
}

func (generic) ArgMax(x []float32) int {
	checkLogSumExp(x)
	best, at := float32(math.Inf(-1)), 0
	for i, v := range x {
		if v > best {
			best, at = v, i
		}
	}
	return at
}
