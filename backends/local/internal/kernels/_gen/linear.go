package main

import (
	"fmt"
	"strings"
)

const linearDoc = `// Tiles of Linear.
//
// A tile multiplies rows of a, lda floats apart, with one panel from b (or half of its outputs, for tiles 16 wide) for
// k ≥ 1 steps and stores its sums at c, rows ldc floats apart, or adds them to what is there. Each output is one chain
// over k. Rows of a stand at SI, R11, R12, R13 (three each), the panel at DI.
`

// arch is what differs between the instruction sets.
type arch struct {
	name  string
	reg   string // register prefix
	lanes int
	regs  int
	xor   string
}

var (
	avx512 = arch{"avx512", "Z", 16, 32, "VPXORD"}
	avx2   = arch{"avx2", "Y", 8, 16, "VXORPS"}
)

var (
	types = []string{"f32", "bf16", "f16"}
	// The rows of the tiles that there are, by their outputs.
	rowsAVX512 = []int{12, 8, 7, 6, 5, 4, 3, 2, 1}
	rows16AVX2 = []int{6, 5, 4}
	rows32AVX2 = []int{3, 2, 1}
)

func (a arch) r(i int) string { return fmt.Sprintf("%s%d", a.reg, i) }

// bytes is the size of a vector register.
func (a arch) bytes() int { return 4 * a.lanes }

// rowAt is the address of row i of the tile's a.
func rowAt(i int) string {
	base := []string{"SI", "R11", "R12", "R13"}[i/3]
	switch i % 3 {
	case 1:
		return "(" + base + ")(DX*1)"
	case 2:
		return "(" + base + ")(DX*2)"
	}
	return "(" + base + ")"
}

// at is an address with an offset.
func at(offset int, address string) string {
	if offset == 0 {
		return address
	}
	return fmt.Sprintf("%d%s", offset, address)
}

func linearAVX512(f *file, t string) {
	f.line("%s", linearDoc)
	if t == "bf16" {
		oddMask(f, "avx512", 8)
	}
	for _, rows := range rowsAVX512 {
		tile(f, avx512, t, rows, 32)
	}
	gemv(f, avx512, t, 4)
	if t == "f32" {
		peak(f, avx512)
	}
}

func linearAVX2(f *file, t string) {
	f.line("%s", linearDoc)
	if t == "bf16" {
		oddMask(f, "avx2", 4)
	}
	for _, rows := range rows16AVX2 {
		tile(f, avx2, t, rows, 16)
	}
	for _, rows := range rows32AVX2 {
		tile(f, avx2, t, rows, 32)
	}
	gemv(f, avx2, t, 2)
	if t == "f32" {
		peak(f, avx2)
	}
}

// oddMask keeps the odd bfloat16 of each pair, which is then a float32.
func oddMask(f *file, name string, quads int) {
	for i := range quads {
		f.line("DATA oddMask%s<>+%d(SB)/8, $0xffff0000ffff0000", name, 8*i)
	}
	f.line("GLOBL oddMask%s<>(SB), RODATA|NOPTR, $%d\n", name, 8*quads)
}

// stride is how many bytes of the panel a step takes and how many k.
func stride(t string) (bytes, ks int) {
	switch t {
	case "f32":
		return 128, 1
	case "f16":
		return 64, 1
	}
	return 128, 2
}

// loadB writes the loads of vector v of the panel at base, for the k'th of a step's ks, widened, into reg.
func loadB(f *file, a arch, t, base string, v, k int, reg string) {
	switch t {
	case "f32":
		f.op("VMOVUPS %s, %s", at(v*a.bytes(), base), reg)
	case "f16":
		f.op("VCVTPH2PS %s, %s", at(v*a.bytes()/2, base), reg)
	case "bf16":
		switch {
		case k == 0 && a.name == "avx512":
			f.op("VPSLLD $16, %s, %s", at(v*a.bytes(), base), reg)
		case k == 0:
			f.op("VMOVDQU %s, %s", at(v*a.bytes(), base), reg)
			f.op("VPSLLD $16, %s, %s", reg, reg)
		case a.name == "avx512":
			f.op("VPANDD %s, Z7, %s", at(v*a.bytes(), base), reg)
		default:
			f.op("VMOVDQU oddMaskavx2<>(SB), %s", reg)
			f.op("VPAND %s, %s, %s", at(v*a.bytes(), base), reg, reg)
		}
	}
}

