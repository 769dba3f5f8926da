/* A stand-in for libcublasLt.so.12 as far as ../../cu/cublaslt.c calls it: products by plain loops, and a fixed list of
 * algorithms, of which the binding must pass over most. ONSET_STUB_LT=dependent puts one first that gives other bits with
 * other numbers of tokens, wrong one that is wrong, refuse one that fails when it is called; none leaves no good ones.
 * Numbers and layouts are those of the library's documentation. What the library would refuse or must not be given is an
 * error here, with a line on standard error. */
#include <cuda.h>
#include <math.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define EXPORTED __attribute__((visibility("default")))

enum { OK = 0, NOT_INITIALIZED = 1, INVALID_VALUE = 7, EXECUTION_FAILED = 13, NOT_SUPPORTED = 15 };
enum { R_32F = 0, R_16F = 2, R_16BF = 14, COMPUTE_32F = 68 };

static int refuse(int status, const char *format, ...) {
	va_list args;
	va_start(args, format);
	fprintf(stderr, "onset emulator: cublasLt: ");
	vfprintf(stderr, format, args);
	fprintf(stderr, "\n");
	va_end(args);
	return status;
}

typedef struct {
	uint32_t magic;
} Handle;
typedef struct {
	uint32_t magic;
	int compute, scale;
	int32_t transa, transb;
} Desc;
typedef struct {
	uint32_t magic;
	int type;
	uint64_t rows, cols;
	int64_t ld;
} Layout;
typedef struct {
	uint32_t magic;
	uint64_t workspace;
	uint32_t reduction;
} Preference;
typedef struct {
	uint64_t data[8];
} Algo;
typedef struct {
	Algo algo;
	size_t workspace;
	int state;
	float waves;
	int reserved[4];
} Heuristic;
enum { HANDLE = 0x6c740001, DESC, LAYOUT, PREFERENCE, ALGO };

/* What an algorithm of the list does. */
typedef enum { ASCENDING, HALVES, DEPENDENT, WRONG } Sum;
static const struct {
	const char *kind;    /* where ONSET_STUB_LT must be this */
	int32_t config[9];   /* in the order of cublasLtMatmulAlgoConfigAttributes_t */
	size_t workspace;    /* per 1000 tokens, and no less */
	int tokens;          /* a multiple of which it wants */
	Sum sum;
	int fails, good;
} algorithms[] = {
        {"", {6, 15, 4, 1, 0, 0, 12, 0, 0}, 0, 1, ASCENDING, 0, 0},           /* splits k */
        {"", {21, 20, 1, 2, 0, 0, 12, 0, 0}, 0, 1, ASCENDING, 0, 0},          /* reduces */
        {"", {21, 24, 1, 0, 0, 0, 12, 0, 0}, 64 << 20, 1, ASCENDING, 0, 0},   /* wants more workspace than is offered */
        {"", {21, 31, 1, 0, 0, 0, 12, 0, 0}, 0, 8, ASCENDING, 0, 0},          /* wants 8 tokens at a time */
        {"dependent", {21, 18, 1, 0, 0, 0, 8, 0, 0}, 0, 1, DEPENDENT, 0, 0},
        {"wrong", {21, 19, 1, 0, 0, 0, 8, 0, 0}, 0, 1, WRONG, 0, 0},
        {"refuse", {21, 21, 1, 0, 0, 0, 8, 0, 0}, 0, 1, ASCENDING, 1, 0},
        {"", {66, 20, 1, 0, 1, 3, 36, 1, 2}, 1 << 20, 1, ASCENDING, 0, 1},
        {"", {67, 23, 1, 0, 0, 0, 35, 1, 2}, 0, 1, HALVES, 0, 1},
};
enum { ALGORITHMS = sizeof algorithms / sizeof *algorithms };

static int listed(int i) {
	const char *asked = getenv("ONSET_STUB_LT");
	if (!asked) asked = "";
	if (!strcmp(asked, "none") && algorithms[i].good) return 0;
	return !*algorithms[i].kind || !strcmp(algorithms[i].kind, asked);
}

static size_t needs(int i, uint64_t tokens) { return algorithms[i].workspace * ((tokens + 999) / 1000); }

#define VALID(p, kind) ((p) != NULL && (p)->magic == (kind))

EXPORTED int cublasLtCreate(Handle **h) {
	CUcontext context = NULL;
	if (cuCtxGetCurrent(&context) || !context) return refuse(NOT_INITIALIZED, "created without a current context");
	*h = calloc(1, sizeof **h);
	(*h)->magic = HANDLE;
	return OK;
}

