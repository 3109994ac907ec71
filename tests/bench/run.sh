#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# What trc costs and how fast it is, beside its peers, as Markdown tables on standard output.
#
#   tests/bench/run.sh [--quick] [--build DIR] [call|app|mix|start|read|long]…
#
#   call   what system calls, turns of threads and new processes cost under each tracer
#   app    how much slower a build, servers and databases run while they are recorded
#   mix    the recorder's own CPU, bytes per event and losses on a build, a search and a server
#   start  how long a command waits until the tracer is ready, and what memory the tracer takes
#   read   events per second of `analyze report`, `load` and `replay`, beside perf and SQLite alone
#   long   the same of recordings of up to a hundred million events (only if asked for)
#
# The last part, "README", is the table that README.md quotes. Needs root. Builds into DIR (build-bench) and
# leaves there all figures of all rounds, as CSV: DIR/bench/figures.csv. Takes about twenty minutes, with --quick
# about five. Installs nothing, and names the peers and programs that it leaves out.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
build=$here/../../build-bench quick=() questions=()

usage()
{
	sed -n '3,17s/^# \{0,1\}//p' "$0"
}

while [ $# -gt 0 ]; do
	case $1 in
	--quick) quick=(--quick) ;;
	--build)
		[ $# -gt 1 ] || { usage >&2; exit 2; }
		build=$2
		shift
		;;
	call | app | mix | start | read | long) questions+=("$1") ;;
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
[ ${#questions[@]} -gt 0 ] || questions=(call app mix start read)
targets=(record/record)
[[ ! " ${questions[*]} " =~ " read "|" long " ]] || targets+=(analyze)
"$here/build.sh" "$build" "${targets[@]}"
exec /usr/bin/python3 -B "$here/measure.py" "$build" "${quick[@]}" "${questions[@]}"