// head writes a function's start and loads what tiles are given.
func head(f *file, a arch, name, t string, rows int) {
	f.line("// func %s(k int, a *float32, lda int, b unsafe.Pointer, c *float32, ldc int, add bool)", name)
	f.line("TEXT ·%s(SB), NOSPLIT, $0-49", name)
	f.op("MOVQ k+0(FP), CX")
	f.op("MOVQ a+8(FP), SI")
	f.op("MOVQ lda+16(FP), DX")
	f.op("MOVQ b+24(FP), DI")
	f.op("MOVQ c+32(FP), R8")
	f.op("MOVQ ldc+40(FP), R9")
	f.op("MOVBLZX add+48(FP), AX")
	f.op("SHLQ $2, DX")
	f.op("SHLQ $2, R9")
	if rows > 3 {
		f.op("LEAQ (DX)(DX*2), R10")
	}
	for i, to := range []string{"R11", "R12", "R13"} {
		if rows > 3*(i+1) {
			f.op("LEAQ (%s)(R10*1), %s", []string{"SI", "R11", "R12"}[i], to)
		}
	}
	if t == "bf16" && a.name == "avx512" {
		f.op("VMOVDQU32 oddMaskavx512<>(SB), Z7")
	}
}

// tile writes the tile of so many rows and outputs.
func tile(f *file, a arch, t string, rows, width int) {
	vecs := width / a.lanes
	acc := a.regs - rows*vecs // the first register of sums
	sum := func(row, v int) string { return a.r(acc + row*vecs + v) }
	head(f, a, fmt.Sprintf("tile%dx%d%s%s", rows, width, a.name, t), t, rows)
	for i := acc; i < a.regs; i++ {
		f.op("%s %s, %s, %s", a.xor, a.r(i), a.r(i), a.r(i))
	}
	bytes, ks := stride(t)
	step := func(k int) { tileStep(f, a, t, rows, vecs, acc, k, sum) }
	pairs(f, ks, func() {
		for k := range ks {
			step(k)
		}
		f.op("ADDQ $%d, DI", bytes)
		for i := 0; i < rows; i += 3 {
			f.op("ADDQ $%d, %s", 4*ks, []string{"SI", "R11", "R12", "R13"}[i/3])
		}
	}, func() { step(0) })
	f.op("TESTQ AX, AX")
	f.op("JZ   store")
	if rows > 1 {
		f.op("MOVQ R8, R14")
	}
	for row := range rows {
		base := "R14"
		if rows == 1 {
			base = "R8"
		}
		for v := range vecs {
			f.op("VADDPS %s, %s, %s", at(v*a.bytes(), "("+base+")"), sum(row, v), sum(row, v))
		}
		if row+1 < rows {
			f.op("ADDQ R9, R14")
		}
	}
	f.line("store:")
	for row := range rows {
		for v := range vecs {
			f.op("VMOVUPS %s, %s", sum(row, v), at(v*a.bytes(), "(R8)"))
		}
		if row+1 < rows {
			f.op("ADDQ R9, R8")
		}
	}
	f.op("VZEROUPPER")
	f.op("RET\n")
}

// pairs writes the loop over CX steps of k, ks a turn, and what is left where there are two a turn.
func pairs(f *file, ks int, body, last func()) {
	if ks == 1 {
		f.line("loop:")
		body()
		f.op("DECQ CX")
		f.op("JNZ  loop")
		return
	}
	f.op("SUBQ $2, CX")
	f.op("JLT  odd")
	f.line("loop:")
	body()
	f.op("SUBQ $2, CX")
	f.op("JGE  loop")
	f.line("odd:")
	f.op("ADDQ $2, CX")
	f.op("JZ   done")
	last()
	f.line("done:")
}

