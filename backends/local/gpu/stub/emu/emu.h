// The runtime of the emulator, as kernels compiled for it see it (through emu.cuh). A launch runs blocks; a block runs its
// threads as fibers on one host thread, switching at barriers and warp collectives only.
#pragma once
#include <cstddef>
#include <cstdint>
#include <type_traits>
#include <utility>

namespace emu {

// What the code of one thread needs to know of itself.
struct Thread {
	int tid, lane;
};

// What all threads of a block know.
struct Block {
	int threads;
	int bid[3], grid[3];
};

// The running thread and its block, of this host thread.
extern thread_local Thread *self __attribute__((tls_model("initial-exec")));
extern thread_local const Block *block __attribute__((tls_model("initial-exec")));

// fail ends the launch with an error that names the kernel, block and thread.
[[noreturn]] void fail(const char *format, ...) __attribute__((format(printf, 1, 2)));

unsigned char *shared_array(const void *site, const char *name, size_t bytes);
unsigned char *dynamic_shared();
uint32_t shared_offset(const void *p); // fails where p is not shared memory of the block
unsigned char *shared_pointer(uint32_t offset);

void barrier(int id, int threads);
void warp_sync();
uint64_t shuffle(uint64_t v, int from);
uint32_t ballot(bool p);
void ldmatrix(uint32_t *r, const void *smem, int count, bool trans);
void mma_16816(float *d, const uint32_t *a, const uint32_t *b, bool is_bf16);

// Copies are held back until the wait, so that a read without one sees what was there before.
void cp_async(void *smem, const void *gmem, int bytes, bool pred);
void cp_async_commit();
void cp_async_wait(int pending);

// check_global fails where [p, p+bytes) is misaligned or not within a live allocation; check_any allows shared memory too.
void check_global(const void *p, int bytes, int align);
void check_any(const void *p, int bytes, int align);
void check_shared(const void *p, int bytes, int align);

// A parameter of a kernel as the launch checks it.
struct Parameter {
	int bytes;
	bool pointer;
};

// Registration makes a kernel known to cuModuleGetFunction by its name.
struct Registration {
	template <class... A> Registration(const char *name, void (*fn)(A...)) {
		static const Parameter parameters[] = {Parameter{(int)sizeof(A), std::is_pointer<A>::value}..., Parameter{0, false}};
		add(name, (void (*)())fn, call<A...>, parameters, (int)sizeof...(A));
	}

private:
	template <class... A> static void call(void (*fn)(), void *const *args) {
		spread(reinterpret_cast<void (*)(A...)>(fn), args, std::index_sequence_for<A...>{});
	}
	template <class... A, size_t... I> static void spread(void (*fn)(A...), void *const *args, std::index_sequence<I...>) {
		fn(*(A *)args[I]...);
	}
	static void add(const char *name, void (*fn)(), void (*call)(void (*)(), void *const *), const Parameter *parameters,
	                int count);
};

} // namespace emu
