package gpu

import (
	"fmt"
	"strconv"
	"strings"
)

// Entry is what a PTX text says of a kernel.
type Entry struct {
	Name       string
	Params     []int // bytes of each parameter, in order
	MaxThreads int   // most threads of a block, 0 where it is not stated
}

// Check returns an error unless there is an argument for every parameter, each within the parameter's size.
func (e Entry) Check(args []uint64) error {
	if len(args) != len(e.Params) {
		return fmt.Errorf("launch %s with %d arguments, where it has %d parameters", e.Name, len(args), len(e.Params))
	}
	for i, n := range e.Params {
		if n > 8 || n < 8 && args[i]>>(8*n) != 0 {
			return fmt.Errorf("launch %s: argument %d is %#x, where the parameter has %d bytes", e.Name, i, args[i], n)
		}
	}
	return nil
}

// Entries returns the kernels of a PTX text in its order (PTX ISA, sections "Kernel and Function Directives: .entry" and
// "Performance-Tuning Directives: .maxntid"). It reads what a compiler writes and is no validator: the driver is.
func Entries(ptx string) []Entry {
	var out []Entry
	for _, part := range strings.Split(ptx, ".entry")[1:] {
		name, rest, ok := strings.Cut(part, "(")
		if !ok {
			// A kernel without parameters may be written without the parentheses.
			name, rest, _ = strings.Cut(part, "{")
		}
		if at := strings.IndexAny(name, "{."); at >= 0 {
			name, rest = name[:at], ")"+name[at:]+rest
		}
		params, rest, _ := strings.Cut(rest, ")")
		e := Entry{Name: strings.TrimSpace(name), MaxThreads: maxThreads(rest)}
		for p := range strings.SplitSeq(params, ",") {
			if n := paramBytes(p); n > 0 {
				e.Params = append(e.Params, n)
			}
		}
		out = append(out, e)
	}
	return out
}

// maxThreads returns the product of .maxntid's numbers, which stand between the parameters and the body.
func maxThreads(s string) int {
	head, _, _ := strings.Cut(s, "{")
	_, tail, ok := strings.Cut(head, ".maxntid")
	if !ok {
		return 0
	}
	line, _, _ := strings.Cut(tail, "\n")
	line, _, _ = strings.Cut(line, "//") // clang names the kernel in a comment
	n := 1
	for part := range strings.SplitSeq(line, ",") {
		x, err := strconv.Atoi(strings.TrimSpace(part))
		if err != nil {
			return 0
		}
		n *= x
	}
	return n
}

// paramBytes returns the size of one declaration such as ".param .u64 .ptr .align 1 name" or ".param .align 8 .b8 name[24]",
// or 0 where there is none.
func paramBytes(s string) int {
	fields := strings.Fields(s)
	if len(fields) == 0 || fields[0] != ".param" {
		return 0
	}
	for _, f := range fields[1:] {
		if len(f) < 3 || f[0] != '.' || strings.IndexByte("ubsf", f[1]) < 0 {
			continue
		}
		bits, err := strconv.Atoi(f[2:])
		if err != nil {
			continue
		}
		count := 1
		if _, size, ok := strings.Cut(fields[len(fields)-1], "["); ok {
			if count, err = strconv.Atoi(strings.TrimSuffix(size, "]")); err != nil {
				return 0
			}
		}
		return bits / 8 * count
	}
	return 0
}
