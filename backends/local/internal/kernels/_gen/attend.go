package main

import "fmt"

// attendRows are the numbers of queries that there are tiles for.
func attendRows(a arch) []int {
	if a.name == "avx512" {
		return []int{12, 8, 7, 6, 5, 4, 3, 2, 1}
	}
	return []int{6, 5, 4, 3, 2, 1}
}

// attendVecs is how many vectors a tile of so many rows has: as many sums as keep the multipliers busy and fit.
func attendVecs(a arch, rows int) int {
	most := 64 / a.lanes
	for most > 2 && most*rows > a.regs*3/4 {
		most /= 2
	}
	return most
}

func attendFile(f *file, a arch) {
	f.line(`// Attention of a few queries on one page. Scores and weights stand in rows of 64, a page's positions.
`)
	for _, r := range attendRows(a) {
		scores(f, a, r)
	}
	for _, r := range attendRows(a) {
		values(f, a, r)
	}
	softmax(f, a)
	ramp(f, a)
}

const (
	scoresArgs  = "s, q *float32, ldq int, k *float32, dim int"
	valuesArgs  = "out *float32, ldo int, p, v *float32, dim, n int, decay *float32"
	softmaxArgs = "s *float32, from, to int, scale, top float32"
	rampArgs    = "s *float32, slope, start float32"
)

// scores writes s[r][j] = Σ_d q[r·ldq+d]·k[d][j] for all positions j.
func scores(f *file, a arch, rows int) {
	vecs := attendVecs(a, rows)
	acc := a.regs - rows*vecs
	sum := func(row, v int) string { return a.r(acc + row*vecs + v) }
	name := fmt.Sprintf("scores%d%s", rows, a.name)
	f.line("// func %s(%s)", name, scoresArgs)
	f.line("//\n// s[r][j] = Σ_d q[r·ldq+d]·k[d][j].")
	f.line("TEXT ·%s(SB), NOSPLIT, $0-40", name)
	f.op("MOVQ s+0(FP), R8")
	f.op("MOVQ q+8(FP), SI")
	f.op("MOVQ ldq+16(FP), DX")
	f.op("MOVQ k+24(FP), R9")
	f.op("SHLQ $2, DX")
	f.op("LEAQ (DX)(DX*2), R10")
	bases := []string{"SI", "R11", "R12", "R13"}[:(rows+2)/3]
	for i := 1; i < len(bases); i++ {
		f.op("LEAQ (%s)(R10*1), %s", bases[i-1], bases[i])
	}
	f.op("MOVQ $%d, BX", 64/(vecs*a.lanes))
	f.line("keys:")
	f.op("MOVQ R9, DI")
	f.op("MOVQ dim+32(FP), CX")
	for i := acc; i < a.regs; i++ {
		f.op("%s %s, %s, %s", a.xor, a.r(i), a.r(i), a.r(i))
	}
	f.line("loop:")
	broadcastFMA(f, a, rows, vecs, acc, sum, func(v int) string { return at(v*a.bytes(), "(DI)") }, rowAt)
	f.op("ADDQ $256, DI")
	for _, b := range bases {
		f.op("ADDQ $4, %s", b)
	}
	f.op("DECQ CX")
	f.op("JNZ  loop")
	for row := range rows {
		for v := range vecs {
			f.op("VMOVUPS %s, %s", sum(row, v), at(256*row+v*a.bytes(), "(R8)"))
		}
	}
	f.op("MOVQ dim+32(FP), CX")
	f.op("SHLQ $2, CX")
	for _, b := range bases {
		f.op("SUBQ CX, %s", b)
	}
	f.op("ADDQ $%d, R8", vecs*a.bytes())
	f.op("ADDQ $%d, R9", vecs*a.bytes())
	f.op("DECQ BX")
	f.op("JNZ  keys")
	f.op("VZEROUPPER")
	f.op("RET\n")
}

