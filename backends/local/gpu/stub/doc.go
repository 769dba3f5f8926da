// Package stub holds no Go code that runs: it is the tests of the stand-in for the CUDA driver beside it, which the GPU path
// is developed and tested with where there is no GPU.
//
// driver/ has the functions of libcuda.so.1, emu/ the emulator that executes the kernels of ../kernels compiled as C++,
// include/ a minimal cuda.h, shim/ a header by which CUDA 13's serves, lt/ a stand-in for cuBLASLt. `make cuda-stub` builds
// all into bin/cuda-stub, and a program started with LD_LIBRARY_PATH=bin/cuda-stub runs on it.
//
// # What the emulator shows
//
// A block's threads are fibers that switch at barriers and at warp collectives alone. An error of a kernel ends its launch
// and fails the calls after it, as on a device, and a line on standard error says what it was:
//   - a barrier or a warp collective that not all threads come to;
//   - an access outside of device memory: allocations lie between addresses that fault, what is left of their first and last page
//     holds guard bytes that are checked at synchronisation and free, and freed memory faults;
//   - pointer arguments outside of device memory;
//   - a write beyond an array in shared memory, at the block's end;
//   - where clang 22 compiles it: a plain access that is not aligned as its type, an index out of a local array, a shift too
//     far, an overflow of signed integers;
//   - too much shared memory, too many threads, parameters that the PTX declares otherwise.
//
// Shared memory at a block's start and device memory up to 64 MiB when it is allocated is filled with 0xff bytes, NaN as a
// float, so that what was never written shows. A copy by cp.async happens when it is waited for. Plain loads and stores need
// no wait to be seen by other threads: a missing barrier shows only where the order of threads is other, which
// ONSET_STUB_SEED changes.
//
// # Environment
//
//	ONSET_STUB_DEVICES=n           devices, 1 if unset; 0 makes cuInit fail
//	ONSET_STUB_MEMORY=bytes,…      memory of each device, the last for all that follow; 4 GiB if unset
//	ONSET_STUB_NAME=name,…         names
//	ONSET_STUB_CAPABILITY=8.0,…    compute capabilities; 8.0 if unset
//	ONSET_STUB_DRIVER=12040        what cuDriverGetVersion says
//	ONSET_STUB_FAIL=call:N         the Nth alloc is out of memory; the Nth launch or copy fails, and so do the calls after it
//	ONSET_STUB_CRASH=call:N        the Nth alloc, launch or copy kills the process
//	ONSET_STUB_LAZY=1              enqueued work runs when something waits for it, not at once
//	ONSET_STUB_SEED=n              another order of blocks and threads; 0, the default, is ascending
//	ONSET_STUB_THREADS=n           host threads that run blocks; the number of processors if unset
//	ONSET_STUB_QUIET=1             nothing on standard error
//	ONSET_STUB_LT=mode             of the stand-in for cuBLASLt, which ONSET_CUBLASLT=bin/cuda-stub/lt names: "dependent" puts an
//	                               algorithm first whose bits depend on the number of tokens, "wrong" one that is wrong, "refuse"
//	                               one that fails; "none" leaves no good ones
//
// N counts from one, since the variable took its value.
package stub
