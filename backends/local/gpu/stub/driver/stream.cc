// Streams, events, copies and graphs.
#include "driver.h"

#include <cstring>
#include <deque>

using namespace stub;

struct CUevent_st {
	bool timing = true, recorded = false;
	std::chrono::steady_clock::time_point at;
	Capture *capture = nullptr; // it was recorded in this
	CUstream stream = nullptr;
	size_t position = 0; // of the stream's work when it was recorded: work before it must have run
};

struct CUstream_st {
	std::deque<Work> queued; // with ONSET_STUB_LAZY
	size_t enqueued = 0, ran = 0;
	Capture *capture = nullptr;
};

struct CUgraph_st : Graph {};
struct CUgraphExec_st : Graph {};

static std::set<CUstream> streams;
static std::set<CUevent> events;
static std::set<CUgraph> graphs;
static std::set<CUgraphExec> execs;
static std::set<Capture *> captures;
static CUstream_st legacy;

static CUstream real(CUstream s) { return s == nullptr || s == CU_STREAM_LEGACY || s == CU_STREAM_PER_THREAD ? &legacy : s; }

namespace stub {

bool known_stream(CUstream s) { return real(s) == &legacy || streams.count(s) > 0; }

// drain runs the stream's work up to a position.
static CUresult drain(CUstream s, size_t until) {
	CUresult result = CUDA_SUCCESS;
	while (s->ran < until && !s->queued.empty()) {
		Work work = std::move(s->queued.front());
		s->queued.pop_front();
		s->ran++;
		if (CUresult r = work()) result = r;
	}
	return result;
}

CUresult drain_all() {
	CUresult result = drain(&legacy, SIZE_MAX);
	for (CUstream s : streams)
		if (CUresult r = drain(s, SIZE_MAX)) result = r;
	return result;
}

CUresult refuse_in_capture() {
	bool any = false;
	for (Capture *c : captures)
		if (c->mode == CU_STREAM_CAPTURE_MODE_GLOBAL || c->mode == CU_STREAM_CAPTURE_MODE_THREAD_LOCAL) {
			c->broken = true;
			any = true;
		}
	return any ? CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED : CUDA_SUCCESS;
}

CUresult submit(CUstream given, Work work) {
	CUstream s = real(given);
	if (!known_stream(given)) {
		warn("a stream that is destroyed or never was");
		return CUDA_ERROR_INVALID_HANDLE;
	}
	if (s->capture) {
		if (s->capture->broken) return CUDA_ERROR_STREAM_CAPTURE_INVALIDATED;
		s->capture->graph->work.push_back(std::move(work));
		if (s != s->capture->origin) s->capture->joined.insert(s);
		return CUDA_SUCCESS;
	}
	if (s == &legacy) { // the default stream waits for the others
		if (!captures.empty()) {
			refuse_in_capture();
			return CUDA_ERROR_STREAM_CAPTURE_IMPLICIT;
		}
		if (CUresult r = drain_all()) return r;
	}
	if (lazy()) {
		s->queued.push_back(std::move(work));
		s->enqueued++;
		return CUDA_SUCCESS;
	}
	return work();
}

} // namespace stub

// sticky keeps an error of enqueued work for the calls that follow.
static CUresult sticky(CUresult r) {
	Context *c = current();
	if (r && c && !c->sticky) c->sticky = r;
	return r;
}

EXPORTED CUresult cuStreamCreate(CUstream *s, unsigned int) {
	LOCKED;
	if (CUresult r = usable()) return r;
	*s = new CUstream_st;
	streams.insert(*s);
	return CUDA_SUCCESS;
}

EXPORTED CUresult cuStreamCreateWithPriority(CUstream *s, unsigned int flags, int) { return cuStreamCreate(s, flags); }

EXPORTED CUresult cuStreamDestroy_v2(CUstream s) {
	LOCKED;
	if (!streams.count(s)) return CUDA_ERROR_INVALID_HANDLE;
	drain(s, SIZE_MAX);
	streams.erase(s);
	delete s;
	return CUDA_SUCCESS;
}

