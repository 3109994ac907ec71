#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# analyze on other machines: built for s390x (big-endian) and armhf (32 bits) with Debian's cross compilers, run
# under qemu over all samples. What it prints and loads must be the same to the byte as natively; the unit tests
# must pass. Takes some minutes; needs the network once, for compilers, qemu and libraries.
#
#   tests/machines/run.sh [--no-install] [--no-unit] [MACHINE…]
#
#   --no-install   leave the system's packages alone
#   --no-unit      only compare; leave out the unit tests
#   MACHINE        s390x, armhf; both if none is named
#
# Works in build-machines/.
set -eu

root=$(cd "$(dirname "$0")/../.." && pwd)
work=${TRC_MACHINES_BUILD:-$root/build-machines}
install=yes unit=yes machines=
while [ $# -gt 0 ]; do
	case $1 in
	--no-install) install=no ;;
	--no-unit) unit=no ;;
	-h | --help) sed -n '3,13s/^# \{0,1\}//p' "$0"; exit 0 ;;
	-*) echo "run.sh: there is no option $1; --help tells" >&2; exit 2 ;;
	*) machines="$machines $1" ;;
	esac
	shift
done
[ -n "$machines" ] || machines="s390x armhf"
export LC_ALL=C.UTF-8 TZ=UTC
mkdir -p "$work"

describe() # MACHINE
{
	case $1 in
	s390x) triplet=s390x-linux-gnu processor=s390x emulator="qemu-s390x-static -L /usr/s390x-linux-gnu" ;;
	armhf) triplet=arm-linux-gnueabihf processor=arm emulator="qemu-arm-static -L /usr/arm-linux-gnueabihf" ;;
	*) echo "run.sh: machine $1 is not known; s390x and armhf are" >&2; exit 2 ;;
	esac
}

# A step: silent when it succeeds.
step() # NAME COMMAND…
{
	local log=$work/$1.log
	shift
	"$@" >"$log" 2>&1 </dev/null || { tail -n 30 "$log"; echo "FAIL ${log##*/}" | sed 's/\.log$//'; exit 1; }
}

install_tools()
{
	local packages="qemu-user-static" package missing=
	for machine in $machines; do
		describe "$machine"
		packages="$packages gcc-$triplet libc6-dev-$machine-cross"
	done
	for package in $packages; do
		dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null | grep -qx installed || missing="$missing $package"
	done
	[ -n "$missing" ] || return 0
	apt-get -qq update
	DEBIAN_FRONTEND=noninteractive apt-get -qq -y install --no-install-recommends $missing
}

