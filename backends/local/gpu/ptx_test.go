package gpu_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/onset-eval/onset/backends/local/gpu"
)

func TestEntries(t *testing.T) {
	const ptx = `
.version 7.5
.target sm_80
.visible .entry axpy(
	.param .u64 .ptr .align 1 axpy_param_0,
	.param .u64 axpy_param_1,
	.param .f32 axpy_param_2,
	.param .u32 axpy_param_3
)
.maxntid 256                            // @axpy
.minnctapersm 2
{
	ld.param.b64 	%rd3, [axpy_param_0];
	ret;
}
.func helper(.param .b32 x) { ret; }
.visible .entry two(.param .s32 a, .param .align 8 .b8 b[24], .param .f64 c)
.maxntid 32, 4, 1
{ ret; }
.entry none()
{ ret; }
.visible .entry bare
{ add.u32 (x); ret; }
.visible .entry last(
	.param .b8 flag
)
{ .reg .pred %p<2>; ret; }
`
	want := []gpu.Entry{
		{Name: "axpy", Params: []int{8, 8, 4, 4}, MaxThreads: 256},
		{Name: "two", Params: []int{4, 24, 8}, MaxThreads: 128},
		{Name: "none"},
		{Name: "bare"},
		{Name: "last", Params: []int{1}},
	}
	if d := cmp.Diff(want, gpu.Entries(ptx)); d != "" {
		t.Error(d)
	}
	if got := gpu.Entries("no kernels here"); got != nil {
		t.Errorf("entries of a text without any: %v", got)
	}
}

func FuzzEntries(f *testing.F) {
	f.Add(".entry a(.param .u64 x)\n.maxntid 3\n{")
	f.Add(".entry a(.param .b8 x[")
	f.Add(".entry.entry({)")
	f.Fuzz(func(t *testing.T, s string) { gpu.Entries(s) })
}
