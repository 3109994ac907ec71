#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# record on another kernel: boots one of Debian's under qemu, without hardware virtualisation, with a small initramfs
# that mounts files read-only, a memory file system above them, and runs the recording tests there. The files are this
# machine's, or, for another processor, packages of Debian 12 and a build by its cross compiler.
# Slow: half an hour to an hour for the tests that are chosen here.
#
#   tests/machines/boot.sh [OPTION…]
#
#   --no-install      leave the system's packages alone
#   --machine NAME    amd64 (if not given) or arm64
#   --suite SUITE     whose kernel: bookworm-backports has a newer one; 6.1 if not given
#   --kernel PACKAGE  such as linux-image-6.1.0-54-amd64; the newest of the suite if not given
#   --build DIR       a build of this tree with record; made in build-machines/ if not given
#   --seconds N       give up after so long; 7200 if not given
#   --command WORDS   run this in the shell there instead of the tests
#   -k PATTERN        which tests, as of tests/run.sh; a choice for each group of events if not given
#
# The last line counts the tests, as that of tests/run.sh; the exit code is its own.
set -eu

root=$(cd "$(dirname "$0")/../.." && pwd)
work=${TRC_MACHINES_BUILD:-$root/build-machines}
install=yes machine=amd64 suite= kernel= build= command= seconds=7200
pattern='bpf/((parity|calls|process|futex|sched|file|sock|signal|memory|payload)\.|tree\.(children|exec|last|reused)|filter\.(comm|filter|hidden|min|path|results|sample))'
while [ $# -gt 0 ]; do
	case $1 in
	--no-install) install=no ;;
	--machine) machine=$2; shift ;;
	--suite) suite=$2; shift ;;
	--kernel) kernel=$2; shift ;;
	--build) build=$2; shift ;;
	--seconds) seconds=$2; shift ;;
	--command) command=$2; shift ;;
	-k) pattern=$2; shift ;;
	-h | --help) sed -n '3,20s/^# \{0,1\}//p' "$0"; exit 0 ;;
	*) echo "boot.sh: there is no option $1; --help tells" >&2; exit 2 ;;
	esac
	shift
done
export LC_ALL=C.UTF-8
mkdir -p "$work/boot"

packages="debian-archive-keyring cpio"
case $machine in
amd64)
	packages="$packages qemu-system-x86 seabios busybox-static"
	emulator="qemu-system-x86_64 -machine q35 -cpu max" console=ttyS0 system=
	;;
arm64)
	packages="$packages qemu-system-arm gcc-aarch64-linux-gnu libc6-dev-arm64-cross"
	emulator="qemu-system-aarch64 -machine virt -cpu cortex-a72" console=ttyAMA0 system=$work/boot/arm64/root
	;;
*) echo "boot.sh: machine $machine is not known; amd64 and arm64 are" >&2; exit 2 ;;
esac
if [ $install = yes ]; then
	missing=
	for package in $packages; do
		dpkg-query -W -f '${db:Status-Status}' $package 2>/dev/null | grep -qx installed || missing="$missing $package"
	done
	[ -z "$missing" ] || { apt-get -qq update && DEBIAN_FRONTEND=noninteractive apt-get -qq -y install --no-install-recommends $missing; } >"$work/boot/install.log" 2>&1
fi

# Debian 12's packages for that machine, of which none is installed here.
apt=$work/boot/$machine
foreign() # COMMAND…
{
	local command=$1
	shift
	"$command" -o Dir::State="$apt" -o Dir::State::status="$apt/status" -o Dir::Cache="$apt/cache" \
		-o Dir::Etc::sourcelist="$apt/sources.list" -o Dir::Etc::sourceparts=- -o APT::Architecture="$machine" \
		-o APT::Architectures="$machine" -o APT::Sandbox::User= ${suite:+-o APT::Default-Release="$suite"} "$@"
}
if [ ! -e "$apt/done" ]; then
	mkdir -p "$apt/lists/partial" "$apt/cache/archives/partial"
	for codename in bookworm bookworm-backports bookworm-security; do
		mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' "Codename: ${codename%-backports}" | head -n 1)
		[ -n "$mirror" ] || { echo "boot.sh: $codename is not among apt's sources here" >&2; exit 2; }
		echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $mirror $codename main"
	done >"$apt/sources.list"
	: >"$apt/status"
	foreign apt-get -qq update
	touch "$apt/done"
fi

