// Initialisation, devices, contexts and the texts of errors.
#include "driver.h"

#include <cstdio>
#include <cstring>
#include <dlfcn.h>

namespace stub {

static bool initialised = false;
static std::vector<CUcontext> primaries;
static thread_local std::vector<CUcontext> stack;

Context *current() { return stack.empty() || !stack.back() ? nullptr : stack.back(); }

CUresult usable() {
	if (!initialised) return CUDA_ERROR_NOT_INITIALIZED;
	Context *c = current();
	if (!c) return CUDA_ERROR_INVALID_CONTEXT;
	if (!c->alive) return CUDA_ERROR_CONTEXT_IS_DESTROYED;
	return c->sticky;
}

static bool valid(CUdevice d) { return d >= 0 && d < device_count(); }

// The shared memory of a block that a kernel may ask for, by capability: CUDA programming guide, technical specifications.
static int optin_bytes(int major, int minor) {
	if (major == 9 || major == 10) return 227 << 10;
	if (major == 8 && (minor == 0 || minor == 7)) return 163 << 10;
	return 99 << 10;
}

static int attribute_value(CUdevice_attribute a, int device, bool &known) {
	int major, minor;
	device_capability(device, major, minor);
	known = true;
	switch (static_cast<int>(a)) {
	case CU_DEVICE_ATTRIBUTE_MAX_THREADS_PER_BLOCK:
	case CU_DEVICE_ATTRIBUTE_MAX_BLOCK_DIM_X:
	case CU_DEVICE_ATTRIBUTE_MAX_BLOCK_DIM_Y: return 1024;
	case CU_DEVICE_ATTRIBUTE_MAX_BLOCK_DIM_Z: return 64;
	case CU_DEVICE_ATTRIBUTE_MAX_GRID_DIM_X: return 0x7fffffff;
	case CU_DEVICE_ATTRIBUTE_MAX_GRID_DIM_Y:
	case CU_DEVICE_ATTRIBUTE_MAX_GRID_DIM_Z: return 65535;
	case CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_BLOCK: return 48 << 10;
	case CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_BLOCK_OPTIN: return optin_bytes(major, minor);
	case CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_MULTIPROCESSOR: return optin_bytes(major, minor) + 1024;
	case CU_DEVICE_ATTRIBUTE_RESERVED_SHARED_MEMORY_PER_BLOCK: return 1024;
	case CU_DEVICE_ATTRIBUTE_TOTAL_CONSTANT_MEMORY: return 64 << 10;
	case CU_DEVICE_ATTRIBUTE_WARP_SIZE: return 32;
	case CU_DEVICE_ATTRIBUTE_MAX_REGISTERS_PER_BLOCK:
	case CU_DEVICE_ATTRIBUTE_MAX_REGISTERS_PER_MULTIPROCESSOR: return 65536;
	case CU_DEVICE_ATTRIBUTE_MAX_THREADS_PER_MULTIPROCESSOR: return 2048;
	case CU_DEVICE_ATTRIBUTE_MAX_BLOCKS_PER_MULTIPROCESSOR: return 32;
	case CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT: return 4;
	case CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR: return major;
	case CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR: return minor;
	case CU_DEVICE_ATTRIBUTE_CLOCK_RATE:
	case CU_DEVICE_ATTRIBUTE_MEMORY_CLOCK_RATE: return 1000000;
	case CU_DEVICE_ATTRIBUTE_GLOBAL_MEMORY_BUS_WIDTH: return 64;
	case CU_DEVICE_ATTRIBUTE_L2_CACHE_SIZE: return 1 << 20;
	case CU_DEVICE_ATTRIBUTE_UNIFIED_ADDRESSING:
	case CU_DEVICE_ATTRIBUTE_CONCURRENT_KERNELS:
	case CU_DEVICE_ATTRIBUTE_STREAM_PRIORITIES_SUPPORTED:
	case CU_DEVICE_ATTRIBUTE_CAN_MAP_HOST_MEMORY: return 1;
	case CU_DEVICE_ATTRIBUTE_ASYNC_ENGINE_COUNT: return 2;
	case CU_DEVICE_ATTRIBUTE_PCI_BUS_ID: return device + 1;
	case CU_DEVICE_ATTRIBUTE_PCI_DEVICE_ID:
	case CU_DEVICE_ATTRIBUTE_PCI_DOMAIN_ID:
	case CU_DEVICE_ATTRIBUTE_COMPUTE_MODE:
	case CU_DEVICE_ATTRIBUTE_ECC_ENABLED:
	case CU_DEVICE_ATTRIBUTE_INTEGRATED:
	case CU_DEVICE_ATTRIBUTE_KERNEL_EXEC_TIMEOUT:
	case CU_DEVICE_ATTRIBUTE_CLUSTER_LAUNCH: return 0;
	}
	known = false;
	return 0;
}

struct ErrorText {
	CUresult code;
	const char *name, *text;
};
#define E(code, text) {code, #code, text}
static const ErrorText error_texts[] = {
        E(CUDA_SUCCESS, "no error"),
        E(CUDA_ERROR_INVALID_VALUE, "invalid argument"),
        E(CUDA_ERROR_OUT_OF_MEMORY, "out of memory"),
        E(CUDA_ERROR_NOT_INITIALIZED, "initialization error"),
        E(CUDA_ERROR_NO_DEVICE, "no CUDA-capable device is detected"),
        E(CUDA_ERROR_INVALID_DEVICE, "invalid device ordinal"),
        E(CUDA_ERROR_INVALID_IMAGE, "device kernel image is invalid"),
        E(CUDA_ERROR_INVALID_CONTEXT, "invalid device context"),
        E(CUDA_ERROR_NO_BINARY_FOR_GPU, "no kernel image is available for execution on the device"),
        E(CUDA_ERROR_ECC_UNCORRECTABLE, "uncorrectable ECC error encountered"),
        E(CUDA_ERROR_INVALID_PTX, "a PTX JIT compilation failed"),
        E(CUDA_ERROR_UNSUPPORTED_PTX_VERSION, "the provided PTX was compiled with an unsupported toolchain."),
        E(CUDA_ERROR_INVALID_HANDLE, "invalid resource handle"),
        E(CUDA_ERROR_NOT_FOUND, "named symbol not found"),
        E(CUDA_ERROR_NOT_READY, "device not ready"),
        E(CUDA_ERROR_ILLEGAL_ADDRESS, "an illegal memory access was encountered"),
        E(CUDA_ERROR_MISALIGNED_ADDRESS, "misaligned address"),
        E(CUDA_ERROR_LAUNCH_OUT_OF_RESOURCES, "too many resources requested for launch"),
        E(CUDA_ERROR_CONTEXT_IS_DESTROYED, "context is destroyed"),
        E(CUDA_ERROR_LAUNCH_FAILED, "unspecified launch failure"),
        E(CUDA_ERROR_NOT_SUPPORTED, "operation not supported"),
        E(CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED, "operation not permitted when stream is capturing"),
        E(CUDA_ERROR_STREAM_CAPTURE_INVALIDATED, "operation failed due to a previous error during capture"),
        E(CUDA_ERROR_STREAM_CAPTURE_UNMATCHED, "capture was not initiated in this stream"),
        E(CUDA_ERROR_STREAM_CAPTURE_UNJOINED, "capturing stream has unjoined work"),
        E(CUDA_ERROR_CAPTURED_EVENT, "operation not permitted on an event last recorded in a capturing stream"),
        E(CUDA_ERROR_UNKNOWN, "unknown error"),
};
#undef E

} // namespace stub

