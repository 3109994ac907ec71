#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# mix.sh WORK [PART…]: the real mix that the benchmarks record: a build, a search, a small server. WORK
# is a directory that holds the program "server"; what the build makes goes there too. Parts may be
# named more than once.
set -eu
root=$(cd "$(dirname "$0")/../.." && pwd)
cd "$1"
shift
[ $# -gt 0 ] || set -- build search server

for part; do
	case $part in
	build)
		# A handful of this project's own files; looking for headers is what makes the calls.
		for file in text cbor schema options parse suggest; do
			echo "$root/common/$file.c"
		done | xargs -P 2 -n 1 gcc -std=gnu17 -D_GNU_SOURCE -O1 -I"$root" -c
		;;
	search)
		find /usr/include /usr/share -xdev -type f -name '*.[hp]*' 2>/dev/null |
			head -n 4000 | xargs -n 200 grep -l -s 'struct iovec' >found || [ $? = 123 ]
		;;
	server)
		./server "$root/common" 4 1000
		;;
	*)
		echo "mix.sh: no part $part" >&2
		exit 2
		;;
	esac
done
