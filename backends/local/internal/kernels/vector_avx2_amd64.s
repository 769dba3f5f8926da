#include "textflag.h"
#include "exp_amd64.h"

// func sumSquaresAVX2(x *float32, n int, lanes *[16]float32)
//
// lanes[j] += Σ x[16i+j]² for n a multiple of 16.
TEXT ·sumSquaresAVX2(SB), NOSPLIT, $0-24
	MOVQ x+0(FP), SI
	MOVQ n+8(FP), CX
	MOVQ lanes+16(FP), DI
	VMOVUPS (DI), Y0
	VMOVUPS 32(DI), Y1
	SHRQ $4, CX
	JZ   done
loop:
	VMOVUPS (SI), Y2
	VMOVUPS 32(SI), Y3
	VFMADD231PS Y2, Y2, Y0
	VFMADD231PS Y3, Y3, Y1
	ADDQ $64, SI
	DECQ CX
	JNZ  loop
done:
	VMOVUPS Y0, (DI)
	VMOVUPS Y1, 32(DI)
	VZEROUPPER
	RET

// func scaleAVX2(dst, x, w *float32, n int, by float32)
//
// dst = (x·by)·w for n a multiple of 8.
TEXT ·scaleAVX2(SB), NOSPLIT, $0-36
	MOVQ dst+0(FP), DI
	MOVQ x+8(FP), SI
	MOVQ w+16(FP), DX
	MOVQ n+24(FP), CX
	VBROADCASTSS by+32(FP), Y0
	SHRQ $3, CX
	JZ   done
loop:
	VMULPS (SI), Y0, Y1
	VMULPS (DX), Y1, Y1
	VMOVUPS Y1, (DI)
	ADDQ $32, SI
	ADDQ $32, DX
	ADDQ $32, DI
	DECQ CX
	JNZ  loop
done:
	VZEROUPPER
	RET

// func divideAVX2(x *float32, n int, by float32)
//
// x = x/by + 0 for n a multiple of 8.
TEXT ·divideAVX2(SB), NOSPLIT, $0-20
	MOVQ x+0(FP), DI
	MOVQ n+8(FP), CX
	VBROADCASTSS by+16(FP), Y0
	VXORPS Y2, Y2, Y2
	SHRQ $3, CX
	JZ   done
loop:
	VMOVUPS (DI), Y1
	VDIVPS Y0, Y1, Y1
	VADDPS Y2, Y1, Y1
	VMOVUPS Y1, (DI)
	ADDQ $32, DI
	DECQ CX
	JNZ  loop
done:
	VZEROUPPER
	RET

// func addAVX2(dst, x *float32, n int)
//
// dst += x for n a multiple of 8.
TEXT ·addAVX2(SB), NOSPLIT, $0-24
	MOVQ dst+0(FP), DI
	MOVQ x+8(FP), SI
	MOVQ n+16(FP), CX
	SHRQ $3, CX
	JZ   done
loop:
	VMOVUPS (DI), Y0
	VADDPS (SI), Y0, Y0
	VMOVUPS Y0, (DI)
	ADDQ $32, SI
	ADDQ $32, DI
	DECQ CX
	JNZ  loop
done:
	VZEROUPPER
	RET

// func siluAVX2(dst, gate, up *float32, n int)
//
// dst = gate/(1+exp(-gate))·up for n a multiple of 8.
TEXT ·siluAVX2(SB), NOSPLIT, $0-32
	MOVQ dst+0(FP), DI
	MOVQ gate+8(FP), SI
	MOVQ up+16(FP), DX
	MOVQ n+24(FP), CX
	LEAQ ·expTable(SB), BX
	VMOVUPS 352(BX), Y14
	VPCMPEQD Y15, Y15, Y15
	VPSLLD $31, Y15, Y15
	SHRQ $3, CX
	JZ   done
loop:
	VMOVUPS (SI), Y4
	VXORPS Y15, Y4, Y0
	EXP8(Y0, Y1, Y2, Y3, Y10)
	VADDPS Y0, Y14, Y0
	VDIVPS Y0, Y4, Y0
	VMULPS (DX), Y0, Y0
	VMOVUPS Y0, (DI)
	ADDQ $32, SI
	ADDQ $32, DX
	ADDQ $32, DI
	DECQ CX
	JNZ  loop
