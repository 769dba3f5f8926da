// One block: its fibers, barriers and shared memory.
#include "block.h"

#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <sys/mman.h>
#include <unistd.h>

namespace emu {

thread_local Thread *self = nullptr;
thread_local const Block *block = nullptr;
thread_local Worker *worker = nullptr;

static Fiber &running() { return *static_cast<Fiber *>(self); }

Worker::Worker() {
	stacks = new_stacks(max_threads, stack_bytes);
	auto page = static_cast<size_t>(sysconf(_SC_PAGESIZE));
	void *p = mmap(nullptr, arena_bytes + 2 * page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (p == MAP_FAILED || mprotect(static_cast<char *>(p) + page, arena_bytes, PROT_READ | PROT_WRITE) != 0) {
		perror("onset emulator: shared memory");
		abort();
	}
	arena = static_cast<unsigned char *>(p) + page;
}

// fail_code records why the launch ends and leaves the block: the fibers that are left are not resumed.
void fail_code(int code, const char *format, ...) {
	char text[512];
	va_list args;
	va_start(args, format);
	vsnprintf(text, sizeof text, format, args);
	va_end(args);
	if (!worker || !worker->launch) {
		fprintf(stderr, "onset emulator: %s\n", text);
		abort();
	}
	Launch &l = *worker->launch;
	{
		std::lock_guard<std::mutex> lock(l.mutex);
		if (!l.failed.load()) {
			char where[256];
			snprintf(where, sizeof where, "kernel %s, block (%d,%d,%d) of (%d,%d,%d)", l.kernel->name.c_str(), worker->block.bid[0],
			         worker->block.bid[1], worker->block.bid[2], l.grid[0], l.grid[1], l.grid[2]);
			l.message = where;
			if (self) l.message += ", thread " + std::to_string(self->tid) + " of " + std::to_string(l.threads);
			l.message += std::string(": ") + text;
			l.code = code;
			l.failed.store(true);
		}
	}
	Context gone;
	self = nullptr;
	switch_context(gone, worker->scheduler);
	abort();
}

void fail(const char *format, ...) {
	char text[512];
	va_list args;
	va_start(args, format);
	vsnprintf(text, sizeof text, format, args);
	va_end(args);
	fail_code(719, "%s", text);
}

static void fiber_main() {
	Worker &w = *worker;
	w.launch->kernel->call(w.launch->kernel->fn, w.launch->args);
	w.leave();
}

void Worker::enqueue(Fiber &f) {
	f.wait = Wait::nothing;
	int at = head + queued;
	queue[at >= max_threads ? at - max_threads : at] = f.tid;
	queued++;
}

// next_context takes the fiber that is to run from the queue, or the scheduler where none can.
static Context &next_context(Worker &w) {
	if (w.queued == 0) {
		self = nullptr;
		return w.scheduler;
	}
	Fiber &f = w.fibers[w.queue[w.head]];
	w.head = w.head + 1 == max_threads ? 0 : w.head + 1;
	w.queued--;
	if (!f.started) {
		f.started = true;
		// Stacks of one size would all lie at the same place in the caches.
		size_t off = static_cast<size_t>(f.tid % 61) * 192;
		start_context(f.context, w.stacks + static_cast<size_t>(f.tid) * stack_bytes, stack_bytes - off, fiber_main);
	}
	self = &f;
	return f.context;
}

void Worker::yield() {
	Fiber &f = running();
	Context &to = next_context(*this);
	if (&to != &f.context) switch_context(f.context, to);
}

void Worker::leave() {
	Fiber &f = running();
	f.done = true;
	done++;
	switch_context(f.context, next_context(*this));
	abort();
}

// check_finished reports fibers that wait for what will never come.
void Worker::check_finished() {
	if (done == block.threads) return;
	int at_barrier = 0, in_collective = 0, first_barrier = -1, first_collective = -1;
	for (int i = block.threads - 1; i >= 0; i--) {
		if (fibers[i].done) continue;
		if (fibers[i].wait == Wait::barrier) at_barrier++, first_barrier = i;
		if (fibers[i].wait == Wait::collective) in_collective++, first_collective = i;
	}
	std::string text = "divergence: " + std::to_string(done) + " threads have returned";
	if (at_barrier)
		text += ", " + std::to_string(at_barrier) + " wait at a barrier (thread " + std::to_string(first_barrier) + " at barrier " +
		        std::to_string(fibers[first_barrier].barrier_id) + ")";
	if (in_collective)
		text += ", " + std::to_string(in_collective) + " wait for the rest of their warp in " +
		        op_name(warps[first_collective / warp_size].op) + " (thread " + std::to_string(first_collective) + ")";
	fail("%s", text.c_str());
}

static bool all_bytes(const unsigned char *p, size_t n, unsigned char want) {
	for (size_t i = 0; i < n; i++)
		if (p[i] != want) return false;
	return true;
}

void Worker::check_red_zones() {
	for (const SharedArray &a : arrays) {
		if (!all_bytes(arena + a.at - red_zone, red_zone, red_byte)) fail("wrote below the shared array %s", a.name);
		if (!all_bytes(arena + a.at + a.bytes, red_zone, red_byte)) fail("wrote above the shared array %s", a.name);
	}
	if (launch->dynamic_bytes == 0) return;
	size_t end = dynamic_at + launch->dynamic_bytes;
	if (!all_bytes(arena + dynamic_at - red_zone, red_zone, red_byte)) fail("wrote below the dynamic shared memory");
	if (!all_bytes(arena + end, arena_bytes - end, red_byte)) fail("wrote above the dynamic shared memory");
}

// run_block runs block index of the launch; fail_code resumes it too.
void Worker::run_block(long long index) {
	Launch &l = *launch;
	block.threads = l.threads;
	for (int i = 0; i < 3; i++) block.grid[i] = l.grid[i];
	block.bid[0] = static_cast<int>(index % l.grid[0]);
	block.bid[1] = static_cast<int>(index / l.grid[0] % l.grid[1]);
	block.bid[2] = static_cast<int>(index / l.grid[0] / l.grid[1]);
	emu::block = &block;
	head = queued = done = 0;
	arrays.clear();
	arena_used = arena_start;
	dynamic_at = (arena_bytes - l.dynamic_bytes) & ~size_t(1023);
	if (l.dynamic_bytes) {
		memset(arena + dynamic_at - red_zone, red_byte, red_zone);
		memset(arena + dynamic_at, fill_byte, l.dynamic_bytes);
		memset(arena + dynamic_at + l.dynamic_bytes, red_byte, arena_bytes - dynamic_at - l.dynamic_bytes);
	}
	for (auto &b : barriers) b = Barrier{0, 0};
	int warps_used = (l.threads + warp_size - 1) / warp_size;
	for (int i = 0; i < warps_used; i++) {
		int left = l.threads - i * warp_size;
		warps[i] = Warp{0, left < warp_size ? left : warp_size, Op::none, 0};
	}
	// With a seed the threads start in another order in each block: warps permuted, and within each a rotation.
	order = seed() ? (seed() + static_cast<unsigned>(index)) * 2654435761u >> 7 : 0;
	for (int i = 0; i < l.threads; i++) {
		int t = i;
		if (order) t = static_cast<int>((static_cast<unsigned>(i) * (order % 5 == 0 ? 7u : 1u) + order) % static_cast<unsigned>(l.threads));
		if (order % 5 == 0 && l.threads % 7 == 0) t = l.threads - 1 - i;
		Fiber &f = fibers[t];
		f.tid = t;
		f.lane = t & (warp_size - 1);
		f.started = f.done = false;
		f.copies.clear();
		f.group = 0;
		enqueue(f);
	}
	switch_context(scheduler, next_context(*this));
	self = nullptr;
	if (l.failed.load()) return;
	// A failure of these two must come back here as one of a fiber does: run them on a fiber's stack.
	Context checks;
	start_context(checks, stacks, stack_bytes, [] {
		worker->check_finished();
		worker->check_red_zones();
		Context gone;
		switch_context(gone, worker->scheduler);
	});
	switch_context(scheduler, checks);
}

void barrier(int id, int threads) {
	Worker &w = *worker;
	if (id < 0 || id >= named_barriers) fail("barrier %d: there are 16", id);
	int want = threads > 0 ? threads : w.block.threads;
	if (threads > 0 && threads % warp_size != 0) fail("barrier %d for %d threads: not a multiple of 32", id, threads);
	if (want > w.block.threads) fail("barrier %d for %d threads in a block of %d", id, want, w.block.threads);
	Barrier &b = w.barriers[id];
	if (b.arrived == 0) b.expected = want;
	if (b.expected != want) fail("barrier %d: some threads expect %d, others %d", id, b.expected, want);
	Fiber &f = running();
	if (++b.arrived < b.expected) {
		f.wait = Wait::barrier;
		f.barrier_id = id;
		w.yield();
		return;
	}
	b.arrived = 0;
	for (int i = 0; i < w.block.threads; i++) {
		Fiber &o = w.fibers[i];
		if (!o.done && o.wait == Wait::barrier && o.barrier_id == id) w.enqueue(o);
	}
	if (w.order & 1) { // with a seed the last to come need not be the first to go on
		w.enqueue(f);
		w.yield();
	}
}

unsigned char *shared_array(const void *site, const char *name, size_t bytes) {
	Worker &w = *worker;
	for (const SharedArray &a : w.arrays)
		if (a.site == site) return w.arena + a.at;
	size_t at = (w.arena_used + red_zone + shared_alignment - 1) & ~(shared_alignment - 1);
	size_t total = w.launch->dynamic_bytes + bytes;
	for (const SharedArray &a : w.arrays) total += a.bytes;
	if (total > w.launch->shared_limit || at + bytes + red_zone > w.dynamic_at - red_zone)
		fail("%zu bytes of shared memory (with %s), the limit is %zu", total, name, w.launch->shared_limit);
	memset(w.arena + at - red_zone, red_byte, red_zone);
	memset(w.arena + at, fill_byte, bytes);
	memset(w.arena + at + bytes, red_byte, red_zone);
	w.arrays.push_back(SharedArray{site, name, at, bytes});
	w.arena_used = at + bytes + red_zone;
	return w.arena + at;
}

unsigned char *dynamic_shared() {
	if (worker->launch->dynamic_bytes == 0) fail("dynamic shared memory is used and the launch gives none");
	return worker->arena + worker->dynamic_at;
}

uint32_t shared_offset(const void *p) {
	auto at = static_cast<const unsigned char *>(p) - worker->arena;
	if (at < static_cast<ptrdiff_t>(arena_start) || at > static_cast<ptrdiff_t>(arena_bytes))
		fail_code(700, "%s is no shared memory of this block", describe_address(p).c_str());
	return static_cast<uint32_t>(at);
}

unsigned char *shared_pointer(uint32_t offset) {
	if (offset < arena_start || offset > arena_bytes) fail_code(700, "0x%x is no address of shared memory", offset);
	return worker->arena + offset;
}

void check_shared(const void *p, int bytes, int align) {
	size_t at = shared_offset(p), end = at + static_cast<size_t>(bytes);
	if (at & static_cast<size_t>(align - 1)) fail_code(716, "shared address 0x%zx is not %d-byte aligned", at, align);
	const Worker &w = *worker;
	if (w.launch->dynamic_bytes && at >= w.dynamic_at && end <= w.dynamic_at + w.launch->dynamic_bytes) return;
	for (const SharedArray &a : w.arrays)
		if (at >= a.at && end <= a.at + a.bytes) return;
	fail_code(700, "%d bytes at shared address 0x%zx are in no array", bytes, at);
}

void check_global(const void *p, int bytes, int align) {
	if (reinterpret_cast<uintptr_t>(p) & static_cast<uintptr_t>(align - 1))
		fail_code(716, "global address %p is not %d-byte aligned", p, align);
	if (!is_device_memory(p, static_cast<size_t>(bytes)))
		fail_code(700, "%d bytes at %s are not in device memory", bytes, describe_address(p).c_str());
}

void check_any(const void *p, int bytes, int align) {
	auto *c = static_cast<const unsigned char *>(p);
	Worker &w = *worker;
	if (c >= w.arena && c < w.arena + arena_bytes) return check_shared(p, bytes, align);
	if (c >= w.stacks && c < w.stacks + max_threads * stack_bytes) return; // a local variable
	check_global(p, bytes, align);
}

} // namespace emu