EXPORTED CUresult cuStreamSynchronize(CUstream given) {
	LOCKED;
	if (CUresult r = usable()) return r;
	if (!known_stream(given)) return CUDA_ERROR_INVALID_HANDLE;
	CUstream s = real(given);
	if (s->capture) {
		s->capture->broken = true;
		return CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED;
	}
	sticky(s == &legacy ? drain_all() : drain(s, SIZE_MAX));
	if (!guards_intact()) sticky(CUDA_ERROR_ILLEGAL_ADDRESS);
	return usable();
}

EXPORTED CUresult cuStreamQuery(CUstream s) {
	LOCKED;
	if (CUresult r = usable()) return r;
	if (!known_stream(s)) return CUDA_ERROR_INVALID_HANDLE;
	if (real(s)->capture) return CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED;
	if (real(s)->queued.empty()) return CUDA_SUCCESS;
	sticky(drain(real(s), real(s)->ran + 1)); // a bit at a time, so that polling ends
	return real(s)->queued.empty() ? usable() : CUDA_ERROR_NOT_READY;
}

EXPORTED CUresult cuStreamGetFlags(CUstream, unsigned int *flags) {
	*flags = CU_STREAM_NON_BLOCKING;
	return CUDA_SUCCESS;
}

EXPORTED CUresult cuStreamGetPriority(CUstream, int *priority) {
	*priority = 0;
	return CUDA_SUCCESS;
}

EXPORTED CUresult cuCtxSynchronize(void) {
	LOCKED;
	if (CUresult r = usable()) return r;
	if (CUresult r = refuse_in_capture()) return r;
	sticky(drain_all());
	if (!guards_intact()) sticky(CUDA_ERROR_ILLEGAL_ADDRESS);
	return usable();
}

EXPORTED CUresult cuEventCreate(CUevent *e, unsigned int flags) {
	LOCKED;
	if (CUresult r = usable()) return r;
	*e = new CUevent_st;
	(*e)->timing = (flags & CU_EVENT_DISABLE_TIMING) == 0;
	events.insert(*e);
	return CUDA_SUCCESS;
}

EXPORTED CUresult cuEventDestroy_v2(CUevent e) {
	LOCKED;
	if (!events.erase(e)) return CUDA_ERROR_INVALID_HANDLE;
	drain_all(); // work that is queued may name it
	delete e;
	return CUDA_SUCCESS;
}

EXPORTED CUresult cuEventRecord(CUevent e, CUstream s) {
	LOCKED;
	if (CUresult r = usable()) return r;
	if (!events.count(e) || !known_stream(s)) return CUDA_ERROR_INVALID_HANDLE;
	e->stream = real(s);
	e->capture = real(s)->capture;
	e->recorded = true;
	if (e->capture) return e->capture->broken ? CUDA_ERROR_STREAM_CAPTURE_INVALIDATED : CUDA_SUCCESS;
	CUresult r = submit(s, [e] {
		e->at = std::chrono::steady_clock::now();
		return CUDA_SUCCESS;
	});
	e->position = real(s)->enqueued;
	return r;
}

EXPORTED CUresult cuEventQuery(CUevent e) {
	LOCKED;
	if (CUresult r = usable()) return r;
	if (!events.count(e)) return CUDA_ERROR_INVALID_HANDLE;
	if (e->capture) return CUDA_ERROR_CAPTURED_EVENT;
	if (!e->recorded || !known_stream(e->stream) || e->stream->ran >= e->position) return CUDA_SUCCESS;
	sticky(drain(e->stream, e->stream->ran + 1));
	return e->stream->ran >= e->position ? usable() : CUDA_ERROR_NOT_READY;
}

EXPORTED CUresult cuEventSynchronize(CUevent e) {
	LOCKED;
	if (CUresult r = usable()) return r;
	if (!events.count(e)) return CUDA_ERROR_INVALID_HANDLE;
	if (e->capture) return CUDA_ERROR_CAPTURED_EVENT;
	if (e->recorded && known_stream(e->stream)) sticky(drain(e->stream, e->position));
	return usable();
}

