#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# record on another kernel: boots one of Debian's under qemu, without hardware virtualisation, with a small initramfs
# that mounts this machine's files read-only, a memory file system above them, and runs the recording tests there.
# Slow: a quarter of an hour for the tests that are chosen here.
#
#   tests/machines/boot.sh [--no-install] [--kernel PACKAGE] [--build DIR] [--seconds N] [-k PATTERN]
#
#   --no-install      leave the system's packages alone
#   --kernel PACKAGE  such as linux-image-6.1.0-54-amd64; the newest of Debian 12 if not given
#   --build DIR       a build of this tree with record; made in build-machines/ if not given
#   --seconds N       give up after so long; 2400 if not given
#   --command WORDS   run this in the shell there instead of the tests
#   -k PATTERN        which tests, as of tests/run.sh; a choice for each group of events if not given
#
# The last line counts the tests, as that of tests/run.sh; the exit code is its own.
set -eu

root=$(cd "$(dirname "$0")/../.." && pwd)
work=${TRC_MACHINES_BUILD:-$root/build-machines}
install=yes kernel= build= command= seconds=2400
pattern='bpf/(parity|calls|process|tree|futex|sched|file|sock|signal|memory|filter|payload)\.'
while [ $# -gt 0 ]; do
	case $1 in
	--no-install) install=no ;;
	--kernel) kernel=$2; shift ;;
	--build) build=$2; shift ;;
	--seconds) seconds=$2; shift ;;
	--command) command=$2; shift ;;
	-k) pattern=$2; shift ;;
	-h | --help) sed -n '3,17s/^# \{0,1\}//p' "$0"; exit 0 ;;
	*) echo "boot.sh: there is no option $1; --help tells" >&2; exit 2 ;;
	esac
	shift
done
export LC_ALL=C.UTF-8
mkdir -p "$work/boot"

if [ $install = yes ]; then
	missing=
	for package in qemu-system-x86 seabios busybox-static cpio; do
		dpkg-query -W -f '${db:Status-Status}' $package 2>/dev/null | grep -qx installed || missing="$missing $package"
	done
	[ -z "$missing" ] || { apt-get -qq update && DEBIAN_FRONTEND=noninteractive apt-get -qq -y install --no-install-recommends $missing; } >"$work/boot/install.log" 2>&1
fi
if [ -z "$build" ]; then
	build=$work/record
	{ cmake -G Ninja -S "$root" -B "$build" -DCMAKE_BUILD_TYPE=RelWithDebInfo && cmake --build "$build"; } >"$work/boot/build.log" 2>&1 ||
		{ tail -n 30 "$work/boot/build.log"; exit 1; }
fi

# The kernel and its modules, unpacked and not installed.
[ -n "$kernel" ] || kernel=$(apt-cache depends linux-image-amd64 | sed -n 's/^ *Depends: \(linux-image-[0-9].*-amd64\)$/\1/p' | head -n 1)
[ -n "$kernel" ] || { echo "boot.sh: apt knows no kernel; name one with --kernel" >&2; exit 2; }
release=${kernel#linux-image-}
tree=$work/boot/$release
if [ ! -e "$tree/done" ]; then
	mkdir -p "$tree"
	(cd "$tree" && apt-get -qq -o APT::Sandbox::User= download "$kernel" && dpkg -x "$kernel"_*.deb . && touch done)
fi

# The initramfs: busybox, the modules for the files, and what to do.
ram=$work/boot/initramfs
rm -rf "$ram"
mkdir -p "$ram"/{bin,modules,lower,upper,top,proc,sys,dev}
cp /bin/busybox "$ram/bin/busybox"
for module in virtio virtio_ring virtio_pci_legacy_dev virtio_pci_modern_dev virtio_pci netfs fscache 9pnet 9pnet_virtio 9p overlay; do
	find "$tree/lib/modules/$release" "$tree/usr/lib/modules/$release" -name "$module.ko*" 2>/dev/null |
		while read -r file; do
			case $file in
			*.xz) xz -dc "$file" >"$ram/modules/$module.ko" ;;
			*) cp "$file" "$ram/modules/$module.ko" ;;
			esac
		done
done
cat >"$ram/init" <<END
#!/bin/busybox sh
export PATH=/bin:/usr/sbin:/usr/bin:/sbin LC_ALL=C.UTF-8 TZ=UTC HOME=/tmp
/bin/busybox --install -s /bin
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs devtmpfs /dev
# Several times: what one needs may come behind it.
for turn in 1 2 3 4; do for module in /modules/*.ko; do insmod \$module 2>/dev/null; done; done
mount -t 9p -o ro,trans=virtio,version=9p2000.L,msize=262144,cache=loose files /lower || { echo "boot: no files"; poweroff -f; }
mount -t tmpfs -o size=3g tmpfs /upper
mkdir -p /upper/data /upper/work
mount -t overlay -o lowerdir=/lower,upperdir=/upper/data,workdir=/upper/work overlay /top
for dir in proc sys dev; do mount --bind /\$dir /top/\$dir; done
mkdir -p /top/dev/pts /top/dev/shm
mount -t devpts devpts /top/dev/pts
mount -t tmpfs tmpfs /top/dev/shm
mount -t tracefs tracefs /sys/kernel/tracing
mount -t cgroup2 cgroup2 /sys/fs/cgroup
mount --bind /sys/kernel/tracing /top/sys/kernel/tracing
mount --bind /sys/fs/cgroup /top/sys/fs/cgroup
ip link set lo up
hostname booted
echo "boot: \$(uname -r)"
cp /command /top/boot-command
chroot /top /bin/sh /boot-command
echo "boot: exit \$?"
poweroff -f
END
chmod +x "$ram/init"
[ -n "$command" ] || command="exec /usr/bin/python3 -B tests/run.py --build '$build' -k '$pattern'"
printf 'cd %s\n%s\n' "'$root'" "$command" >"$ram/command"
(cd "$ram" && find . | cpio -o -H newc --quiet | gzip -1) >"$work/boot/initramfs.gz"

status=0
nice timeout "$seconds" qemu-system-x86_64 -machine q35 -accel tcg,thread=multi -cpu max -smp 2 -m 4096 -nodefaults -no-reboot \
	-nographic -serial stdio -kernel "$tree/boot/vmlinuz-$release" -initrd "$work/boot/initramfs.gz" \
	-append "console=ttyS0 quiet panic=-1 loglevel=3 mitigations=off" \
	-virtfs local,path=/,mount_tag=files,security_model=none,readonly=on,multidevs=remap \
	</dev/null 2>"$work/boot/qemu.log" | stdbuf -oL tr -d '\r' | tee "$work/boot/console.log" || status=$?
grep -q '^boot: exit 0$' "$work/boot/console.log" || { [ $status = 0 ] || cat "$work/boot/qemu.log"; exit 1; }
