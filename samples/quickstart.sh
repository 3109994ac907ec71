#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# From a fresh Debian 12 to a report of a real program in one command:
#
#   sudo samples/quickstart.sh
#
# Installs the packages that a build needs, builds into build/, records a real build (of trc itself, with
# two jobs), shows the report, loads the trace into SQLite and asks it two questions. May be run again.
set -eu

cd "$(dirname "$0")/.."
build=build
out=build/quickstart
exec 3>&1
export PATH="$PATH:/usr/sbin:/sbin"

say()
{
	printf '\n\033[1m== %s\033[0m\n' "$*"
}
[ -t 1 ] && [ -z "${NO_COLOR:-}" ] || say() { printf '\n== %s\n' "$*"; }

# The command is shown, then run.
show()
{
	printf '$ %s\n' "$*" >&3
	"$@"
}

# Runs a command into a log; only a failure is worth reading.
quietly() # LOG COMMAND…
{
	local log=$1
	shift
	"$@" >"$log" 2>&1 || {
		tail -n 30 "$log" >&2
		echo "quickstart: this failed: $* (all of it in $log)" >&2
		exit 1
	}
}

if [ "$(id -u)" != 0 ]; then
	echo "quickstart: recording needs root: sudo samples/quickstart.sh" >&2
	exit 1
fi
if [ ! -e /sys/kernel/btf/vmlinux ]; then
	echo "quickstart: this kernel does not describe its types (no /sys/kernel/btf/vmlinux): use one built with CONFIG_DEBUG_INFO_BTF" >&2
	exit 1
fi

say "1. Packages"
bash tests/install.sh build
echo "all there"

say "2. Build trc into build/"
mkdir -p "$out"
quietly "$out/configure.log" cmake -G Ninja -S . -B "$build"
quietly "$out/build.log" cmake --build "$build"
ls -1 "$build/record/record" "$build/analyze"

say "3. Record a real build: trc, from nothing, with two jobs"
rm -rf "$out/scratch" "$out/build.trc" "$out/build.db"
quietly "$out/scratch.log" cmake -G Ninja -S . -B "$out/scratch" -DTRC_RECORD=OFF -DTRC_TESTS=OFF
show "$build/record/record" -o "$out/build.trc" -- cmake --build "$out/scratch" -j2 >"$out/recorded.log"

say "4. What happened"
show "$build/analyze" report "$out/build.trc"

say "5. The same in SQLite"
show "$build/analyze" load "$out/build.trc" "$out/build.db"
ask()
{
	printf '\nsqlite> %s\n' "$1"
	sqlite3 -header -column "$out/build.db" "$1"
}
ask "SELECT comm, count(*) AS processes, sum(utime_ns + stime_ns) / 1000000 AS cpu_ms, max(max_rss_bytes) / 1048576 AS most_mib
        FROM process GROUP BY comm ORDER BY cpu_ms DESC LIMIT 5;"
ask "SELECT s.name, s.duration_ns / 1000 AS us, t.comm, s.path
        FROM syscall s JOIN thread t USING (trace_id, thread_id)
        WHERE s.path IS NOT NULL ORDER BY s.duration_ns DESC LIMIT 5;"

# What root made here belongs to the one who asked.
[ -z "${SUDO_UID:-}" ] || chown -R "$SUDO_UID:${SUDO_GID:-$SUDO_UID}" "$build"

say "Next"
cat <<'END'
  build/analyze tree build/quickstart/build.trc            who started whom
  build/analyze replay build/quickstart/build.trc | less   every call, as strace prints it
  build/analyze --help                                     the rest
  sudo build/record/record -o my.trc -- COMMAND            a program of yours
END
