package kernels

import "golang.org/x/sys/cpu"

func native() []Set {
	var sets []Set
	if cpu.X86.HasAVX2 && cpu.X86.HasFMA {
		sets = append(sets, avx2{})
		if cpu.X86.HasAVX512F {
			sets = append(sets, avx512{})
		}
	}
	return sets
}
