#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# Feeds the fuzz targets with what libFuzzer invents, one after the other, on one core.
#
#   tests/fuzz/run.sh [--time SECONDS] [--coverage] [TARGET…]
#
#   --time SECONDS   for each target; 60 if not given
#   --coverage       afterwards say how much of common/, analyze/ and record/ the targets reached
#   TARGET           reader, analyze, words, consumer; all if none is named
#
# Builds with clang into build-fuzz/. What is found there stays in build-fuzz/corpus/; inputs that fail lie in
# build-fuzz/crash/ and go to tests/fuzz/corpus/TARGET/ with the repair of their cause: the normal tests replay
# that. tests/fuzz/seeds.py makes the first inputs.
set -eu

root=$(cd "$(dirname "$0")/../.." && pwd)
build=${TRC_FUZZ_BUILD:-$root/build-fuzz}
seconds=60 coverage= targets=
while [ $# -gt 0 ]; do
	case $1 in
	--time) seconds=$2; shift ;;
	--coverage) coverage=yes ;;
	-h | --help) sed -n '3,13s/^# \{0,1\}//p' "$0"; exit 0 ;;
	-*) echo "run.sh: there is no option $1; --help tells" >&2; exit 2 ;;
	*) targets="$targets $1" ;;
	esac
	shift
done
[ -n "$targets" ] || targets="reader analyze words consumer"

options=(-DTRC_RECORD=OFF -DTRC_FUZZ=ON -DTRC_SANITIZE=address,undefined)
names=()
for target in $targets; do names+=("fuzz_$target"); done
mkdir -p "$build"
CC=clang cmake -G Ninja -S "$root" -B "$build" -DCMAKE_BUILD_TYPE=RelWithDebInfo "${options[@]}" >"$build/configure.log" &&
	cmake --build "$build" --target "${names[@]}" >"$build/build.log" || { tail -n 30 "$build"/*.log; exit 1; }

failed=0
TIMEFORMAT=%U # a busy machine gives less than the time asked for
for target in $targets; do
	found=$build/corpus/$target
	mkdir -p "$found" "$build/crash"
	if [ "$target" = analyze ]; then # each seed with each command
		for seed in "$root"/tests/fuzz/corpus/analyze/seed_*; do
			for which in $(seq 0 15); do
				{ printf "\\x$(printf %02x "$which")"; tail -c +2 "$seed"; } >"$found/$(basename "$seed")-$which"
			done
		done
	fi
	status=0
	{ time nice "$build/tests/fuzz/fuzz_$target" "$found" "$root/tests/fuzz/corpus/$target" -max_total_time="$seconds" \
		-max_len=65536 -timeout=20 -rss_limit_mb=3000 -close_fd_mask=3 -artifact_prefix="$build/crash/$target-" \
		-print_final_stats=1 >"$build/$target.log" 2>&1 </dev/null; } 2>"$build/$target.cpu" || status=$?
	runs=$(sed -n 's/^stat::number_of_executed_units: *//p' "$build/$target.log")
	cpu=$(cat "$build/$target.cpu")
	reached=$(grep -o 'cov: [0-9]* ft: [0-9]*' "$build/$target.log" | tail -n 1)
	if [ $status = 0 ]; then
		echo "ok $target: $runs runs in $cpu s of CPU, $reached"
	else
		echo "FAIL $target: $runs runs in $cpu s of CPU, $reached (log: $build/$target.log)"
		grep -m 1 -E 'ERROR|runtime error|SUMMARY' "$build/$target.log" || true
		failed=1
	fi
done

if [ -n "$coverage" ]; then
	CC=clang cmake -G Ninja -S "$root" -B "$build/coverage" -DCMAKE_BUILD_TYPE=Debug -DTRC_RECORD=OFF \
		-DCMAKE_C_FLAGS="-fprofile-instr-generate -fcoverage-mapping" -DTRC_FUZZ=ON >"$build/configure.log"
	cmake --build "$build/coverage" --target "${names[@]}" >"$build/build.log"
	for target in $targets; do
		LLVM_PROFILE_FILE=$build/coverage/$target.profraw "$build/coverage/tests/fuzz/fuzz_$target" -runs=0 \
			-close_fd_mask=3 "$build/corpus/$target" "$root/tests/fuzz/corpus/$target" >/dev/null 2>&1 || true
		llvm-profdata merge -o "$build/coverage/$target.profdata" "$build/coverage/$target.profraw"
		echo "$target:"
		llvm-cov report "$build/coverage/tests/fuzz/fuzz_$target" -instr-profile="$build/coverage/$target.profdata" \
			"$root/common" "$root/analyze" "$root/record" | awk '/^TOTAL/ { print "  lines reached: " $10 }'
	done
fi
exit $failed
