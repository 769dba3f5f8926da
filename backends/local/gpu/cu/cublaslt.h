/* cuBLASLt, opened at run time. Its types and constants are declared here, from the library's documentation, so that no header
 * of NVIDIA's is needed; all that are used have kept their values from cuBLAS 12.0 to 13.x. */
#ifndef ONSET_CUBLASLT
#define ONSET_CUBLASLT

#include <stddef.h>
#include <stdint.h>

typedef struct onset_lt onset_lt;           /* the library and a handle of it */
typedef struct onset_lt_plan onset_lt_plan; /* one shape of weights and its candidates for the pinned algorithm */

/* What a status of the functions below is, beside the library's own cublasStatus_t: */
enum {
	ONSET_LT_NO_LIBRARY = -1,  /* dlopen failed */
	ONSET_LT_NO_SYMBOL = -2,   /* the library lacks a function */
	ONSET_LT_NO_MEMORY = -3,   /* malloc failed */
	ONSET_LT_NO_ALGORITHM = -4 /* the heuristic has none that serves every number of tokens without a split of k */
};

/* Opens the library in the file path and makes a handle in the calling thread's context. text takes the loader's message. */
int onset_lt_open(const char *path, onset_lt **lt, char *text, size_t size);
void onset_lt_close(onset_lt *lt);
void onset_lt_version(onset_lt *lt, int version[3]);

/* Chooses candidates for products with n×k weights of type in (CUDA_R_16F 2, CUDA_R_16BF 14), results of type out (or
 * CUDA_R_32F 0): the heuristic's for `tokens` tokens, in its order, as far as they use no split of k and no reduction, need at
 * most `workspace` bytes, and pass the library's check for each of the `checks` numbers of tokens in check. */
int onset_lt_plan_new(onset_lt *lt, int n, int k, int in, int out, int tokens, size_t workspace, const int *check, int checks,
		onset_lt_plan **plan);
void onset_lt_plan_free(onset_lt *lt, onset_lt_plan *plan);
/* The number of candidates. */
int onset_lt_plan_count(const onset_lt_plan *plan);
/* A candidate's workspace over the checked numbers of tokens, and its configuration in the order of onset_lt_attribute:
 * ID, TILE_ID, SPLITK_NUM, REDUCTION_SCHEME, CTA_SWIZZLING, CUSTOM_OPTION, STAGES_ID, INNER_SHAPE_ID, CLUSTER_SHAPE_ID;
 * -1 where the library has no such attribute. */
enum { ONSET_LT_ATTRIBUTES = 9 };
size_t onset_lt_plan_candidate(const onset_lt_plan *plan, int candidate, int32_t config[ONSET_LT_ATTRIBUTES]);

/* Enqueues y[m×n] = x[m×k]·w[n×k]ᵀ, all row-major, rows of x and y ldx and ldy apart, by a candidate. */
int onset_lt_matmul(onset_lt *lt, onset_lt_plan *plan, int candidate, uint64_t y, uint64_t x, uint64_t w, int m, int64_t ldx,
		int64_t ldy, uint64_t workspace, size_t bytes, void *stream);

#endif
