package main

import (
	"fmt"
	"math"
)

// constants are those of exp.go and activate.go, in the order of the table, which has each eight times.
var constants = []struct {
	name string
	bits uint32
}{
	{"expMax", f32(89)},
	{"expMin", f32(-87.33654)},
	{"magic", f32(0x1.8p23)},
	{"log2e", f32(0x1.715476p+0)},
	{"ln2Hi", f32(0x1.62e43p-1)},
	{"ln2Lo", f32(-1.9046542121259336e-09)},
	{"c6", f32(0.001393368816934526)},
	{"c5", f32(0.008363205008208752)},
	{"c4", f32(0.041666463017463684)},
	{"c3", f32(0.16666576266288757)},
	{"half", f32(0.5)},
	{"one", f32(1)},
	{"bias", 127},
	{"sign", 1 << 31},
	{"abs", 1<<31 - 1},
	{"two", f32(2)},
	{"minusHalf", f32(-0.5)},
	{"minusInf", f32(math.Inf(-1))},
	{"lowBit", 1},
	{"belowHalf", 0x7fff},
	{"quiet", 0x400000},
	{"upper", 0xffff0000},
	{"cubic", f32(0.044715)},
	{"geluScale", f32(-2 * 0.79788456080286536)},
	{"quickScale", f32(-1.702)},
	{"tanhSmall", f32(0.6)},
	{"tanhC4", f32(-0.00584334671819)},
	{"tanhC3", f32(0.0207555201854)},
	{"tanhC2", f32(-0.0537731561029)},
	{"tanhC1", f32(0.133318160717)},
	{"tanhC0", f32(-0.333332947324)},
	{"phiMax", f32(5.5)},
	{"phi0", f32(1.90690352726e-9)},
	{"phi1", f32(-6.96220112352e-8)},
	{"phi2", f32(1.13258913669e-6)},
	{"phi3", f32(-1.07247345254e-5)},
	{"phi4", f32(6.34618107793e-5)},
	{"phi5", f32(-0.00021384767598)},
	{"phi6", f32(1.93351243251e-5)},
	{"phi7", f32(0.00481072779339)},
	{"phi8", f32(-0.0363560497478)},
	{"phi9", f32(0.181696966187)},
	{"phi10", f32(-0.797885425211)},
	{"phi11", f32(-0.69314716272)},
}

func f32(x float64) uint32 { return math.Float32bits(float32(x)) }

// tables writes the constants and the masks.
func tables(f *file) {
	f.line("// Constants of exp.go and activate.go, eight times each.")
	for i, c := range constants {
		f.line("// %s", c.name)
		for j := range 4 {
			f.line("DATA ·constants+%d(SB)/8, $%#x", 32*i+8*j, uint64(c.bits)<<32|uint64(c.bits))
		}
	}
	f.line("GLOBL ·constants(SB), RODATA|NOPTR, $%d\n", 32*len(constants))
	f.line("// The last 4·t bytes before its middle and what follows mask t lanes.")
	for i := range 8 {
		f.line("DATA ·tailMask+%d(SB)/8, $%d", 8*i, map[bool]int{true: -1, false: 0}[i < 4])
	}
	f.line("GLOBL ·tailMask(SB), RODATA|NOPTR, $64\n")
	f.line("// Lanes 0 to 7 twice each.")
	for i := range 8 {
		f.line("DATA ·twice+%d(SB)/8, $%#x", 8*i, uint64(i)<<32|uint64(i))
	}
	f.line("GLOBL ·twice(SB), RODATA|NOPTR, $64\n")
	f.line("// The signs of even lanes.")
	for i := range 8 {
		f.line("DATA ·evenSigns+%d(SB)/8, $0x80000000", 8*i)
	}
	f.line("GLOBL ·evenSigns(SB), RODATA|NOPTR, $64")
}

// vec writes vector code for one instruction set. Constants stand at BX. Where masked, loads and stores are of the
// lanes of the tail: K1, or Y15 for AVX2.
type vec struct {
	*file
	arch
	masked bool
}

func (v *vec) wide() bool { return v.name == "avx512" }

// constant is the address of a constant.
func constant(name string) string {
	for i, c := range constants {
		if c.name == name {
			return at(32*i, "(BX)")
		}
	}
	panic("no constant " + name)
}

// c writes an instruction whose first operand is a constant.
func (v *vec) c(op, name string, rest string) {
	if v.wide() {
		op += ".BCST"
	}
	v.op("%s %s, %s", op, constant(name), rest)
}

// set loads a constant into every lane.
func (v *vec) set(name, to string) { v.op("VBROADCASTSS %s, %s", constant(name), to) }

func (v *vec) zero(r string) { v.op("%s %s, %s, %s", v.xor, r, r, r) }

