package main

import (
	"fmt"
	"strings"
)

// neon writes code for arm64. Vectors are of four lanes; instructions that the assembler does not know are written as
// words, with what they are beside them.
type neon struct {
	*file
	preloaded map[string]int // constants in registers
}

// Opcodes of three registers: op | m<<16 | n<<5 | d.
var neonOps = map[string]uint32{
	"FADD": 0x4E20D400, "FSUB": 0x4EA0D400, "FMUL": 0x6E20DC00, "FDIV": 0x6E20FC00,
	"FMAXNM": 0x4E20C400, "FMAX": 0x4E20F400, "FMIN": 0x4EA0F400, "FMLA": 0x4E20CC00, "FMLS": 0x4EA0CC00,
	"FCMGT": 0x6EA0E400, "BIC": 0x4E601C00, "AND": 0x4E201C00, "ORR": 0x4EA01C00, "EOR": 0x6E201C00, "BSL": 0x6E601C00,
	"ADD": 0x4EA08400, "SUB": 0x6EA08400,
	"FMLA0": 0x4F801000, "FMUL0": 0x4F809000, // by the first lane of m
	"TRN1": 0x4E802800, "TRN2": 0x4E806800,
}

// v3 writes d = n op m (or d += n·m for FMLA, d -= n·m for FMLS).
func (a *neon) v3(op string, d, n, m int) {
	code, ok := neonOps[op]
	if !ok {
		panic("no " + op)
	}
	a.op("WORD $%#08x // %s V%d, V%d, V%d", code|uint32(m)<<16|uint32(n)<<5|uint32(d), op, d, n, m)
}

// v2 writes an instruction of two registers.
func (a *neon) v2(op string, code uint32, d, n int) {
	a.op("WORD $%#08x // %s V%d, V%d", code|uint32(n)<<5|uint32(d), op, d, n)
}

func (a *neon) mov(from, to int) { a.v3("ORR", to, from, from) }

func (a *neon) zero(r int) { a.v3("EOR", r, r, r) }

func (a *neon) shl(by, from, to int) {
	a.v2(fmt.Sprintf("SHL $%d", by), 0x4F005400|uint32(32+by)<<16, to, from)
}

func (a *neon) ushr(by, from, to int) {
	a.v2(fmt.Sprintf("USHR $%d", by), 0x6F000400|uint32(64-by)<<16, to, from)
}

func (a *neon) sshr(by, from, to int) {
	a.v2(fmt.Sprintf("SSHR $%d", by), 0x4F000400|uint32(64-by)<<16, to, from)
}

// constant gives the register of a constant, loading it into t unless it stands in one. The table is at R20.
func (a *neon) constant(name string, t int) int {
	if r, ok := a.preloaded[name]; ok {
		return r
	}
	for i, c := range constants {
		if c.name == name {
			a.op("ADD $%d, R20, R21", 4*i)
			a.op("VLD1R (R21), [V%d.S4]", t)
			return t
		}
	}
	panic("no constant " + name)
}

// preload puts constants into registers from V16 on.
func (a *neon) preload(names ...string) {
	a.preloaded = nil
	a.op("MOVD $·constants(SB), R20")
	regs := map[string]int{}
	for i, n := range names {
		a.constant(n, 16+i)
		regs[n] = 16 + i
	}
	a.preloaded = regs
}

var expConstants = []string{"expMax", "expMin", "magic", "log2e", "ln2Hi", "ln2Lo", "c6", "c5", "c4", "c3", "half", "one", "bias"}