EXPORTED int cublasLtDestroy(Handle *h) {
	if (!VALID(h, HANDLE)) return refuse(NOT_INITIALIZED, "no handle");
	h->magic = 0;
	free(h);
	return OK;
}

EXPORTED int cublasLtGetProperty(int which, int *value) {
	static const int version[] = {12, 4, 5};
	if (which < 0 || which > 2) return INVALID_VALUE;
	*value = version[which];
	return OK;
}

EXPORTED int cublasLtMatmulDescCreate(Desc **d, int compute, int scale) {
	if (compute != COMPUTE_32F || scale != R_32F) return refuse(NOT_SUPPORTED, "compute type %d, scale type %d", compute, scale);
	*d = calloc(1, sizeof **d);
	(*d)->magic = DESC;
	(*d)->compute = compute;
	(*d)->scale = scale;
	return OK;
}

EXPORTED int cublasLtMatmulDescDestroy(Desc *d) {
	if (!VALID(d, DESC)) return refuse(INVALID_VALUE, "no descriptor");
	d->magic = 0;
	free(d);
	return OK;
}

EXPORTED int cublasLtMatmulDescSetAttribute(Desc *d, int attribute, const void *value, size_t size) {
	if (!VALID(d, DESC) || size != 4) return refuse(INVALID_VALUE, "descriptor's attribute %d of %zu bytes", attribute, size);
	switch (attribute) {
	case 3: memcpy(&d->transa, value, 4); return OK;
	case 4: memcpy(&d->transb, value, 4); return OK;
	}
	return refuse(NOT_SUPPORTED, "descriptor's attribute %d", attribute);
}

EXPORTED int cublasLtMatrixLayoutCreate(Layout **l, int type, uint64_t rows, uint64_t cols, int64_t ld) {
	if (type != R_32F && type != R_16F && type != R_16BF) return refuse(NOT_SUPPORTED, "type %d", type);
	*l = calloc(1, sizeof **l);
	**l = (Layout){LAYOUT, type, rows, cols, ld};
	return OK;
}

EXPORTED int cublasLtMatrixLayoutDestroy(Layout *l) {
	if (!VALID(l, LAYOUT)) return refuse(INVALID_VALUE, "no layout");
	l->magic = 0;
	free(l);
	return OK;
}

EXPORTED int cublasLtMatrixLayoutSetAttribute(Layout *l, int attribute, const void *value, size_t size) {
	if (!VALID(l, LAYOUT) || size != 8) return refuse(INVALID_VALUE, "layout's attribute %d of %zu bytes", attribute, size);
	switch (attribute) {
	case 2: memcpy(&l->rows, value, 8); return OK;
	case 3: memcpy(&l->cols, value, 8); return OK;
	case 4: memcpy(&l->ld, value, 8); return OK;
	}
	return refuse(NOT_SUPPORTED, "layout's attribute %d", attribute);
}

EXPORTED int cublasLtMatmulPreferenceCreate(Preference **p) {
	*p = calloc(1, sizeof **p);
	(*p)->magic = PREFERENCE;
	(*p)->reduction = ~0u;
	return OK;
}

EXPORTED int cublasLtMatmulPreferenceDestroy(Preference *p) {
	if (!VALID(p, PREFERENCE)) return refuse(INVALID_VALUE, "no preference");
	p->magic = 0;
	free(p);
	return OK;
}

EXPORTED int cublasLtMatmulPreferenceSetAttribute(Preference *p, int attribute, const void *value, size_t size) {
	if (!VALID(p, PREFERENCE) || size != (attribute == 1 ? 8u : 4u))
		return refuse(INVALID_VALUE, "preference's attribute %d of %zu bytes", attribute, size);
	switch (attribute) {
	case 1: memcpy(&p->workspace, value, 8); return OK;
	case 3: memcpy(&p->reduction, value, 4); return OK;
	case 5:
	case 6:
	case 7:
	case 8: return OK; /* alignments: there is one kind of loads here */
	}
	return refuse(NOT_SUPPORTED, "preference's attribute %d", attribute);
}

