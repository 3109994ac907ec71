#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# Makes the system call tables again:
#
#   syscalls_kernel.tbl       argument names and C types of every call, as the running kernel's tracefs
#                             tells them; calls that this kernel was built without are kept
#   syscalls_numbers.def      number and name per ABI, from the kernel's headers and syscalls_newer.tbl
#   syscalls_signatures.def   what the arguments mean: syscalls_kernel.tbl, the rules of
#                             syscalls_types.def and those of syscalls_rules.tbl
#
# Needs gcc and, on Debian, linux-libc-dev linux-libc-dev-arm64-cross linux-libc-dev-armhf-cross
# linux-libc-dev-riscv64-cross. The first step needs root and CONFIG_FTRACE_SYSCALLS, and is left
# out without them. The results are committed; the build needs none of this.
#
# usage: syscalls_update.sh [OUTPUT-DIRECTORY]

set -eu
export LC_ALL=C

here=$(CDPATH= cd -- "$(dirname -- "$0")" && pwd)
out=${1:-$here}
tracefs=${TRACEFS:-/sys/kernel/tracing}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

die() {
	echo "syscalls_update.sh: $*" >&2
	exit 1
}

# name(type arg, type arg…), a line per call of the running kernel
kernel_calls() {
	for format in "$tracefs"/events/syscalls/sys_enter_*/format; do
		awk '
			/^name:/ { sub(/^name: sys_enter_/, ""); name = $0 }
			/^\tfield:/ {
				sub(/^\tfield:/, "")
				sub(/;.*/, "")
				if ($0 !~ / (common_[a-z_]*|__syscall_nr)$/)
					args = args (args == "" ? "" : ", ") $0
			}
			END { print name "(" args ")" }' "$format"
	done
}

if [ -r "$tracefs/events/syscalls/sys_enter_read/format" ]; then
	{
		echo "# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause"
		echo "# Made by syscalls_update.sh from the kernel's own syscall metadata."
		{ kernel_calls; grep -v '^#' "$here/syscalls_kernel.tbl" 2>/dev/null || :; } |
			awk -F'(' '!seen[$1]++' | sort
	} > "$work/kernel"
	mv "$work/kernel" "$out/syscalls_kernel.tbl"
else
	echo "syscalls_update.sh: $tracefs is not readable, keeping syscalls_kernel.tbl" >&2
	[ "$out" = "$here" ] || cp "$here/syscalls_kernel.tbl" "$out"
fi

# headers ABI FILE CPP-OPTION…: "ABI number name" of every __NR_ macro, as the preprocessor works it out;
# without second names of a call and without the two of asm-generic that are no call.
headers() {
	abi=$1 file=$2
	shift 2
	echo "#include <$file>" > "$work/names.c"
	gcc -E -dM "$@" "$work/names.c" > "$work/macros" || die "no <$file> for $abi"
	{
		echo "#include <$file>"
		sed -E '/^#define [^ ]+ __NR_[a-z]/d; /^.define __NR_(syscalls|arch_specific_syscall) /d' "$work/macros" |
			sed -n -E 's/^#define (__NR_|__ARM_NR_)([a-z_0-9]+)[ (].*/@ \2 \1\2/p'
	} > "$work/values.c"
	gcc -E -P "$@" "$work/values.c" | sed -n 's/^@ //p' > "$work/values"
	while read -r name value; do
		echo "$abi $((($value) & ~0x40000000)) $name"
	done < "$work/values"
}

{
	headers x86_64 asm/unistd_64.h
	headers i386 asm/unistd_32.h
	headers x32 asm/unistd_x32.h -D__X32_SYSCALL_BIT=0x40000000
	headers arm64 asm/unistd.h -nostdinc -isystem /usr/aarch64-linux-gnu/include
	headers arm asm/unistd.h -nostdinc -isystem /usr/arm-linux-gnueabihf/include -D__ARM_EABI__
	headers riscv64 asm/unistd.h -nostdinc -isystem /usr/riscv64-linux-gnu/include
} > "$work/numbers"

awk -v out="$work" -f "$here/syscalls_update.awk" \
	"$here/syscalls_types.def" "$out/syscalls_kernel.tbl" "$here/syscalls_rules.tbl" \
	"$here/syscalls_newer.tbl" "$work/numbers" || die "nothing written"
mv "$work/syscalls_numbers.def" "$work/syscalls_signatures.def" "$out"
