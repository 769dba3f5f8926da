//go:build cuda

#include "cublaslt.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* cublasLt.h, library_types.h and cublas_api.h, as far as used. */
typedef void *handle_t, *desc_t, *layout_t, *preference_t;
typedef struct {
	uint64_t data[8];
} algo_t;
typedef struct {
	algo_t algo;
	size_t workspace;
	int state;
	float waves;
	int reserved[4];
} heuristic_t;

enum { R_32F = 0, COMPUTE_32F = 68, OP_T = 1 };
enum { DESC_TRANSA = 3 };
enum { LAYOUT_COLS = 3, LAYOUT_LD = 4 };
enum { PREF_WORKSPACE = 1, PREF_REDUCTION = 3, PREF_ALIGN_A = 5, PREF_ALIGN_D = 8 };
enum { CONFIG_SPLITK = 2, CONFIG_REDUCTION = 3, CONFIG_INNER_SHAPE = 7 };

#define FUNCTIONS(F)                                                                                                            \
	F(cublasLtCreate, (handle_t *))                                                                                            \
	F(cublasLtDestroy, (handle_t))                                                                                             \
	F(cublasLtGetProperty, (int, int *))                                                                                       \
	F(cublasLtMatmulDescCreate, (desc_t *, int, int))                                                                          \
	F(cublasLtMatmulDescDestroy, (desc_t))                                                                                     \
	F(cublasLtMatmulDescSetAttribute, (desc_t, int, const void *, size_t))                                                     \
	F(cublasLtMatrixLayoutCreate, (layout_t *, int, uint64_t, uint64_t, int64_t))                                              \
	F(cublasLtMatrixLayoutDestroy, (layout_t))                                                                                 \
	F(cublasLtMatrixLayoutSetAttribute, (layout_t, int, const void *, size_t))                                                 \
	F(cublasLtMatmulPreferenceCreate, (preference_t *))                                                                        \
	F(cublasLtMatmulPreferenceDestroy, (preference_t))                                                                         \
	F(cublasLtMatmulPreferenceSetAttribute, (preference_t, int, const void *, size_t))                                         \
	F(cublasLtMatmulAlgoGetHeuristic,                                                                                          \
	  (handle_t, desc_t, layout_t, layout_t, layout_t, layout_t, preference_t, int, heuristic_t *, int *))                     \
	F(cublasLtMatmulAlgoCheck, (handle_t, desc_t, layout_t, layout_t, layout_t, layout_t, const algo_t *, heuristic_t *))      \
	F(cublasLtMatmulAlgoConfigGetAttribute, (const algo_t *, int, void *, size_t, size_t *))                                   \
	F(cublasLtMatmul, (handle_t, desc_t, const void *, const void *, layout_t, const void *, layout_t, const void *,           \
	                   const void *, layout_t, void *, layout_t, const algo_t *, void *, size_t, void *))

struct onset_lt {
	void *library;
	handle_t handle;
#define MEMBER(name, args) int (*name) args;
	FUNCTIONS(MEMBER)
};

enum { CANDIDATES = 8, ASKED = 64 };

/* The library is column-major: a row-major y is the transpose n×m, of wᵀ (k×n, transposed) and x (k×m). */
struct onset_lt_plan {
	desc_t desc;
	layout_t w, x, y;
	int count;
	struct {
		algo_t algo;
		size_t workspace;
		int32_t config[ONSET_LT_ATTRIBUTES];
	} candidate[CANDIDATES];
};