// broadcastFMA writes one step of a tile: rows' numbers, broadcast, times vectors from memory.
func broadcastFMA(f *file, a arch, rows, vecs, free int, sum func(row, v int) string, vector func(v int) string, row func(i int) string) {
	if vecs > 2 && vecs+1 > free || rows == 1 { // not all vectors fit beside the sums
		for r := range rows {
			f.op("VBROADCASTSS %s, %s", row(r), a.r(r))
		}
		for v := range vecs {
			if rows == 1 {
				f.op("VFMADD231PS %s, %s, %s", vector(v), a.r(0), sum(0, v))
				continue
			}
			f.op("VMOVUPS %s, %s", vector(v), a.r(rows))
			for r := range rows {
				f.op("VFMADD231PS %s, %s, %s", a.r(rows), a.r(r), sum(r, v))
			}
		}
		return
	}
	for v := range vecs {
		f.op("VMOVUPS %s, %s", vector(v), a.r(v))
	}
	group := min(4, free-vecs)
	for first := 0; first < rows; first += group {
		end := min(first+group, rows)
		for r := first; r < end; r++ {
			f.op("VBROADCASTSS %s, %s", row(r), a.r(vecs+r-first))
		}
		for r := first; r < end; r++ {
			for v := range vecs {
				f.op("VFMADD231PS %s, %s, %s", a.r(v), a.r(vecs+r-first), sum(r, v))
			}
		}
	}
}

// values writes out[r·ldo+d] = out[r·ldo+d]·decay[r] + Σ_j p[r][j]·v[j·dim+d] over n positions, by chunks of dimensions.
func values(f *file, a arch, rows int) {
	name := fmt.Sprintf("values%d%s", rows, a.name)
	f.line("// func %s(%s)", name, valuesArgs)
	f.line("//\n// out[r·ldo+d] = out[r·ldo+d]·decay[r] + Σ_j p[r][j]·v[j·dim+d] over n positions j.")
	f.line("TEXT ·%s(SB), NOSPLIT, $0-56", name)
	f.op("MOVQ out+0(FP), R8")
	f.op("MOVQ ldo+8(FP), R9")
	f.op("MOVQ v+24(FP), R11")
	f.op("MOVQ dim+32(FP), BX")
	f.op("MOVQ decay+48(FP), R13")
	f.op("SHLQ $2, R9")
	f.op("LEAQ (BX*4), R10")
	for vecs := attendVecs(a, rows); vecs > 1; vecs /= 2 {
		f.line("chunk%d:", vecs)
		f.op("CMPQ BX, $%d", vecs*a.lanes)
		f.op("JLT  end%d", vecs)
		valuesChunk(f, a, rows, vecs, false)
		f.op("SUBQ $%d, BX", vecs*a.lanes)
		f.op("ADDQ $%d, R8", vecs*a.bytes())
		f.op("ADDQ $%d, R11", vecs*a.bytes())
		f.op("JMP  chunk%d", vecs)
		f.line("end%d:", vecs)
	}
	f.line("rest:")
	f.op("TESTQ BX, BX")
	f.op("JLE  done")
	f.op("MOVQ $%d, CX", a.lanes)
	f.op("CMPQ BX, CX")
	f.op("CMOVQLT BX, CX")
	(&vec{file: f, arch: a}).mask()
	valuesChunk(f, a, rows, 1, true)
	f.op("SUBQ $%d, BX", a.lanes)
	f.op("ADDQ $%d, R8", a.bytes())
	f.op("ADDQ $%d, R11", a.bytes())
	f.op("JMP  rest")
	f.line("done:")
	f.op("VZEROUPPER")
	f.op("RET\n")
}

func valuesChunk(f *file, a arch, rows, vecs int, masked bool) {
	top := a.regs
	if masked && a.name == "avx2" {
		top-- // the mask
	}
	acc := top - rows*vecs
	sum := func(row, v int) string { return a.r(acc + row*vecs + v) }
	v := &vec{file: f, arch: a, masked: masked}
	f.op("MOVQ R8, R14")
	for row := range rows {
		f.op("VBROADCASTSS %s, %s", at(4*row, "(R13)"), a.r(0))
		for i := range vecs {
			v.load(at(i*a.bytes(), "(R14)"), sum(row, i))
			f.op("VMULPS %s, %s, %s", a.r(0), sum(row, i), sum(row, i))
		}
		if row+1 < rows {
			f.op("ADDQ R9, R14")
		}
	}
	label := fmt.Sprintf("loop%d", vecs)
	f.op("MOVQ p+16(FP), SI")
	f.op("MOVQ R11, DI")
	f.op("MOVQ n+40(FP), CX")
	f.line("%s:", label)
	p := func(i int) string { return at(256*i, "(SI)") }
	if masked {
		v.load("(DI)", a.r(0))
		for row := range rows {
			f.op("VBROADCASTSS %s, %s", p(row), a.r(1))
			f.op("VFMADD231PS %s, %s, %s", a.r(0), a.r(1), sum(row, 0))
		}
	} else {
		broadcastFMA(f, a, rows, vecs, acc, sum, func(v int) string { return at(v*a.bytes(), "(DI)") }, p)
	}
	f.op("ADDQ $4, SI")
	f.op("ADDQ R10, DI")
	f.op("DECQ CX")
	f.op("JNZ  %s", label)
	f.op("MOVQ R8, R14")
	for row := range rows {
		for i := range vecs {
			v.store(sum(row, i), at(i*a.bytes(), "(R14)"))
		}
		if row+1 < rows {
			f.op("ADDQ R9, R14")
		}
	}
}