// tileStep writes one step of k: each row's number, broadcast, times the panel's vectors.
func tileStep(f *file, a arch, t string, rows, vecs, acc, k int, sum func(row, v int) string) {
	free := acc // registers before the sums
	if t == "bf16" && a.name == "avx512" && free > 7 {
		free = 7
	}
	if vecs == 4 { // three rows' numbers or less, and one vector at a time
		for row := range rows {
			f.op("VBROADCASTSS %s, %s", at(4*k, rowAt(row)), a.r(row))
		}
		for v := range vecs {
			loadB(f, a, t, "(DI)", v, k, a.r(rows))
			for row := range rows {
				f.op("VFMADD231PS %s, %s, %s", a.r(rows), a.r(row), sum(row, v))
			}
		}
		return
	}
	for v := range vecs {
		loadB(f, a, t, "(DI)", v, k, a.r(v))
	}
	group := min(4, free-vecs) // rows whose numbers are loaded together
	for first := 0; first < rows; first += group {
		end := min(first+group, rows)
		for row := first; row < end; row++ {
			f.op("VBROADCASTSS %s, %s", at(4*k, rowAt(row)), a.r(vecs+row-first))
		}
		for row := first; row < end; row++ {
			for v := range vecs {
				f.op("VFMADD231PS %s, %s, %s", a.r(v), a.r(vecs+row-first), sum(row, v))
			}
		}
	}
}

// gemv writes the product of one row with several panels, stride bytes apart.
func gemv(f *file, a arch, t string, panels int) {
	vecs := 32 / a.lanes
	acc := a.regs - panels*vecs
	name := fmt.Sprintf("gemv%d%s%s", 32*panels, a.name, t)
	f.line("// func %s(k int, a *float32, b unsafe.Pointer, stride int, c *float32, add bool)", name)
	f.line("//")
	f.line("// One row times %d panels, stride bytes apart.", panels)
	f.line("TEXT ·%s(SB), NOSPLIT, $0-41", name)
	f.op("MOVQ k+0(FP), CX")
	f.op("MOVQ a+8(FP), SI")
	f.op("MOVQ b+16(FP), DI")
	f.op("MOVQ stride+24(FP), DX")
	f.op("MOVQ c+32(FP), R8")
	f.op("MOVBLZX add+40(FP), AX")
	if panels > 2 {
		f.op("LEAQ (DI)(DX*2), R9")
	}
	if t == "bf16" && a.name == "avx512" {
		f.op("VMOVDQU32 oddMaskavx512<>(SB), Z7")
	}
	for i := acc; i < a.regs; i++ {
		f.op("%s %s, %s, %s", a.xor, a.r(i), a.r(i), a.r(i))
	}
	bytes, ks := stride(t)
	bases := []string{"(DI)", "(DI)(DX*1)", "(R9)", "(R9)(DX*1)"}
	step := func(k int) {
		f.op("VBROADCASTSS %s, %s", at(4*k, "(SI)"), a.r(0))
		for p := range panels {
			for v := range vecs {
				to := a.r(acc + p*vecs + v)
				if t == "f32" {
					f.op("VFMADD231PS %s, %s, %s", at(v*a.bytes(), bases[p]), a.r(0), to)
					continue
				}
				scratch := a.r(1 + (p*vecs+v)%4)
				loadB(f, a, t, bases[p], v, k, scratch)
				f.op("VFMADD231PS %s, %s, %s", scratch, a.r(0), to)
			}
		}
	}
	pairs(f, ks, func() {
		for k := range ks {
			step(k)
		}
		f.op("ADDQ $%d, SI", 4*ks)
		f.op("ADDQ $%d, DI", bytes)
		if panels > 2 {
			f.op("ADDQ $%d, R9", bytes)
		}
	}, func() { step(0) })
	f.op("TESTQ AX, AX")
	f.op("JZ   store")
	for i := range panels * vecs {
		f.op("VADDPS %s, %s, %s", at(i*a.bytes(), "(R8)"), a.r(acc+i), a.r(acc+i))
	}
	f.line("store:")
	for i := range panels * vecs {
		f.op("VMOVUPS %s, %s", a.r(acc+i), at(i*a.bytes(), "(R8)"))
	}
	f.op("VZEROUPPER")
	f.op("RET\n")
}