int onset_lt_open(const char *path, onset_lt **out, char *text, size_t size) {
	onset_lt *lt = calloc(1, sizeof *lt);
	int status;
	if (!lt) return ONSET_LT_NO_MEMORY;
	lt->library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	if (!lt->library) {
		snprintf(text, size, "%s", dlerror());
		free(lt);
		return ONSET_LT_NO_LIBRARY;
	}
#define FIND(name, args)                                                                                                        \
	*(void **)&lt->name = dlsym(lt->library, #name);                                                                           \
	if (!lt->name) {                                                                                                           \
		snprintf(text, size, "no function " #name);                                                                           \
		dlclose(lt->library);                                                                                                  \
		free(lt);                                                                                                              \
		return ONSET_LT_NO_SYMBOL;                                                                                             \
	}
	FUNCTIONS(FIND)
	if ((status = lt->cublasLtCreate(&lt->handle))) {
		dlclose(lt->library);
		free(lt);
		return status;
	}
	*out = lt;
	return 0;
}

/* The library stays mapped: it may have threads and atexit handlers of its own. */
void onset_lt_close(onset_lt *lt) {
	lt->cublasLtDestroy(lt->handle);
	free(lt);
}

void onset_lt_version(onset_lt *lt, int version[3]) {
	for (int i = 0; i < 3; i++)
		if (lt->cublasLtGetProperty(i, &version[i])) version[i] = -1;
}

static int set_tokens(onset_lt *lt, layout_t l, int m, int64_t ld) {
	uint64_t cols = (uint64_t)m;
	int status = lt->cublasLtMatrixLayoutSetAttribute(l, LAYOUT_COLS, &cols, sizeof cols);
	return status ? status : lt->cublasLtMatrixLayoutSetAttribute(l, LAYOUT_LD, &ld, sizeof ld);
}

/* The attributes from INNER_SHAPE_ID on are 16 bits wide, those before 32. */
static int32_t config(onset_lt *lt, const algo_t *algo, int attribute) {
	int32_t value = 0;
	uint16_t half = 0;
	size_t written = 0;
	if (attribute >= CONFIG_INNER_SHAPE)
		return lt->cublasLtMatmulAlgoConfigGetAttribute(algo, attribute, &half, sizeof half, &written) ? -1 : half;
	return lt->cublasLtMatmulAlgoConfigGetAttribute(algo, attribute, &value, sizeof value, &written) ? -1 : value;
}

/* The distance of rows of y that is planned for: rows begin at multiples of 16 bytes, whatever n is. */
static int64_t aligned(int n) { return ((int64_t)n + 7) / 8 * 8; }

/* Whether an algorithm serves all numbers of tokens; the most workspace of them in *workspace. */
static int serves(onset_lt *lt, onset_lt_plan *p, const algo_t *algo, int n, int k, const int *check, int checks, size_t limit,
		size_t *workspace) {
	for (int i = 0; i < checks; i++) {
		heuristic_t got;
		memset(&got, 0, sizeof got);
		if (set_tokens(lt, p->x, check[i], k) || set_tokens(lt, p->y, check[i], aligned(n))) return 0;
		if (lt->cublasLtMatmulAlgoCheck(lt->handle, p->desc, p->w, p->x, p->y, p->y, algo, &got) || got.state) return 0;
		if (got.workspace > limit) return 0;
		if (got.workspace > *workspace) *workspace = got.workspace;
	}
	return 1;
}

static int prefer(onset_lt *lt, preference_t pref, size_t workspace) {
	uint64_t bytes = workspace;
	uint32_t none = 0, align = 16;
	int status = lt->cublasLtMatmulPreferenceSetAttribute(pref, PREF_WORKSPACE, &bytes, sizeof bytes);
	if (!status) status = lt->cublasLtMatmulPreferenceSetAttribute(pref, PREF_REDUCTION, &none, sizeof none);
	for (int a = PREF_ALIGN_A; a <= PREF_ALIGN_D && !status; a++)
		status = lt->cublasLtMatmulPreferenceSetAttribute(pref, a, &align, sizeof align);
	return status;
}

static int choose(onset_lt *lt, onset_lt_plan *p, int n, int k, int tokens, size_t workspace, const int *check, int checks) {
	heuristic_t *found = calloc(ASKED, sizeof *found);
	preference_t pref = NULL;
	int got = 0, status;
	if (!found) return ONSET_LT_NO_MEMORY;
	status = lt->cublasLtMatmulPreferenceCreate(&pref);
	if (!status) status = prefer(lt, pref, workspace);
	if (!status) status = set_tokens(lt, p->x, tokens, k);
	if (!status) status = set_tokens(lt, p->y, tokens, aligned(n));
	if (!status)
		status = lt->cublasLtMatmulAlgoGetHeuristic(lt->handle, p->desc, p->w, p->x, p->y, p->y, pref, ASKED, found, &got);
	for (int i = 0; i < got && !status && p->count < CANDIDATES; i++) {
		size_t need = found[i].workspace;
		int32_t split = config(lt, &found[i].algo, CONFIG_SPLITK); /* below zero the library may split as it likes */
		if (found[i].state || need > workspace || split < 0 || split > 1 || config(lt, &found[i].algo, CONFIG_REDUCTION) != 0 ||
				!serves(lt, p, &found[i].algo, n, k, check, checks, workspace, &need))
			continue;
		p->candidate[p->count].algo = found[i].algo;
		p->candidate[p->count].workspace = need;
		for (int a = 0; a < ONSET_LT_ATTRIBUTES; a++) p->candidate[p->count].config[a] = config(lt, &found[i].algo, a);
		p->count++;
	}
	if (pref) lt->cublasLtMatmulPreferenceDestroy(pref);
	free(found);
	return status ? status : p->count ? 0 : ONSET_LT_NO_ALGORITHM;
}

int onset_lt_plan_new(onset_lt *lt, int n, int k, int in, int out, int tokens, size_t workspace, const int *check, int checks,
		onset_lt_plan **plan) {
	onset_lt_plan *p = calloc(1, sizeof *p);
	int32_t transposed = OP_T;
	int status;
	if (!p) return ONSET_LT_NO_MEMORY;
	status = lt->cublasLtMatmulDescCreate(&p->desc, COMPUTE_32F, R_32F);
	if (!status) status = lt->cublasLtMatmulDescSetAttribute(p->desc, DESC_TRANSA, &transposed, sizeof transposed);
	if (!status) status = lt->cublasLtMatrixLayoutCreate(&p->w, in, (uint64_t)k, (uint64_t)n, k);
	if (!status) status = lt->cublasLtMatrixLayoutCreate(&p->x, in, (uint64_t)k, (uint64_t)tokens, k);
	if (!status) status = lt->cublasLtMatrixLayoutCreate(&p->y, out, (uint64_t)n, (uint64_t)tokens, aligned(n));
	if (!status) status = choose(lt, p, n, k, tokens, workspace, check, checks);
	if (status) {
		onset_lt_plan_free(lt, p);
		return status;
	}
	*plan = p;
	return 0;
}

void onset_lt_plan_free(onset_lt *lt, onset_lt_plan *p) {
	if (p->y) lt->cublasLtMatrixLayoutDestroy(p->y);
	if (p->x) lt->cublasLtMatrixLayoutDestroy(p->x);
	if (p->w) lt->cublasLtMatrixLayoutDestroy(p->w);
	if (p->desc) lt->cublasLtMatmulDescDestroy(p->desc);
	free(p);
}

int onset_lt_plan_count(const onset_lt_plan *p) { return p->count; }

size_t onset_lt_plan_candidate(const onset_lt_plan *p, int candidate, int32_t config[ONSET_LT_ATTRIBUTES]) {
	memcpy(config, p->candidate[candidate].config, sizeof p->candidate[candidate].config);
	return p->candidate[candidate].workspace;
}

int onset_lt_matmul(onset_lt *lt, onset_lt_plan *p, int candidate, uint64_t y, uint64_t x, uint64_t w, int m, int64_t ldx,
		int64_t ldy, uint64_t workspace, size_t bytes, void *stream) {
	const float one = 1, zero = 0;
	int status = set_tokens(lt, p->x, m, ldx);
	if (!status) status = set_tokens(lt, p->y, m, ldy);
	if (status) return status;
	return lt->cublasLtMatmul(lt->handle, p->desc, &one, (const void *)(uintptr_t)w, p->w, (const void *)(uintptr_t)x, p->x, &zero,
			(const void *)(uintptr_t)y, p->y, (void *)(uintptr_t)y, p->y, &p->candidate[candidate].algo,
			(void *)(uintptr_t)workspace, bytes, stream);
}
