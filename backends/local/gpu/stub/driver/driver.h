// The state of the stand-in driver. All of it is guarded by one mutex: calls come from few threads and a launch runs to its
// end inside of its call.
#pragma once
#include <cuda.h>

#include "../emu/block.h"

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#define EXPORTED extern "C" __attribute__((visibility("default")))

namespace stub {

extern std::recursive_mutex big;
#define LOCKED std::lock_guard<std::recursive_mutex> locked(stub::big)

// warn writes a line to standard error, which names the emulator; ONSET_STUB_QUIET=1 silences it.
void warn(const char *format, ...) __attribute__((format(printf, 1, 2)));

// faults.cc: what the environment asks for. Counters start anew when a variable changes.
enum class Call { alloc, launch, copy };
bool should_fail(Call call); // ends the process where ONSET_STUB_CRASH says so
int device_count();
size_t device_bytes(int device);
std::string device_name(int device);
void device_capability(int device, int &major, int &minor);
int driver_version();
bool lazy(); // ONSET_STUB_LAZY=1: enqueued work runs when something waits for it, not before

// A Context is a device's state.
struct Context {
	int device = 0, references = 0;
	bool alive = true;
	CUresult sticky = CUDA_SUCCESS; // after a fault every call of the context fails with it
};
Context *current(); // null where the thread has none
// usable is the current context's state: CUDA_SUCCESS, its sticky error, or that there is none.
CUresult usable();

// memory.cc
struct Allocation {
	unsigned char *base;   // what the caller has
	size_t bytes;          // what it asked for
	unsigned char *mapped; // with the pages that fault around it
	size_t mapped_bytes;
	int device;
};
CUresult allocate(int device, size_t bytes, CUdeviceptr *p);
CUresult release(CUdeviceptr p);
void release_all(int device);
size_t used_bytes(int device);
bool guards_intact(); // of all allocations; what is not, is reported
bool is_pinned(const void *p, size_t bytes);

// stream.cc
using Work = std::function<CUresult()>;
struct Graph {
	std::vector<Work> work;
};
struct Capture {
	Graph *graph;
	CUstream origin;
	std::set<CUstream> joined; // other streams with work that the origin has not waited for
	bool broken = false;
	CUstreamCaptureMode mode;
};
// submit runs work, or enqueues it, or records it where the stream captures.
CUresult submit(CUstream stream, Work work);
// refuse_in_capture is the error of a call that waits, while any stream captures.
CUresult refuse_in_capture();
CUresult drain_all();
bool known_stream(CUstream s);

// module.cc
struct Function;
CUresult launch(Function *f, const int grid[3], const int block[3], unsigned shared, CUstream stream, void **params);

} // namespace stub

struct CUctx_st : stub::Context {};
