# onset: build, test, demonstrate. `make demo` and `make test` are all that a fresh machine needs.

GO      ?= go
BIN     := bin/onset
VERSION := $(shell git describe --tags --always --dirty 2>/dev/null || echo unknown)
LDFLAGS := -s -w -X main.version=$(VERSION)

# golangci-lint, pinned; installed into bin/ on first use.
LINT_VERSION := v2.15.0
LINT         := bin/golangci-lint-$(LINT_VERSION)

# Packages whose goroutines the race detector watches. Of the kernels only the sharing of work among threads starts any, and
# the race detector slows the arithmetic fifty-fold.
RACE := ./backends ./backends/adaptive ./backends/anthropic ./backends/gemini ./backends/openai ./backends/process ./backends/price \
        ./backends/faultserver ./backends/internal/... ./backends/scripted/... ./backends/backendtest/... ./backends/sqlitecache/... \
        ./backends/local ./backends/local/internal/packcache ./tasks/... ./evaluators/... ./cmd/...

.PHONY: all build demo test race lint bench bench-peers bench-gpu gpu-kit ptx cuda cuda-check cuda-stub test-cuda clean

all: build

build:
	CGO_ENABLED=0 $(GO) build -trimpath -ldflags '$(LDFLAGS)' -o $(BIN) ./cmd/onset

# demo evaluates the embedded ladders on the embedded suite; a second time it only has to draw.
demo: build
	$(BIN) demo -o demo

test:
	$(GO) test ./...

race:
	$(GO) test -race -short $(RACE)
	$(GO) test -race -run 'ParallelCallers|ParallelClose' ./backends/local/internal/kernels

bench:
	$(GO) test -run '^$$' -bench . -benchmem ./...

# bench-peers measures the engine beside transformers and llama.cpp on random checkpoints of real models' shapes, which it
# writes to MODELS (6 GB): make bench-peers VENV=/path/to/venv LLAMA=/path/to/venv. VENV has torch and transformers, LLAMA
# has llama-cpp-python, compiled for the machine, and gguf; docs/benchmarks.md says how to make them.
MODELS ?= bench-models
LLAMA  ?= $(VENV)
SHAPES ?= pythia-160m qwen2.5-0.5b
ROUNDS ?= 5
PEERS  ?=

bench-peers: build
	$(GO) run ./backends/local/internal/randmodel/write -o $(MODELS) -dtype F32 $(SHAPES)
	$(GO) run ./backends/local/internal/randmodel/write -o $(MODELS) -dtype BF16 $(SHAPES)
	$(VENV)/bin/python testdata/bench/peers.py --onset $(BIN) --models $(MODELS) --rounds $(ROUNDS) $(PEERS) \
		--transformers $(VENV)/bin/python --llama $(LLAMA)/bin/python \
		$(addsuffix -f32,$(SHAPES)) $(addsuffix -bf16,$(SHAPES))

# The GPU worker. PTX of the kernels comes from clang 22 alone; what it makes is committed and compared by cuda-check. The
# worker compiles against our minimal cuda.h and links with the stand-in driver, so that neither a CUDA toolkit nor a GPU is
# needed; where it runs, the loader takes the machine's libcuda.so.1. CUDA_INCLUDE=DIR takes a toolkit's header instead.
CLANG ?= clang-22
GPU   := backends/local/gpu
STUB  := $(CURDIR)/bin/cuda-stub
CUDA_INCLUDE ?=
# The headers' checksum: go's cache of builds does not see that a header of an include path changed.
CUDA_HEADERS := $(shell cat $(GPU)/stub/include/cuda.h $(GPU)/stub/shim/cuda.h | cksum | cut -d' ' -f1)
CUDA_ENV := CGO_ENABLED=1 \
	CGO_CFLAGS='-O2 -g -DONSET_CUDA_HEADERS=$(CUDA_HEADERS) $(if $(CUDA_INCLUDE),-I$(CURDIR)/$(GPU)/stub/shim -I$(CUDA_INCLUDE),-I$(CURDIR)/$(GPU)/stub/include)' \
	CGO_LDFLAGS='-O2 -g -L$(STUB)'

ptx:
	CLANG='$(CLANG)' $(GPU)/kernels/ptx.sh $(GPU)/kernels