EXPORTED CUresult cuEventElapsedTime(float *ms, CUevent a, CUevent b) {
	LOCKED;
	if (!events.count(a) || !events.count(b) || !a->timing || !b->timing) return CUDA_ERROR_INVALID_HANDLE;
	if (!a->recorded || !b->recorded) return CUDA_ERROR_INVALID_HANDLE;
	for (CUevent e : {a, b})
		if (known_stream(e->stream) && e->stream->ran < e->position) return CUDA_ERROR_NOT_READY;
	*ms = std::chrono::duration<float, std::milli>(b->at - a->at).count();
	return CUDA_SUCCESS;
}

EXPORTED CUresult cuStreamWaitEvent(CUstream given, CUevent e, unsigned int) {
	LOCKED;
	if (CUresult r = usable()) return r;
	if (!events.count(e) || !known_stream(given)) return CUDA_ERROR_INVALID_HANDLE;
	CUstream s = real(given);
	if (e->capture) {
		if (!captures.count(e->capture)) return CUDA_ERROR_CAPTURED_EVENT;
		if (s->capture && s->capture != e->capture) return CUDA_ERROR_STREAM_CAPTURE_MERGE;
		// A stream that waits for a captured event joins the capture; when the origin waits for another's, that is joined again.
		if (s == e->capture->origin) e->capture->joined.erase(e->stream);
		else if (!s->capture) {
			s->capture = e->capture;
			e->capture->joined.insert(s);
		}
		return CUDA_SUCCESS;
	}
	if (s->capture) {
		s->capture->broken = true;
		return CUDA_ERROR_STREAM_CAPTURE_ISOLATION;
	}
	if (!e->recorded) return CUDA_SUCCESS;
	CUstream from = e->stream;
	size_t position = e->position;
	if (from == s) return CUDA_SUCCESS;
	return submit(given, [from, position] { return known_stream(from) ? drain(from, position) : CUDA_SUCCESS; });
}

EXPORTED CUresult cuLaunchHostFunc(CUstream s, CUhostFn fn, void *data) {
	LOCKED;
	if (CUresult r = usable()) return r;
	return submit(s, [fn, data] {
		fn(data);
		return CUDA_SUCCESS;
	});
}

// Copies. kind says which side is device memory.
enum class Side { host, device };

static bool fits(Side side, const void *p, size_t bytes, const char *what) {
	if (side == Side::host || emu::is_device_memory(p, bytes)) return true;
	warn("copy of %zu bytes: the %s, %s, is not in device memory", bytes, what, emu::describe_address(p).c_str());
	return false;
}

// copy enqueues a copy. Pageable host memory is read before the call returns and written before it returns, as the driver does.
static CUresult copy(void *to, Side to_side, const void *from, Side from_side, size_t bytes, CUstream s, bool wait) {
	LOCKED;
	if (CUresult r = usable()) return r;
	if (bytes == 0) return CUDA_SUCCESS;
	if (!fits(to_side, to, bytes, "destination") || !fits(from_side, from, bytes, "source")) return CUDA_ERROR_INVALID_VALUE;
	if (should_fail(Call::copy)) return sticky(CUDA_ERROR_ECC_UNCORRECTABLE);
	if (wait) {
		if (CUresult r = refuse_in_capture()) return r;
		if (CUresult r = sticky(drain_all())) return r;
		memmove(to, from, bytes);
		return CUDA_SUCCESS;
	}
	bool capturing = known_stream(s) && real(s)->capture;
	if (from_side == Side::host && !is_pinned(from, bytes)) {
		if (capturing) {
			warn("a copy from pageable memory in a capture reads it at each replay");
		} else {
			auto staged = std::make_shared<std::vector<unsigned char>>(static_cast<const unsigned char *>(from), static_cast<const unsigned char *>(from) + bytes);
			return sticky(submit(s, [to, staged] {
				memcpy(to, staged->data(), staged->size());
				return CUDA_SUCCESS;
			}));
		}
	}
	CUresult r = sticky(submit(s, [to, from, bytes] {
		memmove(to, from, bytes);
		return CUDA_SUCCESS;
	}));
	if (!r && to_side == Side::host && !capturing && !is_pinned(to, bytes)) r = sticky(drain(real(s), SIZE_MAX));
	return r;
}

