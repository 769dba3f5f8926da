// The steps of exp (exp.go) on eight lanes of X, clobbering T, N, Y and M. The constants stand at BX.
#define EXP8(X, T, N, Y, M) \
	VCMPPS       $1, 32(BX), X, M; \
	VMOVUPS      (BX), T; \
	VMINPS       X, T, X; \
	VMOVUPS      32(BX), T; \
	VMAXPS       X, T, X; \
	VMOVUPS      64(BX), T; \
	VFMADD231PS  96(BX), X, T; \
	VSUBPS       64(BX), T, N; \
	VFNMADD231PS 128(BX), N, X; \
	VFNMADD231PS 160(BX), N, X; \
	VMOVUPS      192(BX), Y; \
	VFMADD213PS  224(BX), X, Y; \
	VFMADD213PS  256(BX), X, Y; \
	VFMADD213PS  288(BX), X, Y; \
	VFMADD213PS  320(BX), X, Y; \
	VFMADD213PS  352(BX), X, Y; \
	VFMADD213PS  352(BX), X, Y; \
	VPSUBD       64(BX), T, T; \
	VPSRAD       $1, T, N; \
	VPSUBD       N, T, T; \
	VPADDD       384(BX), N, N; \
	VPADDD       384(BX), T, T; \
	VPSLLD       $23, N, N; \
	VPSLLD       $23, T, T; \
	VMULPS       N, Y, Y; \
	VMULPS       T, Y, Y; \
	VANDNPS      Y, M, X
