/* What the driver has and gorgonia.org/cu lacks. Every function returns a CUresult as an int, 0 for success. Handles that cu
 * holds in structs of one pointer come as void *, because C types of two Go packages are not the same type. */
#ifndef ONSET_CUEXT
#define ONSET_CUEXT

#include <stddef.h>
#include <stdint.h>

/* Makes a context the calling thread's, if it is not yet; remembered per thread, so that it costs no driver call mostly. */
int onset_enter(void *context);
/* Forgets what onset_enter remembers, in all threads. */
void onset_forget(void);

/* The name and the description of a result; never null. */
const char *onset_error_name(int result);
const char *onset_error_text(int result);

/* Compiles and loads PTX. log takes the compiler's messages, terminated by a zero byte; size is at least 1. */
int onset_module_load(void **module, const char *ptx, char *log, unsigned size);

int onset_function_shared(void *function, int bytes);

/* Page-locked host memory, usable by every context. */
int onset_host_alloc(void **p, size_t bytes);

/* Capture between begin and end is of the calling thread. end always ends it; without a graph where that failed. */
int onset_capture_begin(void *stream);
int onset_capture_end(void *stream, void **graph, void **exec);
int onset_graph_launch(void *exec, void *stream);
void onset_graph_drop(void *graph, void *exec);

/* Whether the driver exports a function of this name. */
int onset_driver_has(const char *symbol);

#endif