cuda: cuda-stub
	$(CUDA_ENV) $(GO) build -tags cuda -trimpath -ldflags '$(LDFLAGS)' -o bin/onset-cuda ./cmd/onset-cuda

# cuda-check is what CI does without a GPU, on the stand-in driver; test-cuda runs the same tests on the machine's GPUs.
cuda-check: cuda-stub
	$(CUDA_ENV) CLANG='$(CLANG)' GO='$(GO)' .ci/cuda

test-cuda: cuda
	@ldconfig -p | grep -q 'libcuda\.so\.1' || { echo 'no libcuda.so.1: this machine has no NVIDIA driver' >&2; exit 1; }
	$(CUDA_ENV) $(GO) test -count=1 -timeout 60m -tags cuda ./$(GPU)/... ./backends/local ./backends/local/worker/... ./cmd/onset-cuda
	ONSET_TEST_WORKER=$(CURDIR)/bin/onset-cuda $(GO) test -count=1 -run '^TestScripts$$/^(gpu|device.*)$$' ./cmd/onset

# bench-gpu measures onset on a GPU beside transformers and lm_eval, on random checkpoints of the shapes of Pythia-1.4B and
# Llama-2-7B, which it writes to MODELS (16 GB): make bench-gpu VENV=/path/to/venv. VENV has torch for the card, transformers
# and lm_eval; docs/benchmarks.md says how to make it.
GPU_SHAPES ?= pythia-1.4b llama-2-7b
QUESTIONS  ?= 128
TEXTS      ?= 800
GPU_PEERS  ?=

bench-gpu: cuda build
	$(GO) run ./backends/local/internal/randmodel/write -o $(MODELS) -questions $(QUESTIONS) -texts $(TEXTS) -words 220
	$(GO) run ./backends/local/internal/randmodel/write -o $(MODELS) -dtype BF16 $(GPU_SHAPES)
	$(VENV)/bin/python testdata/bench/gpu.py speed --worker bin/onset-cuda --models $(MODELS) --out $(MODELS)/results $(GPU_PEERS) \
		$(addsuffix -bf16,$(GPU_SHAPES))

# gpu-kit puts all that testdata/bench/gpu.sh takes to a machine with a GPU and without Go into bin/gpu-kit, and that into
# bin/gpu-kit.tar.gz.
KIT := bin/gpu-kit
gpu-kit: cuda build
	mkdir -p $(KIT)
	cp bin/onset bin/onset-cuda $(KIT)
	CGO_ENABLED=0 $(GO) build -trimpath -ldflags '$(LDFLAGS)' -o $(KIT)/write ./backends/local/internal/randmodel/write
	$(CUDA_ENV) $(GO) test -tags cuda -c -trimpath -ldflags '-s -w' -o $(KIT)/gpu.test ./$(GPU)
	$(CUDA_ENV) $(GO) test -tags cuda -c -trimpath -ldflags '-s -w' -o $(KIT)/cu.test ./$(GPU)/cu
	$(CUDA_ENV) $(GO) test -tags cuda -c -trimpath -ldflags '-s -w' -o $(KIT)/local.test ./backends/local
	tar czf $(KIT).tar.gz -C $(dir $(KIT)) $(notdir $(KIT))
	du -sh $(KIT) $(KIT).tar.gz

cuda-stub:
	$(MAKE) -C $(GPU)/stub OUT=$(STUB)

# The second run sees the files with the tag cuda, where the stand-in can be built for cgo to link with.
lint: $(LINT)
	$(LINT) run ./...
	@if command -v $(CLANG) >/dev/null; then \
		$(MAKE) --no-print-directory -s cuda-stub && echo '$(LINT) run --build-tags cuda' && \
		$(CUDA_ENV) $(LINT) run --build-tags cuda ./$(GPU)/... $(wildcard ./cmd/onset-cuda); \
	else echo 'lint: no $(CLANG): the files with the tag cuda are not linted'; fi

$(LINT):
	mkdir -p bin
	GOBIN=$(CURDIR)/bin $(GO) install github.com/golangci/golangci-lint/v2/cmd/golangci-lint@$(LINT_VERSION)
	mv bin/golangci-lint $(LINT)

clean:
	rm -rf bin demo bench-models
