package kernels

import "math"

// generic is the portable Set and the definition of what the others compute, operation by operation. The
// conversions around products keep compilers from fusing them with a following sum.
type generic struct{}

var _ Set = generic{}

func (generic) Name() string { return "generic" }

func (generic) Linear(dst, a []float32, m int, w Weight) {
	checkLinear(dst, a, m, w)
	for i := range m {
		row := a[i*w.K : (i+1)*w.K]
		for n := 0; n < w.N; n += PanelWidth {
			panel := w.Data[n*w.K : (n+PanelWidth)*w.K]
			var sum [PanelWidth]float32
			for k := 0; k < w.K; k += BlockK {
				end := min(k+BlockK, w.K)
				var block [PanelWidth]float32
				panelChain(&block, row[k:end], panel[k*PanelWidth:end*PanelWidth])
				if k == 0 {
					sum = block
					continue
				}
				for j := range sum {
					sum[j] += block[j]
				}
			}
			copy(dst[i*w.N+n:i*w.N+min(n+PanelWidth, w.N)], sum[:])
		}
	}
}

// panelChain adds a·panel to sum, one chain over k an output; panel is [len(a)][PanelWidth].
func panelChain(sum *[PanelWidth]float32, a, panel []float32) {
	for k, x := range a {
		line := (*[PanelWidth]float32)(panel[k*PanelWidth:])
		for j := range sum {
			// fma, which is too long for the compiler to inline.
			p, c := float64(x)*float64(line[j]), float64(sum[j])
			s := p + c
			if math.Float64bits(s)<<35 == 1<<63 || math.Abs(s) < 0x1p-126 {
				sum[j] = roundOdd(p, c, s)
				continue
			}
			sum[j] = float32(s)
		}
	}
}

func (generic) RMSNorm(dst, x, weight []float32, m int, eps float32) {
	checkNorm(dst, x, weight, m)
	n := len(weight)
	for i := range m {
		row, out := x[i*n:(i+1)*n], dst[i*n:(i+1)*n]
		var lanes [16]float32
		for j, v := range row {
			lanes[j%16] = fma(v, v, lanes[j%16])
		}
		inv := rmsScale(&lanes, n, eps)
		for j, v := range row {
			out[j] = float32(v*inv) * weight[j]
		}
	}
}

// tree adds 16 lanes in halves: 8 pairs 8 apart, then 4, 2 and 1.
func tree(lanes *[16]float32) float32 {
	for w := 8; w > 0; w /= 2 {
		for j := range w {
			lanes[j] += lanes[j+w]
		}
	}
	return lanes[0]
}

// rmsScale is 1/sqrt(Σ/n + eps) of the lanes' sum.
func rmsScale(lanes *[16]float32, n int, eps float32) float32 {
	mean := tree(lanes) / float32(n)
	return 1 / float32(math.Sqrt(float64(mean+eps)))
}

func (generic) SiluMul(dst, gateUp []float32, m int) {
	n := checkSilu(dst, gateUp, m)
	for i := range m {
		gate, up := gateUp[2*i*n:(2*i+1)*n], gateUp[(2*i+1)*n:(2*i+2)*n]
		for j, g := range gate {
			dst[i*n+j] = float32(g/(1+exp(-g))) * up[j]
		}
	}
}

func (generic) Add(dst, x []float32) {
	checkAdd(dst, x)
	for i, v := range x {
		dst[i] += v
	}
}

func (generic) Rope(x, cos, sin []float32, m, heads, dim int) {
	checkRope(x, cos, sin, m, heads, dim)
	half := dim / 2
	for i := range m {
		for h := range heads {
			head := x[(i*heads+h)*dim : (i*heads+h+1)*dim]
			for j := range half {
				a, b, c, s := head[j], head[j+half], cos[i*half+j], sin[i*half+j]
				head[j] = fma(-b, s, float32(a*c))
				head[j+half] = fma(a, s, float32(b*c))
			}
		}
	}
}

func (generic) LogSumExp(x []float32) float32 {
	checkLogSumExp(x)
	top := float32(math.Inf(-1))
	for _, v := range x {
		if v > top {
			top = v
		}
	}
	if math.IsInf(float64(top), 0) {
		return infLogSumExp(x, top)
	}
	var lanes [16]float32
	for i, v := range x {
		lanes[i%16] += exp(v - top)
	}
	return logTotal(top, &lanes)
}

// infLogSumExp is the result where the largest number is infinite, which the sum cannot give.
func infLogSumExp(x []float32, top float32) float32 {
	for _, v := range x {
		if v != v {
			return v
		}
	}
	return top
}

func logTotal(top float32, lanes *[16]float32) float32 {
	return float32(float64(top) + math.Log(float64(tree(lanes))))
}
