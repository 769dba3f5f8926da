package gpu_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/onset-eval/onset/backends/local/gpu"
)

func TestErrorTexts(t *testing.T) {
	e := &gpu.Error{Call: "launch clip_f32", Device: "cuda:1 (X, sm_90)", Code: 700, Name: "CUDA_ERROR_ILLEGAL_ADDRESS", Hint: gpu.HintFor(700)}
	for _, want := range []string{"launch clip_f32 on cuda:1 (X, sm_90): CUDA_ERROR_ILLEGAL_ADDRESS (700)", "\nhint: "} {
		if !strings.Contains(e.Error(), want) {
			t.Errorf("%q lacks %q", e.Error(), want)
		}
	}
	if !e.Lost() || (&gpu.Error{Code: 2}).Lost() || (&gpu.Error{Code: 1}).Lost() {
		t.Error("an illegal address loses the device, a lack of memory and an invalid value do not")
	}
	oom := &gpu.OutOfMemory{Device: "cuda:0 (X, sm_80)", Asked: 3 << 30, Free: 5 << 20, Total: 80 << 30}
	if got := oom.Error(); !strings.HasPrefix(got, "allocate 3.0 GiB on cuda:0 (X, sm_80): out of memory (5.0 MiB of 80.0 GiB free)\nhint: ") {
		t.Errorf("%q", got)
	}
	var found *gpu.OutOfMemory
	if !errors.As(fmt.Errorf("load: %w", oom), &found) || found.Asked != 3<<30 {
		t.Error("not found in a chain")
	}
}

func TestBytes(t *testing.T) {
	for n, want := range map[int64]string{0: "0 bytes", 1023: "1023 bytes", 1536: "1.5 KiB", 85520809984: "79.6 GiB", 1 << 60: "1048576.0 TiB", -2048: "-2.0 KiB"} {
		if got := gpu.Bytes(n); got != want {
			t.Errorf("Bytes(%d) is %q, want %q", n, got, want)
		}
	}
}

func TestDTypes(t *testing.T) {
	for dtype, want := range map[gpu.DType]struct {
		name string
		size int
	}{gpu.F32: {"f32", 4}, gpu.BF16: {"bf16", 2}, gpu.F16: {"f16", 2}} {
		if dtype.String() != want.name || dtype.Size() != want.size {
			t.Errorf("%v has %d bytes, want %v", dtype, dtype.Size(), want)
		}
		if got, err := gpu.ParseDType(want.name); err != nil || got != dtype {
			t.Errorf("ParseDType(%s) is %v, %v", want.name, got, err)
		}
	}
	if _, err := gpu.ParseDType("int8"); err == nil {
		t.Error("int8 is no compute type")
	}
}