done:
	VZEROUPPER
	RET

// func ropeAVX2(x, cos, sin *float32, half int)
//
// Rotates the pairs x[j], x[j+half].
TEXT ·ropeAVX2(SB), NOSPLIT, $0-32
	MOVQ x+0(FP), DI
	MOVQ cos+8(FP), SI
	MOVQ sin+16(FP), DX
	MOVQ half+24(FP), CX
	LEAQ (DI)(CX*4), R8
loop:
	CMPQ CX, $8
	JLT  tail
	VMOVUPS (DI), Y0
	VMOVUPS (R8), Y1
	VMOVUPS (SI), Y2
	VMOVUPS (DX), Y3
	VMULPS Y2, Y0, Y4
	VMULPS Y2, Y1, Y5
	VFNMADD231PS Y3, Y1, Y4
	VFMADD231PS Y3, Y0, Y5
	VMOVUPS Y4, (DI)
	VMOVUPS Y5, (R8)
	ADDQ $32, DI
	ADDQ $32, R8
	ADDQ $32, SI
	ADDQ $32, DX
	SUBQ $8, CX
	JMP  loop
tail:
	TESTQ CX, CX
	JZ   done
	LEAQ ·tailMask(SB), AX
	SHLQ $2, CX
	SUBQ CX, AX
	VMOVUPS 32(AX), Y6
	VMASKMOVPS (DI), Y6, Y0
	VMASKMOVPS (R8), Y6, Y1
	VMASKMOVPS (SI), Y6, Y2
	VMASKMOVPS (DX), Y6, Y3
	VMULPS Y2, Y0, Y4
	VMULPS Y2, Y1, Y5
	VFNMADD231PS Y3, Y1, Y4
	VFMADD231PS Y3, Y0, Y5
	VMASKMOVPS Y4, Y6, (DI)
	VMASKMOVPS Y5, Y6, (R8)
done:
	VZEROUPPER
	RET

// func maxAVX2(x *float32, n int, top float32) float32
//
// The largest of top and x, passing over NaN, for n a multiple of 16.
TEXT ·maxAVX2(SB), NOSPLIT, $0-28
	MOVQ x+0(FP), SI
	MOVQ n+8(FP), CX
	VBROADCASTSS top+16(FP), Y0
	VMOVAPS Y0, Y1
	SHRQ $4, CX
	JZ   done
loop:
	VMOVUPS (SI), Y2
	VMOVUPS 32(SI), Y3
	VMAXPS Y0, Y2, Y0
	VMAXPS Y1, Y3, Y1
	ADDQ $64, SI
	DECQ CX
	JNZ  loop
done:
	VMAXPS Y0, Y1, Y0
	VEXTRACTF128 $1, Y0, X1
	VMAXPS X0, X1, X0
	VPSHUFD $0x4e, X0, X1
	VMAXPS X0, X1, X0
	VPSHUFD $0xb1, X0, X1
	VMAXPS X0, X1, X0
	VMOVSS X0, ret+24(FP)
	VZEROUPPER
	RET

// func sumExpAVX2(x *float32, n int, top float32, lanes *[16]float32)
//
// lanes[j] += Σ exp(x[16i+j] - top) for n a multiple of 16.
TEXT ·sumExpAVX2(SB), NOSPLIT, $0-32
	MOVQ x+0(FP), SI
	MOVQ n+8(FP), CX
	VBROADCASTSS top+16(FP), Y15
	MOVQ lanes+24(FP), DI
	LEAQ ·expTable(SB), BX
	VMOVUPS (DI), Y8
	VMOVUPS 32(DI), Y9
	SHRQ $4, CX
	JZ   done
loop:
	VMOVUPS (SI), Y0
	VMOVUPS 32(SI), Y4
	VSUBPS Y15, Y0, Y0
	VSUBPS Y15, Y4, Y4
	EXP8(Y0, Y1, Y2, Y3, Y10)
	EXP8(Y4, Y5, Y6, Y7, Y11)
	VADDPS Y0, Y8, Y8
	VADDPS Y4, Y9, Y9
	ADDQ $64, SI
	DECQ CX
	JNZ  loop
done:
	VMOVUPS Y8, (DI)
	VMOVUPS Y9, 32(DI)
	VZEROUPPER
	RET

