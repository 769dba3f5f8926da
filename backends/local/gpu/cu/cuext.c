//go:build cuda

#include "cuext.h"

#include <cuda.h>
#include <stdatomic.h>

/* What onset_enter remembers. A context that is released may come again at the same address with another one current, so
 * that each forgetting starts a new generation. */
static atomic_uint generation = 1;
static _Thread_local void *entered;
static _Thread_local unsigned entered_in;

int onset_enter(void *context) {
	unsigned now = atomic_load_explicit(&generation, memory_order_acquire);
	if (entered == context && entered_in == now) {
		return 0;
	}
	int r = cuCtxSetCurrent((CUcontext)context);
	if (r == 0) {
		entered = context;
		entered_in = now;
	}
	return r;
}

void onset_forget(void) { atomic_fetch_add_explicit(&generation, 1, memory_order_release); }

const char *onset_error_name(int result) {
	const char *s = NULL;
	if (cuGetErrorName((CUresult)result, &s) != 0 || s == NULL) {
		return "unknown CUDA error";
	}
	return s;
}

const char *onset_error_text(int result) {
	const char *s = NULL;
	if (cuGetErrorString((CUresult)result, &s) != 0 || s == NULL) {
		return "";
	}
	return s;
}

int onset_module_load(void **module, const char *ptx, char *log, unsigned size) {
	CUjit_option names[] = {CU_JIT_ERROR_LOG_BUFFER, CU_JIT_ERROR_LOG_BUFFER_SIZE_BYTES};
	void *values[] = {log, (void *)(uintptr_t)size};
	CUmodule m = NULL;
	log[0] = 0;
	int r = cuModuleLoadDataEx(&m, ptx, 2, names, values);
	log[size - 1] = 0;
	*module = m;
	return r;
}

int onset_function_shared(void *function, int bytes) {
	return cuFuncSetAttribute((CUfunction)function, CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES, bytes);
}

int onset_host_alloc(void **p, size_t bytes) { return cuMemHostAlloc(p, bytes, CU_MEMHOSTALLOC_PORTABLE); }

int onset_capture_begin(void *stream) {
	/* Of this thread alone, so that what other threads do with other devices does not end it. */
	return cuStreamBeginCapture((CUstream)stream, CU_STREAM_CAPTURE_MODE_THREAD_LOCAL);
}

int onset_capture_end(void *stream, void **graph, void **exec) {
	CUgraph g = NULL;
	CUgraphExec e = NULL;
	int r = cuStreamEndCapture((CUstream)stream, &g);
	/* The plain name has had three prototypes; this one is the same from CUDA 11.4 on. */
	if (r == 0) {
		r = cuGraphInstantiateWithFlags(&e, g, 0);
	}
	if (r != 0 && g != NULL) {
		cuGraphDestroy(g);
		g = NULL;
	}
	*graph = g;
	*exec = e;
	return r;
}

int onset_graph_launch(void *exec, void *stream) { return cuGraphLaunch((CUgraphExec)exec, (CUstream)stream); }

void onset_graph_drop(void *graph, void *exec) {
	cuGraphExecDestroy((CUgraphExec)exec);
	cuGraphDestroy((CUgraph)graph);
}

/* The names are those of CUDA 12.0 or before. */
int onset_driver_has(const char *symbol) {
	void *f = NULL;
#if CUDA_VERSION >= 12000
	CUdriverProcAddressQueryResult found;
	int r = cuGetProcAddress(symbol, &f, 12000, 0, &found);
#else
	int r = cuGetProcAddress(symbol, &f, 12000, 0);
#endif
	return r == 0 && f != NULL;
}