// exp writes x = exp(x) as exp.go has it, with four registers more.
func (a *neon) exp(x, t, n, y, m int) {
	c := func(name string) int { return a.constant(name, -1) }
	a.v3("FCMGT", m, c("expMin"), x)
	a.v3("FMIN", x, x, c("expMax"))
	a.mov(c("magic"), t)
	a.v3("FMLA", t, x, c("log2e"))
	a.v3("FSUB", n, t, c("magic"))
	a.v3("FMLS", x, n, c("ln2Hi"))
	a.v3("FMLS", x, n, c("ln2Lo"))
	a.mov(c("c6"), y)
	for _, name := range []string{"c5", "c4", "c3", "half", "one", "one"} {
		a.mov(c(name), n)
		a.v3("FMLA", n, y, x)
		y, n = n, y
	}
	a.v3("SUB", t, t, c("magic"))
	a.sshr(1, t, n)
	a.v3("SUB", t, t, n)
	for _, r := range []int{n, t} {
		a.v3("ADD", r, r, c("bias"))
		a.shl(23, r, r)
		a.v3("FMUL", y, y, r)
	}
	a.v3("BIC", x, y, m)
}

// poly writes y = ((first·x + next)·x + …, with t free; it gives the register that holds the result.
func (a *neon) poly(x, y, t int, names ...string) int {
	a.mov(a.constant(names[0], 15), y)
	for _, name := range names[1:] {
		a.mov(a.constant(name, 15), t)
		a.v3("FMLA", t, y, x)
		y, t = t, y
	}
	return y
}

// sigmoidLike writes x = x / (1 + exp(e)), e in register 1.
func (a *neon) sigmoidLike(x int) {
	a.exp(1, 2, 3, 4, 5)
	a.v3("FADD", 1, 1, a.constant("one", 15))
	a.v3("FDIV", x, x, 1)
}

func (a *neon) tanh(x int) {
	a.v3("AND", 7, x, a.constant("abs", 15))
	a.v3("FMUL", 8, x, x)
	q := a.poly(8, 2, 3, "tanhC4", "tanhC3", "tanhC2", "tanhC1", "tanhC0")
	a.v3("FMUL", 8, 8, x)
	a.mov(x, 9)
	a.v3("FMLA", 9, 8, q) // the small
	a.v3("FADD", 1, 7, 7)
	a.exp(1, 2, 3, 4, 5)
	a.v3("FADD", 1, 1, a.constant("one", 15))
	a.v3("FDIV", 1, a.constant("two", 15), 1)
	a.v3("FSUB", 1, a.constant("one", 15), 1)
	a.v3("AND", 2, x, a.constant("sign", 15))
	a.v3("ORR", x, 1, 2)
	a.v3("FCMGT", 7, a.constant("tanhSmall", 15), 7)
	a.v3("BSL", 7, 9, x)
	a.mov(7, x)
}

func (a *neon) activation(name string, x int) {
	switch name {
	case "silu":
		a.v3("EOR", 1, x, a.constant("sign", 15))
		a.sigmoidLike(x)
	case "geluTanh":
		a.v3("FMUL", 1, x, x)
		a.v3("FMUL", 1, 1, a.constant("cubic", 15))
		a.mov(x, 2)
		a.v3("FMLA", 2, 1, x)
		a.v3("FMUL", 1, 2, a.constant("geluScale", 15))
		a.sigmoidLike(x)
	case "quickGelu":
		a.v3("FMUL", 1, x, a.constant("quickScale", 15))
		a.sigmoidLike(x)
	case "geluErf":
		a.v3("AND", 7, x, a.constant("abs", 15))
		a.v3("FMIN", 8, 7, a.constant("phiMax", 15))
		names := make([]string, 12)
		for i := range names {
			names[i] = fmt.Sprintf("phi%d", i)
		}
		g := a.poly(8, 1, 2, names...)
		a.v3("FMUL", 8, 7, a.constant("minusHalf", 15))
		a.v3("FMLA", g, 8, 7)
		if g != 1 {
			a.mov(g, 1)
		}
		a.exp(1, 2, 3, 4, 5)
		a.v3("FSUB", 2, a.constant("one", 15), 1)
		a.sshr(31, x, 3) // all bits where negative
		a.v3("BSL", 3, 1, 2)
		a.v3("FMUL", x, x, 3)
	case "relu", "reluSquared":
		a.zero(1)
		a.v3("FCMGT", 1, 1, x)
		a.v3("BIC", x, x, 1)
		if name == "reluSquared" {
			a.v3("FMUL", x, x, x)
		}
	case "tanh":
		a.tanh(x)
	}
}

