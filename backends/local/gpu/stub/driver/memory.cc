// Device memory is host memory: every allocation has pages of its own between addresses that fault, what is left of its
// first and last page holds guard bytes, and what is freed faults from then on.
#include "driver.h"

#include <atomic>
#include <cstdio>
#include <cstring>
#include <deque>
#include <sys/mman.h>
#include <unistd.h>

namespace stub {

static constexpr size_t alignment = 256, filled = 64 << 20, quarantine = 256;
static constexpr size_t fence = 1 << 20; // bytes of addresses that fault, below and above
static constexpr unsigned char guard = 0xff; // as floats NaN, and what new memory is filled with

static std::map<unsigned char *, Allocation> live, freed;
static std::deque<unsigned char *> freed_order;
static std::map<int, size_t> used;
static std::map<unsigned char *, size_t> pinned;
static std::atomic<unsigned> generation{1}; // of live, for the caches of is_device_memory

static size_t page() {
	static const auto bytes = static_cast<size_t>(sysconf(_SC_PAGESIZE));
	return bytes;
}

static size_t round_up(size_t n, size_t to) { return (n + to - 1) / to * to; }

size_t used_bytes(int device) { return used[device]; }

CUresult allocate(int device, size_t bytes, CUdeviceptr *p) {
	if (bytes == 0) return CUDA_ERROR_INVALID_VALUE;
	size_t rounded = round_up(bytes, alignment);
	if (should_fail(Call::alloc) || rounded < bytes || used[device] + rounded > device_bytes(device)) return CUDA_ERROR_OUT_OF_MEMORY;
	size_t inner = round_up(rounded, page()), total = inner + 2 * fence;
	void *m = mmap(nullptr, total, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (m == MAP_FAILED) return CUDA_ERROR_OUT_OF_MEMORY;
	auto *mapped = static_cast<unsigned char *>(m);
	unsigned char *start = mapped + fence, *base = start + inner - rounded;
	if (mprotect(start, inner, PROT_READ | PROT_WRITE) != 0) {
		munmap(m, total);
		return CUDA_ERROR_OUT_OF_MEMORY;
	}
	memset(start, guard, static_cast<size_t>(base - start));
	memset(base + bytes, guard, rounded - bytes);
	if (bytes <= filled) memset(base, guard, bytes);
	live[base] = Allocation{base, bytes, mapped, total, device};
	used[device] += rounded;
	generation++;
	*p = reinterpret_cast<CUdeviceptr>(base);
	return CUDA_SUCCESS;
}

static bool intact(const Allocation &a) {
	unsigned char *start = a.mapped + fence, *end = a.mapped + a.mapped_bytes - fence;
	for (unsigned char *c = start; c < a.base; c++)
		if (*c != guard) {
			warn("a byte %zd below the allocation of %zu bytes at %p was written", a.base - c, a.bytes, static_cast<void *>(a.base));
			return false;
		}
	for (unsigned char *c = a.base + a.bytes; c < end; c++)
		if (*c != guard) {
			warn("a byte %zd above the end of the allocation of %zu bytes at %p was written", c - a.base - static_cast<ptrdiff_t>(a.bytes), a.bytes,
			     static_cast<void *>(a.base));
			return false;
		}
	return true;
}

bool guards_intact() {
	for (const auto &a : live)
		if (!intact(a.second)) return false;
	return true;
}

static void discard(const Allocation &a) {
	size_t rounded = round_up(a.bytes, alignment);
	used[a.device] -= rounded;
	// The addresses stay taken for a while, without memory.
	mmap(a.mapped, a.mapped_bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1, 0);
	freed[a.base] = a;
	freed_order.push_back(a.base);
	if (freed_order.size() > quarantine) {
		const Allocation &old = freed[freed_order.front()];
		munmap(old.mapped, old.mapped_bytes);
		freed.erase(freed_order.front());
		freed_order.pop_front();
	}
	generation++;
}

CUresult release(CUdeviceptr p) {
	auto *base = reinterpret_cast<unsigned char *>(p);
	auto at = live.find(base);
	if (at == live.end()) {
		warn("free of %s, which is %s", emu::describe_address(base).c_str(), freed.count(base) ? "freed already" : "no allocation");
		return CUDA_ERROR_INVALID_VALUE;
	}
	Allocation a = at->second;
	bool ok = intact(a);
	live.erase(at);
	discard(a);
	return ok ? CUDA_SUCCESS : CUDA_ERROR_ILLEGAL_ADDRESS;
}

void release_all(int device) {
	for (auto at = live.begin(); at != live.end();) {
		if (at->second.device != device) {
			++at;
			continue;
		}
		intact(at->second);
		discard(at->second);
		at = live.erase(at);
	}
}

static const Allocation *containing(const std::map<unsigned char *, Allocation> &in, const void *p) {
	auto *c = static_cast<unsigned char *>(const_cast<void *>(p));
	auto at = in.upper_bound(c);
	if (at == in.begin()) return nullptr;
	const Allocation &a = std::prev(at)->second;
	return c < a.mapped + a.mapped_bytes ? &a : nullptr;
}

static bool within(const void *p, size_t bytes, const void *base, size_t size) {
	auto at = static_cast<const unsigned char *>(p) - static_cast<const unsigned char *>(base);
	return at >= 0 && static_cast<size_t>(at) <= size && bytes <= size - static_cast<size_t>(at);
}

bool is_pinned(const void *p, size_t bytes) {
	LOCKED;
	for (const auto &a : pinned)
		if (within(p, bytes, a.first, a.second)) return true;
	return false;
}

} // namespace stub

using namespace stub;

// No lock: allocations do not change while a kernel runs, since a launch holds it. What was found last is kept per thread.
bool emu::is_device_memory(const void *p, size_t bytes) {
	struct Recent {
		unsigned char *base;
		size_t bytes;
	};
	static thread_local Recent recent[4];
	static thread_local unsigned of = 0, next = 0;
	if (of != generation.load(std::memory_order_relaxed)) {
		for (Recent &r : recent) r = Recent{nullptr, 0};
		of = generation.load(std::memory_order_relaxed);
	}
	for (const Recent &r : recent)
		if (r.base && within(p, bytes, r.base, r.bytes)) return true;
	if (const Allocation *a = containing(live, p); a && within(p, bytes, a->base, a->bytes)) {
		recent[next++ % 4] = Recent{a->base, a->bytes};
		return true;
	}
	for (const auto &a : pinned)
		if (within(p, bytes, a.first, a.second)) return true;
	return false;
}

std::string emu::describe_address(const void *p) {
	char text[200];
	const char *kind = "live";
	const Allocation *a = containing(live, p);
	if (!a) {
		kind = "freed";
		a = containing(freed, p);
	}
	if (a)
		snprintf(text, sizeof text, "%p (%+td bytes from the start of a %s allocation of %zu)", p, static_cast<const unsigned char *>(p) - a->base, kind,
		         a->bytes);
	else
		snprintf(text, sizeof text, "%p", p);
	return text;
}

EXPORTED CUresult cuMemAlloc_v2(CUdeviceptr *p, size_t bytes) {
	LOCKED;
	if (CUresult r = usable()) return r;
	if (CUresult r = refuse_in_capture()) return r;
	return allocate(current()->device, bytes, p);
}

EXPORTED CUresult cuMemFree_v2(CUdeviceptr p) {
	LOCKED;
	if (p == 0) return CUDA_SUCCESS;
	if (!current()) return CUDA_ERROR_INVALID_CONTEXT;
	if (CUresult r = refuse_in_capture()) return r;
	CUresult r = drain_all(); // as the driver, which waits for what may use it
	if (CUresult f = release(p)) return f;
	return r;
}

EXPORTED CUresult cuMemGetInfo_v2(size_t *free, size_t *total) {
	LOCKED;
	if (CUresult r = usable()) return r;
	int device = current()->device;
	*total = device_bytes(device);
	*free = *total > used_bytes(device) ? *total - used_bytes(device) : 0;
	return CUDA_SUCCESS;
}

EXPORTED CUresult cuMemGetAddressRange_v2(CUdeviceptr *base, size_t *size, CUdeviceptr p) {
	LOCKED;
	const Allocation *a = containing(live, reinterpret_cast<void *>(p));
	if (!a) return CUDA_ERROR_NOT_FOUND;
	if (base) *base = reinterpret_cast<CUdeviceptr>(a->base);
	if (size) *size = a->bytes;
	return CUDA_SUCCESS;
}

EXPORTED CUresult cuMemHostAlloc(void **p, size_t bytes, unsigned int) {
	LOCKED;
	if (CUresult r = usable()) return r;
	if (bytes == 0) return CUDA_ERROR_INVALID_VALUE;
	void *m = mmap(nullptr, round_up(bytes, page()), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (m == MAP_FAILED) return CUDA_ERROR_OUT_OF_MEMORY;
	pinned[static_cast<unsigned char *>(m)] = bytes;
	*p = m;
	return CUDA_SUCCESS;
}

EXPORTED CUresult cuMemAllocHost_v2(void **p, size_t bytes) { return cuMemHostAlloc(p, bytes, 0); }

EXPORTED CUresult cuMemFreeHost(void *p) {
	LOCKED;
	auto at = pinned.find(static_cast<unsigned char *>(p));
	if (at == pinned.end()) {
		warn("free of %p, which is no page-locked memory", p);
		return CUDA_ERROR_INVALID_VALUE;
	}
	CUresult r = drain_all();
	munmap(p, round_up(at->second, page()));
	pinned.erase(at);
	return r;
}

EXPORTED CUresult cuMemHostGetDevicePointer_v2(CUdeviceptr *d, void *p, unsigned int) {
	LOCKED;
	if (!is_pinned(p, 1)) return CUDA_ERROR_INVALID_VALUE;
	*d = reinterpret_cast<CUdeviceptr>(p);
	return CUDA_SUCCESS;
}

EXPORTED CUresult cuPointerGetAttribute(void *out, CUpointer_attribute attribute, CUdeviceptr p) {
	LOCKED;
	bool device = containing(live, reinterpret_cast<void *>(p)) != nullptr;
	if (!device && !is_pinned(reinterpret_cast<void *>(p), 1)) return CUDA_ERROR_INVALID_VALUE;
	if (attribute != CU_POINTER_ATTRIBUTE_MEMORY_TYPE) return CUDA_ERROR_NOT_SUPPORTED;
	*static_cast<unsigned *>(out) = device ? CU_MEMORYTYPE_DEVICE : CU_MEMORYTYPE_HOST;
	return CUDA_SUCCESS;
}
