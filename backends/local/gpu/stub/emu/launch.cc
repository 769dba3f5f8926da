// Kernels by name, grids over host threads, and faults of kernels turned into errors of their launch.
#include "block.h"

#include <condition_variable>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <dlfcn.h>
#include <map>
#include <thread>
#include <ucontext.h>
#include <unistd.h>

namespace emu {

static std::map<std::string, Kernel> &kernels() {
	static std::map<std::string, Kernel> all;
	return all;
}

void Registration::add(const char *name, void (*fn)(), void (*call)(void (*)(), void *const *), const Parameter *parameters, int count) {
	kernels()[name] = Kernel{name, fn, call, std::vector<Parameter>(parameters, parameters + count)};
}

const Kernel *find_kernel(const std::string &name) {
	auto at = kernels().find(name);
	return at == kernels().end() ? nullptr : &at->second;
}

unsigned seed() {
	static const unsigned value = [] {
		const char *s = getenv("ONSET_STUB_SEED");
		return s ? static_cast<unsigned>(strtoul(s, nullptr, 10)) : 0u;
	}();
	return value;
}

// After a fault the handler resumes here, on the stack of the fiber.
static thread_local const void *fault_address;
static thread_local int fault_signal;
static void faulted() {
	if (fault_signal == SIGSEGV || fault_signal == SIGBUS) fail_code(700, "access of %s", describe_address(fault_address).c_str());
	// The address is of the instruction: of clang's traps, or of a division.
	Dl_info info;
	auto at = static_cast<const char *>(fault_address);
	ptrdiff_t offset = dladdr(at, &info) ? at - static_cast<const char *>(info.dli_fbase) : 0;
	fail_code(719, "a misaligned access, an index out of an array, a shift too far or an integer overflow: addr2line -e libcuda.so.1 -ip 0x%tx", offset);
}

static constexpr int fault_signals[] = {SIGSEGV, SIGBUS, SIGILL, SIGTRAP, SIGFPE};
static struct sigaction old_actions[sizeof fault_signals / sizeof *fault_signals];

// on_fault makes the faulting fiber fail. A fault outside of a kernel goes to who handled it before.
static void on_fault(int sig, siginfo_t *info, void *context) {
	if (self && worker && worker->launch) {
		fault_address = info->si_addr;
		fault_signal = sig;
#if defined(__linux__) && defined(__x86_64__)
		auto *regs = static_cast<ucontext_t *>(context)->uc_mcontext.gregs;
		uintptr_t sp = static_cast<uintptr_t>(regs[REG_RSP]);
		auto *base = worker->stacks + static_cast<size_t>(self->tid) * stack_bytes;
		auto low = reinterpret_cast<uintptr_t>(base) + 16384;
		if (sp < low) sp = reinterpret_cast<uintptr_t>(base) + stack_bytes; // the stack itself overflowed
		sp = ((sp - 256) & ~uintptr_t(15)) - 8;
		regs[REG_RSP] = static_cast<greg_t>(sp);
		regs[REG_RIP] = static_cast<greg_t>(reinterpret_cast<uintptr_t>(&faulted));
		return;
#elif defined(__linux__) && defined(__aarch64__)
		auto &m = static_cast<ucontext_t *>(context)->uc_mcontext;
		auto *base = worker->stacks + static_cast<size_t>(self->tid) * stack_bytes;
		auto low = reinterpret_cast<uintptr_t>(base) + 16384;
		if (m.sp < low) m.sp = reinterpret_cast<uintptr_t>(base) + stack_bytes;
		m.sp = (m.sp - 256) & ~uintptr_t(15);
		m.pc = reinterpret_cast<uintptr_t>(&faulted);
		return;
#endif
	}
	int at = 0;
	while (fault_signals[at] != sig) at++;
	struct sigaction &old = old_actions[at];
	if (old.sa_flags & SA_SIGINFO) return old.sa_sigaction(sig, info, context);
	if (old.sa_handler != SIG_DFL && old.sa_handler != SIG_IGN) return old.sa_handler(sig);
	signal(sig, SIG_DFL); // the access is repeated and ends the process
}

static void install_handlers() {
	struct sigaction action;
	memset(&action, 0, sizeof action);
	action.sa_sigaction = on_fault;
	action.sa_flags = SA_SIGINFO | SA_ONSTACK;
	sigfillset(&action.sa_mask);
	for (size_t i = 0; i < sizeof fault_signals / sizeof *fault_signals; i++) sigaction(fault_signals[i], &action, &old_actions[i]);
}

// The handler needs a stack of its own where a fiber's overflowed. Threads of Go have one.
static void ensure_signal_stack() {
	stack_t now;
	if (sigaltstack(nullptr, &now) != 0 || !(now.ss_flags & SS_DISABLE)) return;
	memset(&now, 0, sizeof now);
	now.ss_size = 64 << 10;
	now.ss_sp = malloc(now.ss_size);
	sigaltstack(&now, nullptr);
}

// Lease makes a worker the thread's for a launch. Workers are not the threads': a Go program launches from any of many, and
// some of them end, while each worker has thousands of mappings, of which a process may have some ten thousand.
class Lease {
public:
	Lease() {
		std::lock_guard<std::mutex> lock(mutex());
		if (idle().empty()) idle().push_back(new Worker);
		worker = idle().back();
		idle().pop_back();
		ensure_signal_stack();
	}
	~Lease() {
		std::lock_guard<std::mutex> lock(mutex());
		idle().push_back(worker);
		worker = nullptr;
	}
	Lease(const Lease &) = delete;
	Lease &operator=(const Lease &) = delete;

private:
	static std::mutex &mutex() {
		static auto &m = *new std::mutex; // never destroyed, as the threads that use it
		return m;
	}
	static std::vector<Worker *> &idle() {
		static auto &all = *new std::vector<Worker *>;
		return all;
	}
};

static void run_blocks(Launch &l) {
	Lease lease;
	Worker &w = *worker;
	w.launch = &l;
	for (;;) {
		long long i = l.next.fetch_add(1);
		if (i >= l.blocks || l.failed.load()) break;
		w.run_block((l.first + i * l.stride) % l.blocks);
	}
	w.launch = nullptr;
}

// The Pool is the host threads that help the one that launches.
class Pool {
public:
	Pool() {
		long count = sysconf(_SC_NPROCESSORS_ONLN);
		if (const char *s = getenv("ONSET_STUB_THREADS")) count = strtol(s, nullptr, 10);
		if (count > 16) count = 16;
		helpers = count > 1 ? static_cast<int>(count) - 1 : 0;
	}
	void run(Launch &l) {
		if (helpers == 0 || l.blocks == 1 || l.blocks * l.threads < 2048) return run_blocks(l);
		std::unique_lock<std::mutex> one(launching);
		{
			std::lock_guard<std::mutex> lock(mutex);
			if (!started) start();
			launch = &l;
			generation++;
			busy = helpers;
		}
		wake.notify_all();
		run_blocks(l);
		std::unique_lock<std::mutex> lock(mutex);
		idle.wait(lock, [this] { return busy == 0; });
		launch = nullptr;
	}

private:
	int helpers = 0, busy = 0;
	bool started = false;
	unsigned generation = 0;
	Launch *launch = nullptr;
	std::mutex launching, mutex;
	std::condition_variable wake, idle;

