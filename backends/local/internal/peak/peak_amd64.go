package peak

import "golang.org/x/sys/cpu"

//go:noescape
func fmaAVX2(n int)

//go:noescape
func fmaAVX512(n int)

// readAVX2 and readAVX512 read n bytes, n a multiple of 1024, in four streams: prefetchers keep up with several, and
// kernels have as many.
//
//go:noescape
func readAVX2(p *byte, n int)

//go:noescape
func readAVX512(p *byte, n int)

func fmaLoop(set string) (loop func(int), flops int) {
	switch {
	case set == "avx2" && cpu.X86.HasAVX2 && cpu.X86.HasFMA:
		return fmaAVX2, 12 * 8 * 2
	case set == "avx512" && cpu.X86.HasAVX512F:
		return fmaAVX512, 12 * 16 * 2
	}
	return nil, 0
}

func read(buf []byte) {
	switch {
	case len(buf) < 1024:
		readGo(buf)
	case cpu.X86.HasAVX512F:
		readAVX512(&buf[0], len(buf)&^1023)
	case cpu.X86.HasAVX2:
		readAVX2(&buf[0], len(buf)&^1023)
	default:
		readGo(buf)
	}
}