static void *address(CUdeviceptr p) { return reinterpret_cast<void *>(p); }

EXPORTED CUresult cuMemcpyHtoD_v2(CUdeviceptr to, const void *from, size_t n) { return copy(address(to), Side::device, from, Side::host, n, nullptr, true); }
EXPORTED CUresult cuMemcpyDtoH_v2(void *to, CUdeviceptr from, size_t n) { return copy(to, Side::host, address(from), Side::device, n, nullptr, true); }
EXPORTED CUresult cuMemcpyDtoD_v2(CUdeviceptr to, CUdeviceptr from, size_t n) {
	return copy(address(to), Side::device, address(from), Side::device, n, nullptr, true);
}
EXPORTED CUresult cuMemcpyHtoDAsync_v2(CUdeviceptr to, const void *from, size_t n, CUstream s) {
	return copy(address(to), Side::device, from, Side::host, n, s, false);
}
EXPORTED CUresult cuMemcpyDtoHAsync_v2(void *to, CUdeviceptr from, size_t n, CUstream s) {
	return copy(to, Side::host, address(from), Side::device, n, s, false);
}
EXPORTED CUresult cuMemcpyDtoDAsync_v2(CUdeviceptr to, CUdeviceptr from, size_t n, CUstream s) {
	return copy(address(to), Side::device, address(from), Side::device, n, s, false);
}

template <class T> static CUresult set(CUdeviceptr p, T value, size_t count, CUstream s, bool wait) {
	LOCKED;
	if (CUresult r = usable()) return r;
	if (count == 0) return CUDA_SUCCESS;
	if (p % sizeof(T) != 0 || !fits(Side::device, address(p), count * sizeof(T), "destination")) return CUDA_ERROR_INVALID_VALUE;
	auto work = [p, value, count] {
		std::fill_n(static_cast<T *>(address(p)), count, value);
		return CUDA_SUCCESS;
	};
	if (!wait) return sticky(submit(s, work));
	if (CUresult r = refuse_in_capture()) return r;
	if (CUresult r = sticky(drain_all())) return r;
	return work();
}

EXPORTED CUresult cuMemsetD8_v2(CUdeviceptr p, unsigned char v, size_t n) { return set(p, v, n, nullptr, true); }
EXPORTED CUresult cuMemsetD16_v2(CUdeviceptr p, unsigned short v, size_t n) { return set(p, v, n, nullptr, true); }
EXPORTED CUresult cuMemsetD32_v2(CUdeviceptr p, unsigned int v, size_t n) { return set(p, v, n, nullptr, true); }
EXPORTED CUresult cuMemsetD8Async(CUdeviceptr p, unsigned char v, size_t n, CUstream s) { return set(p, v, n, s, false); }
EXPORTED CUresult cuMemsetD16Async(CUdeviceptr p, unsigned short v, size_t n, CUstream s) { return set(p, v, n, s, false); }
EXPORTED CUresult cuMemsetD32Async(CUdeviceptr p, unsigned int v, size_t n, CUstream s) { return set(p, v, n, s, false); }

EXPORTED CUresult cuStreamBeginCapture_v2(CUstream s, CUstreamCaptureMode mode) {
	LOCKED;
	if (CUresult r = usable()) return r;
	if (!streams.count(s)) return real(s) == &legacy ? CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED : CUDA_ERROR_INVALID_HANDLE;
	if (s->capture) return CUDA_ERROR_ILLEGAL_STATE;
	auto *g = new CUgraph_st;
	graphs.insert(g);
	s->capture = new Capture{g, s, {}, false, mode};
	captures.insert(s->capture);
	return CUDA_SUCCESS;
}

