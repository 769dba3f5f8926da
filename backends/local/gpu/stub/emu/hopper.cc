// Hopper's barriers in shared memory and matrix instructions of a warpgroup.
#include "block.h"

#include <cmath>
#include <cstring>

namespace emu {


// A barrier's word: how many arrivals complete a phase, how many of this phase are missing, and the phase's parity.
struct Phase {
	uint32_t count;
	uint32_t missing : 31, parity : 1;
};
static_assert(sizeof(Phase) == 8, "a barrier is 8 bytes");

void mbarrier_init(uint64_t *b, uint32_t count) {
	check_shared(b, 8, 8);
	if (count < 1 || count >= 1u << 20) fail("mbarrier_init: %u arrivals", count);
	Phase p{count, count, 0};
	memcpy(b, &p, 8);
}

static Phase phase(const uint64_t *b) {
	Phase p;
	check_shared(b, 8, 8);
	memcpy(&p, b, 8);
	if (p.count < 1 || p.count >= 1u << 20 || p.missing < 1 || p.missing > p.count) fail("a barrier in shared memory that is not initialised");
	return p;
}

void mbarrier_arrive(uint64_t *b) {
	Phase p = phase(b);
	if (--p.missing == 0) p.missing = p.count, p.parity ^= 1;
	memcpy(b, &p, 8);
}

// The phase of a parity is complete when the barrier is in one of the other parity.
void mbarrier_wait(uint64_t *b, uint32_t parity) {
	Fiber &f = *static_cast<Fiber *>(self);
	for (long tries = 0; phase(b).parity == (parity & 1); tries++) {
		if (tries > 1000000) fail("a wait for a barrier in shared memory that is never completed");
		worker->enqueue(f);
		worker->yield();
	}
}

// Warpgroup is what one thread has under way: digests of the operands of its products, by group, so that a slot of shared
// memory that is filled anew too early is noticed.
struct Product {
	uint64_t a, b;
	int columns, group;
	uint64_t digest;
};
struct Pending {
	std::vector<Product> products;
	int group = 0;
	const Launch *launch = nullptr;
	long long block = 0;
};

static Pending &pending() {
	static thread_local Pending all[max_threads];
	Pending &p = all[self->tid];
	long long at = worker->block.bid[0] + 1ll * worker->block.grid[0] * (worker->block.bid[1] + 1ll * worker->block.grid[1] * worker->block.bid[2]);
	if (p.launch != worker->launch || p.block != at) {
		p.products.clear();
		p.group = 0;
		p.launch = worker->launch;
		p.block = at;
	}
	return p;
}

// element is where row r, column c (0–15) of an operand lies: 128-byte swizzle, which permutes by the address itself.
static const unsigned char *element(uint64_t descriptor, int row, int column) {
	uint32_t start = static_cast<uint32_t>(descriptor & 0x3fff) << 4, eights = static_cast<uint32_t>(descriptor >> 32 & 0x3fff) << 4;
	uint32_t at = start + static_cast<uint32_t>(row / 8) * eights + static_cast<uint32_t>(row % 8) * 128 + static_cast<uint32_t>(column) * 2;
	return shared_pointer(at ^ (at >> 7 & 7) << 4);
}

static uint64_t digest(uint64_t descriptor, int rows) {
	uint64_t h = 1469598103934665603ull;
	for (int r = 0; r < rows; r++)
		for (int c = 0; c < 16; c += 8) {
			const unsigned char *p = element(descriptor, r, c);
			check_shared(p, 16, 16);
			for (int i = 0; i < 16; i += 8) {
				uint64_t v;
				memcpy(&v, p + i, 8);
				h = (h ^ v) * 1099511628211ull;
				h ^= h >> 29;
			}
		}
	return h;
}

static void row16(float *to, uint64_t descriptor, int row, bool is_bf16) {
	for (int half = 0; half < 16; half += 8) {
		uint16_t v[8];
		memcpy(v, element(descriptor, row, half), 16);
		for (int i = 0; i < 8; i++) to[half + i] = widen(v[i], is_bf16);
	}
}

// wgmma computes what this thread holds of the product. The order of sums is mma_16816's; the hardware's is not documented.
void wgmma(float *d, uint64_t a, uint64_t b, int columns, bool is_bf16) {
	if (worker->block.threads % 128 != 0) fail("wgmma in a block of %d threads, which are no warpgroups", worker->block.threads);
	if (a >> 62 != 1 || b >> 62 != 1) fail("wgmma: only the layout with a swizzle of 128 bytes is emulated");
	int first = self->tid / 32 % 4 * 16 + self->lane / 4, column = self->lane % 4 * 2;
	float A[2][16], B[16];
	row16(A[0], a, first, is_bf16);
	row16(A[1], a, first + 8, is_bf16);
	for (int j = 0; j < columns / 8; j++)
		for (int h = 0; h < 2; h++) {
			row16(B, b, j * 8 + column + h, is_bf16);
			for (int r = 0; r < 2; r++) {
				float s = d[4 * j + 2 * r + h];
				for (int k = 0; k < 16; k++) s = __builtin_fmaf(A[r][k], B[k], s);
				d[4 * j + 2 * r + h] = s;
			}
		}
	Pending &p = pending();
	if (self->lane == 0) p.products.push_back(Product{a, b, columns, p.group, digest(a, 64) ^ digest(b, columns)});
}

void wgmma_commit() { pending().group++; }

void wgmma_wait(int groups) {
	Pending &p = pending();
	size_t kept = 0;
	for (const Product &x : p.products) {
		if (x.group >= p.group - groups) {
			p.products[kept++] = x;
			continue;
		}
		if ((digest(x.a, 64) ^ digest(x.b, x.columns)) != x.digest) fail("shared memory changed under a wgmma that reads it");
	}
	p.products.resize(kept);
}

} // namespace emu