# The kernel and its modules.
[ -n "$kernel" ] || kernel=$(foreign apt-cache depends "linux-image-$machine" | sed -n "s/^ *Depends: \(linux-image-[0-9].*-$machine\)$/\1/p" | head -n 1)
[ -n "$kernel" ] || { echo "boot.sh: no kernel is found; name one with --kernel" >&2; exit 2; }
release=${kernel#linux-image-}
tree=$work/boot/$release
if [ ! -e "$tree/done" ]; then
	mkdir -p "$tree"
	(cd "$tree" && foreign apt-get -qq download "$kernel" && dpkg -x "$kernel"_*.deb . && touch done)
fi

# For another processor: the libraries and programs that the tests use, and the headers to build with.
if [ -n "$system" ] && [ ! -e "$system/done" ]; then
	mkdir -p "$system"
	suite= foreign apt-get -qq -y --no-install-recommends --download-only install bash bpftool coreutils cpp dash findutils grep hostname \
		iproute2 libbpf1 libc6-dev libcbor0.8 libelf1 libsqlite3-0 libzstd1 libc-bin linux-libc-dev procps python3 python3-cbor2 python3-zstandard sed sqlite3 strace util-linux \
		busybox-static
	(cd "$apt/cache/archives" && suite= foreign apt-get -qq download libbpf-dev libcbor-dev libelf-dev libsqlite3-dev libzstd-dev zlib1g-dev)
	for package in "$apt"/cache/archives/*.deb; do
		case ${package##*/} in
		# The headers, for cpp. The cross compiler has libraries of its own to link with.
		libc6-dev_*) dpkg-deb --fsys-tarfile "$package" | tar -x -C "$system" ./usr/include ;;
		*) dpkg -x "$package" "$system" ;;
		esac
	done
	cp /etc/passwd /etc/group "$system/etc/"
	ln -sfn aarch64-linux-gnu/asm "$system/usr/include/asm"
	touch "$system/done"
fi
cross=()
if [ -n "$system" ]; then
	libraries=$system/usr/lib/aarch64-linux-gnu
	export PKG_CONFIG_SYSROOT_DIR=$system PKG_CONFIG_LIBDIR=$libraries/pkgconfig
	cross=(-DCMAKE_SYSTEM_NAME=Linux -DCMAKE_SYSTEM_PROCESSOR=aarch64 -DCMAKE_C_COMPILER=aarch64-linux-gnu-gcc
		-DCMAKE_EXE_LINKER_FLAGS="-L$libraries -Wl,-rpath-link,$libraries:$system/lib/aarch64-linux-gnu")
fi
if [ -z "$build" ]; then
	build=$work/record-$machine
	{ cmake -G Ninja -S "$root" -B "$build" -DCMAKE_BUILD_TYPE=RelWithDebInfo "${cross[@]}" && cmake --build "$build"; } >"$work/boot/build.log" 2>&1 ||
		{ tail -n 30 "$work/boot/build.log"; exit 1; }
fi

# The initramfs: busybox, the modules for the files, and what to do.
ram=$work/boot/initramfs
rm -rf "$ram"
mkdir -p "$ram"/{bin,modules,lower,upper,top,proc,sys,dev}
cp "$system/bin/busybox" "$ram/bin/busybox"
for module in virtio virtio_ring virtio_pci_legacy_dev virtio_pci_modern_dev virtio_pci netfs fscache 9pnet 9pnet_virtio 9p overlay inet_diag tcp_diag udp_diag unix_diag; do
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
count=0
above() # FILES PLACE
{
	count=\$((count + 1))
	mkdir -p /upper/\$count/data /upper/\$count/work "\$2"
	mount -t overlay -o "lowerdir=/lower\$1,upperdir=/upper/\$count/data,workdir=/upper/\$count/work" overlay "\$2"
}
above "$system" /top
for dir in proc sys dev; do mkdir -p /top/\$dir; mount --bind /\$dir /top/\$dir; done
mkdir -p /top/dev/pts /top/dev/shm
mount -t devpts devpts /top/dev/pts
mount -t tmpfs tmpfs /top/dev/shm
mount -t tracefs tracefs /top/sys/kernel/tracing
mount -t cgroup2 cgroup2 /top/sys/fs/cgroup
# What tests write is on no overlay, which has no files without names before Linux 6.3, and whose files others hold.
mount -t tmpfs tmpfs /top/tmp
above "$root" "/top$root"
above "$build" "/top$build"
rm -f "/top$build/CTestTestfile.cmake" # without unit tests there need be no CTest
mkdir -p "/top$build/logs"
mount -t tmpfs tmpfs "/top$build/logs"
chroot /top /sbin/ldconfig
ip link set lo up
hostname booted
echo "boot: \$(uname -rm)"
mkdir /top/booted
cp /bin/busybox /command /top/booted/
exec switch_root /top /bin/sh -c '/bin/sh /booted/command; echo "boot: exit \$?"; /booted/busybox poweroff -f'
END
chmod +x "$ram/init"
[ -n "$command" ] || command="/usr/bin/python3 -B tests/run.py --foreign --slower 10 --build '$build' -k '$pattern'"
printf 'cd %s\n%s\n' "'$root'" "$command" >"$ram/command"
(cd "$ram" && find . | cpio -o -H newc --quiet | gzip -1) >"$work/boot/initramfs.gz"

status=0
# One thread: with two, a CPU may go on with what it translated before the other one patched the kernel's code, for ever.
nice timeout "$seconds" $emulator -accel tcg,thread=single -smp 2 -m 4096 -nodefaults -no-reboot \
	-nographic -serial stdio -kernel "$tree/boot/vmlinuz-$release" -initrd "$work/boot/initramfs.gz" \
	-append "console=$console quiet panic=-1 loglevel=3 mitigations=off" \
	-virtfs local,path=/,mount_tag=files,security_model=none,readonly=on,multidevs=remap \
	</dev/null 2>"$work/boot/qemu.log" | stdbuf -oL tr -d '\r' | tee "$work/boot/console.log" || status=$?
grep -q '^boot: exit 0$' "$work/boot/console.log" || { [ $status = 0 ] || cat "$work/boot/qemu.log"; exit 1; }