// softmax writes softmaxStep of one row of scores, scaled first.
func softmax(f *file, a arch) {
	v := &vec{file: f, arch: a}
	name := "softmax" + a.name
	f.line("// func %s(%s) (decay, next, sum float32)", name, softmaxArgs)
	f.line("//\n// softmaxStep of scores times scale.")
	f.line("TEXT ·%s(SB), NOSPLIT, $0-44", name)
	f.op("MOVQ s+0(FP), SI")
	f.op("MOVQ from+8(FP), R8")
	f.op("MOVQ to+16(FP), R9")
	f.op("LEAQ ·constants(SB), BX")
	// Scores stay in registers: 16 and on, or 8 and on for AVX2, whose halves take turns.
	n := 64 / a.lanes
	f.op("VBROADCASTSS scale+24(FP), %s", a.r(0))
	f.op("VBROADCASTSS top+28(FP), %s", a.r(1))
	f.op("LEAQ ·within+256(SB), R10")
	f.op("SHLQ $2, R8")
	f.op("SHLQ $2, R9")
	f.op("NEGQ R8")
	f.op("NEGQ R9")
	f.op("ADDQ R10, R8") // ones from here on after what is before from
	f.op("ADDQ R10, R9")
	v.set("minusInf", a.r(2))
	f.op("VMOVAPS %s, %s", a.r(1), a.r(3))
	for i := range n {
		v.op("VMULPS %s, %s, %s", at(i*a.bytes(), "(SI)"), a.r(0), a.r(4))
		if v.wide() {
			v.op("VMOVDQU32 %s, %s", at(i*a.bytes(), "(R8)"), a.r(5))
			v.op("VPANDND %s, %s, %s", at(i*a.bytes(), "(R9)"), a.r(5), a.r(5)) // to's and not from's
			v.op("VPTESTMD %s, %s, K1", a.r(5), a.r(5))
			v.op("VBLENDMPS %s, %s, K1, %s", a.r(4), a.r(2), a.r(4))
		} else {
			v.op("VMOVUPS %s, %s", at(i*a.bytes(), "(R8)"), a.r(5))
			v.op("VANDNPS %s, %s, %s", at(i*a.bytes(), "(R9)"), a.r(5), a.r(5))
			v.op("VBLENDVPS %s, %s, %s, %s", a.r(5), a.r(4), a.r(2), a.r(4))
		}
		v.op("VMOVUPS %s, %s", a.r(4), at(i*a.bytes(), "(SI)"))
		v.op("VMAXPS %s, %s, %s", a.r(3), a.r(4), a.r(3))
	}
	reduce(v, a.r(3), "VMAXPS", 4)
	f.op("VMOVSS X3, next+36(FP)")
	f.op("VBROADCASTSS X3, %s", a.r(3))
	f.op("VSUBPS %s, %s, %s", a.r(3), a.r(1), a.r(1))
	v.exp(a.r(1), a.r(4), a.r(5), a.r(6), a.r(7))
	f.op("VMOVSS X1, decay+32(FP)")
	f.op("MOVQ $4, CX")
	for i := range 16 / a.lanes {
		v.zero(a.r(8 + i))
	}
	f.line("loop:")
	for i := range 16 / a.lanes {
		v.op("VMOVUPS %s, %s", at(i*a.bytes(), "(SI)"), a.r(0))
		v.op("VSUBPS %s, %s, %s", a.r(3), a.r(0), a.r(0))
		v.exp(a.r(0), a.r(4), a.r(5), a.r(6), a.r(7))
		v.op("VMOVUPS %s, %s", a.r(0), at(i*a.bytes(), "(SI)"))
		v.op("VADDPS %s, %s, %s", a.r(0), a.r(8+i), a.r(8+i))
	}
	f.op("ADDQ $64, SI")
	f.op("DECQ CX")
	f.op("JNZ  loop")
	if !v.wide() {
		f.op("VADDPS Y9, Y8, Y8")
	}
	reduce(v, a.r(8), "VADDPS", 4)
	f.op("VMOVSS X8, sum+40(FP)")
	f.op("VZEROUPPER")
	f.op("RET\n")
}