using namespace stub;

// By this symbol the binding knows that no GPU is behind the driver.
EXPORTED int onsetStubEmulator(void) { return 1; }
// onsetStubGuards is 1 while no guard byte around any allocation was written.
EXPORTED int onsetStubGuards(void) {
	LOCKED;
	return guards_intact();
}

EXPORTED CUresult cuInit(unsigned int flags) {
	LOCKED;
	if (flags != 0) return CUDA_ERROR_INVALID_VALUE;
	if (device_count() <= 0) return CUDA_ERROR_NO_DEVICE;
	initialised = true;
	return CUDA_SUCCESS;
}

EXPORTED CUresult cuDriverGetVersion(int *version) {
	*version = driver_version();
	return CUDA_SUCCESS;
}

EXPORTED CUresult cuDeviceGetCount(int *count) {
	*count = device_count();
	return CUDA_SUCCESS;
}

EXPORTED CUresult cuDeviceGet(CUdevice *device, int ordinal) {
	if (!valid(ordinal)) return CUDA_ERROR_INVALID_DEVICE;
	*device = ordinal;
	return CUDA_SUCCESS;
}

EXPORTED CUresult cuDeviceGetName(char *name, int length, CUdevice device) {
	if (!valid(device) || length <= 0) return CUDA_ERROR_INVALID_VALUE;
	snprintf(name, static_cast<size_t>(length), "%s", device_name(device).c_str());
	return CUDA_SUCCESS;
}