// neonFunction is one with arguments of 8 bytes, then float32s.
type neonFunction struct {
	name, args, doc string
	write           func(a *neon, arg func(string) string)
}

// loop writes a loop over R0 numbers, step a turn.
func (a *neon) loop(step int, body func()) {
	a.line("loop:")
	body()
	a.op("SUBS $%d, R0, R0", step)
	a.op("BNE  loop")
}

func (a *neon) args(arg func(string) string, names ...string) {
	for i, n := range names {
		a.op("MOVD %s, R%d", arg(n), i)
	}
}

// scalar broadcasts a float32 argument.
func (a *neon) scalar(address string, r int) {
	a.op("FMOVS %s, F%d", address, r)
	a.op("VDUP V%d.S[0], V%d.S4", r, r)
}

func neonFunctions() []neonFunction {
	simple := func(name, doc string, write func(a *neon)) neonFunction {
		return neonFunction{name, "n int, dst, x *float32, by float32", doc + " n is a multiple of 4 and not 0.", func(a *neon, arg func(string) string) {
			a.args(arg, "n", "dst", "x")
			a.scalar(arg("by"), 10)
			a.loop(4, func() {
				a.op("FMOVQ.P 16(R2), F0")
				write(a)
				a.op("FMOVQ.P F0, 16(R1)")
			})
		}}
	}
	all := []neonFunction{
		simple("scaleneon", "dst = x·by.", func(a *neon) { a.v3("FMUL", 0, 0, 10) }),
		simple("divideneon", "dst = x/by + 0.", func(a *neon) {
			a.v3("FDIV", 0, 0, 10)
			a.zero(1)
			a.v3("FADD", 0, 0, 1)
		}),
		{"addneon", "n int, dst, x *float32", "dst += x; n is a multiple of 4 and not 0.", func(a *neon, arg func(string) string) {
			a.args(arg, "n", "dst", "x")
			a.loop(4, func() {
				a.op("FMOVQ.P 16(R2), F0")
				a.op("FMOVQ (R1), F1")
				a.v3("FADD", 0, 1, 0)
				a.op("FMOVQ.P F0, 16(R1)")
			})
		}},
		{"softCapneon", "n int, x *float32, limit, inv float32", "x = limit·tanh(x·inv); n is a multiple of 4 and not 0.", func(a *neon, arg func(string) string) {
			a.args(arg, "n", "x")
			a.preload(expConstants...)
			a.scalar(arg("limit"), 10)
			a.scalar(arg("inv"), 11)
			a.loop(4, func() {
				a.op("FMOVQ (R1), F0")
				a.v3("FMUL", 0, 0, 11)
				a.tanh(0)
				a.v3("FMUL", 0, 0, 10)
				a.op("FMOVQ.P F0, 16(R1)")
			})
		}},
		{"expneon", "n int, x *float32, top float32", "x = exp(x-top); n is a multiple of 4 and not 0.", func(a *neon, arg func(string) string) {
			a.args(arg, "n", "x")
			a.preload(expConstants...)
			a.scalar(arg("top"), 10)
			a.loop(4, func() {
				a.op("FMOVQ (R1), F0")
				a.v3("FSUB", 0, 0, 10)
				a.exp(0, 2, 3, 4, 5)
				a.op("FMOVQ.P F0, 16(R1)")
			})
		}},
		sixteenNeon("sumLanesneon", "x *float32, lanes *float32", "lanes[j] += Σ x[16i+j]; n is a multiple of 16 and not 0.", nil,
			func(a *neon, i int) { a.v3("FADD", 8+i, 8+i, 0) }),
		sixteenNeon("mostneon", "x *float32, lanes *float32",
			"lanes[j] = the largest of lanes[j] and x[16i+j], passing over NaN; n is a multiple of 16 and not 0.", nil,
			func(a *neon, i int) { // not FMAXNM, which orders zeros
				a.v3("FCMGT", 1, 0, 8+i)
				a.v3("BSL", 1, 0, 8+i)
				a.mov(1, 8+i)
			}),
		sixteenNeon("sumSquaresneon", "x *float32, lanes *float32, mean float32",
			"lanes[j] += Σ (x[16i+j]-mean)²; n is a multiple of 16 and not 0.",
			func(a *neon, arg func(string) string) { a.scalar(arg("mean"), 12) },
			func(a *neon, i int) {
				a.v3("FSUB", 0, 0, 12)
				a.v3("FMLA", 8+i, 0, 0)
			}),
		{"normalizeneon", "n int, dst, x, weight, bias *float32, mean, inv float32",
			"dst = ((x-mean)·inv)·weight + bias, where a nil weight is ones and a nil bias zeros; n is a multiple of 4 and not 0.",
			func(a *neon, arg func(string) string) {
				a.args(arg, "n", "dst", "x", "weight", "bias")
				a.scalar(arg("mean"), 10)
				a.scalar(arg("inv"), 11)
				a.preload("one")
				a.mov(16, 1)
				a.loop(4, func() {
					a.op("FMOVQ.P 16(R2), F0")
					a.v3("FSUB", 0, 0, 10)
					a.v3("FMUL", 0, 0, 11)
					a.zero(2)
					a.op("CBZ R3, noWeight")
					a.op("FMOVQ.P 16(R3), F1")
					a.line("noWeight:")
					a.op("CBZ R4, noBias")
					a.op("FMOVQ.P 16(R4), F2")
					a.line("noBias:")
					a.v3("FMLA", 2, 0, 1)
					a.op("FMOVQ.P F2, 16(R1)")
				})
			}},
		{"ropeneon", "n int, x, cos, sin *float32, half int",
			"Rotates the pairs x[j], x[j+half] for j < n, a multiple of 4 and not 0.", func(a *neon, arg func(string) string) {
				a.args(arg, "n", "x", "cos", "sin", "half")
				a.op("LSL $2, R4, R4")
				a.op("ADD R1, R4, R4")
				a.loop(4, func() {
					a.op("FMOVQ (R1), F0")
					a.op("FMOVQ (R4), F1")
					a.op("FMOVQ.P 16(R2), F2")
					a.op("FMOVQ.P 16(R3), F3")
					a.v3("FMUL", 4, 0, 2)
					a.v3("FMUL", 5, 1, 2)
					a.v3("FMLS", 4, 1, 3)
					a.v3("FMLA", 5, 0, 3)
					a.op("FMOVQ.P F4, 16(R1)")
					a.op("FMOVQ.P F5, 16(R4)")
				})
			}},
	}
	for _, name := range activationNames {
		all = append(all, neonFunction{name + "neon", "n int, dst, x, up *float32",
			"dst = " + name + "(x)·up, or " + name + "(x) where up is nil; n is a multiple of 4 and not 0.",
			func(a *neon, arg func(string) string) {
				a.args(arg, "n", "dst", "x", "up")
				a.preload(expConstants...)
				a.loop(4, func() {
					a.op("FMOVQ.P 16(R2), F0")
					a.activation(name, 0)
					a.op("CBZ R3, plain")
					a.op("FMOVQ.P 16(R3), F1")
					a.v3("FMUL", 0, 0, 1)
					a.line("plain:")
					a.op("FMOVQ.P F0, 16(R1)")
				})
			}})
	}
	return all
}

