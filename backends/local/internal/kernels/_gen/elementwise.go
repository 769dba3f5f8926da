package main

import "strings"

// argOffsets gives where arguments stand: "a, b *float32, n int, x float32".
func argOffsets(args string) (offsets map[string]int, size int) {
	offsets = map[string]int{}
	var names []string
	for _, part := range strings.Split(args, ",") {
		words := strings.Fields(part)
		names = append(names, words[0])
		if len(words) == 1 {
			continue
		}
		width := 8
		if words[1] == "float32" {
			width = 4
		}
		for _, n := range names {
			offsets[n] = size
			size += width
		}
		names = nil
	}
	return offsets, size
}

// elementwise are the functions over plain slices.
func elementwise() []function {
	all := []function{
		{"softCap", "x *float32, n int, limit, inv float32", "x = limit·tanh(x·inv).", writeSoftCap},
		{"round", "dst, x *float32, n int", "dst = x rounded to bfloat16, the nearest and even of two, NaN staying NaN.", writeRound},
		{"add", "dst, x *float32, n int", "dst += x.", writeAdd},
		{"scale", "x *float32, n int, by float32", "x *= by.", writeScale},
		{"bias", "c *float32, ld, rows int, bias *float32, n int", "Adds bias to rows of c, ld floats apart; rows ≥ 1.", writeBias},
		{"divide", "x *float32, n int, by float32", "x = x/by + 0.", writeDivide},
		{"sumLanes", "x *float32, n int, lanes *float32", "lanes[j] += Σ x[16i+j].", writeSumLanes},
		{"sumSquares", "x *float32, n int, lanes *float32, mean float32", "lanes[j] += Σ (x[16i+j]-mean)².", writeSumSquares},
		{"normalize", "dst, x, weight, bias *float32, n int, mean, inv float32",
			"dst = ((x-mean)·inv)·weight + bias, where a nil weight is ones and a nil bias zeros.", writeNormalize},
		{"sumExp", "x *float32, n int, lanes *float32, top float32", "lanes[j] += Σ exp(x[16i+j]-top).", writeSumExp},
		{"most", "x *float32, n int, lanes *float32", "lanes[j] = the largest of lanes[j] and x[16i+j], passing over NaN.", writeMost},
		{"rope", "x, cos, sin *float32, half, heads, stride int",
			"Rotates the pairs x[j], x[j+half] of heads ≥ 1, stride floats apart.", writeRope},
		{"ropePairs", "x, cos, sin *float32, half, heads, stride int",
			"Rotates the pairs x[2j], x[2j+1] of heads ≥ 1, stride floats apart.", writeRopePairs},
	}
	for _, name := range activationNames {
		all = append(all, function{name, "dst, x, up *float32, n int", "dst = " + name + "(x)·up, or " + name + "(x) where up is nil.",
			func(v *vec, arg func(string) string) { writeActivation(v, arg, name) }})
	}
	return all
}

func elementwiseFile(f *file, a arch) {
	for _, fn := range elementwise() {
		fn.text(f, a)
	}
}

// elementwiseGo writes the declarations.
func elementwiseGo(f *file) {
	f.line("package kernels\n")
	f.line("// What each computes stands with its assembly. Lengths are as stated there, unchecked.\n")
	for _, fn := range elementwise() {
		f.line("//go:noescape\nfunc %savx2(%s)\n", fn.name, fn.args)
		f.line("//go:noescape\nfunc %savx512(%s)\n", fn.name, fn.args)
		var names []string
		for _, part := range strings.Split(fn.args, ",") {
			names = append(names, strings.Fields(part)[0])
		}
		call := strings.Join(names, ", ")
		f.line("func (v wide) %s(%s) {\nif v {\n%savx512(%s)\n} else {\n%savx2(%s)\n}\n}\n",
			fn.name, fn.args, fn.name, call, fn.name, call)
	}
}

