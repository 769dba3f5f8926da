package peak

//go:noescape
func fmaNEON(n int)

// readNEON reads n bytes, n a multiple of 128.
//
//go:noescape
func readNEON(p *byte, n int)

func fmaLoop(set string) (loop func(int), flops int) {
	if set == "neon" {
		return fmaNEON, 16 * 4 * 2
	}
	return nil, 0
}

func read(buf []byte) {
	if n := len(buf) &^ 127; n > 0 {
		readNEON(&buf[0], n)
	}
}