	void start() {
		started = true;
		sigset_t all, old;
		sigfillset(&all);
		for (int sig : fault_signals) sigdelset(&all, sig);
		sigdelset(&all, SIGABRT);
		pthread_sigmask(SIG_SETMASK, &all, &old); // the threads inherit it: the program's signals are not theirs
		for (int i = 0; i < helpers; i++) std::thread([this] { help(); }).detach();
		pthread_sigmask(SIG_SETMASK, &old, nullptr);
	}
	void help() {
		unsigned seen = 0;
		std::unique_lock<std::mutex> lock(mutex);
		for (;;) {
			wake.wait(lock, [&] { return generation != seen; });
			seen = generation;
			Launch *l = launch;
			lock.unlock();
			run_blocks(*l);
			lock.lock();
			if (--busy == 0) idle.notify_one();
		}
	}
};

static long long gcd(long long a, long long b) { return b == 0 ? a : gcd(b, a % b); }

void run(Launch &l) {
	static Pool &pool = *new Pool; // never destroyed: its threads outlive main
	static std::once_flag once;
	std::call_once(once, install_handlers);
	l.blocks = static_cast<long long>(l.grid[0]) * l.grid[1] * l.grid[2];
	if (seed() && l.blocks > 1) {
		l.first = seed() * 2654435761ll % l.blocks;
		l.stride = 1 + seed() * 40503ll % (l.blocks - 1);
		while (gcd(l.stride, l.blocks) != 1) l.stride++;
	}
	pool.run(l);
}

} // namespace emu
