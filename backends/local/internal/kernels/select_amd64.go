package kernels

import "golang.org/x/sys/cpu"

// f16c is the bit of features that says that the machine converts binary16, which cpu does not tell.
const f16c = 1 << 29

func native() []Set {
	x := cpu.X86
	if !x.HasAVX2 || !x.HasFMA || features()&f16c == 0 {
		return nil
	}
	sets := []Set{vector{}}
	if x.HasAVX512F && x.HasAVX512BW && x.HasAVX512VL {
		sets = append(sets, vector{wide: true, dot: x.HasAVX512BF16})
	}
	return sets
}
