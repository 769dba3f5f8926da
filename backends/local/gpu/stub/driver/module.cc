// Modules, functions, launches. A module is PTX text; its functions run as the emulator's kernels of the same names.
#include "driver.h"

#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace stub {

// What a module's text says of an entry.
struct Entry {
	std::vector<int> parameters; // bytes
	int max_threads = 1024;
	size_t shared = 0;
};

struct Function {
	Entry entry;
	const emu::Kernel *kernel;
	int device;
	size_t dynamic_limit;
};

} // namespace stub

using namespace stub;

struct CUmod_st {
	std::map<std::string, Entry> entries;
	std::map<std::string, CUfunction> functions;
	int version = 0;
};
struct CUfunc_st : Function {};

static std::set<CUmodule> modules;
static std::set<CUfunction> functions;

static int type_bytes(const std::string &type) {
	if (type.find("64") != std::string::npos) return 8;
	if (type.find("32") != std::string::npos) return 4;
	if (type.find("16") != std::string::npos) return 2;
	return 1;
}

// parse reads of PTX what a launch needs. false where the text is none or is not for the device.
static CUresult parse(const std::string &text, int major, int minor, CUmodule m, std::string &why) {
	size_t at = text.find(".version ");
	int v1 = 0, v2 = 0;
	if (at == std::string::npos || sscanf(text.c_str() + at, ".version %d.%d", &v1, &v2) != 2) return why = "no .version", CUDA_ERROR_INVALID_IMAGE;
	m->version = v1 * 10 + v2;
	// PTX 7.0 came with CUDA 11.0, 8.0 with 12.0, 9.0 with 13.0, one minor version each.
	int driver = driver_version() / 1000, sub = driver_version() % 1000 / 10, newest = (driver - 4) * 10 + sub;
	if (m->version > newest) return why = "PTX " + std::to_string(v1) + "." + std::to_string(v2) + " is newer than the driver", CUDA_ERROR_UNSUPPORTED_PTX_VERSION;
	int target = 0;
	char letter = 0;
	at = text.find(".target sm_");
	if (at == std::string::npos || sscanf(text.c_str() + at, ".target sm_%d%c", &target, &letter) < 1) return why = "no .target", CUDA_ERROR_INVALID_PTX;
	int device = major * 10 + minor;
	if (letter == 'a' ? device != target : device < target) return why = "the target is sm_" + std::to_string(target), CUDA_ERROR_NO_BINARY_FOR_GPU;
	for (at = text.find(".entry "); at != std::string::npos; at = text.find(".entry ", at + 1)) {
		size_t name = at + 7, open = text.find('(', name), close = text.find(')', name), body = text.find('{', name);
		// An entry without parameters has no parentheses.
		bool empty = open == std::string::npos || open > body;
		size_t name_end = text.find_first_of("( \n\r\t{", name), end = text.find("\n}", body);
		if (body == std::string::npos || end == std::string::npos || (!empty && close == std::string::npos)) return why = "an .entry without a body", CUDA_ERROR_INVALID_PTX;
		Entry e;
		if (!empty)
			for (size_t p = text.find(".param ", open); p != std::string::npos && p < close; p = text.find(".param ", p + 1))
				e.parameters.push_back(type_bytes(text.substr(p + 7, text.find(' ', p + 7) - p - 7)));
		size_t head = empty ? name_end : close, limit = text.find(".maxntid ", head);
		if (limit != std::string::npos && limit < body) e.max_threads = atoi(text.c_str() + limit + 9);
		for (size_t s = text.find(".shared .align ", body); s != std::string::npos && s < end; s = text.find(".shared .align ", s + 1)) {
			size_t bracket = text.find('[', s), line = text.find(';', s);
			if (bracket != std::string::npos && bracket < line) e.shared += strtoul(text.c_str() + bracket + 1, nullptr, 10);
		}
		m->entries[text.substr(name, name_end - name)] = e;
	}
	return CUDA_SUCCESS;
}

EXPORTED CUresult cuModuleLoadDataEx(CUmodule *module, const void *image, unsigned int count, CUjit_option *options, void **values) {
	LOCKED;
	if (CUresult r = usable()) return r;
	int major, minor;
	device_capability(current()->device, major, minor);
	auto m = std::make_unique<CUmod_st>();
	std::string why;
	CUresult r = parse(static_cast<const char *>(image), major, minor, m.get(), why);
	if (r) {
		warn("module: %s", why.c_str());
		char *log = nullptr;
		size_t room = 0;
		for (unsigned i = 0; i < count; i++) {
			if (options[i] == CU_JIT_ERROR_LOG_BUFFER) log = static_cast<char *>(values[i]);
			if (options[i] == CU_JIT_ERROR_LOG_BUFFER_SIZE_BYTES) room = reinterpret_cast<size_t>(values[i]);
		}
		if (log && room) snprintf(log, room, "onset emulator: %s", why.c_str());
		return r;
	}
	*module = m.release();
	modules.insert(*module);
	return CUDA_SUCCESS;
}

