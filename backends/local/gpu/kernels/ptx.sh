#!/bin/sh
# Compiles the kernels beside this script to PTX in the folder named: ptx.sh DIR. Needs clang 22, named by CLANG; the
# version is pinned because what it makes is committed and compared.
set -eu
out=$1
here=$(cd "$(dirname "$0")" && pwd)
clang=${CLANG:-clang-22}
version=$("$clang" --version 2>/dev/null | sed -n 's/.*clang version \([0-9]*\).*/\1/p')
if [ "$version" != 22 ]; then
	echo "ptx.sh: $clang is not clang 22 (found: ${version:-none})" >&2
	echo "hint: apt-get install clang-22, or set CLANG" >&2
	exit 1
fi

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

compile() { # NAME ARCH PTXVERSION
	(cd "$here" && "$clang" -x cuda --cuda-device-only --cuda-gpu-arch="$2" -nocudainc -nocudalib \
		-Xclang -target-feature -Xclang "+ptx$3" -fcuda-short-ptr \
		-std=c++17 -O3 -ffp-contract=off -Wall -Werror -S -o "$scratch/raw" "$1.cu")
	grep -v '^//' "$scratch/raw" >"$out/$1.$2.ptx"
}

for source in "$here"/*.cu; do
	name=$(basename "$source" .cu)
	case $name in
	*90) compile "$name" sm_90a 80 ;;
	*) compile "$name" sm_80 75 ;;
	esac
done