// peak writes a loop of independent multiply-adds, for the benchmarks.
func peak(f *file, a arch) {
	f.line("// func peak%s(n int)", a.name)
	f.line("TEXT ·peak%s(SB), NOSPLIT, $0-8", a.name)
	f.op("MOVQ n+0(FP), CX")
	for i := 3; i < 16; i++ {
		f.op("%s %s, %s, %s", a.xor, a.r(i), a.r(i), a.r(i))
	}
	f.line("loop:")
	for i := 4; i < 16; i++ {
		f.op("VFMADD231PS %s, %s, %s", a.r(3), a.r(3), a.r(i))
	}
	f.op("DECQ CX")
	f.op("JNZ  loop")
	f.op("VZEROUPPER")
	f.op("RET")
}

const tileArgs = "k int, a *float32, lda int, b unsafe.Pointer, c *float32, ldc int, add bool"

// linearGo writes the declarations and the choice among the tiles. That is a switch and not a table of functions,
// which would let the arguments escape.
func linearGo(f *file) {
	f.line("package kernels\n\nimport \"unsafe\"\n")
	f.line("// What each computes stands with its assembly. Lengths are as stated there, unchecked.\n")
	declare := func(name, args string) { f.line("//go:noescape\nfunc %s(%s)\n", name, args) }
	for _, t := range types {
		for _, r := range rowsAVX512 {
			declare(fmt.Sprintf("tile%dx32avx512%s", r, t), tileArgs)
		}
		for _, r := range rows16AVX2 {
			declare(fmt.Sprintf("tile%dx16avx2%s", r, t), tileArgs)
		}
		for _, r := range rows32AVX2 {
			declare(fmt.Sprintf("tile%dx32avx2%s", r, t), tileArgs)
		}
		declare("gemv128avx512"+t, "k int, a *float32, b unsafe.Pointer, stride int, c *float32, add bool")
		declare("gemv64avx2"+t, "k int, a *float32, b unsafe.Pointer, stride int, c *float32, add bool")
	}
	f.line("// peakavx2 and peakavx512 run n times 12 independent multiply-adds, for the benchmarks.")
	f.line("func peakavx2(n int)\n\nfunc peakavx512(n int)\n")
	tileSwitch(f, avx512)
	tileSwitch(f, avx2)
	f.line("// gemv multiplies one row with two panels, or four where wide.")
	f.line("func gemv(wide bool, t DType, k int, a *float32, b unsafe.Pointer, stride int, c *float32, add bool) {\nswitch {")
	for _, t := range types {
		f.line("case wide && t == %s:\ngemv128avx512%s(k, a, b, stride, c, add)", goType(t), t)
		f.line("case t == %s:\ngemv64avx2%s(k, a, b, stride, c, add)", goType(t), t)
	}
	f.line("}\n}")
}

func goType(t string) string { return strings.ToUpper(t) }

func tileSwitch(f *file, a arch) {
	f.line("// tile%s runs the tile of so many rows on one panel of type t.", a.name)
	f.line("func tile%s(t DType, rows, %s) {\nswitch t {", a.name, tileArgs)
	for _, t := range types {
		f.line("case %s:", goType(t))
		if a.name == "avx512" {
			f.line("switch rows {")
			for _, r := range rowsAVX512 {
				f.line("case %d:\ntile%dx32avx512%s(k, a, lda, b, c, ldc, add)", r, r, t)
			}
			f.line("}")
			continue
		}
		half := 64 // bytes of half a panel's outputs
		if t == "f16" {
			half = 32
		}
		f.line("b2, c2 := unsafe.Add(b, %d), (*float32)(unsafe.Add(unsafe.Pointer(c), 64))", half)
		f.line("switch rows {")
		for _, r := range rows16AVX2 {
			f.line("case %d:\ntile%dx16avx2%s(k, a, lda, b, c, ldc, add)", r, r, t)
			f.line("tile%dx16avx2%s(k, a, lda, b2, c2, ldc, add)", r, t)
		}
		for _, r := range rows32AVX2 {
			f.line("case %d:\ntile%dx32avx2%s(k, a, lda, b, c, ldc, add)", r, r, t)
		}
		f.line("}")
	}
	f.line("}\n}\n")
}
