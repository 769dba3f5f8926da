#include "fiber.h"

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <sys/mman.h>
#include <unistd.h>

#if defined(__x86_64__)
// Callee-saved registers of the System V ABI go onto the stack that is left; the flow of control resumes with those of the other.
asm(R"(
	.text
	.globl onset_emu_switch
	.hidden onset_emu_switch
	.type onset_emu_switch,@function
onset_emu_switch:
	pushq %rbp
	pushq %rbx
	pushq %r12
	pushq %r13
	pushq %r14
	pushq %r15
	movq %rsp, (%rdi)
	movq %rsi, %rsp
	popq %r15
	popq %r14
	popq %r13
	popq %r12
	popq %rbx
	popq %rbp
	ret
	.size onset_emu_switch,.-onset_emu_switch
)");
#elif defined(__aarch64__)
asm(R"(
	.text
	.globl onset_emu_switch
	.hidden onset_emu_switch
	.type onset_emu_switch,%function
onset_emu_switch:
	sub sp, sp, #160
	stp x19, x20, [sp, #0]
	stp x21, x22, [sp, #16]
	stp x23, x24, [sp, #32]
	stp x25, x26, [sp, #48]
	stp x27, x28, [sp, #64]
	stp x29, x30, [sp, #80]
	stp d8, d9, [sp, #96]
	stp d10, d11, [sp, #112]
	stp d12, d13, [sp, #128]
	stp d14, d15, [sp, #144]
	mov x9, sp
	str x9, [x0]
	mov sp, x1
	ldp x19, x20, [sp, #0]
	ldp x21, x22, [sp, #16]
	ldp x23, x24, [sp, #32]
	ldp x25, x26, [sp, #48]
	ldp x27, x28, [sp, #64]
	ldp x29, x30, [sp, #80]
	ldp d8, d9, [sp, #96]
	ldp d10, d11, [sp, #112]
	ldp d12, d13, [sp, #128]
	ldp d14, d15, [sp, #144]
	add sp, sp, #160
	ret
	.size onset_emu_switch,.-onset_emu_switch
)");
#else
#include <ucontext.h>
#endif

namespace emu {

#if defined(__x86_64__) || defined(__aarch64__)
extern "C" void onset_emu_switch(void **save, void *load);

void switch_context(Context &from, Context &to) { onset_emu_switch(&from.sp, to.sp); }

void start_context(Context &into, unsigned char *stack, size_t bytes, void (*entry)()) {
	uintptr_t top = (reinterpret_cast<uintptr_t>(stack) + bytes) & ~uintptr_t(15);
#if defined(__x86_64__)
	// Six registers, the address to return to, and a zero for the return address that entry expects above it.
	auto *sp = reinterpret_cast<uintptr_t *>(top) - 8;
	for (int i = 0; i < 6; i++) sp[i] = 0;
	sp[6] = reinterpret_cast<uintptr_t>(entry);
	sp[7] = 0;
#else
	auto *sp = reinterpret_cast<uintptr_t *>(top) - 20;
	for (int i = 0; i < 20; i++) sp[i] = 0;
	sp[11] = reinterpret_cast<uintptr_t>(entry); // x30
#endif
	into.sp = sp;
}
#else
void switch_context(Context &from, Context &to) {
	if (!from.ucontext) from.ucontext = new ucontext_t;
	swapcontext(static_cast<ucontext_t *>(from.ucontext), static_cast<ucontext_t *>(to.ucontext));
}

void start_context(Context &into, unsigned char *stack, size_t bytes, void (*entry)()) {
	if (!into.ucontext) into.ucontext = new ucontext_t;
	auto *c = static_cast<ucontext_t *>(into.ucontext);
	getcontext(c);
	c->uc_stack.ss_sp = stack;
	c->uc_stack.ss_size = bytes;
	c->uc_link = nullptr;
	makecontext(c, entry, 0);
}
#endif

unsigned char *new_stacks(int count, size_t bytes) {
	size_t total = bytes * static_cast<size_t>(count);
	void *p = mmap(nullptr, total, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (p == MAP_FAILED) {
		perror("onset emulator: stacks of fibers");
		abort();
	}
	auto *base = static_cast<unsigned char *>(p);
	auto page = static_cast<size_t>(sysconf(_SC_PAGESIZE));
	for (int i = 0; i < count; i++) mprotect(base + static_cast<size_t>(i) * bytes, page, PROT_NONE);
	return base;
}

} // namespace emu
