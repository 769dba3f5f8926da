package main

import (
	"fmt"
	"strings"
)

const linearDoc = `// Tiles of Linear.
//
// A tile multiplies rows of a, lda floats apart, with one panel from b (or half of its outputs, for tiles 16 wide) for
// k ≥ 1 steps and stores its sums at c, rows ldc floats apart, or adds them to what is there. Each output is one chain
// over k. Those of type dp take pairs of bfloat16 from a as from b, k counting pairs (AVX-512), or such numbers widened
// to float32 in a (AVX2, k even), and give what VDPBF16PS does: the odd of a pair first, subnormals zero.
//
// Wider tiles take two or four panels, stride bytes apart: memory gives more to several streams. Rows of a stand at SI,
// R11, R12, R13 (three each), the panels at DI and BX (two each).
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
	types = []string{"f32", "bf16", "f16", "dp"}
	// The rows of the tiles that there are, by their outputs.
	rowsAVX512    = []int{12, 8, 7, 6, 5, 4, 3, 2, 1}
	rows64AVX512  = []int{6, 5, 4}
	rows128AVX512 = []int{3, 2, 1}
	rows16AVX2    = []int{6, 5, 4}
	rows32AVX2    = []int{3, 2, 1}
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
	for _, rows := range rows64AVX512 {
		tile(f, avx512, t, rows, 64)
	}
	for _, rows := range rows128AVX512 {
		tile(f, avx512, t, rows, 128)
	}
	if t == "f32" {
		peak(f, avx512)
	}
}

func linearAVX2(f *file, t string) {
	f.line("%s", linearDoc)
	if t == "bf16" || t == "dp" {
		oddMask(f, "avx2", 4)
	}
	for _, rows := range rows16AVX2 {
		tile(f, avx2, t, rows, 16)
	}
	for _, rows := range rows32AVX2 {
		tile(f, avx2, t, rows, 32)
	}
	tile(f, avx2, t, 1, 64)
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
func stride(a arch, t string) (bytes, ks int) {
	switch {
	case t == "f32" || t == "dp" && a.name == "avx512":
		return 128, 1
	case t == "f16":
		return 64, 1
	}
	return 128, 2
}

// loadB writes the loads of vector v of the panel at base, for the k'th of a step's ks, widened, into reg.
func loadB(f *file, a arch, t, base string, v, k int, reg string) {
	switch {
	case t == "f32" || t == "dp" && a.name == "avx512":
		f.op("VMOVUPS %s, %s", at(v*a.bytes(), base), reg)
	case t == "f16":
		f.op("VCVTPH2PS %s, %s", at(v*a.bytes()/2, base), reg)
	default:
		switch {
		case k == 0 && a.name == "avx512":
			f.op("VPSLLD $16, %s, %s", at(v*a.bytes(), base), reg)
		case k == 0:
			f.op("VMOVDQU %s, %s", at(v*a.bytes(), base), reg)
			f.op("VPSLLD $16, %s, %s", reg, reg)
		case a.name == "avx512":
			f.op("VPANDD %s, Z7, %s", at(v*a.bytes(), base), reg)
		default:
			f.op("VMOVDQU oddMask%s<>(SB), %s", a.name, reg)
			f.op("VPAND %s, %s, %s", at(v*a.bytes(), base), reg, reg)
		}
	}
}

// head writes a function's start and loads what tiles are given.
func head(f *file, a arch, name, t string, rows, panels int) {
	args, extra := tileArgs, 0
	if panels > 1 {
		args, extra = panelsArgs, 8
	}
	f.line("// func %s(%s)", name, args)
	frame := 0
	if t == "dp" && a.name == "avx2" {
		frame = 8
	}
	f.line("TEXT ·%s(SB), NOSPLIT, $%d-%d", name, frame, 49+extra)
	f.op("MOVQ k+0(FP), CX")
	f.op("MOVQ a+8(FP), SI")
	f.op("MOVQ lda+16(FP), DX")
	f.op("MOVQ b+24(FP), DI")
	f.op("MOVQ c+%d(FP), R8", 32+extra)
	f.op("MOVQ ldc+%d(FP), R9", 40+extra)
	f.op("MOVBLZX add+%d(FP), AX", 48+extra)
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
	if panels > 1 {
		f.op("MOVQ stride+32(FP), R10")
	}
	if panels > 2 {
		f.op("LEAQ (DI)(R10*2), BX")
	}
	if t == "bf16" && a.name == "avx512" {
		f.op("VMOVDQU32 oddMaskavx512<>(SB), Z7")
	}
}

// ahead is how many bytes before their use panels are asked for: the machine's own prefetcher stops at the end of a
// page of memory.
const ahead = 4096

// tile writes the tile of so many rows and outputs.
func tile(f *file, a arch, t string, rows, width int) {
	vecs, panels := width/a.lanes, (width+31)/32
	acc := a.regs - rows*vecs // the first register of sums
	sum := func(row, v int) string { return a.r(acc + row*vecs + v) }
	head(f, a, fmt.Sprintf("tile%dx%d%s%s", rows, width, a.name, t), t, rows, panels)
	for i := acc; i < a.regs; i++ {
		f.op("%s %s, %s, %s", a.xor, a.r(i), a.r(i), a.r(i))
	}
	bytes, ks := stride(a, t)
	emulated := t == "dp" && a.name == "avx2"
	if emulated {
		flushSubnormals(f)
	}
	pairs(f, ks, func() {
		if panels == 1 { // the panel may come from memory
			for line := 0; line < bytes; line += 64 {
				f.op("PREFETCHT0 %d(DI)", ahead+line)
			}
		}
		for k := range ks {
			if emulated {
				k = 1 - k // the odd of each pair first
			}
			tileStep(f, a, t, rows, vecs, acc, k, sum)
		}
		f.op("ADDQ $%d, DI", bytes)
		if panels > 2 {
			f.op("ADDQ $%d, BX", bytes)
		}
		for i := 0; i < rows; i += 3 {
			f.op("ADDQ $%d, %s", 4*ks, []string{"SI", "R11", "R12", "R13"}[i/3])
		}
	}, emulated, func() { tileStep(f, a, t, rows, vecs, acc, 0, sum) })
	if emulated {
		f.op("LDMXCSR old-4(SP)")
	}
	tileStore(f, a, rows, vecs, sum)
}

// flushSubnormals writes what makes arithmetic take and give zeros for subnormals, as VDPBF16PS does.
func flushSubnormals(f *file) {
	f.op("STMXCSR old-4(SP)")
	f.op("STMXCSR new-8(SP)")
	f.op("ORL $0x8040, new-8(SP)")
	f.op("LDMXCSR new-8(SP)")
}

// tileStore writes a tile's end: the sums go to c.
func tileStore(f *file, a arch, rows, vecs int, sum func(row, v int) string) {
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

// pairs writes the loop over CX steps of k, ks a turn, and what is left where there are two a turn and k may be odd.
func pairs(f *file, ks int, body func(), even bool, last func()) {
	if ks == 1 || even {
		f.line("loop:")
		body()
		f.op("SUBQ $%d, CX", ks)
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
	if vecs >= 4 { // few rows: all their numbers, and a few vectors at a time
		for row := range rows {
			f.op("VBROADCASTSS %s, %s", at(4*k, rowAt(row)), a.r(row))
		}
		for v := range vecs {
			base := []string{"(DI)", "(DI)(R10*1)", "(BX)", "(BX)(R10*1)"}[v*a.lanes/32]
			v1 := v % (32 / a.lanes)
			if t == "f32" && rows == 1 {
				f.op("VFMADD231PS %s, %s, %s", at(v1*a.bytes(), base), a.r(0), sum(0, v))
				continue
			}
			b := a.r(rows + v%min(4, free-rows))
			loadB(f, a, t, base, v1, k, b)
			for row := range rows {
				multiplyAdd(f, a, t, b, a.r(row), sum(row, v))
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
				multiplyAdd(f, a, t, a.r(v), a.r(vecs+row-first), sum(row, v))
			}
		}
	}
}

// multiplyAdd writes sum += a·b, or with AVX-512's bfloat16 that of both of a pair.
func multiplyAdd(f *file, isa arch, t, b, a, sum string) {
	if t == "dp" && isa.name == "avx512" {
		dotBF16(f, b, a, sum)
		return
	}
	f.op("VFMADD231PS %s, %s, %s", b, a, sum)
}

// dotBF16 writes VDPBF16PS b, a, sum (EVEX.512.F3.0F38.W0 52 /r), which the assembler does not know.
func dotBF16(f *file, b, a, sum string) {
	num := func(r string) byte {
		var i byte
		if _, err := fmt.Sscanf(r, "Z%d", &i); err != nil {
			panic(err)
		}
		return i
	}
	n, bit := num, func(x byte, i uint) byte { return x>>i&1 ^ 1 }
	p0 := bit(n(sum), 3)<<7 | bit(n(b), 4)<<6 | bit(n(b), 3)<<5 | bit(n(sum), 4)<<4 | 2
	p1 := (^n(a)&15)<<3 | 1<<2 | 2
	p2 := byte(2)<<5 | bit(n(a), 4)<<3
	f.op("LONG $%#x // VDPBF16PS %s, %s, %s", uint32(0x62)|uint32(p0)<<8|uint32(p1)<<16|uint32(p2)<<24, b, a, sum)
	f.op("WORD $%#x", uint16(0x52)|uint16(0xc0|n(sum)&7<<3|n(b)&7)<<8)
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
	f.op("RET\n")
	if a.name == "avx512" {
		return
	}
	f.line("// func readavx2(p unsafe.Pointer, size int)")
	f.line("//")
	f.line("// Reads size bytes, a multiple of 1024, in four streams, for the benchmarks.")
	f.line("TEXT ·readavx2(SB), NOSPLIT, $0-16")
	f.op("MOVQ p+0(FP), SI")
	f.op("MOVQ size+8(FP), DX")
	f.op("SHRQ $2, DX")
	f.op("MOVQ DX, CX")
	f.op("LEAQ (SI)(DX*2), DI")
	f.line("loop:")
	for i := range 8 {
		f.op("VPOR %s, %s, %s", at(32*i, "(SI)"), a.r(i), a.r(i))
		f.op("VPOR %s, %s, %s", at(32*i, "(SI)(DX*1)"), a.r(i), a.r(i))
		f.op("VPOR %s, %s, %s", at(32*i, "(DI)"), a.r(i), a.r(i))
		f.op("VPOR %s, %s, %s", at(32*i, "(DI)(DX*1)"), a.r(i), a.r(i))
	}
	f.op("ADDQ $256, SI")
	f.op("ADDQ $256, DI")
	f.op("SUBQ $256, CX")
	f.op("JNZ  loop")
	f.op("VZEROUPPER")
	f.op("RET")
}

const (
	tileArgs   = "k int, a *float32, lda int, b unsafe.Pointer, c *float32, ldc int, add bool"
	panelsArgs = "k int, a *float32, lda int, b unsafe.Pointer, stride int, c *float32, ldc int, add bool"
)

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
		for _, r := range rows64AVX512 {
			declare(fmt.Sprintf("tile%dx64avx512%s", r, t), panelsArgs)
		}
		for _, r := range rows128AVX512 {
			declare(fmt.Sprintf("tile%dx128avx512%s", r, t), panelsArgs)
		}
		declare("tile1x64avx2"+t, panelsArgs)
	}
	f.line("// peakavx2 and peakavx512 run n times 12 independent multiply-adds, for the benchmarks.")
	f.line("func peakavx2(n int)\n\nfunc peakavx512(n int)\n")
	declare("readavx2", "p unsafe.Pointer, size int")
	tileSwitch(f, avx512)
	tileSwitch(f, avx2)
	f.line("// panelsavx512 runs the tile of up to 6 rows on several panels of type t, stride bytes apart: two, or four for up")
	f.line("// to 3 rows.")
	f.line("func panelsavx512(t DType, rows, %s) {\nswitch t {", panelsArgs)
	for _, t := range types {
		f.line("case %s:\nswitch rows {", goType(t))
		for _, r := range rows128AVX512 {
			f.line("case %d:\ntile%dx128avx512%s(k, a, lda, b, stride, c, ldc, add)", r, r, t)
		}
		for _, r := range rows64AVX512 {
			f.line("case %d:\ntile%dx64avx512%s(k, a, lda, b, stride, c, ldc, add)", r, r, t)
		}
		f.line("}")
	}
	f.line("}\n}\n")
	f.line("// panelsavx2 runs the tile of one row on two panels.")
	f.line("func panelsavx2(t DType, %s) {\nswitch t {", panelsArgs)
	for _, t := range types {
		f.line("case %s:\ntile1x64avx2%s(k, a, lda, b, stride, c, ldc, add)", goType(t), t)
	}
	f.line("}\n}")
}

// goType is the constant of a type.
func goType(t string) string {
	if t == "dp" {
		return "dotBF16"
	}
	return strings.ToUpper(t)
}

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