EXPORTED CUresult cuModuleLoadData(CUmodule *module, const void *image) { return cuModuleLoadDataEx(module, image, 0, nullptr, nullptr); }

EXPORTED CUresult cuModuleUnload(CUmodule m) {
	LOCKED;
	if (!modules.erase(m)) return CUDA_ERROR_INVALID_HANDLE;
	drain_all();
	for (auto &f : m->functions) {
		functions.erase(f.second);
		delete f.second;
	}
	delete m;
	return CUDA_SUCCESS;
}

// agrees says whether the PTX and the emulator were made of the same declaration.
static bool agrees(const Entry &e, const emu::Kernel &k) {
	if (e.parameters.size() != k.parameters.size()) return false;
	for (size_t i = 0; i < e.parameters.size(); i++)
		if (e.parameters[i] != k.parameters[i].bytes) return false;
	return true;
}

EXPORTED CUresult cuModuleGetFunction(CUfunction *f, CUmodule m, const char *name) {
	LOCKED;
	if (CUresult r = usable()) return r;
	if (!modules.count(m)) return CUDA_ERROR_INVALID_HANDLE;
	auto known = m->functions.find(name);
	if (known != m->functions.end()) return *f = known->second, CUDA_SUCCESS;
	auto at = m->entries.find(name);
	if (at == m->entries.end()) return CUDA_ERROR_NOT_FOUND;
	const emu::Kernel *k = emu::find_kernel(name);
	if (!k) {
		warn("%s is in the PTX and not among the emulator's kernels: has it its EXPORT? is the emulator built anew?", name);
		return CUDA_ERROR_NOT_FOUND;
	}
	if (!agrees(at->second, *k)) {
		warn("%s has other parameters in the PTX than in the emulator: make ptx, and build the emulator anew", name);
		return CUDA_ERROR_INVALID_PTX;
	}
	*f = new CUfunc_st;
	**f = CUfunc_st{{at->second, k, current()->device, (48 << 10) - at->second.shared}};
	functions.insert(*f);
	m->functions[name] = *f;
	return CUDA_SUCCESS;
}

static int optin(int device) {
	int bytes = 0;
	cuDeviceGetAttribute(&bytes, CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_BLOCK_OPTIN, device);
	return bytes;
}

EXPORTED CUresult cuFuncSetAttribute(CUfunction f, CUfunction_attribute attribute, int value) {
	LOCKED;
	if (!functions.count(f)) return CUDA_ERROR_INVALID_HANDLE;
	if (attribute == CU_FUNC_ATTRIBUTE_PREFERRED_SHARED_MEMORY_CARVEOUT) return CUDA_SUCCESS;
	if (attribute != CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES) return CUDA_ERROR_INVALID_VALUE;
	if (value < 0 || value + static_cast<int>(f->entry.shared) > optin(f->device)) return CUDA_ERROR_INVALID_VALUE;
	f->dynamic_limit = static_cast<size_t>(value);
	return CUDA_SUCCESS;
}

EXPORTED CUresult cuFuncGetAttribute(int *value, CUfunction_attribute attribute, CUfunction f) {
	LOCKED;
	if (!functions.count(f)) return CUDA_ERROR_INVALID_HANDLE;
	switch (static_cast<int>(attribute)) {
	case CU_FUNC_ATTRIBUTE_MAX_THREADS_PER_BLOCK: *value = f->entry.max_threads; return CUDA_SUCCESS;
	case CU_FUNC_ATTRIBUTE_SHARED_SIZE_BYTES: *value = static_cast<int>(f->entry.shared); return CUDA_SUCCESS;
	case CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES: *value = static_cast<int>(f->dynamic_limit); return CUDA_SUCCESS;
	case CU_FUNC_ATTRIBUTE_NUM_REGS: *value = 32; return CUDA_SUCCESS; // the emulator has no registers to count
	case CU_FUNC_ATTRIBUTE_LOCAL_SIZE_BYTES:
	case CU_FUNC_ATTRIBUTE_CONST_SIZE_BYTES: *value = 0; return CUDA_SUCCESS;
	}
	return CUDA_ERROR_INVALID_VALUE;
}

EXPORTED CUresult cuFuncSetCacheConfig(CUfunction f, CUfunc_cache) {
	LOCKED;
	return functions.count(f) ? CUDA_SUCCESS : CUDA_ERROR_INVALID_HANDLE;
}

EXPORTED CUresult cuOccupancyMaxActiveBlocksPerMultiprocessor(int *blocks, CUfunction f, int threads, size_t dynamic) {
	LOCKED;
	if (!functions.count(f) || threads <= 0) return CUDA_ERROR_INVALID_VALUE;
	size_t shared = dynamic + f->entry.shared + 1024;
	*blocks = std::min(2048 / threads, static_cast<int>(static_cast<size_t>(optin(f->device) + 1024) / shared));
	return CUDA_SUCCESS;
}

