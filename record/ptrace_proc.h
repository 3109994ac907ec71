/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What /proc tells of a thread, where a BPF program would look into the kernel. */
#pragma once

#include "common/events.h"

/* From status and stat: the names are those of the fields of the events. */
struct proc_status {
	u32 tgid, ppid;
	u32 uid, gid, euid, egid;
	u32 ns_tid, ns_tgid; /* in its own pid namespace */
	u32 live_threads;
	u32 tracer;   /* its tid; 0: it is not traced */
	u64 start_ns; /* whole ticks */
	u64 utime_ns, stime_ns, blkio_delay_ns;
	u64 minor_faults, major_faults;
	u64 voluntary_switches, involuntary_switches;
	u64 max_rss_bytes;
};

/* 0, or -ESRCH: it is gone. tgid 0: not known yet. */
int proc_read_status(u32 tgid, u32 tid, struct proc_status *ret_status);
void proc_read_comm(u32 tgid, u32 tid, char ret_comm[16]);
/* Time on a CPU and waiting for one; 0 where the kernel does not account it. */
void proc_read_schedstat(u32 tgid, u32 tid, u64 *ret_runtime_ns, u64 *ret_delay_ns);
void proc_read_io(u32 tgid, u32 tid, struct trc_task_exit *event);
/* Inode number of a namespace: "pid", "net" …; 0: unknown. */
u32 proc_namespace(u32 tid, const char *name);
/* Where a link of /proc/TID leads ("exe", "cwd"), inside the thread's own root; "" if that cannot be known. Free it. */
char *proc_link(u32 tid, const char *name);
/* The path in the unified hierarchy, "" if unknown (free it), and its id, or 0. */
char *proc_cgroup(u32 tid, u64 *ret_id);
/* At most `room` bytes of the arguments; *ret_cut: there are more. */
size_t proc_read_arguments(u32 tid, char *to, size_t room, bool *ret_cut);
/* A value of the auxiliary vector, whose words have that size; 0: it has none. */
u64 proc_auxiliary(u32 tid, u64 type, u32 word_bytes);
/* Position and O_* flags of a descriptor. 0, or -ESRCH: it is closed. */
int proc_read_descriptor(u32 tid, u32 fd, u64 *ret_offset, u32 *ret_flags);
