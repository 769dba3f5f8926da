// The inside of the emulator: kernels, blocks, warps. Nothing here is seen by kernels.
#pragma once
#include "emu.h"
#include "fiber.h"

#include <atomic>
#include <mutex>
#include <string>
#include <vector>

namespace emu {

constexpr int max_threads = 1024, warp_size = 32, named_barriers = 16;
constexpr size_t stack_bytes = 128 << 10;
// Shared memory as kernels address it: 18 bits, which is what wgmma's descriptors hold. Arrays start above 1024, so that 0 is
// no address; dynamic shared memory ends at the top, beside a page that faults.
constexpr size_t arena_bytes = 256 << 10, arena_start = 1024, red_zone = 64, shared_alignment = 128;
constexpr unsigned char fill_byte = 0xff, red_byte = 0xfa;

// A Kernel is what Registration recorded.
struct Kernel {
	std::string name;
	void (*fn)();
	void (*call)(void (*)(), void *const *);
	std::vector<Parameter> parameters;
};
const Kernel *find_kernel(const std::string &name); // null where there is none

// A Launch is one grid in execution.
struct Launch {
	const Kernel *kernel;
	void *const *args;
	int grid[3];
	int threads;
	size_t dynamic_bytes, shared_limit;

	std::atomic<long long> next{0};
	long long blocks = 0, stride = 1, first = 0;
	std::atomic<bool> failed{false};
	std::mutex mutex; // guards the two below
	std::string message;
	int code = 0; // 700 an illegal address, 716 a misaligned one, 719 anything else
};
// run executes every block; what went wrong is in the launch afterwards.
void run(Launch &launch);

// Copies that cp.async started and nobody has waited for.
struct PendingCopy {
	unsigned char *to;
	const unsigned char *from;
	int bytes, group;
	bool copy;
};

// What a fiber waits at.
enum class Wait : unsigned char { nothing, barrier, collective };
enum class Op : unsigned char { none, sync, shuffle, ballot, ldmatrix, mma };
const char *op_name(Op op);

struct Fiber : Thread {
	Context context;
	bool started, done;
	Wait wait;
	int barrier_id;
	// Of a warp collective: what this lane brings and gets.
	uint64_t value;
	int from;
	uint32_t *regs;
	const void *address;
	float *d;
	const uint32_t *a, *b;
	// cp.async
	std::vector<PendingCopy> copies;
	int group;
};

struct Warp {
	int arrived, lanes;
	Op op;
	int detail; // what all lanes must agree on besides
};

struct Barrier {
	int arrived, expected;
};

struct SharedArray {
	const void *site;
	const char *name;
	size_t at, bytes;
};

// A Worker runs blocks on one host thread.
struct Worker {
	Fiber fibers[max_threads];
	Warp warps[max_threads / warp_size];
	Barrier barriers[named_barriers];
	int queue[max_threads]; // a ring of the fibers that can run
	int head, queued, done;
	Context scheduler;
	unsigned char *stacks = nullptr, *arena = nullptr;
	Launch *launch = nullptr;
	Block block;
	std::vector<SharedArray> arrays;
	size_t arena_used, dynamic_at;
	unsigned order; // of fibers, from the seed

	Worker();
	void run_block(long long index);
	void enqueue(Fiber &f);
	void yield();
	[[noreturn]] void leave(); // the running fiber is over
	void check_finished();
	void check_red_zones();
	Fiber &lane(int warp, int lane) { return fibers[warp * warp_size + lane]; }
	// collective returns once all lanes came; true for the one that came last, which then computes and calls release.
	bool collective(Op op, int detail);
	void release();
};
extern thread_local Worker *worker __attribute__((tls_model("initial-exec")));

[[noreturn]] void fail_code(int code, const char *format, ...) __attribute__((format(printf, 2, 3)));

// The seed of ONSET_STUB_SEED: 0, the default, runs blocks and threads in order, others permute both.
unsigned seed();

float widen(uint16_t x, bool is_bf16); // warp.cc: of a bf16 or f16

// memory.cc: whether [p, p+bytes) is within one live allocation.
bool is_device_memory(const void *p, size_t bytes);
std::string describe_address(const void *p);

} // namespace emu