EXPORTED CUresult cuDeviceGetUuid(CUuuid *uuid, CUdevice device) {
	if (!valid(device)) return CUDA_ERROR_INVALID_DEVICE;
	memset(uuid->bytes, 0, sizeof uuid->bytes);
	memcpy(uuid->bytes, "onset-emulator", 14);
	uuid->bytes[15] = static_cast<char>(device);
	return CUDA_SUCCESS;
}
EXPORTED CUresult cuDeviceGetUuid_v2(CUuuid *uuid, CUdevice device) { return cuDeviceGetUuid(uuid, device); }

EXPORTED CUresult cuDeviceTotalMem_v2(size_t *bytes, CUdevice device) {
	if (!valid(device)) return CUDA_ERROR_INVALID_DEVICE;
	*bytes = device_bytes(device);
	return CUDA_SUCCESS;
}

EXPORTED CUresult cuDeviceGetAttribute(int *value, CUdevice_attribute attribute, CUdevice device) {
	if (!valid(device)) return CUDA_ERROR_INVALID_DEVICE;
	bool known;
	*value = attribute_value(attribute, device, known);
	return known ? CUDA_SUCCESS : CUDA_ERROR_INVALID_VALUE;
}

EXPORTED CUresult cuDeviceCanAccessPeer(int *can, CUdevice, CUdevice) {
	*can = 0;
	return CUDA_SUCCESS;
}

EXPORTED CUresult cuDevicePrimaryCtxRetain(CUcontext *context, CUdevice device) {
	LOCKED;
	if (!initialised) return CUDA_ERROR_NOT_INITIALIZED;
	if (!valid(device)) return CUDA_ERROR_INVALID_DEVICE;
	while (static_cast<int>(primaries.size()) <= device) {
		primaries.push_back(new CUctx_st);
		primaries.back()->device = static_cast<int>(primaries.size()) - 1;
	}
	primaries[static_cast<size_t>(device)]->references++;
	*context = primaries[static_cast<size_t>(device)];
	return CUDA_SUCCESS;
}

static CUresult reset_primary(CUdevice device) {
	CUcontext c = primaries[static_cast<size_t>(device)];
	drain_all();
	release_all(device);
	c->sticky = CUDA_SUCCESS;
	return CUDA_SUCCESS;
}

EXPORTED CUresult cuDevicePrimaryCtxRelease_v2(CUdevice device) {
	LOCKED;
	if (!valid(device) || static_cast<int>(primaries.size()) <= device || primaries[static_cast<size_t>(device)]->references == 0)
		return CUDA_ERROR_INVALID_CONTEXT;
	if (--primaries[static_cast<size_t>(device)]->references > 0) return CUDA_SUCCESS;
	return reset_primary(device);
}

EXPORTED CUresult cuDevicePrimaryCtxReset_v2(CUdevice device) {
	LOCKED;
	if (!valid(device) || static_cast<int>(primaries.size()) <= device) return CUDA_ERROR_INVALID_DEVICE;
	return reset_primary(device);
}

EXPORTED CUresult cuDevicePrimaryCtxSetFlags_v2(CUdevice device, unsigned int) { return valid(device) ? CUDA_SUCCESS : CUDA_ERROR_INVALID_DEVICE; }