// sixteenNeon is a function that runs over x with 16 lanes in registers 8 to 11, one vector in register 0 at a time.
func sixteenNeon(name, args, doc string, head func(a *neon, arg func(string) string), body func(a *neon, i int)) neonFunction {
	return neonFunction{name, "n int, " + args, doc, func(a *neon, arg func(string) string) {
		a.args(arg, "n", "x", "lanes")
		if head != nil {
			head(a, arg)
		}
		for i := range 4 {
			a.op("FMOVQ %d(R2), F%d", 16*i, 8+i)
		}
		a.loop(16, func() {
			for i := range 4 {
				a.op("FMOVQ.P 16(R1), F0")
				body(a, i)
			}
		})
		for i := range 4 {
			a.op("FMOVQ F%d, %d(R2)", 8+i, 16*i)
		}
	}}
}

func neonElementwise(f *file) {
	f.line("// Constants of exp.go and activate.go.")
	for i, c := range constants {
		f.line("DATA ·constants+%d(SB)/4, $%#x // %s", 4*i, c.bits, c.name)
	}
	f.line("GLOBL ·constants(SB), RODATA|NOPTR, $%d\n", 4*len(constants))
	for _, fn := range neonFunctions() {
		neonText(f, fn)
	}
}

func neonText(f *file, fn neonFunction) {
	offsets, size := argOffsets(fn.args)
	f.line("// func %s(%s)\n//\n// %s", fn.name, fn.args, fn.doc)
	f.line("TEXT ·%s(SB), NOSPLIT, $0-%d", fn.name, size)
	fn.write(&neon{file: f}, func(name string) string {
		o, ok := offsets[name]
		if !ok {
			panic(fn.name + " has no argument " + name)
		}
		return fmt.Sprintf("%s+%d(FP)", name, o)
	})
	f.op("RET\n")
}