func (v *vec) load(from, to string) {
	switch {
	case !v.masked:
		v.op("VMOVUPS %s, %s", from, to)
	case v.wide():
		v.op("VMOVUPS.Z %s, K1, %s", from, to)
	default:
		v.op("VMASKMOVPS %s, Y15, %s", from, to)
	}
}

func (v *vec) store(from, to string) {
	switch {
	case !v.masked:
		v.op("VMOVUPS %s, %s", from, to)
	case v.wide():
		v.op("VMOVUPS %s, K1, %s", from, to)
	default:
		v.op("VMASKMOVPS %s, Y15, %s", from, to)
	}
}

// logic writes an and, or or exclusive or with a constant.
func (v *vec) logic(op, name, from, to string) {
	if v.wide() {
		v.op("VP%sD.BCST %s, %s, %s", op, constant(name), from, to)
		return
	}
	v.op("V%sPS %s, %s, %s", op, constant(name), from, to)
}

// or writes to = a | b.
func (v *vec) or(a, b, to string) {
	if v.wide() {
		v.op("VPORD %s, %s, %s", a, b, to)
		return
	}
	v.op("VORPS %s, %s, %s", a, b, to)
}

// mask loads the mask for the CX lanes of a tail, clobbering AX (and DX with AVX-512).
func (v *vec) mask() {
	if v.wide() {
		v.op("MOVL $1, AX")
		v.op("SHLL CX, AX")
		v.op("DECL AX")
		v.op("KMOVW AX, K1")
		return
	}
	v.op("LEAQ ·tailMask(SB), AX")
	v.op("SHLQ $2, CX")
	v.op("SUBQ CX, AX")
	v.op("VMOVUPS 32(AX), Y15")
}

// each writes a loop over CX numbers, at the addresses in pointers, a vector a turn and a masked one for the rest.
func (v *vec) each(pointers []string, body func()) {
	v.line("loop:")
	v.op("SUBQ $%d, CX", v.lanes)
	v.op("JLT  tail")
	body()
	for _, p := range pointers {
		v.op("ADDQ $%d, %s", v.bytes(), p)
	}
	v.op("JMP  loop")
	v.line("tail:")
	v.op("ADDQ $%d, CX", v.lanes)
	v.op("JZ   done")
	v.mask()
	v.masked = true
	body()
	v.masked = false
	v.line("done:")
}

// exp writes x = exp(x) as exp.go has it, with three registers more. AVX-512 scales by 2ⁿ in one step, which rounds
// as the two factors of exp.go do since the result is never subnormal.
func (v *vec) exp(x, t, n, y, m string) {
	if v.wide() {
		v.op("VCMPPS.BCST $5, %s, %s, K2", constant("expMin"), x) // not less than
		v.set("expMax", t)
		v.op("VMINPS %s, %s, %s", x, t, x)
	} else {
		v.op("VCMPPS $1, %s, %s, %s", constant("expMin"), x, m)
		v.op("VMOVUPS %s, %s", constant("expMax"), t)
		v.op("VMINPS %s, %s, %s", x, t, x)
		v.op("VMOVUPS %s, %s", constant("expMin"), t)
		v.op("VMAXPS %s, %s, %s", x, t, x)
	}
	v.set("magic", t)
	v.c("VFMADD231PS", "log2e", x+", "+t)
	v.c("VSUBPS", "magic", t+", "+n)
	v.c("VFNMADD231PS", "ln2Hi", n+", "+x)
	v.c("VFNMADD231PS", "ln2Lo", n+", "+x)
	v.set("c6", y)
	for _, c := range []string{"c5", "c4", "c3", "half", "one", "one"} {
		v.c("VFMADD213PS", c, x+", "+y)
	}
	if v.wide() {
		v.op("VSCALEFPS.Z %s, %s, K2, %s", n, y, x)
		return
	}
	v.op("VPSUBD %s, %s, %s", constant("magic"), t, t)
	v.op("VPSRAD $1, %s, %s", t, n)
	v.op("VPSUBD %s, %s, %s", n, t, t)
	v.op("VPADDD %s, %s, %s", constant("bias"), n, n)
	v.op("VPADDD %s, %s, %s", constant("bias"), t, t)
	v.op("VPSLLD $23, %s, %s", n, n)
	v.op("VPSLLD $23, %s, %s", t, t)
	v.op("VMULPS %s, %s, %s", n, y, y)
	v.op("VMULPS %s, %s, %s", t, y, y)
	v.op("VANDNPS %s, %s, %s", y, m, x)
}

