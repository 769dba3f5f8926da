#!/usr/bin/env bash
# Everything that is to be measured on a GPU, in one command on a machine that needs only the driver, bash and this tree: no
# Go, no CUDA toolkit. What it runs is built elsewhere and brought along (make gpu-kit).
#
#   testdata/bench/gpu.sh KIT RESULTS [PYTHON]
#
# KIT is the folder that make gpu-kit filled or the archive of it, RESULTS gets summary.md and logs, PYTHON (python3) has torch and transformers and
# may have lm_eval (SITE=DIR is a folder of further packages); without them onset is measured alone. It tests first (every kernel against the CPU, every architecture's
# checkpoints, equal bits whatever the batch), then measures kernels against the card's own product and copy, then models
# beside transformers and lm_eval, and last runs tests under compute-sanitizer where that is there. Each part has a time
# limit, none takes what another needs, and what fails is said in the summary; the exit code is 1 where a test failed.
#
#   SECONDS_IN_ALL=570    when it ends at the latest
#   SHAPES="pythia-1.4b llama-2-7b"
#   MODELS=DIR            for the checkpoints (16 GB, one at a time; default below /dev/shm)
#   QUESTIONS=128 TEXTS=800 WORDS=220
#   PARTS="tests kernels speed sanitizer"
#   SPEED="..." BENCH="..." further arguments of gpu.py speed and onset model bench
#   SITE=DIR              Python packages that the machine lacks: lm_eval's .py files without its tasks, and dill, are enough
#   SLOWER=1              multiplies the limits of the parts
#   TESTS=REGEXP          tests to run in place of all; KEEP_STUB=1 where the driver is to be the stand-in
set -uo pipefail
{ # bash reads all of it before it runs any
kit=$(realpath "${1:?name the folder or the archive that make gpu-kit made}")
mkdir -p "${2:?name a folder for the results}"
out=$(realpath "$2")
python=${3:-python3}
cd "$(dirname "$0")/../.."

deadline=$((SECONDS + ${SECONDS_IN_ALL:-570}))
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
if [ -f "$kit" ]; then
	tar xzf "$kit" -C "$scratch" && kit=$scratch/gpu-kit
fi
models=${MODELS:-/dev/shm/onset-bench-$$}
parts=" ${PARTS:-tests kernels speed sanitizer} "
export ONSET_CUDA_WORKER=$kit/onset-cuda ONSET_CACHE_DIR=none PYTHONUNBUFFERED=1 HF_HUB_OFFLINE=1 TRANSFORMERS_OFFLINE=1
export PYTHONPATH=${SITE:+$(realpath "$SITE"):}${PYTHONPATH:-}
[ -n "${KEEP_STUB:-}" ] || export ONSET_TEST_GPU=1
failed=0 slower=${SLOWER:-1}
mkdir -p "$models"
[ -n "${MODELS:-}" ] || trap 'rm -rf "$scratch" "$models"' EXIT

say() { printf '%s\n' "$*" | tee -a "$out/summary.md"; }

# within WHAT LIMIT LOG COMMAND...: runs a command for at most LIMIT seconds and not beyond the end, and says how it went.
within() {
	local what=$1 limit=$(($2 * slower)) log=$3 begin=$SECONDS left=$((deadline - SECONDS)) code=0
	shift 3
	[ "$left" -ge "$limit" ] || limit=$left
	if [ "$limit" -lt 5 ]; then
		say "- $what: not run, no time was left"
		return 125
	fi
	printf '\n$ %s\n' "$*" >>"$log"
	timeout -k 10 "$limit" "$@" >>"$log" 2>&1 || code=$?
	case $code in
	0) say "- $what: passed in $((SECONDS - begin)) s" ;;
	124 | 137) say "- $what: **cut off** after $limit s" ;;
	*) say "- $what: **failed** with $code after $((SECONDS - begin)) s" ;;
	esac
	return $code
}
test_in() { # WHAT LIMIT FOLDER COMMAND...
	within "$1" "$2" "$out/tests.txt" env -C "${@:3}" -test.timeout "$(($2 * slower - 3))s" || failed=1
}
device_tests() { cat "$1"/*_cuda_test.go | sed -n 's/^func \(Test[A-Za-z0-9_]*\)(.*/\1/p' | paste -sd'|'; }

: >"$out/summary.md"
say "# On a GPU, $(date -u +%F)"
say
say '```'
"$kit/onset-cuda" version 2>&1 | tee -a "$out/summary.md"
"$kit/onset" list devices 2>&1 | tee -a "$out/summary.md"
if command -v nvidia-smi >/dev/null; then
	nvidia-smi --query-gpu=name,driver_version,memory.total,clocks.sm,clocks.max.sm,power.limit --format=csv 2>&1 | tee -a "$out/summary.md"
fi
"$python" -c 'import sys, torch, transformers; print("python", sys.version.split()[0], "torch", torch.__version__, "transformers", transformers.__version__)' 2>&1 | tail -1 | tee -a "$out/summary.md"
say '```'

if [[ $parts == *" tests "* ]]; then
	say && say "## Tests" && say
	: >"$out/tests.txt"
	gpu=backends/local/gpu
	hopper='^TestHopper'
	test_in "the driver's binding" 60 $gpu/cu "$kit/cu.test" -test.short
	test_in "kernels" 120 $gpu "$kit/gpu.test" -test.skip "$hopper" ${TESTS:+-test.run "$TESTS"}
	test_in "kernels of compute capability 9.0" 40 $gpu "$kit/gpu.test" -test.run "$hopper"
	test_in "models" 120 backends/local "$kit/local.test" -test.run "${TESTS:-^($(device_tests backends/local))\$}"
	grep -E '^(---|\s+---) (FAIL|SKIP)|^(FAIL|panic:)' "$out/tests.txt" | sort | uniq -c | head -40 | sed 's/^/    /' | tee -a "$out/summary.md"
fi

if [[ $parts == *" kernels "* ]]; then
	say && say "## Kernels" && say
	: >"$out/kernels.txt"
	bench() { within "$1" "$2" "$out/kernels.txt" env -C backends/local/gpu "$kit/gpu.test" -test.run '^$' -test.benchtime 1x -test.bench "$3"; }
	bench "those of a forward pass" 90 '^BenchmarkKernel$'
	ONSET_BENCH_HOPPER=none bench "products, every tile" 60 '^BenchmarkTile$'
	ONSET_BENCH_HOPPER=only bench "products, tiles of compute capability 9.0" 40 '^BenchmarkTile$'
	"$python" testdata/bench/gpu.py kernels "$out/kernels.txt" >"$out/kernels.md" 2>/dev/null || say "- no tables were made of them"
fi

if [[ $parts == *" speed "* ]]; then
	say && say "## Models" && say
	: >"$out/speed.txt"
	within "texts" 60 "$out/speed.txt" "$kit/write" -o "$models" -questions "${QUESTIONS:-128}" -texts "${TEXTS:-800}" -words "${WORDS:-220}"
	for shape in ${SHAPES:-pythia-1.4b llama-2-7b}; do
		name=$shape-bf16
		within "$name, weights" 120 "$out/speed.txt" "$kit/write" -o "$models" -dtype BF16 "$shape" || continue
		within "$name, beside others" "${SPEED_LIMIT:-240}" "$out/speed.txt" "$python" testdata/bench/gpu.py speed --worker "$kit/onset-cuda" --models "$models" --out "$out/$name" ${SPEED:-} "$name"
		: >"$scratch/bench.txt"
		within "$name, onset alone" 60 "$scratch/bench.txt" "$kit/onset" model bench "$models/$name" --device cuda:0 ${BENCH:-}
		{ printf '\n'; cat "$out/$name/speed.md" 2>/dev/null; printf '```'; tail -n +3 "$scratch/bench.txt"; printf '```\n\n'; } >>"$out/summary.md"
		mv "$out/$name/speed.json" "$out/$name.json" 2>/dev/null
		rm -rf "${models:?}/$name" "${out:?}/$name"
	done
fi

if [[ $parts == *" sanitizer "* ]]; then
	say && say "## compute-sanitizer" && say
	if command -v compute-sanitizer >/dev/null; then
		for tool in memcheck racecheck; do
			within "$tool" 60 "$out/sanitizer.txt" env -C backends/local/gpu compute-sanitizer --tool $tool --error-exitcode 9 \
				"$kit/gpu.test" -test.run '^(TestAddNorm|TestRopeStore|TestActivateAndGate|TestLinearBiasKernel|TestHeadReduce|TestSampleSpecial|TestAttendOverflow)$' || [ $? -ge 124 ] || failed=1
		done
		grep 'ERROR SUMMARY' "$out/sanitizer.txt" | tee -a "$out/summary.md"
	else
		say "- not run: there is no compute-sanitizer"
	fi
fi
say && say "$SECONDS s in all."
exit $failed
}