// The rows of the tiles that there are, by their outputs.
var neonRows = map[int]int{1: 32, 2: 32, 3: 32, 4: 16, 5: 16, 6: 16}

func neonLinear(f *file) {
	f.line("// Tiles of Linear, attention's scores and its values, as those of amd64.\n")
	for _, t := range []string{"f32", "bf16", "f16"} {
		for r := 1; r <= 6; r++ {
			neonTile(f, t, r, neonRows[r])
		}
	}
	for r := 1; r <= 6; r++ {
		neonScores(f, r)
		neonValues(f, r)
	}
}

// neonRowPointers sets R7 and on to rows of a from R1, R2 bytes apart.
func neonRowPointers(a *neon, rows int) {
	a.op("MOVD R1, R7")
	for i := 1; i < rows; i++ {
		a.op("ADD R2, R%d, R%d", 6+i, 7+i)
	}
}

// neonMultiply writes one step: rows' numbers by load, times vectors that vector loads into the register it is given.
func neonMultiply(a *neon, rows, vecs, acc int, load func(row, reg int), vector func(v, reg int)) {
	if vecs > 4 { // three rows or less
		for r := range rows {
			load(r, 4+r)
		}
		for v := range vecs {
			vector(v, v%4)
			for r := range rows {
				a.v3("FMLA0", acc+r*vecs+v, v%4, 4+r)
			}
		}
		return
	}
	for v := range vecs {
		vector(v, v)
	}
	for r := range rows {
		load(r, 4+r%3)
		for v := range vecs {
			a.v3("FMLA0", acc+r*vecs+v, v, 4+r%3)
		}
	}
}

func neonTile(f *file, t string, rows, width int) {
	vecs := width / 4
	acc := 32 - rows*vecs
	neonText(f, neonFunction{fmt.Sprintf("tile%dx%dneon%s", rows, width, t), tileArgsNeon, "One tile; see linear_f32_avx2_amd64.s.",
		func(a *neon, arg func(string) string) {
			a.args(arg, "k", "a", "lda", "b", "c", "ldc", "add")
			a.op("LSL $2, R2, R2")
			a.op("LSL $2, R5, R5")
			neonRowPointers(a, rows)
			if t == "bf16" {
				a.op("MOVD $0xffff0000, R20")
				a.op("VDUP R20, V7.S4")
			}
			for i := acc; i < 32; i++ {
				a.zero(i)
			}
			step := func(k int) {
				neonMultiply(a, rows, vecs, acc,
					func(r, reg int) { a.op("FMOVS.P 4(R%d), F%d", 7+r, reg) },
					func(v, reg int) { neonLoadB(a, t, v, k, reg) })
			}
			switch t {
			case "bf16":
				a.op("SUBS $2, R0, R0")
				a.op("BLT  odd")
				a.line("loop:")
				step(0)
				step(1)
				a.op("ADD $128, R3")
				a.op("SUBS $2, R0, R0")
				a.op("BGE  loop")
				a.line("odd:")
				a.op("ADDS $2, R0, R0")
				a.op("BEQ  done")
				step(0)
				a.line("done:")
			default:
				a.loop(1, func() {
					step(0)
					a.op("ADD $%d, R3", map[string]int{"f32": 128, "f16": 64}[t])
				})
			}
			a.op("CBZ R6, store")
			a.op("MOVD R4, R7")
			for r := range rows {
				for v := range vecs {
					a.op("FMOVQ %d(R7), F0", 16*v)
					a.v3("FADD", acc+r*vecs+v, 0, acc+r*vecs+v)
				}
				a.op("ADD R5, R7")
			}
			a.line("store:")
			for r := range rows {
				for v := range vecs {
					a.op("FMOVQ F%d, %d(R4)", acc+r*vecs+v, 16*v)
				}
				a.op("ADD R5, R4")
			}
		}})
}

