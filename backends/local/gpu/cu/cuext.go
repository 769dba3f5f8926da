//go:build cuda

package cu

// #include <stdlib.h>
// #include "cuext.h"
import "C"

import (
	"bytes"
	"unsafe"
)

// The functions of cuext.c, with results as ints and handles as pointers.

func extEnter(context unsafe.Pointer) int { return int(C.onset_enter(context)) }

func extForget() { C.onset_forget() }

func extErrorName(code int) string { return C.GoString(C.onset_error_name(C.int(code))) }

func extErrorText(code int) string { return C.GoString(C.onset_error_text(C.int(code))) }

// extModuleLoad returns the compiler's messages too. The buffers are C's, because the driver is given their addresses as
// numbers, which cgo cannot check.
func extModuleLoad(ptx string) (module unsafe.Pointer, log string, code int) {
	const size = 8 << 10
	text, buffer := C.CString(ptx), (*C.char)(C.malloc(size))
	defer C.free(unsafe.Pointer(text))
	defer C.free(unsafe.Pointer(buffer))
	code = int(C.onset_module_load(&module, text, buffer, size))
	return module, string(bytes.TrimSpace([]byte(C.GoString(buffer)))), code
}

func extFunctionShared(function unsafe.Pointer, bytes int) int {
	return int(C.onset_function_shared(function, C.int(bytes)))
}

func extHostAlloc(bytes int) (p unsafe.Pointer, code int) {
	code = int(C.onset_host_alloc(&p, C.size_t(bytes)))
	return p, code
}

func extCaptureBegin(stream unsafe.Pointer) int { return int(C.onset_capture_begin(stream)) }

func extCaptureEnd(stream unsafe.Pointer) (graph, exec unsafe.Pointer, code int) {
	code = int(C.onset_capture_end(stream, &graph, &exec))
	return graph, exec, code
}

func extGraphLaunch(exec, stream unsafe.Pointer) int { return int(C.onset_graph_launch(exec, stream)) }

func extGraphDrop(graph, exec unsafe.Pointer) { C.onset_graph_drop(graph, exec) }

func extDriverHas(symbol string) bool {
	name := C.CString(symbol)
	defer C.free(unsafe.Pointer(name))
	return C.onset_driver_has(name) != 0
}
