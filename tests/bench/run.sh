#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# What trc costs and how fast it is, beside its peers, as Markdown tables on standard output.
#
#   tests/bench/run.sh [--quick] [--build DIR] [call|mix|read|long|app]…
#
#   call   what a system call costs under each tracer
#   mix    the recorder's own CPU, bytes per event and losses on a build, a search and a server
#   read   events per second of `analyze report` and `analyze load`, beside perf and SQLite alone
#   long   the same of recordings of up to a hundred million events, and the memory that it takes
#   app    how much slower a build and servers run while they are recorded
#
# Needs root. Builds into DIR (build-bench) and leaves there all figures of all rounds, as CSV:
# DIR/bench/figures.csv. Takes about fifteen minutes, with --quick about three. Installs nothing.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
build=$here/../../build-bench quick=() questions=()

usage()
{
	sed -n '3,14s/^# \{0,1\}//p' "$0"
}

while [ $# -gt 0 ]; do
	case $1 in
	--quick) quick=(--quick) ;;
	--build)
		[ $# -gt 1 ] || { usage >&2; exit 2; }
		build=$2
		shift
		;;
	call | mix | read | long | app) questions+=("$1") ;;
	-h | --help) usage; exit 0 ;;
	*) usage >&2; exit 2 ;;
	esac
	shift
done

[ "$(id -u)" = 0 ] || { echo "bench: needs root, for BPF and perf" >&2; exit 1; }
missing=
for need in perf:linux-perf strace:strace python3:python3; do
	command -v "${need%%:*}" >/dev/null || missing+=" ${need#*:}"
done
[ -z "$missing" ] || { echo "bench: apt-get install$missing" >&2; exit 1; }

export LC_ALL=C.UTF-8 PATH="$PATH:/usr/sbin:/sbin"
[ ${#questions[@]} -gt 0 ] || questions=(call mix read app)
targets=(record/record)
[[ " ${questions[*]} " != *" read "* ]] || targets+=(analyze)
"$here/build.sh" "$build" "${targets[@]}"
exec /usr/bin/python3 -B "$here/measure.py" "$build" "${quick[@]}" "${questions[@]}"
