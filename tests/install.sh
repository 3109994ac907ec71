#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# install.sh [build|test]: brings the Debian packages that a build (or the tests too, the default) need.
# Packages that are there are left alone; nothing is asked.
set -eu

build="build-essential cmake ninja-build pkg-config clang bpftool libbpf-dev libelf-dev libzstd-dev libcbor-dev
	libsqlite3-dev sqlite3"
test="python3 python3-cbor2 python3-zstandard strace linux-perf iproute2 clang-format git file valgrind"

packages=$build
[ "${1:-test}" = build ] || packages="$build $test"

if ! command -v dpkg-query >/dev/null; then
	echo "install.sh: not a Debian system; these packages are needed: $(echo $packages)" >&2
	exit 0
fi
missing=
for package in $packages; do
	status=$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null || true)
	[ "$status" = installed ] || missing="$missing $package"
done
[ -n "$missing" ] || exit 0

as_root=
if [ "$(id -u)" != 0 ]; then
	if ! command -v sudo >/dev/null; then
		echo "install.sh: needs root to install:$missing" >&2
		exit 1
	fi
	as_root="sudo"
fi
export DEBIAN_FRONTEND=noninteractive
echo "Installing:$missing"
$as_root apt-get -qq -o Acquire::Retries=3 update
$as_root env DEBIAN_FRONTEND=noninteractive apt-get -qq -y -o Acquire::Retries=3 -o Dpkg::Use-Pty=0 \
	install --no-install-recommends $missing >/dev/null