func writeActivation(v *vec, arg func(string) string, name string) {
	v.op("MOVQ %s, DI", arg("dst"))
	v.op("MOVQ %s, SI", arg("x"))
	v.op("MOVQ %s, DX", arg("up"))
	v.op("MOVQ %s, CX", arg("n"))
	v.op("LEAQ ·constants(SB), BX")
	v.zero(v.r(6))
	v.op("TESTQ DX, DX")
	v.op("JZ   plain")
	v.each([]string{"SI", "DX", "DI"}, func() {
		v.load("(SI)", v.r(0))
		v.activation(name, v.r(0))
		v.load("(DX)", v.r(1))
		v.op("VMULPS %s, %s, %s", v.r(1), v.r(0), v.r(0))
		v.store(v.r(0), "(DI)")
	})
	v.op("VZEROUPPER")
	v.op("RET")
	v.line("plain:")
	v.suffixed("Plain", func() {
		v.each([]string{"SI", "DI"}, func() {
			v.load("(SI)", v.r(0))
			v.activation(name, v.r(0))
			v.store(v.r(0), "(DI)")
		})
	})
}

// suffixed writes code whose labels loop, tail and done get a suffix, where a function has them twice.
func (v *vec) suffixed(suffix string, write func()) {
	outer := v.file
	v.file = &file{}
	write()
	text := v.file.String()
	v.file = outer
	for _, label := range []string{"loop", "tail", "done"} {
		text = strings.ReplaceAll(text, label+":\n", label+suffix+":\n")
		for _, jump := range []string{"JMP  ", "JLT  ", "JZ   ", "JNZ  "} {
			text = strings.ReplaceAll(text, jump+label+"\n", jump+label+suffix+"\n")
		}
	}
	v.WriteString(text)
}

func writeSoftCap(v *vec, arg func(string) string) {
	v.op("MOVQ %s, DI", arg("x"))
	v.op("MOVQ %s, CX", arg("n"))
	v.op("VBROADCASTSS %s, %s", arg("limit"), v.r(9))
	v.op("VBROADCASTSS %s, %s", arg("inv"), v.r(10))
	v.op("LEAQ ·constants(SB), BX")
	v.each([]string{"DI"}, func() {
		v.load("(DI)", v.r(0))
		v.op("VMULPS %s, %s, %s", v.r(10), v.r(0), v.r(0))
		v.tanh(v.r(0))
		v.op("VMULPS %s, %s, %s", v.r(9), v.r(0), v.r(0))
		v.store(v.r(0), "(DI)")
	})
}

func writeAdd(v *vec, arg func(string) string) {
	v.op("MOVQ %s, DI", arg("dst"))
	v.op("MOVQ %s, SI", arg("x"))
	v.op("MOVQ %s, CX", arg("n"))
	v.each([]string{"DI", "SI"}, func() {
		v.load("(DI)", v.r(0))
		v.load("(SI)", v.r(1))
		v.op("VADDPS %s, %s, %s", v.r(1), v.r(0), v.r(0))
		v.store(v.r(0), "(DI)")
	})
}

func writeRound(v *vec, arg func(string) string) {
	v.op("MOVQ %s, DI", arg("dst"))
	v.op("MOVQ %s, SI", arg("x"))
	v.op("MOVQ %s, CX", arg("n"))
	v.op("LEAQ ·constants(SB), BX")
	v.set("lowBit", v.r(4))
	v.set("belowHalf", v.r(5))
	v.set("quiet", v.r(6))
	v.set("upper", v.r(7))
	v.each([]string{"DI", "SI"}, func() {
		r := v.r
		and, or := "VPAND", "VPOR"
		if v.wide() {
			and, or = "VPANDD", "VPORD"
		}
		v.load("(SI)", r(0))
		v.op("VPSRLD $16, %s, %s", r(0), r(1))
		v.op("%s %s, %s, %s", and, r(4), r(1), r(1))
		v.op("VPADDD %s, %s, %s", r(5), r(1), r(1))
		v.op("VPADDD %s, %s, %s", r(0), r(1), r(1))
		v.op("%s %s, %s, %s", or, r(6), r(0), r(2))
		if v.wide() {
			v.op("VCMPPS $3, %s, %s, K2", r(0), r(0)) // unordered
			v.op("VMOVAPS %s, K2, %s", r(2), r(1))
		} else {
			v.op("VCMPPS $3, %s, %s, %s", r(0), r(0), r(3))
			v.op("VBLENDVPS %s, %s, %s, %s", r(3), r(2), r(1), r(1))
		}
		v.op("%s %s, %s, %s", and, r(7), r(1), r(1))
		v.store(r(1), "(DI)")
	})
}

