#include "textflag.h"

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

// func indexAVX2(x *float32, n int, value float32) int
//
// The first i with x[i] == value for n a multiple of 8; n if there is none.
TEXT ·indexAVX2(SB), NOSPLIT, $0-32
	MOVQ x+0(FP), SI
	MOVQ n+8(FP), CX
	VBROADCASTSS value+16(FP), Y0
	XORQ AX, AX
loop:
	CMPQ AX, CX
	JGE  done
	VCMPPS $0, (SI)(AX*4), Y0, Y1
	VMOVMSKPS Y1, DX
	ADDQ $8, AX
	TESTL DX, DX
	JZ   loop
	BSFL DX, DX
	LEAQ -8(AX)(DX*1), AX
done:
	MOVQ AX, ret+24(FP)
	VZEROUPPER
	RET

// func features() uint32
//
// ECX of CPUID's leaf 1.
TEXT ·features(SB), NOSPLIT, $0-4
	MOVL $1, AX
	XORL CX, CX
	CPUID
	MOVL CX, ret+0(FP)
	RET
