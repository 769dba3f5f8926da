package kernels

// LogSumOf is log Σ exp(x) of numbers of which the largest is top and Σ exp(x - top) is total: what LogSumExp does last, for
// those who summed elsewhere.
func LogSumOf(top, total float32) float32 {
	s := logSum{top, total}
	return s.log()
}