func writeScale(v *vec, arg func(string) string) {
	v.op("MOVQ %s, DI", arg("x"))
	v.op("MOVQ %s, CX", arg("n"))
	v.op("VBROADCASTSS %s, %s", arg("by"), v.r(1))
	v.each([]string{"DI"}, func() {
		v.load("(DI)", v.r(0))
		v.op("VMULPS %s, %s, %s", v.r(1), v.r(0), v.r(0))
		v.store(v.r(0), "(DI)")
	})
}

func writeBias(v *vec, arg func(string) string) {
	v.op("MOVQ %s, R8", arg("c"))
	v.op("MOVQ %s, R9", arg("ld"))
	v.op("MOVQ %s, R10", arg("rows"))
	v.op("MOVQ %s, R11", arg("bias"))
	v.op("SHLQ $2, R9")
	v.line("row:")
	v.op("MOVQ R8, DI")
	v.op("MOVQ R11, SI")
	v.op("MOVQ %s, CX", arg("n"))
	v.each([]string{"DI", "SI"}, func() {
		v.load("(DI)", v.r(0))
		v.load("(SI)", v.r(1))
		v.op("VADDPS %s, %s, %s", v.r(1), v.r(0), v.r(0))
		v.store(v.r(0), "(DI)")
	})
	v.op("ADDQ R9, R8")
	v.op("DECQ R10")
	v.op("JNZ  row")
}

func writeDivide(v *vec, arg func(string) string) {
	v.op("MOVQ %s, DI", arg("x"))
	v.op("MOVQ %s, CX", arg("n"))
	v.op("VBROADCASTSS %s, %s", arg("by"), v.r(1))
	v.zero(v.r(2))
	v.each([]string{"DI"}, func() {
		v.load("(DI)", v.r(0))
		v.op("VDIVPS %s, %s, %s", v.r(1), v.r(0), v.r(0))
		v.op("VADDPS %s, %s, %s", v.r(2), v.r(0), v.r(0))
		v.store(v.r(0), "(DI)")
	})
}

// sixteen writes a loop over CX numbers at SI, 16 lanes a turn: vectors i = 0 and, with AVX2, 1 of body. Where there are
// fewer left, body sees masked vectors.
func (v *vec) sixteen(body func(i int)) {
	vecs := 16 / v.lanes
	v.line("loop:")
	v.op("SUBQ $16, CX")
	v.op("JLT  tail")
	for i := range vecs {
		body(i)
	}
	v.op("ADDQ $64, SI")
	v.op("JMP  loop")
	v.line("tail:")
	v.op("ADDQ $16, CX")
	v.op("JZ   done")
	if v.wide() {
		v.mask()
		v.masked = true
		body(0)
		v.masked = false
		v.line("done:")
		return
	}
	v.op("CMPQ CX, $8")
	v.op("JLT  first")
	body(0)
	v.op("SUBQ $8, CX")
	v.op("JZ   done")
	v.mask()
	v.masked = true
	body(1)
	v.op("JMP  done")
	v.line("first:")
	v.mask()
	body(0)
	v.masked = false
	v.line("done:")
}

// keep zeroes the lanes of r past the tail.
func (v *vec) keep(r string) {
	switch {
	case !v.masked:
	case v.wide():
		v.op("VMOVAPS.Z %s, K1, %s", r, r)
	default:
		v.op("VANDPS Y15, %s, %s", r, r)
	}
}

// withLanes writes what loads the lanes at R8 into registers 8 and on, runs and stores them.
func (v *vec) withLanes(run func()) {
	for i := range 16 / v.lanes {
		v.op("VMOVUPS %s, %s", at(i*v.bytes(), "(R8)"), v.r(8+i))
	}
	run()
	for i := range 16 / v.lanes {
		v.op("VMOVUPS %s, %s", v.r(8+i), at(i*v.bytes(), "(R8)"))
	}
}

func writeSumLanes(v *vec, arg func(string) string) {
	v.op("MOVQ %s, SI", arg("x"))
	v.op("MOVQ %s, CX", arg("n"))
	v.op("MOVQ %s, R8", arg("lanes"))
	v.withLanes(func() {
		v.sixteen(func(i int) {
			v.load(at(i*v.bytes(), "(SI)"), v.r(i))
			v.op("VADDPS %s, %s, %s", v.r(i), v.r(8+i), v.r(8+i))
		})
	})
}

