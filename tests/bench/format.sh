#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# The table of FORMAT.md: what it costs to write and to read the events of a recorded real mix as raw
# structs, as one CBOR array per event, and through the word-column filter, compressed in chunks of
# several sizes. Markdown on standard output, CSV in DIR/bench/format.csv.
#
#   tests/bench/format.sh [--quick] [--build DIR] [TRACE]
#
# Without a TRACE it records the mix (build, search, server), which needs root. Takes about a minute
# and a half, with --quick half a minute.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
build=$here/../../build-bench seconds=75 parts=(build search server build search server) trace=

usage()
{
	sed -n '3,10s/^# \{0,1\}//p' "$0"
}

while [ $# -gt 0 ]; do
	case $1 in
	--quick) seconds=15 parts=(build search server) ;;
	--build)
		[ $# -gt 1 ] || { usage >&2; exit 2; }
		build=$2
		shift
		;;
	-h | --help) usage; exit 0 ;;
	-*) usage >&2; exit 2 ;;
	*) trace=$(realpath "$1") ;;
	esac
	shift
done

export LC_ALL=C.UTF-8 PATH="$PATH:/usr/sbin:/sbin"
targets=(trc_common)
if [ -z "$trace" ]; then
	[ "$(id -u)" = 0 ] || { echo "format.sh: recording needs root; or name a trace" >&2; exit 1; }
	targets+=(record/record)
fi
"$here/build.sh" "$build" "${targets[@]}"
build=$(cd "$build" && pwd)
if [ -z "$trace" ]; then
	work=$(mktemp -d "$build/bench/format-XXXXXX")
	trap 'rm -rf "$work"' EXIT
	ln -s "$build/bench/server" "$work/server"
	trace=$work/mix.trc
	"$build/record/record" -q -o "$trace" -- "$here/mix.sh" "$work" "${parts[@]}" >/dev/null
fi
"$build/bench/format" "$trace" "$seconds" "$build/bench/format.csv"
