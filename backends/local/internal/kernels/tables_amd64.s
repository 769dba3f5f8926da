#include "textflag.h"

// The constants of exp.go, eight times each, in the order in which EXP8 counts on them.

// largest x
DATA ·expTable+0(SB)/8, $0x42b2000042b20000
DATA ·expTable+8(SB)/8, $0x42b2000042b20000
DATA ·expTable+16(SB)/8, $0x42b2000042b20000
DATA ·expTable+24(SB)/8, $0x42b2000042b20000

// smallest x
DATA ·expTable+32(SB)/8, $0xc2aeac4fc2aeac4f
DATA ·expTable+40(SB)/8, $0xc2aeac4fc2aeac4f
DATA ·expTable+48(SB)/8, $0xc2aeac4fc2aeac4f
DATA ·expTable+56(SB)/8, $0xc2aeac4fc2aeac4f

// magic
DATA ·expTable+64(SB)/8, $0x4b4000004b400000
DATA ·expTable+72(SB)/8, $0x4b4000004b400000
DATA ·expTable+80(SB)/8, $0x4b4000004b400000
DATA ·expTable+88(SB)/8, $0x4b4000004b400000

// log₂e
DATA ·expTable+96(SB)/8, $0x3fb8aa3b3fb8aa3b
DATA ·expTable+104(SB)/8, $0x3fb8aa3b3fb8aa3b
DATA ·expTable+112(SB)/8, $0x3fb8aa3b3fb8aa3b
DATA ·expTable+120(SB)/8, $0x3fb8aa3b3fb8aa3b

// ln2, high
DATA ·expTable+128(SB)/8, $0x3f3172183f317218
DATA ·expTable+136(SB)/8, $0x3f3172183f317218
DATA ·expTable+144(SB)/8, $0x3f3172183f317218
DATA ·expTable+152(SB)/8, $0x3f3172183f317218

// ln2, low
DATA ·expTable+160(SB)/8, $0xb102e308b102e308
DATA ·expTable+168(SB)/8, $0xb102e308b102e308
DATA ·expTable+176(SB)/8, $0xb102e308b102e308
DATA ·expTable+184(SB)/8, $0xb102e308b102e308

// c6
DATA ·expTable+192(SB)/8, $0x3ab6a1b33ab6a1b3
DATA ·expTable+200(SB)/8, $0x3ab6a1b33ab6a1b3
DATA ·expTable+208(SB)/8, $0x3ab6a1b33ab6a1b3
DATA ·expTable+216(SB)/8, $0x3ab6a1b33ab6a1b3

// c5
DATA ·expTable+224(SB)/8, $0x3c0905d33c0905d3
DATA ·expTable+232(SB)/8, $0x3c0905d33c0905d3
DATA ·expTable+240(SB)/8, $0x3c0905d33c0905d3
DATA ·expTable+248(SB)/8, $0x3c0905d33c0905d3

// c4
DATA ·expTable+256(SB)/8, $0x3d2aaa743d2aaa74
DATA ·expTable+264(SB)/8, $0x3d2aaa743d2aaa74
DATA ·expTable+272(SB)/8, $0x3d2aaa743d2aaa74
DATA ·expTable+280(SB)/8, $0x3d2aaa743d2aaa74

// c3
DATA ·expTable+288(SB)/8, $0x3e2aaa6e3e2aaa6e
DATA ·expTable+296(SB)/8, $0x3e2aaa6e3e2aaa6e
DATA ·expTable+304(SB)/8, $0x3e2aaa6e3e2aaa6e
DATA ·expTable+312(SB)/8, $0x3e2aaa6e3e2aaa6e

// c2
DATA ·expTable+320(SB)/8, $0x3f0000003f000000
DATA ·expTable+328(SB)/8, $0x3f0000003f000000
DATA ·expTable+336(SB)/8, $0x3f0000003f000000
DATA ·expTable+344(SB)/8, $0x3f0000003f000000

// one
DATA ·expTable+352(SB)/8, $0x3f8000003f800000
DATA ·expTable+360(SB)/8, $0x3f8000003f800000
DATA ·expTable+368(SB)/8, $0x3f8000003f800000
DATA ·expTable+376(SB)/8, $0x3f8000003f800000

// exponent bias
DATA ·expTable+384(SB)/8, $0x0000007f0000007f
DATA ·expTable+392(SB)/8, $0x0000007f0000007f
DATA ·expTable+400(SB)/8, $0x0000007f0000007f
DATA ·expTable+408(SB)/8, $0x0000007f0000007f
GLOBL ·expTable(SB), RODATA|NOPTR, $416

// The last 4·t bytes before its middle and what follows mask t lanes.
DATA ·tailMask+0(SB)/8, $-1
DATA ·tailMask+8(SB)/8, $-1
DATA ·tailMask+16(SB)/8, $-1
DATA ·tailMask+24(SB)/8, $-1
DATA ·tailMask+32(SB)/8, $0
DATA ·tailMask+40(SB)/8, $0
DATA ·tailMask+48(SB)/8, $0
DATA ·tailMask+56(SB)/8, $0
GLOBL ·tailMask(SB), RODATA|NOPTR, $64