func writeSumSquares(v *vec, arg func(string) string) {
	v.op("MOVQ %s, SI", arg("x"))
	v.op("MOVQ %s, CX", arg("n"))
	v.op("MOVQ %s, R8", arg("lanes"))
	v.op("VBROADCASTSS %s, %s", arg("mean"), v.r(7))
	v.withLanes(func() {
		v.sixteen(func(i int) {
			v.load(at(i*v.bytes(), "(SI)"), v.r(i))
			v.op("VSUBPS %s, %s, %s", v.r(7), v.r(i), v.r(i))
			v.keep(v.r(i))
			v.op("VFMADD231PS %s, %s, %s", v.r(i), v.r(i), v.r(8+i))
		})
	})
}

func writeSumExp(v *vec, arg func(string) string) {
	v.op("MOVQ %s, SI", arg("x"))
	v.op("MOVQ %s, CX", arg("n"))
	v.op("MOVQ %s, R8", arg("lanes"))
	v.op("VBROADCASTSS %s, %s", arg("top"), v.r(7))
	v.op("LEAQ ·constants(SB), BX")
	v.withLanes(func() {
		v.sixteen(func(i int) {
			v.load(at(i*v.bytes(), "(SI)"), v.r(0))
			v.op("VSUBPS %s, %s, %s", v.r(7), v.r(0), v.r(0))
			v.exp(v.r(0), v.r(1), v.r(2), v.r(3), v.r(4))
			v.keep(v.r(0))
			v.op("VADDPS %s, %s, %s", v.r(0), v.r(8+i), v.r(8+i))
		})
	})
}

func writeMost(v *vec, arg func(string) string) {
	v.op("MOVQ %s, SI", arg("x"))
	v.op("MOVQ %s, CX", arg("n"))
	v.op("MOVQ %s, R8", arg("lanes"))
	v.withLanes(func() {
		v.sixteen(func(i int) {
			v.load(at(i*v.bytes(), "(SI)"), v.r(i))
			switch {
			case !v.masked:
				v.op("VMAXPS %s, %s, %s", v.r(8+i), v.r(i), v.r(8+i))
			case v.wide():
				v.op("VMAXPS %s, %s, K1, %s", v.r(8+i), v.r(i), v.r(8+i))
			default: // the lanes past the tail keep theirs
				v.op("VBLENDVPS Y15, %s, %s, %s", v.r(i), v.r(8+i), v.r(i))
				v.op("VMAXPS %s, %s, %s", v.r(8+i), v.r(i), v.r(8+i))
			}
		})
	})
}

func writeNormalize(v *vec, arg func(string) string) {
	v.op("MOVQ %s, DI", arg("dst"))
	v.op("MOVQ %s, SI", arg("x"))
	v.op("MOVQ %s, R8", arg("weight"))
	v.op("MOVQ %s, R9", arg("bias"))
	v.op("MOVQ %s, CX", arg("n"))
	v.op("VBROADCASTSS %s, %s", arg("mean"), v.r(7))
	v.op("VBROADCASTSS %s, %s", arg("inv"), v.r(8))
	v.op("LEAQ ·constants(SB), BX")
	body := func(weight, bias bool) func() {
		return func() {
			v.load("(SI)", v.r(0))
			v.op("VSUBPS %s, %s, %s", v.r(7), v.r(0), v.r(0))
			v.op("VMULPS %s, %s, %s", v.r(8), v.r(0), v.r(0))
			if weight {
				v.load("(R8)", v.r(1))
			}
			if bias {
				v.load("(R9)", v.r(2))
			}
			v.op("VFMADD213PS %s, %s, %s", v.r(2), v.r(1), v.r(0))
			v.store(v.r(0), "(DI)")
		}
	}
	v.set("one", v.r(1))
	v.zero(v.r(2))
	v.op("TESTQ R8, R8")
	v.op("JZ   noWeight")
	v.op("TESTQ R9, R9")
	v.op("JZ   noBias")
	v.each([]string{"SI", "R8", "R9", "DI"}, body(true, true))
	v.op("JMP  end")
	v.line("noBias:")
	v.suffixed("NoBias", func() { v.each([]string{"SI", "R8", "DI"}, body(true, false)) })
	v.op("JMP  end")
	v.line("noWeight:")
	v.op("TESTQ R9, R9")
	v.op("JZ   neither")
	v.suffixed("NoWeight", func() { v.each([]string{"SI", "R9", "DI"}, body(false, true)) })
	v.op("JMP  end")
	v.line("neither:")
	v.suffixed("Neither", func() { v.each([]string{"SI", "DI"}, body(false, false)) })
	v.line("end:")
}

