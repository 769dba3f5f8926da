package kernels

// Written in the files beside this one; what each computes stands there. Lengths are as stated, unchecked.

//go:noescape
func sumSquaresAVX2(x *float32, n int, lanes *[16]float32)

//go:noescape
func scaleAVX2(dst, x, w *float32, n int, by float32)

//go:noescape
func divideAVX2(x *float32, n int, by float32)

//go:noescape
func addAVX2(dst, x *float32, n int)

//go:noescape
func siluAVX2(dst, gate, up *float32, n int)

//go:noescape
func ropeAVX2(x, cos, sin *float32, half int)

//go:noescape
func maxAVX2(x *float32, n int, top float32) float32

//go:noescape
func sumExpAVX2(x *float32, n int, top float32, lanes *[16]float32)

//go:noescape
func softmaxAVX2(s *float32, chunks int, top float32) (decay, next, sum float32)

//go:noescape
func scoresAVX2(s, q, k *float32, dim, chunks int, scale float32)

//go:noescape
func valuesAVX2(out, p, v *float32, dim, n int, decay float32)

//go:noescape
func fmaAVX2(dst, a, b, c *float32, n int)

//go:noescape
func biasAVX2(c *float32, ld, rows int, bias *float32, n int)
