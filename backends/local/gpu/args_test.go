package gpu_test

import (
	"encoding/binary"
	"math"
	"testing"
	"unsafe"

	"github.com/onset-eval/onset/backends/local/gpu"
)

// TestArgs reads every packed argument as a kernel does: from the low end, as many bytes as the parameter has.
func TestArgs(t *testing.T) {
	var a gpu.Args
	a.Ptr(0xfeed_beef_1234).Int(-7).Int(math.MaxInt32).Bool(true).Bool(false).Long(-1 << 40).Uint64(1 << 63).Float(-0.1).Double(math.Pi)
	words := a.Words()
	if len(words) != 9 {
		t.Fatalf("%d words for 9 arguments", len(words))
	}
	low := func(i int) uint32 { // what the driver copies for a parameter of four bytes
		return *(*uint32)(unsafe.Pointer(&words[i]))
	}
	if b := (*[8]byte)(unsafe.Pointer(&words[0])); binary.NativeEndian.Uint64(b[:]) != 0xfeed_beef_1234 {
		t.Errorf("pointer is %#x", words[0])
	}
	if binary.NativeEndian.Uint16([]byte{1, 0}) != 1 {
		t.Skip("the low half is read here as on a little-endian host")
	}
	if int32(low(1)) != -7 || words[1]>>32 != 0 {
		t.Errorf("int -7 is %#x", words[1])
	}
	if int32(low(2)) != math.MaxInt32 {
		t.Errorf("the largest int is %#x", words[2])
	}
	if low(3) != 1 || low(4) != 0 {
		t.Errorf("true and false are %d and %d", low(3), low(4))
	}
	if int64(words[5]) != -1<<40 || words[6] != 1<<63 {
		t.Errorf("long long arguments are %#x and %#x", words[5], words[6])
	}
	if math.Float32frombits(low(7)) != -0.1 {
		t.Errorf("float -0.1 is %v", math.Float32frombits(low(7)))
	}
	if math.Float64frombits(words[8]) != math.Pi {
		t.Errorf("double pi is %v", math.Float64frombits(words[8]))
	}
	if n := testing.AllocsPerRun(100, func() { a.Reset().Ptr(1).Int(2).Float(3) }); n != 0 {
		t.Errorf("%v allocations in a list of arguments that is used again", n)
	}
}

func TestArgsRefuseWideInts(t *testing.T) {
	for _, n := range []int{math.MaxInt32 + 1, math.MinInt32 - 1} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%d was taken for an int32", n)
				}
			}()
			new(gpu.Args).Int(n)
		}()
	}
}
