/* Tests of the stand-in driver and its emulator, one case a process, because a fault spoils a context for good: selftest CASE
 * prints what it saw and ends with 0, or with 1 and why. ../stub_test.go runs all and says what must be printed. */
#include <cuda.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void die(const char *format, ...) {
	va_list args;
	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	printf("\n");
	exit(1);
}

static const char *name_of(CUresult r) {
	const char *s = NULL;
	cuGetErrorName(r, &s);
	return s ? s : "unnamed error";
}

#define OK(call)                                                                                                                \
	do {                                                                                                                       \
		CUresult r_ = (call);                                                                                                  \
		if (r_) die("line %d: %s: %s", __LINE__, #call, name_of(r_));                                                          \
	} while (0)
#define WANT(call, want)                                                                                                        \
	do {                                                                                                                       \
		CUresult r_ = (call);                                                                                                  \
		if (r_ != (want)) die("line %d: %s: %s, want %s", __LINE__, #call, name_of(r_), name_of(want));                        \
	} while (0)
#define CHECK(cond)                                                                                                             \
	do {                                                                                                                       \
		if (!(cond)) die("line %d: %s does not hold", __LINE__, #cond);                                                        \
	} while (0)

#define ENTRY(name, threads, params) ".visible .entry " name "(" params ")\n.maxntid " threads "\n{\n\tret;\n}\n"
#define P64 "\n\t.param .u64 p"
#define P32 "\n\t.param .u32 p"
static const char ptx[] = ".version 7.5\n.target sm_80\n.address_size 64\n" /* what the stand-in reads of PTX, and no more */
        ENTRY("test_product_bf16", "32", P64 "," P64 "," P64 "\n") ENTRY("test_product_f16", "32", P64 "," P64 "," P64 "\n")
        ENTRY("test_transpose", "32", P64 "," P64 "\n") ENTRY("test_sum", "256", P64 "," P64 "," P64 "," P64 "\n")
        ENTRY("test_named_barrier", "128", P64 "\n") ENTRY("test_race", "64", P64 "\n") ENTRY("test_no_wait", "32", P64 "," P64 "," P32 "\n")
        ENTRY("fault_barrier", "64", "\n") ENTRY("fault_warp", "64", P64 "\n") ENTRY("fault_mixed", "64", P64 "\n")
        ENTRY("fault_barrier_and_warp", "64", P64 "\n") ENTRY("fault_store", "32", P64 "," P32 "\n")
        ENTRY("fault_load", "32", P64 "," P64 "," P64 "\n") ENTRY("fault_align", "32", P64 "," P64 "\n")
        ENTRY("fault_vector", "32", P64 "," P64 "," P32 "\n") ENTRY("fault_async", "32", P64 "\n") ENTRY("fault_shared", "32", P32 "\n")
        ENTRY("fault_dynamic", "32", P32 "\n") ENTRY("fault_uninitialised", "32", P64 "\n") ENTRY("fault_assert", "32", P32 "\n")
        ENTRY("fault_stack", "32", P32 "," P64 "\n") ENTRY("fault_plain", "32", P64 "," P32 "\n") ENTRY("fault_local", "32", P64 "," P32 "\n") ENTRY("no_such_kernel", "32", "\n");

static CUmodule module;
static CUstream stream;

static void start(void) {
	CUcontext context;
	OK(cuInit(0));
	OK(cuDevicePrimaryCtxRetain(&context, 0));
	OK(cuCtxSetCurrent(context));
	OK(cuModuleLoadData(&module, ptx));
	OK(cuStreamCreate(&stream, CU_STREAM_NON_BLOCKING));
}

static CUfunction function(const char *name) {
	CUfunction f;
	OK(cuModuleGetFunction(&f, module, name));
	return f;
}

static CUdeviceptr memory(size_t bytes) {
	CUdeviceptr p;
	OK(cuMemAlloc(&p, bytes));
	return p;
}

static CUdeviceptr upload(const void *from, size_t bytes) {
	CUdeviceptr p = memory(bytes);
	OK(cuMemcpyHtoD(p, from, bytes));
	return p;
}

static CUresult launch_on(CUstream s, const char *name, int blocks, int threads, int dynamic, void **args) {
	return cuLaunchKernel(function(name), (unsigned)blocks, 1, 1, (unsigned)threads, 1, 1, (unsigned)dynamic, s, args, NULL);
}

/* launch fails where the launch itself is refused; what the kernel does wrong comes with the synchronisation. */
static CUresult run(const char *name, int blocks, int threads, int dynamic, void **args) {
	OK(launch_on(stream, name, blocks, threads, dynamic, args));
	return cuStreamSynchronize(stream);
}

static unsigned short to_bf16(float x) {
	unsigned b;
	memcpy(&b, &x, 4);
	return (unsigned short)(b >> 16); /* of small integers */
}

static unsigned short to_f16(float x) {
	if (x == 0) return 0;
	int e;
	float m = frexpf(fabsf(x), &e);
	return (unsigned short)((x < 0 ? 0x8000 : 0) | (e + 14) << 10 | ((int)(m * 2048) & 1023));
}

static void product(const char *name, unsigned short (*to)(float)) {
	float a[16][16], b[8][16], d[16][8], want[16][8];
	unsigned short ta[16][16], tb[8][16];
	for (int i = 0; i < 16; i++)
		for (int k = 0; k < 16; k++) ta[i][k] = to(a[i][k] = (float)((i * 7 + k * 3) % 17 - 8));
	for (int j = 0; j < 8; j++)
		for (int k = 0; k < 16; k++) tb[j][k] = to(b[j][k] = (float)((j * 5 + k * 11) % 13 - 6));
	for (int i = 0; i < 16; i++)
		for (int j = 0; j < 8; j++) {
			d[i][j] = (float)(i * 100 + j);
			want[i][j] = d[i][j];
			for (int k = 0; k < 16; k++) want[i][j] += a[i][k] * b[j][k];
		}
	CUdeviceptr pd = upload(d, sizeof d), pa = upload(ta, sizeof ta), pb = upload(tb, sizeof tb);
	void *args[] = {&pd, &pa, &pb};
	OK(run(name, 1, 32, 0, args));
	OK(cuMemcpyDtoH(d, pd, sizeof d));
	for (int i = 0; i < 16; i++)
		for (int j = 0; j < 8; j++)
			if (d[i][j] != want[i][j]) die("%s: element %d,%d is %g, want %g", name, i, j, (double)d[i][j], (double)want[i][j]);
}

static void case_products(void) {
	start();
	product("test_product_bf16", to_bf16);
	product("test_product_f16", to_f16);
	unsigned short x[4][8][8], y[4][8][8];
	for (int i = 0; i < 256; i++) (&x[0][0][0])[i] = (unsigned short)i;
	CUdeviceptr px = upload(x, sizeof x), py = memory(sizeof y);
	void *args[] = {&py, &px};
	OK(run("test_transpose", 1, 32, 0, args));
	OK(cuMemcpyDtoH(y, py, sizeof y));
	for (int j = 0; j < 4; j++)
		for (int r = 0; r < 8; r++)
			for (int c = 0; c < 8; c++) CHECK(y[j][r][c] == x[j][c][r]);
}

static void case_collectives(void) {
	start();
	enum { blocks = 9, n = blocks * 256 };
	static float x[n], y[n];
	for (int i = 0; i < n; i++) x[i] = (float)(i % 13);
	unsigned count = 0;
	unsigned long long wide = 5;
	CUdeviceptr px = upload(x, sizeof x), py = memory(sizeof y), pc = upload(&count, 4), pw = upload(&wide, 8);
	void *args[] = {&py, &pc, &pw, &px};
	OK(run("test_sum", blocks, 256, 0, args));
	OK(cuMemcpyDtoH(y, py, sizeof y));
	OK(cuMemcpyDtoH(&count, pc, 4));
	OK(cuMemcpyDtoH(&wide, pw, 8));
	for (int b = 0; b < blocks; b++) {
		float want = 0;
		for (int i = 0; i < 256; i++) want += x[b * 256 + i];
		for (int i = 0; i < 256; i++)
			if (y[b * 256 + i] != want) die("block %d: %g, want %g", b, (double)y[b * 256 + i], (double)want);
	}
	CHECK(count == blocks * 8);
	CHECK(wide == 5 + ((unsigned long long)blocks << 33));
	int z[64];
	CUdeviceptr pz = memory(sizeof z);
	void *named[] = {&pz};
	OK(run("test_named_barrier", 1, 128, 0, named));
	OK(cuMemcpyDtoH(z, pz, sizeof z));
	for (int i = 0; i < 64; i++) CHECK(z[i] == i / 32 * 64 + i % 32);
}

static void case_wait(void) {
	start();
	unsigned x[128], y[32];
	for (int i = 0; i < 128; i++) x[i] = (unsigned)i;
	CUdeviceptr px = upload(x, sizeof x), py = memory(sizeof y);
	for (int wait = 0; wait < 2; wait++) {
		void *args[] = {&py, &px, &wait};
		OK(run("test_no_wait", 1, 32, 0, args));
		OK(cuMemcpyDtoH(y, py, sizeof y));
		for (unsigned i = 0; i < 32; i++) CHECK(y[i] == (wait ? i * 4 : 0xffffffffu));
	}
}

/* Prints the hash of what a kernel with a race gives: another one with another seed. */
static void case_race(void) {
	start();
	int y[64];
	CUdeviceptr py = memory(sizeof y);
	void *args[] = {&py};
	OK(run("test_race", 1, 64, 0, args));
	OK(cuMemcpyDtoH(y, py, sizeof y));
	unsigned hash = 0;
	for (int i = 0; i < 64; i++) hash = hash * 31 + (unsigned)y[i];
	printf("%08x\n", hash);
}

static void case_uninitialised(void) {
	start();
	float y[32], fresh[100];
	CUdeviceptr py = memory(sizeof y), pf = memory(sizeof fresh);
	void *args[] = {&py};
	for (int round = 0; round < 2; round++) { /* the second finds nothing of the first */
		OK(run("fault_uninitialised", 3, 32, 0, args));
		OK(cuMemcpyDtoH(y, py, sizeof y));
		for (int i = 0; i < 32; i++) CHECK(isnan(y[i]));
	}
	OK(cuMemcpyDtoH(fresh, pf, sizeof fresh));
	for (int i = 0; i < 100; i++) CHECK(isnan(fresh[i]));
}

/* fault runs one wrong kernel, prints the error and checks that it stays. */
static void fault(const char *name, int threads, int dynamic, void **args) {
	start();
	CUresult r = run(name, 1, threads, dynamic, args);
	printf("%s\n", name_of(r));
	if (r == 0) die("%s: no error", name);
	CUdeviceptr p;
	WANT(cuMemAlloc(&p, 16), r);
	WANT(cuCtxSynchronize(), r);
}

static CUdeviceptr device_floats(int n) {
	CUcontext context;
	OK(cuInit(0));
	OK(cuDevicePrimaryCtxRetain(&context, 0));
	OK(cuCtxSetCurrent(context));
	CUdeviceptr p = memory((size_t)n * 4);
	OK(cuMemsetD32(p, 0, (size_t)n));
	return p;
}

static void case_fault(const char *name, const char *arg) {
	CUdeviceptr y = device_floats(64), x = device_floats(60); /* 240 bytes: 16 of guard before the page that faults */
	int at = arg ? atoi(arg) : 0;
	long long wide = at;
	void *one[] = {&y}, *store[] = {&x, &at}, *load[] = {&y, &x, &wide}, *two[] = {&y, &x}, *vector[] = {&y, &x, &at}, *async[] = {&y},
	     *number[] = {&at}, *stack[] = {&at, &y};
	if (!strcmp(name, "fault_barrier")) fault(name, 64, 0, NULL);
	else if (!strcmp(name, "fault_warp") || !strcmp(name, "fault_mixed") || !strcmp(name, "fault_barrier_and_warp")) fault(name, 64, 0, one);
	else if (!strcmp(name, "fault_store") || !strcmp(name, "fault_plain") || !strcmp(name, "fault_local")) fault(name, 32, 0, store);
	else if (!strcmp(name, "fault_load")) fault(name, 32, 0, load);
	else if (!strcmp(name, "fault_align")) fault(name, 32, 0, two);
	else if (!strcmp(name, "fault_vector")) fault(name, 32, 0, vector);
	else if (!strcmp(name, "fault_async")) fault(name, 32, 0, async);
	else if (!strcmp(name, "fault_shared") || !strcmp(name, "fault_assert")) fault(name, 32, 0, number);
	else if (!strcmp(name, "fault_dynamic")) fault(name, 32, 128, number);
	else if (!strcmp(name, "fault_stack")) fault(name, 32, 0, stack);
	else die("no such fault");
}

static void case_freed(void) {
	start();
	CUdeviceptr y = memory(128), x = memory(4096);
	long long at = 0;
	CUdeviceptr gone = x + 256;
	void *args[] = {&y, &gone, &at};
	OK(run("fault_load", 1, 32, 0, args));
	OK(cuMemFree(x));
	WANT(run("fault_load", 1, 32, 0, args), CUDA_ERROR_ILLEGAL_ADDRESS);
}

static void case_host_pointer(void) {
	start();
	float host[32];
	CUdeviceptr y = memory(128), x = (CUdeviceptr)(size_t)host;
	long long at = 0;
	void *args[] = {&y, &x, &at};
	WANT(run("fault_load", 1, 32, 0, args), CUDA_ERROR_ILLEGAL_ADDRESS);
}

static void case_memory(void) {
	start();
	size_t free0, free1, total;
	OK(cuMemGetInfo(&free0, &total));
	CHECK(total == 1 << 20 && free0 == total);
	CUdeviceptr p[3];
	for (int i = 0; i < 3; i++) OK(cuMemAlloc(&p[i], 300 << 10));
	CHECK(p[0] % 256 == 0 && p[1] % 256 == 0);
	CUdeviceptr more;
	WANT(cuMemAlloc(&more, 300 << 10), CUDA_ERROR_OUT_OF_MEMORY);
	OK(cuMemFree(p[1]));
	OK(cuMemAlloc(&more, 300 << 10));
	OK(cuMemFree(more));
	WANT(cuMemFree(more), CUDA_ERROR_INVALID_VALUE);
	WANT(cuMemFree(p[0] + 256), CUDA_ERROR_INVALID_VALUE);
	OK(cuMemFree(p[0]));
	OK(cuMemFree(p[2]));
	OK(cuMemGetInfo(&free1, &total));
	CHECK(free1 == free0);
	char h[64];
	p[0] = memory(64);
	WANT(cuMemcpyHtoD(p[0] + 32, h, 64), CUDA_ERROR_INVALID_VALUE);
	WANT(cuMemcpyDtoH(h, p[1], 64), CUDA_ERROR_INVALID_VALUE);
	WANT(cuMemsetD8(p[0], 0, 65), CUDA_ERROR_INVALID_VALUE);
	void *pinned;
	OK(cuMemHostAlloc(&pinned, 100, 0));
	OK(cuMemFreeHost(pinned));
	WANT(cuMemFreeHost(pinned), CUDA_ERROR_INVALID_VALUE);
}

static void case_guard(void) {
	start();
	CUdeviceptr x = memory(60 * 4);
	int at = 62; /* in the guard bytes before the page that faults */
	void *args[] = {&x, &at};
	WANT(run("fault_store", 1, 32, 0, args), CUDA_ERROR_ILLEGAL_ADDRESS);
}

static void case_launch_refusals(void) {
	start();
	CUdeviceptr y = memory(64 * 4);
	int at = 0;
	void *args[] = {&y, &at};
	WANT(launch_on(stream, "fault_store", 1, 64, 0, args), CUDA_ERROR_INVALID_VALUE);       /* its bound is 32 threads */
	WANT(launch_on(stream, "fault_store", 1, 32, 50 << 10, args), CUDA_ERROR_INVALID_VALUE); /* more than 48 KiB */
	OK(cuFuncSetAttribute(function("fault_store"), CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES, 160 << 10));
	OK(launch_on(stream, "fault_store", 1, 32, 160 << 10, args));
	WANT(cuFuncSetAttribute(function("fault_store"), CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES, 164 << 10), CUDA_ERROR_INVALID_VALUE);
	WANT(launch_on(stream, "fault_store", 0, 32, 0, args), CUDA_ERROR_INVALID_VALUE);
	CUfunction f;
	WANT(cuModuleGetFunction(&f, module, "no_such_kernel"), CUDA_ERROR_NOT_FOUND);
	WANT(cuModuleGetFunction(&f, module, "not_in_the_text"), CUDA_ERROR_NOT_FOUND);
	CUmodule m;
	WANT(cuModuleLoadData(&m, "nonsense"), CUDA_ERROR_INVALID_IMAGE);
	WANT(cuModuleLoadData(&m, ".version 9.9\n.target sm_80\n"), CUDA_ERROR_UNSUPPORTED_PTX_VERSION);
	WANT(cuModuleLoadData(&m, ".version 8.0\n.target sm_90a\n"), CUDA_ERROR_NO_BINARY_FOR_GPU);
	WANT(cuModuleLoadData(&m, ".version 8.0\n.target sm_90\n"), CUDA_ERROR_NO_BINARY_FOR_GPU);
	OK(cuModuleLoadData(&m, ".version 7.5\n.target sm_80\n" ENTRY("fault_store", "32", P64 "\n")));
	WANT(cuModuleGetFunction(&f, m, "fault_store"), CUDA_ERROR_INVALID_PTX); /* declared with other parameters */
}

/* Two streams and an event, then the same captured and replayed with new input. */
static void case_graph(void) {
	start();
	CUstream other;
	CUevent first, second;
	OK(cuStreamCreate(&other, CU_STREAM_NON_BLOCKING));
	OK(cuEventCreate(&first, CU_EVENT_DISABLE_TIMING));
	OK(cuEventCreate(&second, 0));
	float *host, *back;
	OK(cuMemHostAlloc((void **)&host, 128 * 4, 0));
	OK(cuMemHostAlloc((void **)&back, 32 * 4, 0));
	CUdeviceptr x = memory(128 * 4), y = memory(32 * 4);
	int wait = 1;
	void *args[] = {&y, &x, &wait};
	CUgraph graph = NULL;
	CUgraphExec exec = NULL;
	for (int round = 0; round < 4; round++) {
		for (int i = 0; i < 128; i++) host[i] = (float)(round * 1000 + i);
		for (int i = 0; i < 32; i++) back[i] = -1;
		if (round < 2) {
			if (round == 1) OK(cuStreamBeginCapture(stream, CU_STREAM_CAPTURE_MODE_GLOBAL));
			OK(cuMemcpyHtoDAsync(x, host, 128 * 4, stream));
			OK(cuEventRecord(first, stream));
			OK(cuStreamWaitEvent(other, first, 0));
			OK(launch_on(other, "test_no_wait", 1, 32, 0, args));
			OK(cuEventRecord(second, other));
			OK(cuStreamWaitEvent(stream, second, 0));
			OK(cuMemcpyDtoHAsync(back, y, 32 * 4, stream));
			if (round == 1) {
				CHECK(back[0] == -1);
				OK(cuStreamEndCapture(stream, &graph));
				OK(cuGraphInstantiateWithFlags(&exec, graph, 0));
				size_t nodes;
				OK(cuGraphGetNodes(graph, NULL, &nodes));
				CHECK(nodes == 3);
			}
		}
		if (round >= 1) OK(cuGraphLaunch(exec, stream));
		wait = 7 + round; /* arguments are copied when a launch is enqueued or captured */
		OK(cuStreamSynchronize(stream));
		for (int i = 0; i < 32; i++)
			if (back[i] != host[4 * i]) die("round %d: %g at %d", round, (double)back[i], i);
	}
	OK(cuGraphExecDestroy(exec));
	OK(cuGraphDestroy(graph));
	WANT(cuGraphLaunch(exec, stream), CUDA_ERROR_INVALID_HANDLE);
	/* What a capture forbids. */
	OK(cuStreamBeginCapture(stream, CU_STREAM_CAPTURE_MODE_GLOBAL));
	WANT(cuStreamSynchronize(stream), CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED);
	WANT(cuStreamEndCapture(stream, &graph), CUDA_ERROR_STREAM_CAPTURE_INVALIDATED);
	OK(cuStreamBeginCapture(stream, CU_STREAM_CAPTURE_MODE_GLOBAL));
	CUdeviceptr p;
	WANT(cuMemAlloc(&p, 16), CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED);
	WANT(cuStreamEndCapture(stream, &graph), CUDA_ERROR_STREAM_CAPTURE_INVALIDATED);
	OK(cuStreamBeginCapture(stream, CU_STREAM_CAPTURE_MODE_GLOBAL));
	OK(cuEventRecord(first, stream));
	OK(cuStreamWaitEvent(other, first, 0));
	OK(launch_on(other, "test_no_wait", 1, 32, 0, args));
	WANT(cuStreamEndCapture(stream, &graph), CUDA_ERROR_STREAM_CAPTURE_UNJOINED);
	OK(cuStreamDestroy(other));
	WANT(cuStreamSynchronize(other), CUDA_ERROR_INVALID_HANDLE);
}

/* With ONSET_STUB_LAZY a result is not there before something waits, and a staging buffer that is reused too early shows. */
static void case_lazy(void) {
	start();
	float *host, *back;
	OK(cuMemHostAlloc((void **)&host, 64, 0));
	OK(cuMemHostAlloc((void **)&back, 64, 0));
	CUdeviceptr x = memory(64);
	CUevent done;
	OK(cuEventCreate(&done, 0));
	host[0] = 1;
	back[0] = -1;
	OK(cuMemcpyHtoDAsync(x, host, 64, stream));
	OK(cuEventRecord(done, stream));
	OK(cuMemcpyDtoHAsync(back, x, 64, stream));
	CHECK(back[0] == -1);
	OK(cuEventSynchronize(done));
	CHECK(back[0] == -1); /* that copy is after the event */
	OK(cuStreamSynchronize(stream));
	CHECK(back[0] == 1);
	OK(cuMemcpyHtoDAsync(x, host, 64, stream));
	host[0] = 2; /* too early */
	OK(cuMemcpyDtoH(back, x, 64));
	CHECK(back[0] == 2);
	float pageable = 3;
	OK(cuMemcpyHtoDAsync(x, &pageable, 4, stream));
	pageable = 4;
	OK(cuMemcpyDtoH(back, x, 4));
	CHECK(back[0] == 3);
}

static void case_fail(void) { /* ONSET_STUB_FAIL says what fails; prints the first error */
	start();
	float h[32] = {0};
	CUdeviceptr y;
	int at = 0;
	void *args[] = {&y, &at};
	for (int i = 1; i <= 3; i++) {
		CUresult r = cuMemAlloc(&y, 128);
		if (!r) r = cuMemcpyHtoD(y, h, 128);
		if (!r) r = launch_on(stream, "fault_store", 1, 32, 0, args);
		if (!r) r = cuStreamSynchronize(stream);
		if (r) {
			printf("%s in round %d\n", name_of(r), i);
			return;
		}
	}
	printf("no failure\n");
}

int main(int argc, char **argv) {
	const char *name = argc > 1 ? argv[1] : "";
	static const struct {
		const char *name;
		void (*run)(void);
	} cases[] = {{"products", case_products}, {"collectives", case_collectives}, {"wait", case_wait}, {"race", case_race},
	        {"uninitialised", case_uninitialised}, {"freed", case_freed}, {"host_pointer", case_host_pointer}, {"memory", case_memory},
	        {"guard", case_guard}, {"launch_refusals", case_launch_refusals}, {"graph", case_graph}, {"lazy", case_lazy}, {"fail", case_fail}};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		if (!strcmp(cases[i].name, name)) return cases[i].run(), 0;
	if (!strncmp(name, "fault_", 6)) return case_fault(name, argc > 2 ? argv[2] : NULL), 0;
	die("no case %s", name);
}
