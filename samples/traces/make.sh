#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# make.sh BUILD [--expect] [NAME…]: records the samples of this directory anew, or those named, with
# BUILD/record/record; with --expect only writes anew what BUILD/analyze says of all. Needs root.
#
# Nothing of the recording machine is in them but the plain version of its kernel: they are recorded in a
# file system of their own, under another host name and machine id, with an empty environment.
set -eu

[ $# -ge 1 ] || { sed -n '3,4s/^# //p' "$0"; exit 2; }
build=$(cd "$1" && pwd)
here=$(cd "$(dirname "$0")" && pwd)

# NAME: what record is told, in /srv with the workloads beside it; /srv/slow is on a disk, /srv/union an overlay of
# directories there, $cgroup is a cgroup.
samples()
{
	cat <<'END'
first_act: -- ./first_act
execs: -- ./execs
failing: -- ./failing
strings: -- ./strings
sockets: -- ./sockets
killed: -- ./killed
exec_thread: -- ./exec_thread
children: -- ./children fork 23
compat32: -- ./compat32
renames: -- ./renames
exits: -- ./exits tree
shell: -- /bin/sh -c 'ls -l /srv/data | sort -r | head -n 3; cat /srv/data/missing; exit 3'
python: -- /usr/bin/python3 -I -S -c 'import threading as t; [t.Thread(target=print, args=(i,)).start() for i in range(3)]'
payloads: --env -s 40 -- ./payloads
network: --events +tcp -- /bin/sh -c 'mkdir net; ./traffic net; ./connections; ./sock names; ./sock failed; ./sock closed'
waiting: -g all --counters task-clock,context-switches --sample getpriority=5 -- /bin/sh -c 'for way in poll epoll lock vfork timer; do ./waits $way; done; ./futexes new; ./futexes requeue; ./locks queue; ./stacks sleep 3; ./stacks futex 3; ./stacks call'
union: --events +fault,+pagecache,+block -- /bin/sh -c '(cd union && ../faults); ./pages union/pages; cat union/data >union/copy'
kernel: --events all -- /bin/sh -c './signals; ./capabilities; (cd slow && ../faults); ./pages slow/pages; ./disk -f slow/written; ./cgroups '$cgroup'; ./rings'
END
}

# A uname() without what a distributor or an owner adds to the version, for the recorder only.
plain_uname() # FILE
{
	gcc -shared -fPIC -o "$1" -x c - <<'END'
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <unistd.h>
__attribute__((constructor)) static void keep_to_ourselves(void)
{
	unsetenv("LD_PRELOAD");
}

int uname(struct utsname *name)
{
	int ret = syscall(SYS_uname, name);

	if (!ret)
		name->release[strspn(name->release, "0123456789.")] = '\0';
	return ret;
}
END
}

record_all() # in namespaces of its own
{
	hostname example
	mount -t tmpfs none /srv
	cp "$build"/workloads/* /srv/
	mkdir /srv/data
	for i in 1 2 3 5 7; do head -c $((i * 1000)) /dev/zero >/srv/data/file$i; done
	echo 00000000000000000000000000000001 >/srv/data/id
	mount --bind /srv/data/id /etc/machine-id
	echo 00000000-0000-0000-0000-000000000001 >/srv/data/boot
	mount --bind /srv/data/boot /proc/sys/kernel/random/boot_id
	plain_uname /srv/data/uname.so
	mkdir /srv/slow
	mount --bind "$disk" /srv/slow
	cd /srv
	mkdir union slow/lower slow/upper slow/work
	head -c 100000 /dev/zero >slow/lower/data
	mount -t overlay -o lowerdir=slow/lower,upperdir=slow/upper,workdir=slow/work overlay union
	samples | while IFS= read -r line; do
		name=${line%%: *}
		case " ${names:-$name} " in *" $name "*) ;; *) continue ;; esac
		eval "set -- ${line#*: }"
		env -i PATH=/usr/bin:/bin TZ=UTC LD_PRELOAD=/srv/data/uname.so \
			"$build/record/record" -q --force -o "$here/$name.trc" "$@" </dev/null >/dev/null 2>&1 ||
			echo "$name: the command ended with $?"
		chmod 0644 "$here/$name.trc"
	done
}

expect_all()
{
	cd "$here"
	for trace in *.trc; do
		for command in report tree info; do
			TZ=UTC "$build/analyze" "$command" "$trace" >"${trace%.trc}.$command"
		done
	done
	for name in first_act strings sockets shell compat32 payloads; do
		TZ=UTC "$build/analyze" replay "$name.trc" >"$name.replay"
	done
}

case ${2:-} in
--expect) expect_all ;;
--inside)
	shift 2
	names=$*
	record_all
	;;
*)
	shift
	disk=$(mktemp -d "$build/disk.XXXXXX")
	unified=$(findmnt -n -l -o TARGET -t cgroup2 | head -n 1)
	cgroup=${unified:?no unified hierarchy of cgroups is mounted}/sample
	mkdir "$cgroup"
	trap 'rm -rf "$disk"; rmdir "$cgroup"' EXIT
	disk=$disk cgroup=$cgroup unshare --mount --uts --cgroup --ipc "$here/make.sh" "$build" --inside "$@"
	expect_all
	;;
esac