EXPORTED CUresult cuDevicePrimaryCtxGetState(CUdevice device, unsigned int *flags, int *active) {
	LOCKED;
	if (!valid(device)) return CUDA_ERROR_INVALID_DEVICE;
	*flags = 0;
	*active = static_cast<int>(primaries.size()) > device && primaries[static_cast<size_t>(device)]->references > 0;
	return CUDA_SUCCESS;
}

EXPORTED CUresult cuCtxCreate_v2(CUcontext *context, unsigned int, CUdevice device) {
	LOCKED;
	if (!initialised) return CUDA_ERROR_NOT_INITIALIZED;
	if (!valid(device)) return CUDA_ERROR_INVALID_DEVICE;
	*context = new CUctx_st;
	(*context)->device = device;
	stack.push_back(*context);
	return CUDA_SUCCESS;
}

EXPORTED CUresult cuCtxDestroy_v2(CUcontext context) {
	LOCKED;
	if (!context || !context->alive) return CUDA_ERROR_INVALID_CONTEXT;
	context->alive = false; // kept, so that late uses are told
	for (CUcontext &c : stack)
		if (c == context) c = nullptr;
	return CUDA_SUCCESS;
}

EXPORTED CUresult cuCtxSetCurrent(CUcontext context) {
	LOCKED;
	if (context && !context->alive) return CUDA_ERROR_CONTEXT_IS_DESTROYED;
	if (stack.empty()) stack.push_back(context);
	else stack.back() = context;
	return CUDA_SUCCESS;
}

EXPORTED CUresult cuCtxGetCurrent(CUcontext *context) {
	*context = stack.empty() ? nullptr : stack.back();
	return CUDA_SUCCESS;
}

EXPORTED CUresult cuCtxPushCurrent_v2(CUcontext context) {
	if (!context) return CUDA_ERROR_INVALID_VALUE;
	stack.push_back(context);
	return CUDA_SUCCESS;
}

EXPORTED CUresult cuCtxPopCurrent_v2(CUcontext *context) {
	if (stack.empty()) return CUDA_ERROR_INVALID_CONTEXT;
	if (context) *context = stack.back();
	stack.pop_back();
	return CUDA_SUCCESS;
}

EXPORTED CUresult cuCtxGetDevice(CUdevice *device) {
	if (!current()) return CUDA_ERROR_INVALID_CONTEXT;
	*device = current()->device;
	return CUDA_SUCCESS;
}

EXPORTED CUresult cuCtxGetFlags(unsigned int *flags) {
	*flags = 0;
	return CUDA_SUCCESS;
}

EXPORTED CUresult cuCtxGetStreamPriorityRange(int *least, int *greatest) {
	if (least) *least = 0;
	if (greatest) *greatest = -1;
	return CUDA_SUCCESS;
}

EXPORTED CUresult cuGetErrorName(CUresult error, const char **name) {
	for (const ErrorText &e : error_texts)
		if (e.code == error) return *name = e.name, CUDA_SUCCESS;
	*name = nullptr;
	return CUDA_ERROR_INVALID_VALUE;
}

EXPORTED CUresult cuGetErrorString(CUresult error, const char **text) {
	for (const ErrorText &e : error_texts)
		if (e.code == error) return *text = e.text, CUDA_SUCCESS;
	*text = nullptr;
	return CUDA_ERROR_INVALID_VALUE;
}

EXPORTED CUresult cuGetProcAddress_v2(const char *symbol, void **fn, int, cuuint64_t, CUdriverProcAddressQueryResult *status) {
	std::string name = symbol;
	for (const char *suffix : {"_v3", "_v2", ""}) {
		*fn = dlsym(RTLD_DEFAULT, (name + suffix).c_str());
		if (*fn) break;
	}
	if (status) *status = *fn ? CU_GET_PROC_ADDRESS_SUCCESS : CU_GET_PROC_ADDRESS_SYMBOL_NOT_FOUND;
	return *fn ? CUDA_SUCCESS : CUDA_ERROR_NOT_FOUND;
}

#undef cuGetProcAddress // CUDA 11's, without the last parameter
EXPORTED CUresult cuGetProcAddress(const char *symbol, void **fn, int version, cuuint64_t flags) {
	return cuGetProcAddress_v2(symbol, fn, version, flags, nullptr);
}