// neonLoadB loads vector v of the panel at R3, for the k'th of a pair, widened, into reg.
func neonLoadB(a *neon, t string, v, k, reg int) {
	switch t {
	case "f32":
		a.op("FMOVQ %d(R3), F%d", 16*v, reg)
	case "bf16":
		a.op("FMOVQ %d(R3), F%d", 16*v, reg)
		if k == 0 {
			a.shl(16, reg, reg)
		} else {
			a.v3("AND", reg, reg, 7)
		}
	case "f16":
		a.op("FMOVD %d(R3), F%d", 8*v, reg)
		a.v2("FCVTL", 0x0E217800, reg, reg)
	}
}

func neonScores(f *file, rows int) {
	width := neonRows[rows]
	vecs := width / 4
	acc := 32 - rows*vecs
	neonText(f, neonFunction{fmt.Sprintf("scores%dneon", rows), scoresArgs, "s[r][j] = Σ_d q[r·ldq+d]·k[d][j].",
		func(a *neon, arg func(string) string) {
			a.op("MOVD %s, R4", arg("s"))
			a.op("MOVD %s, R1", arg("q"))
			a.op("MOVD %s, R2", arg("ldq"))
			a.op("MOVD %s, R5", arg("k"))
			a.op("LSL $2, R2, R2")
			a.op("MOVD $%d, R6", 64/width)
			a.line("keys:")
			neonRowPointers(a, rows)
			a.op("MOVD R5, R3")
			a.op("MOVD %s, R0", arg("dim"))
			for i := acc; i < 32; i++ {
				a.zero(i)
			}
			a.loop(1, func() {
				neonMultiply(a, rows, vecs, acc,
					func(r, reg int) { a.op("FMOVS.P 4(R%d), F%d", 7+r, reg) },
					func(v, reg int) { a.op("FMOVQ %d(R3), F%d", 16*v, reg) })
				a.op("ADD $256, R3")
			})
			for r := range rows {
				for v := range vecs {
					a.op("FMOVQ F%d, %d(R4)", acc+r*vecs+v, 256*r+16*v)
				}
			}
			a.op("ADD $%d, R4", 4*width)
			a.op("ADD $%d, R5", 4*width)
			a.op("SUBS $1, R6, R6")
			a.op("BNE  keys")
		}})
}

func neonValues(f *file, rows int) {
	neonText(f, neonFunction{fmt.Sprintf("values%dneon", rows), valuesArgs,
		"out[r·ldo+d] = out[r·ldo+d]·decay[r] + Σ_j p[r][j]·v[j·dim+d] over n positions j and dimensions d < dim&^3.",
		func(a *neon, arg func(string) string) {
			a.op("MOVD %s, R4", arg("out"))
			a.op("MOVD %s, R5", arg("ldo"))
			a.op("MOVD %s, R6", arg("v"))
			a.op("MOVD %s, R7", arg("dim"))
			a.op("MOVD %s, R8", arg("decay"))
			a.op("LSL $2, R5, R5")
			a.op("LSL $2, R7, R9")
			for width := neonRows[rows]; ; width /= 2 {
				if width == 8 {
					width = 4
				}
				a.line("chunk%d:", width)
				a.op("CMP $%d, R7", width)
				a.op("BLT  end%d", width)
				neonValuesChunk(a, arg, rows, width)
				a.op("SUB $%d, R7", width)
				a.op("ADD $%d, R4", 4*width)
				a.op("ADD $%d, R6", 4*width)
				a.op("JMP  chunk%d", width)
				a.line("end%d:", width)
				if width == 4 {
					return
				}
			}
		}})
}

