package kernels

import "golang.org/x/sys/cpu"

func native() []Set {
	var sets []Set
	if cpu.X86.HasAVX2 && cpu.X86.HasFMA {
		sets = append(sets, vector{})
		if cpu.X86.HasAVX512F && cpu.X86.HasAVX512BW && cpu.X86.HasAVX512VL {
			sets = append(sets, vector{wide: true})
		}
	}
	return sets
}