// tanh writes x = tanh(x), clobbering registers 1 to 8.
func (v *vec) tanh(x string) {
	r := v.r
	v.logic("AND", "abs", x, r(7))
	v.op("VMULPS %s, %s, %s", x, x, r(8))
	v.set("tanhC4", r(2))
	for _, c := range []string{"tanhC3", "tanhC2", "tanhC1", "tanhC0"} {
		v.c("VFMADD213PS", c, r(8)+", "+r(2))
	}
	v.op("VMULPS %s, %s, %s", r(8), x, r(8))
	v.op("VFMADD213PS %s, %s, %s", x, r(2), r(8)) // the small
	v.op("VADDPS %s, %s, %s", r(7), r(7), r(1))
	v.exp(r(1), r(2), r(3), r(4), r(5))
	v.c("VADDPS", "one", r(1)+", "+r(1))
	v.set("two", r(2))
	v.op("VDIVPS %s, %s, %s", r(1), r(2), r(2))
	v.set("one", r(1))
	v.op("VSUBPS %s, %s, %s", r(2), r(1), r(1))
	v.logic("AND", "sign", x, r(2))
	v.or(r(1), r(2), x)
	if v.wide() {
		v.op("VCMPPS.BCST $1, %s, %s, K2", constant("tanhSmall"), r(7))
		v.op("VMOVAPS %s, K2, %s", r(8), x)
		return
	}
	v.op("VCMPPS $1, %s, %s, %s", constant("tanhSmall"), r(7), r(7))
	v.op("VBLENDVPS %s, %s, %s, %s", r(7), r(8), x, x)
}

// sigmoidLike writes x = x / (1 + exp(e)), e in register 1.
func (v *vec) sigmoidLike(x string) {
	r := v.r
	v.exp(r(1), r(2), r(3), r(4), r(5))
	v.c("VADDPS", "one", r(1)+", "+r(1))
	v.op("VDIVPS %s, %s, %s", r(1), x, x)
}

// geluErf writes x = x·Φ(x).
func (v *vec) geluErf(x string) {
	r := v.r
	v.logic("AND", "abs", x, r(7))
	v.set("phiMax", r(1))
	v.op("VMINPS %s, %s, %s", r(7), r(1), r(2))
	v.set("phi0", r(1))
	for i := range 11 {
		v.c("VFMADD213PS", fmt.Sprintf("phi%d", i+1), r(2)+", "+r(1))
	}
	v.c("VMULPS", "minusHalf", r(7)+", "+r(8))
	v.op("VFMADD231PS %s, %s, %s", r(7), r(8), r(1))
	v.exp(r(1), r(2), r(3), r(4), r(5))
	v.set("one", r(2))
	v.op("VSUBPS %s, %s, %s", r(1), r(2), r(2))
	if v.wide() {
		v.set("sign", r(3))
		v.op("VPTESTMD %s, %s, K2", r(3), x)
		v.op("VMOVAPS %s, K2, %s", r(1), r(2))
	} else {
		v.op("VBLENDVPS %s, %s, %s, %s", x, r(1), r(2), r(2))
	}
	v.op("VMULPS %s, %s, %s", r(2), x, x)
}

// activations are the bodies by name: x = f(x), with register 6 zero and registers 1 to 5, 7 and 8 free.
func (v *vec) activation(name, x string) {
	r := v.r
	switch name {
	case "silu":
		v.logic("XOR", "sign", x, r(1))
		v.sigmoidLike(x)
	case "geluTanh":
		v.op("VMULPS %s, %s, %s", x, x, r(1))
		v.c("VMULPS", "cubic", r(1)+", "+r(1))
		v.op("VFMADD213PS %s, %s, %s", x, x, r(1))
		v.c("VMULPS", "geluScale", r(1)+", "+r(1))
		v.sigmoidLike(x)
	case "quickGelu":
		v.c("VMULPS", "quickScale", x+", "+r(1))
		v.sigmoidLike(x)
	case "geluErf":
		v.geluErf(x)
	case "relu", "reluSquared":
		v.op("VMAXPS %s, %s, %s", x, r(6), x)
		if name == "reluSquared" {
			v.op("VMULPS %s, %s, %s", x, x, x)
		}
	case "tanh":
		v.tanh(x)
	}
}

var activationNames = []string{"silu", "geluTanh", "geluErf", "relu", "quickGelu", "reluSquared", "tanh"}

// function is an assembly function: its declaration's arguments and what it does.
type function struct {
	name, args string
	doc        string
	write      func(v *vec, arg func(name string) string)
}

// text writes a function for an instruction set. Arguments are pointers and ints of 8 bytes, then float32s.
func (fn function) text(f *file, a arch) {
	v := &vec{file: f, arch: a}
	offsets, size := argOffsets(fn.args)
	f.line("// func %s%s(%s)", fn.name, a.name, fn.args)
	f.line("//\n// %s", fn.doc)
	f.line("TEXT ·%s%s(SB), NOSPLIT, $0-%d", fn.name, a.name, size)
	fn.write(v, func(name string) string {
		o, ok := offsets[name]
		if !ok {
			panic(fn.name + " has no argument " + name)
		}
		return fmt.Sprintf("%s+%d(FP)", name, o)
	})
	f.op("VZEROUPPER")
	f.op("RET\n")
}