func neonValuesChunk(a *neon, arg func(string) string, rows, width int) {
	vecs := width / 4
	acc := 32 - rows*vecs
	each := func(op func(r, v int)) {
		a.op("MOVD R4, R10")
		for r := range rows {
			for v := range vecs {
				op(r, v)
			}
			a.op("ADD R5, R10")
		}
	}
	each(func(r, v int) {
		if v == 0 {
			a.op("FMOVS %d(R8), F0", 4*r)
		}
		a.op("FMOVQ %d(R10), F1", 16*v)
		a.v3("FMUL0", acc+r*vecs+v, 1, 0)
	})
	a.op("MOVD %s, R1", arg("p"))
	a.op("MOVD R6, R3")
	a.op("MOVD %s, R0", arg("n"))
	a.line("loop%d:", width)
	neonMultiply(a, rows, vecs, acc,
		func(r, reg int) { a.op("FMOVS %d(R1), F%d", 256*r, reg) },
		func(v, reg int) { a.op("FMOVQ %d(R3), F%d", 16*v, reg) })
	a.op("ADD $4, R1")
	a.op("ADD R9, R3")
	a.op("SUBS $1, R0, R0")
	a.op("BNE  loop%d", width)
	each(func(r, v int) { a.op("FMOVQ F%d, %d(R10)", acc+r*vecs+v, 16*v) })
}

const tileArgsNeon = "k int, a *float32, lda int, b unsafe.Pointer, c *float32, ldc, add int"

// neonGo writes the declarations and the choice among the tiles.
func neonGo(f *file) {
	f.line("package kernels\n\nimport \"unsafe\"\n")
	f.line("// What each computes stands with its assembly. Lengths are as stated there, unchecked.\n")
	declare := func(name, args string) { f.line("//go:noescape\nfunc %s(%s)\n", name, args) }
	for _, fn := range neonFunctions() {
		declare(fn.name, fn.args)
	}
	for r := 1; r <= 6; r++ {
		for _, t := range []string{"f32", "bf16", "f16"} {
			declare(fmt.Sprintf("tile%dx%dneon%s", r, neonRows[r], t), tileArgsNeon)
		}
		declare(fmt.Sprintf("scores%dneon", r), scoresArgs)
		declare(fmt.Sprintf("values%dneon", r), valuesArgs)
	}
	f.line("// tileneon runs the tile of so many rows on one panel of type t.")
	f.line("func tileneon(t DType, rows, %s) {\nswitch t {", tileArgsNeon)
	for _, t := range []string{"f32", "bf16", "f16"} {
		f.line("case %s:", strings.ToUpper(t))
		f.line("b2, c2 := unsafe.Add(b, %d), (*float32)(unsafe.Add(unsafe.Pointer(c), 64))", map[bool]int{true: 32, false: 64}[t == "f16"])
		f.line("switch rows {")
		for r := 1; r <= 6; r++ {
			f.line("case %d:\ntile%dx%dneon%s(k, a, lda, b, c, ldc, add)", r, r, neonRows[r], t)
			if neonRows[r] == 16 {
				f.line("tile%dx16neon%s(k, a, lda, b2, c2, ldc, add)", r, t)
			}
		}
		f.line("}")
	}
	f.line("}\n}\n")
	for _, p := range [][3]string{{"scores", scoresArgs, "s, q, ldq, k, dim"}, {"values", valuesArgs, "out, ldo, p, v, dim, n, decay"}} {
		f.line("// %sneon runs the tile of so many rows, up to 6.", p[0])
		f.line("func %sneon(rows int, %s) {\nswitch rows {", p[0], p[1])
		for r := 1; r <= 6; r++ {
			f.line("case %d:\n%s%dneon(%s)", r, p[0], r, p[2])
		}
		f.line("}\n}\n")
	}
}
