// Fibers: stacks and the switch between them.
#pragma once
#include <cstddef>

namespace emu {

// A Context is a suspended flow of control.
struct Context {
	void *sp = nullptr;
#if !defined(__x86_64__) && !defined(__aarch64__)
	void *ucontext = nullptr;
#endif
};

// start_context makes into a context that will run entry on the stack [stack, stack+bytes). entry never returns.
void start_context(Context &into, unsigned char *stack, size_t bytes, void (*entry)());
// switch_context suspends the caller into from and resumes to.
void switch_context(Context &from, Context &to);

// new_stacks maps count stacks of bytes each, each above a page that faults.
unsigned char *new_stacks(int count, size_t bytes);

} // namespace emu
