#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# build.sh BUILD TARGET…: builds the TARGETs of the project in the directory BUILD, and all programs of
# the benchmarks in BUILD/bench. Says on standard error what is missing.
set -eu
build=$1
shift
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)

need() # PROGRAM PACKAGE
{
	command -v "$1" >/dev/null && return
	echo "bench: $1 is missing: apt-get install $2" >&2
	missing=yes
}

missing=no
need cmake cmake
need ninja ninja-build
need pkg-config pkg-config
need gcc build-essential
need clang clang
[ $missing = no ] || exit 1

mkdir -p "$build/bench"
build=$(cd "$build" && pwd)
out=$build/bench
if ! { cmake -G Ninja -S "$root" -B "$build" -DCMAKE_BUILD_TYPE=RelWithDebInfo -DTRC_TESTS=OFF &&
	ninja -C "$build" "$@"; } >"$out/build.log" 2>&1; then
	tail -n 30 "$out/build.log" >&2
	echo "bench: the build failed (log: $out/build.log)" >&2
	exit 1
fi

program() # NAME LIBRARIES SOURCE…
{
	name=$1
	libraries=$2
	shift 2
	# shellcheck disable=SC2086 # a list of words
	gcc -std=gnu17 -O2 -g -D_GNU_SOURCE -fno-strict-aliasing -Wall -Wextra -Wno-unused-parameter \
		-I"$root" -I"$build/generated" -o "$out/$name" "$@" $libraries
}

bpf() # NAME
{
	clang -target bpf -mcpu=v3 -g -O2 -Wall -I"/usr/include/$(gcc -print-multiarch)" \
		-c "$here/$1.bpf.c" -o "$out/$1.bpf.o"
}

common="$build/libtrc_common.a $(pkg-config --libs libzstd libcbor) -lpthread"
program loop -lpthread "$here/loop.c"
program usage "" "$here/usage.c"
program server -lpthread "$here/server.c"
program attach "$(pkg-config --libs libbpf)" "$here/attach.c"
program sqlite_rows "$(pkg-config --libs sqlite3)" "$here/sqlite_rows.c"
program summary "$common" "$here/summary.c"
program repeat "$common" "$here/repeat.c"
program format "$common" "$here/format.c" "$here/format_cbor.c" "$here/format_sum.c"
bpf empty
bpf floor