/* consistent checks the three matrices of D = op(A)·B against each other. */
static int consistent(const Desc *d, const Layout *a, const Layout *b, const Layout *c, const Layout *y) {
	if (!VALID(d, DESC) || !VALID(a, LAYOUT) || !VALID(b, LAYOUT) || !VALID(c, LAYOUT) || !VALID(y, LAYOUT))
		return refuse(INVALID_VALUE, "no descriptor or no layout");
	if (d->transa != 1 || d->transb != 0) return refuse(NOT_SUPPORTED, "transposition %d, %d: the stand-in has T, N", d->transa, d->transb);
	if (a->type == R_32F || a->type != b->type || c->type != y->type || (y->type != a->type && y->type != R_32F))
		return refuse(NOT_SUPPORTED, "types %d, %d, %d, %d", a->type, b->type, c->type, y->type);
	if (a->rows != b->rows || a->cols != y->rows || b->cols != y->cols || c->rows != y->rows || c->cols != y->cols)
		return refuse(INVALID_VALUE, "shapes %llu×%llu, %llu×%llu, %llu×%llu", (unsigned long long)a->rows, (unsigned long long)a->cols,
		              (unsigned long long)b->rows, (unsigned long long)b->cols, (unsigned long long)y->rows, (unsigned long long)y->cols);
	if (a->ld < (int64_t)a->rows || b->ld < (int64_t)b->rows || y->ld < (int64_t)y->rows || c->ld < (int64_t)c->rows)
		return refuse(INVALID_VALUE, "leading dimensions %lld, %lld, %lld", (long long)a->ld, (long long)b->ld, (long long)y->ld);
	return OK;
}

EXPORTED int cublasLtMatmulAlgoGetHeuristic(Handle *h, Desc *d, Layout *a, Layout *b, Layout *c, Layout *y, Preference *p, int room,
                                            Heuristic *found, int *count) {
	int status = consistent(d, a, b, c, y);
	if (status || !VALID(h, HANDLE) || !VALID(p, PREFERENCE)) return status ? status : refuse(INVALID_VALUE, "no handle or no preference");
	*count = 0;
	for (int i = 0; i < ALGORITHMS && *count < room; i++) {
		if (!listed(i)) continue;
		Heuristic *f = &found[(*count)++];
		memset(f, 0, sizeof *f);
		f->algo.data[0] = ALGO;
		f->algo.data[1] = (uint64_t)i;
		f->workspace = algorithms[i].workspace > p->workspace ? p->workspace : needs(i, y->cols);
	}
	return *count ? OK : NOT_SUPPORTED;
}

static int index_of(const Algo *algo) {
	return algo && algo->data[0] == ALGO && algo->data[1] < ALGORITHMS ? (int)algo->data[1] : -1;
}

EXPORTED int cublasLtMatmulAlgoCheck(Handle *h, Desc *d, Layout *a, Layout *b, Layout *c, Layout *y, const Algo *algo, Heuristic *result) {
	int i = index_of(algo), status = consistent(d, a, b, c, y);
	if (status || i < 0 || !VALID(h, HANDLE)) return status ? status : refuse(INVALID_VALUE, "no handle or no algorithm");
	result->algo = *algo;
	result->workspace = needs(i, y->cols);
	result->state = y->cols % (uint64_t)algorithms[i].tokens ? NOT_SUPPORTED : OK;
	return result->state;
}

EXPORTED int cublasLtMatmulAlgoConfigGetAttribute(const Algo *algo, int attribute, void *value, size_t size, size_t *written) {
	int i = index_of(algo);
	size_t want = attribute >= 7 ? 2 : 4;
	if (i < 0 || attribute < 0 || attribute > 8 || size != want) return refuse(INVALID_VALUE, "algorithm's attribute %d of %zu bytes", attribute, size);
	uint16_t half = (uint16_t)algorithms[i].config[attribute];
	if (want == 2) memcpy(value, &half, 2);
	else memcpy(value, &algorithms[i].config[attribute], 4);
	*written = want;
	return OK;
}

/* A product that was enqueued. Jobs live as long as the process: a captured one may run again. */
typedef struct {
	const unsigned char *a, *b;
	unsigned char *y;
	int in, out;
	int64_t k, n, m, lda, ldb, ldy;
	Sum sum;
} Job;

static float load(int type, const unsigned char *p, int64_t i) {
	uint16_t h;
	float f;
	memcpy(&h, p + 2 * i, 2);
	if (type == R_16BF) {
		uint32_t b = (uint32_t)h << 16;
		memcpy(&f, &b, 4);
		return f;
	}
	int e = h >> 10 & 31;
	f = e == 31 ? (h & 1023 ? NAN : INFINITY) : e ? ldexpf((float)(h & 1023 | 1024), e - 25) : ldexpf((float)(h & 1023), -24);
	return h & 0x8000 ? -f : f;
}

