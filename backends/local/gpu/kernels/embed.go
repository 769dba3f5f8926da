// Package kernels holds the GPU kernels: CUDA C++ sources (*.cu), the PTX that clang makes of them (`make ptx`; both are
// committed, `make cuda-check` compares), and the PTX embedded for the driver to compile at load.
//
// NAME.cu becomes NAME.sm_80.ptx, which every GPU from compute capability 8.0 on takes. NAME90.cu becomes
// NAME90.sm_90a.ptx, which only capability 9.0 takes: such files hold variants for Hopper's own instructions.
package kernels

import (
	"embed"
	"fmt"
	"io/fs"
	"strings"
)

//go:embed *.ptx
var files embed.FS

// Module is one PTX text, compiled by the driver when it is loaded.
type Module struct {
	Name string // of the source without its suffix: elem
	Arch string // sm_80 or sm_90a
	Text string
}

// Modules gives what a device of compute capability major.minor is to load, in name order. A capability below 8.0 is an
// error: the kernels use bf16 and asynchronous copies.
func Modules(major, minor int) ([]Module, error) {
	if major < 8 {
		return nil, fmt.Errorf("compute capability %d.%d: the kernels need 8.0 (Ampere) or later\n"+
			"hint: use --device cpu", major, minor)
	}
	names, err := fs.Glob(files, "*.ptx")
	if err != nil {
		return nil, err
	}
	var modules []Module
	for _, name := range names {
		base, arch, _ := strings.Cut(strings.TrimSuffix(name, ".ptx"), ".")
		if arch == "sm_90a" && (major != 9 || minor != 0) {
			continue
		}
		text, err := files.ReadFile(name)
		if err != nil {
			return nil, err
		}
		modules = append(modules, Module{Name: base, Arch: arch, Text: string(text)})
	}
	return modules, nil
}