// execute runs a launch whose arguments were checked; what fails, fails the calls that follow.
static CUresult execute(const CUfunc_st &f, const int grid[3], int threads, size_t dynamic, const std::vector<uint64_t> &values) {
	const emu::Kernel &k = *f.kernel;
	if (should_fail(Call::launch)) {
		warn("%s fails, as ONSET_STUB_FAIL asks", k.name.c_str());
		return CUDA_ERROR_ILLEGAL_ADDRESS;
	}
	std::vector<void *> args;
	for (size_t i = 0; i < k.parameters.size(); i++) {
		args.push_back(const_cast<uint64_t *>(&values[i]));
		auto *p = reinterpret_cast<void *>(values[i]);
		if (k.parameters[i].pointer && p && !emu::is_device_memory(p, 1)) {
			warn("%s: argument %zu, %s, is not in device memory", k.name.c_str(), i, emu::describe_address(p).c_str());
			return CUDA_ERROR_ILLEGAL_ADDRESS;
		}
	}
	emu::Launch l;
	l.kernel = &k;
	l.args = args.data();
	for (int i = 0; i < 3; i++) l.grid[i] = grid[i];
	l.threads = threads;
	l.dynamic_bytes = dynamic;
	l.shared_limit = static_cast<size_t>(optin(f.device));
	emu::run(l);
	if (!l.failed.load()) return CUDA_SUCCESS;
	warn("%s", l.message.c_str());
	return static_cast<CUresult>(l.code);
}

EXPORTED CUresult cuLaunchKernel(CUfunction f, unsigned int gx, unsigned int gy, unsigned int gz, unsigned int bx, unsigned int by, unsigned int bz,
                                 unsigned int dynamic, CUstream s, void **params, void **extra) {
	LOCKED;
	if (CUresult r = usable()) return r;
	if (!functions.count(f)) return CUDA_ERROR_INVALID_HANDLE;
	const char *name = f->kernel->name.c_str();
	if (!gx || !gy || !gz || !bx || by != 1 || bz != 1 || gx > 0x7fffffff || gy > 65535 || gz > 65535 || extra) {
		warn("%s: grid (%u,%u,%u) of blocks (%u,%u,%u): the emulator takes one-dimensional blocks and no extra", name, gx, gy, gz, bx, by, bz);
		return CUDA_ERROR_INVALID_VALUE;
	}
	if (bx > static_cast<unsigned>(f->entry.max_threads)) {
		warn("%s: %u threads, its bound is %d", name, bx, f->entry.max_threads);
		return CUDA_ERROR_INVALID_VALUE;
	}
	if (dynamic > f->dynamic_limit) {
		warn("%s: %u bytes of dynamic shared memory, its limit is %zu", name, dynamic, f->dynamic_limit);
		return CUDA_ERROR_INVALID_VALUE;
	}
	std::vector<uint64_t> values(f->kernel->parameters.size());
	if (!values.empty() && !params) return CUDA_ERROR_INVALID_VALUE;
	for (size_t i = 0; i < values.size(); i++) memcpy(&values[i], params[i], static_cast<size_t>(f->kernel->parameters[i].bytes));
	int grid[3] = {static_cast<int>(gx), static_cast<int>(gy), static_cast<int>(gz)};
	CUfunc_st copy = *f;
	// An error of the kernel's is one of later calls, as on a device.
	int threads = static_cast<int>(bx);
	Context *c = current();
	return submit(s, [copy, grid0 = grid[0], grid1 = grid[1], grid2 = grid[2], threads, dynamic, values = std::move(values), c] {
		const int g[3] = {grid0, grid1, grid2};
		CUresult r = execute(copy, g, threads, dynamic, values);
		if (r && !c->sticky) c->sticky = r;
		return CUDA_SUCCESS;
	});
}

EXPORTED CUresult cuLaunchKernelEx(const CUlaunchConfig *c, CUfunction f, void **params, void **extra) {
	for (unsigned i = 0; i < c->numAttrs; i++) {
		const CUlaunchAttribute &a = c->attrs[i];
		if (a.id == CU_LAUNCH_ATTRIBUTE_CLUSTER_DIMENSION && a.value.clusterDim.x * a.value.clusterDim.y * a.value.clusterDim.z > 1) {
			warn("the emulator has no clusters");
			return CUDA_ERROR_NOT_SUPPORTED;
		}
	}
	return cuLaunchKernel(f, c->gridDimX, c->gridDimY, c->gridDimZ, c->blockDimX, c->blockDimY, c->blockDimZ, c->sharedMemBytes, c->hStream, params, extra);
}