// reduce writes the tree over r's lanes by halves into its first, clobbering register t.
func reduce(v *vec, r, op string, t int) {
	x, y := "X"+r[1:], "Y"+r[1:]
	if v.wide() {
		v.op("VEXTRACTF64X4 $1, %s, Y%d", r, t)
		v.op("%s Y%d, %s, %s", op, t, y, y)
	}
	v.op("VEXTRACTF128 $1, %s, X%d", y, t)
	for _, shuffle := range []string{"", "$0x4e", "$0xb1"} {
		if shuffle != "" {
			v.op("VPSHUFD %s, %s, X%d", shuffle, x, t)
		}
		v.op("%s X%d, %s, %s", op, t, x, x)
	}
}

// ramp writes s[j] += slope·(start+j) over a page.
func ramp(f *file, a arch) {
	f.line("// func ramp%s(%s)", a.name, rampArgs)
	f.line("//\n// s[j] += slope·(start+j) over a page's positions, rounded once.")
	f.line("TEXT ·ramp%s(SB), NOSPLIT, $0-16", a.name)
	f.op("MOVQ s+0(FP), SI")
	f.op("VBROADCASTSS slope+8(FP), %s", a.r(0))
	f.op("VBROADCASTSS start+12(FP), %s", a.r(1))
	for i := range 64 / a.lanes {
		f.op("VADDPS ·ramp64+%d(SB), %s, %s", i*a.bytes(), a.r(1), a.r(2))
		f.op("VFMADD213PS %s, %s, %s", at(i*a.bytes(), "(SI)"), a.r(0), a.r(2))
		f.op("VMOVUPS %s, %s", a.r(2), at(i*a.bytes(), "(SI)"))
	}
	f.op("VZEROUPPER")
	f.op("RET\n")
}

// attendTables writes the tables of softmax and ramp.
func attendTables(f *file) {
	f.line("\n// 64 times all bits, then none.")
	for i := range 64 {
		f.line("DATA ·within+%d(SB)/8, $%d", 8*i, map[bool]int{true: -1, false: 0}[i < 32])
	}
	f.line("GLOBL ·within(SB), RODATA|NOPTR, $512\n")
	f.line("// 0, 1, 2 and on.")
	for i := range 32 {
		f.line("DATA ·ramp64+%d(SB)/8, $%#x", 8*i, uint64(f32(float64(2*i+1)))<<32|uint64(f32(float64(2*i))))
	}
	f.line("GLOBL ·ramp64(SB), RODATA|NOPTR, $256")
}

// attendGo writes the declarations and the choice among the tiles.
func attendGo(f *file) {
	f.line("package kernels\n")
	f.line("// What each computes stands with its assembly. Lengths are as stated there, unchecked.\n")
	declare := func(name, args, result string) { f.line("//go:noescape\nfunc %s(%s) %s\n", name, args, result) }
	const result = "(decay, next, sum float32)"
	for _, a := range []arch{avx2, avx512} {
		for _, r := range attendRows(a) {
			declare(fmt.Sprintf("scores%d%s", r, a.name), scoresArgs, "")
			declare(fmt.Sprintf("values%d%s", r, a.name), valuesArgs, "")
		}
		declare("softmax"+a.name, softmaxArgs, result)
		declare("ramp"+a.name, rampArgs, "")
	}
	pick := func(name, args, call string) {
		f.line("// %s runs the tile of so many rows: 12, or up to 8; up to 6 with AVX2.", name)
		f.line("func (isa wide) %s(rows int, %s) {\nif isa {\nswitch rows {", name, args)
		for i, a := range []arch{avx512, avx2} {
			for _, r := range attendRows(a) {
				f.line("case %d:\n%s%d%s(%s)", r, name, r, a.name, call)
			}
			if i == 0 {
				f.line("}\nreturn\n}\nswitch rows {")
			}
		}
		f.line("}\n}\n")
	}
	pick("scores", scoresArgs, "s, q, ldq, k, dim")
	pick("values", valuesArgs, "out, ldo, p, v, dim, n, decay")
	f.line("func (v wide) softmax(%s) %s {\nif v {\nreturn softmaxavx512(s, from, to, scale, top)\n}\nreturn softmaxavx2(s, from, to, scale, top)\n}\n", softmaxArgs, result)
	f.line("func (v wide) ramp(%s) {\nif v {\nrampavx512(s, slope, start)\n} else {\nrampavx2(s, slope, start)\n}\n}", rampArgs)
}