libraries="libzstd1 libzstd-dev libcbor0.8 libcbor-dev libsqlite3-0 libsqlite3-dev libelf1 libelf-dev zlib1g zlib1g-dev"
# Of the other machine, unpacked beside each other: the system's own packages stay as they are.
get_libraries() # MACHINE
{
	local apt=$work/$1/apt to=$work/$1/root
	local options=(-o Dir::State="$apt" -o Dir::State::status="$apt/status" -o Dir::Cache="$apt/cache"
		-o APT::Architecture="$1" -o APT::Architectures="$1" -o APT::Sandbox::User= -o Acquire::Retries=3)
	[ "$(cat "$to/done" 2>/dev/null)" != "$libraries" ] || return 0
	mkdir -p "$apt/lists/partial" "$apt/cache/archives/partial" "$apt/packages" "$to"
	: >"$apt/status"
	apt-get "${options[@]}" -qq update
	(cd "$apt/packages" && apt-get "${options[@]}" -qq download $libraries)
	for package in "$apt"/packages/*.deb; do dpkg -x "$package" "$to"; done
	echo "$libraries" >"$to/done"
}

build() # DIRECTORY TARGETS OPTION…
{
	local dir=$1 targets=$2
	shift 2
	cmake -G Ninja -S "$root" -B "$dir" -DCMAKE_BUILD_TYPE=RelWithDebInfo -DTRC_RECORD=OFF "$@" &&
		cmake --build "$dir" --target $targets
}

tests=$(cd "$root/tests/unit" && ls test_*.c | sed 's/\.c$//')
# Not the one that looks at the system calls of the kernel that it runs on, which is this machine's.
tests=$(echo "$tests" | grep -v -x test_syscalls_running)
# These compare with bytes of a little-endian recorder.
little="test_decode test_example test_sinks"

build_foreign() # MACHINE
{
	describe "$1"
	local to=$work/$1/root flags=-Wl,--disable-new-dtags # so that a library finds its own libraries, too
	for dir in usr/lib lib; do flags="$flags -L$to/$dir/$triplet -Wl,-rpath,$to/$dir/$triplet"; done
	PKG_CONFIG_SYSROOT_DIR=$to PKG_CONFIG_LIBDIR=$to/usr/lib/$triplet/pkgconfig \
		build "$work/$1/build" "analyze $([ $unit = no ] || echo $tests)" -DCMAKE_SYSTEM_NAME=Linux \
		-DCMAKE_SYSTEM_PROCESSOR=$processor -DCMAKE_C_COMPILER=$triplet-gcc -DCMAKE_EXE_LINKER_FLAGS="$flags"
}

failed=0 passed=0
verdict() # STATUS NAME
{
	if [ "$1" = 0 ]; then
		echo "ok $2"
		passed=$((passed + 1))
	else
		echo "FAIL $2"
		failed=$((failed + 1))
	fi
}

# Everything that analyze says of a trace, into a directory; with the exit codes.
outputs() # DIRECTORY TRACE COMMAND…
{
	local dir=$1 trace=$2 name
	shift 2
	rm -rf "$dir"
	mkdir -p "$dir"
	"$@" report "$trace" >"$dir/report" 2>&1 || echo "exit $?" >>"$dir/report"
	for form in text json jsonl; do
		"$@" report --format $form $tables "$trace" >"$dir/tables.$form" 2>&1 || echo "exit $?" >>"$dir/tables.$form"
	done
	for name in tree info "replay --ns" "replay --no-split -tt" export "export --format csv --kind syscall" "info --schema"; do
		"$@" $name "$trace" >"$dir/$(echo $name | tr -d ' ')" 2>&1 || echo "exit $?" >>"$dir/$(echo $name | tr -d ' ')"
	done
	"$@" repair "$trace" -o "$dir/whole.trc" 2>&1 | sed "s|$dir||" >"$dir/repair"
	"$@" load "$trace" "$dir/db" 2>&1 | sed "s|$dir||" >"$dir/load"
	sqlite3 "$dir/db" .dump >"$dir/dump"
	rm -f "$dir/db"
}

[ $install = no ] || step install install_tools
step build-native build "$work/native" analyze
tables=$("$work/native/analyze" report --list | awk '{ print $1 }')

# The samples, and one that is damaged in the middle.
mkdir -p "$work/traces"
cp "$root"/samples/traces/*.trc "$work/traces/"
{ head -c 30000 "$root/samples/traces/shell.trc"; head -c 300 /dev/zero; tail -c +30301 "$root/samples/traces/shell.trc"; } >"$work/traces/damaged.trc"

for machine in $machines; do
	describe "$machine"
	mkdir -p "$work/$machine"
	step "libraries-$machine" get_libraries "$machine"
	step "build-$machine" build_foreign "$machine"
	for trace in "$work"/traces/*.trc; do
		name=$(basename "$trace" .trc)
		# The same names in the same place, as they are printed.
		(cd "$work/traces" && outputs "$work/out/native" "$name.trc" "$work/native/analyze")
		(cd "$work/traces" && outputs "$work/out/$machine" "$name.trc" $emulator "$work/$machine/build/analyze")
		status=0
		diff -r "$work/out/native" "$work/out/$machine" >"$work/$machine/$name.diff" 2>&1 || status=1
		[ $status = 0 ] || head -n 8 "$work/$machine/$name.diff" | cut -c 1-300
		verdict $status "$machine/$name"
	done
	[ $unit = yes ] || continue
	for test in $tests; do
		case "$machine $little" in s390x*$test*) continue ;; esac
		status=0
		(cd "$work/$machine" && timeout 1500 $emulator "build/tests/$test" >"$test.log" 2>&1) || status=1
		[ $status = 0 ] || tail -n 8 "$work/$machine/$test.log" | cut -c 1-300
		verdict $status "$machine/unit/${test#test_}"
	done
done
echo "$passed passed, $failed failed"
[ $failed = 0 ]