static void store(int type, unsigned char *p, int64_t i, float f) {
	uint32_t b;
	memcpy(&b, &f, 4);
	if (type == R_32F) {
		memcpy(p + 4 * i, &f, 4);
		return;
	}
	uint16_t h;
	if (f != f) h = 0x7fff;
	else if (type == R_16BF) h = (uint16_t)((b + 0x7fffu + (b >> 16 & 1)) >> 16);
	else {
		uint16_t sign = (uint16_t)(b >> 16 & 0x8000);
		float a = fabsf(f);
		int e;
		if (a >= 65520.f) h = (uint16_t)(sign | 0x7c00);
		else if (a < 0x1p-14f) h = (uint16_t)(sign | (uint16_t)nearbyintf(a * 0x1p24f));
		else {
			float m = nearbyintf(frexpf(a, &e) * 2048); /* in [1024, 2048] */
			h = (uint16_t)(sign | ((e + 14) << 10) + ((int)m - 1024));
		}
	}
	memcpy(p + 2 * i, &h, 2);
}

static float dot(const float *w, const float *x, int64_t from, int64_t to, float s) {
	for (int64_t i = from; i < to; i++) s = fmaf(w[i], x[i], s);
	return s;
}

static void run(void *data) {
	const Job *j = data;
	float *w = malloc((size_t)(j->n * j->k) * sizeof *w), *x = malloc((size_t)j->k * sizeof *x);
	for (int64_t r = 0; r < j->n; r++)
		for (int64_t c = 0; c < j->k; c++) w[r * j->k + c] = load(j->in, j->a, r * j->lda + c);
	for (int64_t t = 0; t < j->m; t++) {
		for (int64_t c = 0; c < j->k; c++) x[c] = load(j->in, j->b, t * j->ldb + c);
		for (int64_t r = 0; r < j->n; r++) {
			const float *row = w + r * j->k;
			int64_t half = j->sum == ASCENDING || (j->sum == DEPENDENT && j->m < 64) ? j->k : j->k / 2;
			float s = dot(row, x, 0, half, 0);
			s += dot(row, x, half, j->k, 0);
			if (j->sum == WRONG && r == j->n - 1) s = s * 1.1f + 1;
			store(j->out, j->y, t * j->ldy + r, s);
		}
	}
	free(x);
	free(w);
}

static int in_device_memory(const void *p, int64_t bytes, const char *what) {
	CUdeviceptr base;
	size_t size;
	if (!p || cuMemGetAddressRange(&base, &size, (CUdeviceptr)(uintptr_t)p) || (CUdeviceptr)(uintptr_t)p < base ||
	    (CUdeviceptr)(uintptr_t)p + (uint64_t)bytes > base + size)
		return refuse(0, "%s: %lld bytes at %p are not in device memory", what, (long long)bytes, p);
	return 1;
}

static int64_t span(const Layout *l) { return ((int64_t)(l->cols - 1) * l->ld + (int64_t)l->rows) * (l->type == R_32F ? 4 : 2); }

EXPORTED int cublasLtMatmul(Handle *h, Desc *d, const float *alpha, const void *pa, Layout *a, const void *pb, Layout *b, const float *beta,
                            const void *pc, Layout *c, void *py, Layout *y, const Algo *algo, void *workspace, size_t bytes, CUstream stream) {
	int i = index_of(algo), status = consistent(d, a, b, c, y);
	if (status || i < 0 || !VALID(h, HANDLE)) return status ? status : refuse(INVALID_VALUE, "no handle or no algorithm");
	if (*alpha != 1 || *beta != 0 || pc != py) return refuse(NOT_SUPPORTED, "alpha %g, beta %g, C not D", (double)*alpha, (double)*beta);
	if (y->cols % (uint64_t)algorithms[i].tokens || algorithms[i].fails) return NOT_SUPPORTED;
	if (needs(i, y->cols) > bytes) return refuse(INVALID_VALUE, "%zu bytes of workspace, %zu are needed", bytes, needs(i, y->cols));
	if (bytes && !in_device_memory(workspace, (int64_t)bytes, "workspace")) return EXECUTION_FAILED;
	if (((uintptr_t)pa | (uintptr_t)pb | (uintptr_t)py) % 16) return refuse(INVALID_VALUE, "matrices that do not begin at a multiple of 16 bytes");
	if (!in_device_memory(pa, span(a), "A") || !in_device_memory(pb, span(b), "B") || !in_device_memory(py, span(y), "D")) return EXECUTION_FAILED;
	Job *job = malloc(sizeof *job);
	*job = (Job){pa, pb, py, a->type, y->type, (int64_t)a->rows, (int64_t)y->rows, (int64_t)y->cols, a->ld, b->ld, y->ld, algorithms[i].sum};
	if (bytes) cuMemsetD8Async((CUdeviceptr)(uintptr_t)workspace, 0xff, bytes, stream); /* what was there is gone */
	return cuLaunchHostFunc(stream, run, job) ? EXECUTION_FAILED : OK;
}