EXPORTED CUresult cuStreamEndCapture(CUstream s, CUgraph *graph) {
	LOCKED;
	*graph = nullptr;
	if (!streams.count(s)) return CUDA_ERROR_INVALID_HANDLE;
	Capture *c = s->capture;
	if (!c) return CUDA_ERROR_ILLEGAL_STATE;
	if (c->origin != s) return CUDA_ERROR_STREAM_CAPTURE_UNMATCHED;
	for (CUstream o : streams)
		if (o->capture == c) o->capture = nullptr;
	captures.erase(c);
	auto *g = static_cast<CUgraph>(c->graph);
	CUresult r = c->broken ? CUDA_ERROR_STREAM_CAPTURE_INVALIDATED : !c->joined.empty() ? CUDA_ERROR_STREAM_CAPTURE_UNJOINED : CUDA_SUCCESS;
	delete c;
	if (r) {
		graphs.erase(g);
		delete g;
		return r;
	}
	*graph = g;
	return CUDA_SUCCESS;
}

EXPORTED CUresult cuStreamIsCapturing(CUstream s, CUstreamCaptureStatus *status) {
	LOCKED;
	if (!known_stream(s)) return CUDA_ERROR_INVALID_HANDLE;
	Capture *c = real(s)->capture;
	*status = !c ? CU_STREAM_CAPTURE_STATUS_NONE : c->broken ? CU_STREAM_CAPTURE_STATUS_INVALIDATED : CU_STREAM_CAPTURE_STATUS_ACTIVE;
	return CUDA_SUCCESS;
}

EXPORTED CUresult cuThreadExchangeStreamCaptureMode(CUstreamCaptureMode *mode) {
	static thread_local CUstreamCaptureMode now = CU_STREAM_CAPTURE_MODE_GLOBAL;
	std::swap(now, *mode);
	return CUDA_SUCCESS;
}

EXPORTED CUresult cuGraphInstantiateWithFlags(CUgraphExec *exec, CUgraph g, unsigned long long) {
	LOCKED;
	if (!graphs.count(g)) return CUDA_ERROR_INVALID_HANDLE;
	*exec = new CUgraphExec_st;
	(*exec)->work = g->work;
	execs.insert(*exec);
	return CUDA_SUCCESS;
}

EXPORTED CUresult cuGraphUpload(CUgraphExec exec, CUstream) {
	LOCKED;
	return execs.count(exec) ? CUDA_SUCCESS : CUDA_ERROR_INVALID_HANDLE;
}

EXPORTED CUresult cuGraphLaunch(CUgraphExec exec, CUstream s) {
	LOCKED;
	if (CUresult r = usable()) return r;
	if (!execs.count(exec)) return CUDA_ERROR_INVALID_HANDLE;
	auto work = std::make_shared<std::vector<Work>>(exec->work);
	return submit(s, [work] {
		for (const Work &w : *work)
			if (CUresult r = w()) return r;
		return CUDA_SUCCESS;
	});
}

EXPORTED CUresult cuGraphGetNodes(CUgraph g, CUgraphNode *nodes, size_t *count) {
	LOCKED;
	if (!graphs.count(g)) return CUDA_ERROR_INVALID_HANDLE;
	if (nodes) return CUDA_ERROR_NOT_SUPPORTED;
	*count = g->work.size();
	return CUDA_SUCCESS;
}

EXPORTED CUresult cuGraphDestroy(CUgraph g) {
	LOCKED;
	if (!graphs.erase(g)) return CUDA_ERROR_INVALID_HANDLE;
	delete g;
	return CUDA_SUCCESS;
}

EXPORTED CUresult cuGraphExecDestroy(CUgraphExec e) {
	LOCKED;
	if (!execs.erase(e)) return CUDA_ERROR_INVALID_HANDLE;
	delete e;
	return CUDA_SUCCESS;
}
