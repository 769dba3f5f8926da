//go:build !amd64 && !arm64

package peak

func fmaLoop(string) (loop func(int), flops int) { return nil, 0 }

func read(buf []byte) { readGo(buf) }
