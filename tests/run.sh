#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# All tests, one line each; the last line counts them. Needs root for those that record.
#
#   tests/run.sh [-k PATTERN] [--list] [--no-install] [--no-build]
#
#   -k PATTERN     only the tests whose name matches the regular expression
#   --list         only name them
#   --no-install   leave the system's packages alone
#   --no-build     take the builds as they are
#
# Builds into build-test/ and, with the address and undefined-behaviour sanitizers, build-test-sanitize/: here, or, for
# some tests run as the user nobody, below /var/tmp if others cannot reach this folder, as in a home directory. Logs are in
# build-test/logs/, one file for each test.
set -u

root=$(cd "$(dirname "$0")/.." && pwd)
cd "$root" || exit 1

usage()
{
	sed -n '3,14s/^# \{0,1\}//p' "$0"
}

install=yes build=yes pass=()
while [ $# -gt 0 ]; do
	case $1 in
	-k)
		[ $# -gt 1 ] || { usage >&2; exit 2; }
		pass+=(-k "$2")
		shift
		;;
	--list) pass+=(--list) ;;
	--no-install) install=no ;;
	--no-build) build=no ;;
	-h | --help) usage; exit 0 ;;
	*) usage >&2; exit 2 ;;
	esac
	shift
done

# One environment for every machine.
unset LD_PRELOAD PYTHONPATH PYTHONHOME MAKEFLAGS NINJA_STATUS CLICOLOR_FORCE SUDO_UID SUDO_GID
export LC_ALL=C.UTF-8 TZ=UTC PATH="$PATH:/usr/sbin:/sbin"
# The tree may belong to another user than root.
export GIT_CONFIG_COUNT=1 GIT_CONFIG_KEY_0=safe.directory GIT_CONFIG_VALUE_0="*"

# The same place each time for the same tree, and no other user's.
place_for_builds()
{
	local place=/var/tmp/trc-$(printf %s "$root" | sha256sum | head -c 16)

	if [ "$(id -u)" != 0 ] || setpriv --reuid=65534 --regid=65534 --clear-groups test -x "$root/tests"; then
		echo "$root"
		return
	fi
	mkdir -p -m 755 "$place"
	if [ -L "$place" ] || [ ! -O "$place" ]; then
		echo "run.sh: $place belongs to another user: remove it" >&2
		return 1
	fi
	echo "run.sh: builds and logs are in $place: the user nobody, as whom some tests run, cannot reach $root" >&2
	echo "$place"
}

builds=$(place_for_builds) || exit 1
release=$builds/build-test
sanitize=$builds/build-test-sanitize
logs=$release/logs
mkdir -p "$logs"

give_up() # NAME LOG
{
	tail -n 40 "$2"
	echo "FAIL $1 (log: ${2#"$root"/})"
	echo "0 passed, 1 failed, 0 skipped"
	exit 1
}

# A step that the tests need: silent when it succeeds.
step() # NAME COMMAND…
{
	local name=$1
	shift
	"$@" >"$logs/$name.log" 2>&1 </dev/null || give_up "$name" "$logs/$name.log"
}

configure_and_build() # DIRECTORY OPTION…
{
	local dir=$1
	shift
	cmake -G Ninja -S "$root" -B "$dir" -DCMAKE_BUILD_TYPE=RelWithDebInfo -DTRC_WERROR=ON "$@" &&
		cmake --build "$dir" -j "$(nproc)"
}

[ $install = no ] || step install bash tests/install.sh test
if [ $build = yes ]; then
	step build configure_and_build "$release" -DTRC_RECORD=ON
	step build-sanitize configure_and_build "$sanitize" -DTRC_RECORD=ON -DTRC_SANITIZE=address,undefined
fi
exec /usr/bin/python3 -B tests/run.py --build "$release" --sanitize "$sanitize" "${pass[@]}"
