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

.PHONY: all build demo test race lint bench bench-peers ptx clean

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

# PTX of the GPU kernels, by clang 22 alone: no CUDA SDK. What it makes is committed; `make cuda-check` compares.
CLANG ?= clang-22
GPU   := backends/local/gpu

ptx:
	CLANG='$(CLANG)' $(GPU)/kernels/ptx.sh $(GPU)/kernels

lint: $(LINT)
	$(LINT) run ./...

$(LINT):
	mkdir -p bin
	GOBIN=$(CURDIR)/bin $(GO) install github.com/golangci/golangci-lint/v2/cmd/golangci-lint@$(LINT_VERSION)
	mv bin/golangci-lint $(LINT)

clean:
	rm -rf bin demo bench-models