// ropeHead loads the arguments of the rotations.
func ropeHead(v *vec, arg func(string) string) {
	v.op("MOVQ %s, R8", arg("x"))
	v.op("MOVQ %s, R9", arg("heads"))
	v.op("MOVQ %s, R10", arg("stride"))
	v.op("SHLQ $2, R10")
}

func writeRope(v *vec, arg func(string) string) {
	ropeHead(v, arg)
	v.line("head:")
	v.op("MOVQ R8, DI")
	v.op("MOVQ %s, SI", arg("cos"))
	v.op("MOVQ %s, DX", arg("sin"))
	v.op("MOVQ %s, CX", arg("half"))
	v.op("LEAQ (DI)(CX*4), R11")
	v.each([]string{"DI", "R11", "SI", "DX"}, func() {
		v.load("(DI)", v.r(0))
		v.load("(R11)", v.r(1))
		v.load("(SI)", v.r(2))
		v.load("(DX)", v.r(3))
		v.op("VMULPS %s, %s, %s", v.r(2), v.r(0), v.r(4))
		v.op("VMULPS %s, %s, %s", v.r(2), v.r(1), v.r(5))
		v.op("VFNMADD231PS %s, %s, %s", v.r(3), v.r(1), v.r(4))
		v.op("VFMADD231PS %s, %s, %s", v.r(3), v.r(0), v.r(5))
		v.store(v.r(4), "(DI)")
		v.store(v.r(5), "(R11)")
	})
	v.op("ADDQ R10, R8")
	v.op("DECQ R9")
	v.op("JNZ  head")
}

// writeRopePairs is for half a multiple of half the lanes: x·c + swapped(x)·s with c and s twice each, s negative in even
// lanes.
func writeRopePairs(v *vec, arg func(string) string) {
	ropeHead(v, arg)
	v.op("VMOVUPS ·twice(SB), %s", v.r(6))
	v.op("VMOVUPS ·evenSigns(SB), %s", v.r(7))
	v.line("head:")
	v.op("MOVQ R8, DI")
	v.op("MOVQ %s, SI", arg("cos"))
	v.op("MOVQ %s, DX", arg("sin"))
	v.op("MOVQ %s, CX", arg("half"))
	v.line("loop:")
	half := map[string]string{"avx2": "X", "avx512": "Y"}[v.name]
	for i, p := range []string{"(SI)", "(DX)"} {
		v.op("VMOVUPS %s, %s%d", p, half, 2+i)
		v.op("VPERMPS %s, %s, %s", v.r(2+i), v.r(6), v.r(2+i))
	}
	if v.wide() {
		v.op("VPXORD %s, %s, %s", v.r(7), v.r(3), v.r(3))
	} else {
		v.op("VXORPS %s, %s, %s", v.r(7), v.r(3), v.r(3))
	}
	v.op("VMOVUPS (DI), %s", v.r(0))
	v.op("VPERMILPS $0xb1, %s, %s", v.r(0), v.r(1))
	v.op("VMULPS %s, %s, %s", v.r(2), v.r(0), v.r(0))
	v.op("VFMADD231PS %s, %s, %s", v.r(3), v.r(1), v.r(0))
	v.op("VMOVUPS %s, (DI)", v.r(0))
	v.op("ADDQ $%d, DI", v.bytes())
	v.op("ADDQ $%d, SI", v.bytes()/2)
	v.op("ADDQ $%d, DX", v.bytes()/2)
	v.op("SUBQ $%d, CX", v.lanes/2)
	v.op("JNZ  loop")
	v.op("ADDQ R10, R8")
	v.op("DECQ R9")
	v.op("JNZ  head")
}
