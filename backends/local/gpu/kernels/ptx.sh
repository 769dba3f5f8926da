#!/usr/bin/env bash
# Compiles the kernels beside this script to PTX in the folder named: ptx.sh DIR. Needs clang 22, named by CLANG; the
# version is pinned because what it makes is committed and compared.
set -euo pipefail
out=$(cd "$1" && pwd)
cd "$(dirname "$0")"
clang=${CLANG:-clang-22}
version=$("$clang" --version 2>/dev/null | sed -n 's/.*clang version \([0-9]*\).*/\1/p' || true)
if [ "$version" != 22 ]; then
	echo "ptx.sh: $clang is not clang 22 (found: ${version:-none})" >&2
	echo "hint: apt-get install clang-22, or set CLANG" >&2
	exit 1
fi

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

compile() { # NAME ARCH PTXVERSION
	"$clang" -x cuda --cuda-device-only --cuda-gpu-arch="$2" -nocudainc -nocudalib \
		-Xclang -target-feature -Xclang "+ptx$3" -fcuda-short-ptr \
		-std=c++17 -O3 -ffp-contract=off -Wall -Werror -S -o "$scratch/$1.$2" "$1.cu"
	grep -v '^//' "$scratch/$1.$2" >"$out/$1.$2.ptx" # without the line that names the generator
}

running=0
for source in *.cu; do
	name=${source%.cu}
	case $name in
	*90) compile "$name" sm_90a 80 & ;;
	*) compile "$name" sm_80 75 & ;;
	esac
	running=$((running + 1))
	if [ "$running" -ge "$(nproc 2>/dev/null || echo 2)" ]; then
		wait -n
		running=$((running - 1))
	fi
done
while [ "$running" -gt 0 ]; do
	wait -n
	running=$((running - 1))
done