// func softmaxAVX2(s *float32, chunks int, top float32) (decay, next, sum float32)
//
// softmaxStep of chunks times 16 scores.
TEXT ·softmaxAVX2(SB), NOSPLIT, $0-36
	MOVQ s+0(FP), SI
	MOVQ chunks+8(FP), R8
	VBROADCASTSS top+16(FP), Y15
	LEAQ ·expTable(SB), BX
	VMOVAPS Y15, Y0
	VMOVAPS Y15, Y2
	MOVQ SI, DI
	MOVQ R8, CX
most:
	VMOVUPS (DI), Y1
	VMOVUPS 32(DI), Y3
	VMAXPS Y0, Y1, Y0
	VMAXPS Y2, Y3, Y2
	ADDQ $64, DI
	DECQ CX
	JNZ  most
	VMAXPS Y0, Y2, Y0
	VEXTRACTF128 $1, Y0, X1
	VMAXPS X0, X1, X0
	VPSHUFD $0x4e, X0, X1
	VMAXPS X0, X1, X0
	VPSHUFD $0xb1, X0, X1
	VMAXPS X0, X1, X0
	VMOVSS X0, next+28(FP)
	VBROADCASTSS X0, Y14
	VXORPS Y12, Y12, Y12
	VXORPS Y13, Y13, Y13
	VSUBPS Y14, Y15, Y4
	EXP8(Y4, Y5, Y6, Y7, Y11)
	VMOVSS X4, decay+24(FP)
loop:
	VMOVUPS (SI), Y0
	VMOVUPS 32(SI), Y4
	VSUBPS Y14, Y0, Y0
	VSUBPS Y14, Y4, Y4
	EXP8(Y0, Y1, Y2, Y3, Y10)
	EXP8(Y4, Y5, Y6, Y7, Y11)
	VMOVUPS Y0, (SI)
	VMOVUPS Y4, 32(SI)
	VADDPS Y0, Y12, Y12
	VADDPS Y4, Y13, Y13
	ADDQ $64, SI
	DECQ R8
	JNZ  loop
	VADDPS Y13, Y12, Y13
	VEXTRACTF128 $1, Y13, X1
	VADDPS X1, X13, X0
	VPSHUFD $0x4e, X0, X1
	VADDPS X1, X0, X0
	VPSHUFD $0xb1, X0, X1
	VADDPS X1, X0, X0
	VMOVSS X0, sum+32(FP)
	VZEROUPPER
	RET

// func fmaAVX2(dst, a, b, c *float32, n int)
//
// dst = a·b + c for n a multiple of 8: the machine's own, which the tests hold fma against.
TEXT ·fmaAVX2(SB), NOSPLIT, $0-40
	MOVQ dst+0(FP), DI
	MOVQ a+8(FP), SI
	MOVQ b+16(FP), DX
	MOVQ c+24(FP), R8
	MOVQ n+32(FP), CX
	SHRQ $3, CX
	JZ   done
loop:
	VMOVUPS (SI), Y0
	VMOVUPS (DX), Y1
	VFMADD213PS (R8), Y1, Y0
	VMOVUPS Y0, (DI)
	ADDQ $32, SI
	ADDQ $32, DX
	ADDQ $32, R8
	ADDQ $32, DI
	DECQ CX
	JNZ  loop
done:
	VZEROUPPER
	RET

// func biasAVX2(c *float32, ld, rows int, bias *float32, n int)
//
// Adds bias to rows of c, ld floats apart, for n a multiple of 8 and rows ≥ 1.
TEXT ·biasAVX2(SB), NOSPLIT, $0-40
	MOVQ c+0(FP), DI
	MOVQ ld+8(FP), R8
	MOVQ rows+16(FP), R9
	MOVQ bias+24(FP), SI
	MOVQ n+32(FP), R10
	SHLQ $2, R8
	SHLQ $2, R10
	JZ   done
row:
	XORQ CX, CX
loop:
	VMOVUPS (DI)(CX*1), Y0
	VADDPS (SI)(CX*1), Y0, Y0
	VMOVUPS Y0, (DI)(CX*1)
	ADDQ $32, CX
	CMPQ CX, R10
	JLT  loop
	ADDQ R8, DI
	DECQ R9
	JNZ  row
done:
	VZEROUPPER
	RET
