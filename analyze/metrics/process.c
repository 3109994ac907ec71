/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Table process: a row per process instance. */
#include "analyze/metrics/instance.h"

#define COLUMNS(C)                                                                                 \
	C(process_id, INTEGER, ID,                                                                 \
	  "the process instance: 1, 2, … in the order in which the trace names them")              \
	C(pid, INTEGER, NUMBER,                                                                    \
	  "process id in the initial pid namespace; may be reused by a later instance")            \
	C(ns_pid, INTEGER, NUMBER, "process id in its own pid namespace")                          \
	C(ppid, INTEGER, NUMBER, "pid of its parent at birth")                                     \
	C(parent_process_id, INTEGER, ID,                                                          \
	  "instance of its parent at birth; NULL: not in the trace")                               \
	C(last_ppid, INTEGER, NUMBER,                                                              \
	  "pid of its parent at the end: another one after reparenting")                           \
	C(start_ns, INTEGER, TS,                                                                   \
	  "birth; before the start of the trace for a process that was there before; of the "      \
	  "recorded command the start of the trace")                                               \
	C(end_ns, INTEGER, TS,                                                                     \
	  "end of its last thread; NULL: still alive at the end of the trace, or not seen")        \
	C(exit_code, INTEGER, NUMBER, "exit code; NULL: killed by a signal, or not seen")          \
	C(exit_signal, INTEGER, NUMBER, "signal that killed it; NULL: none, or not seen")          \
	C(comm, TEXT, NONE, "name of its leader, the last one it had")                             \
	C(exe, TEXT, NONE, "absolute path of its program, as of the last exec")                    \
	C(cmdline, TEXT, NONE,                                                                     \
	  "arguments of the last exec, quoted for a shell; a trailing ... says cut")               \
	C(cwd, TEXT, NONE, "current directory at the last exec")                                   \
	C(uid, INTEGER, NUMBER, "real user id in the initial namespace, as of the last exec")      \
	C(gid, INTEGER, NUMBER, "real group id, as uid")                                           \
	C(euid, INTEGER, NUMBER, "effective user id, as uid")                                      \
	C(egid, INTEGER, NUMBER, "effective group id, as uid")                                     \
	C(cgroup, TEXT, NONE, "path of its cgroup in the unified hierarchy, as of the last exec")  \
	C(pid_ns, INTEGER, NUMBER, "inode number of its pid namespace")                            \
	C(exec_count, INTEGER, COUNT, "successful execs in the trace")                             \
	C(thread_count, INTEGER, COUNT, "threads it had in the trace, the first included")         \
	C(cpu_ns, INTEGER, NS,                                                                     \
	  "time on a CPU, up to a tick less; here and below: of the threads that ended in the "    \
	  "trace, NULL if "                                                                        \
	  "none did")                                                                              \
	C(utime_ns, INTEGER, NS,                                                                   \
	  "part of cpu_ns in user mode, in the proportion of the kernel's ticks")                  \
	C(stime_ns, INTEGER, NS, "part of cpu_ns in the kernel")                                   \
	C(cpu_delay_ns, INTEGER, NS,                                                               \
	  "ready but waiting for a CPU; 0 where the kernel does not account it")                   \
	C(blkio_delay_ns, INTEGER, NS,                                                             \
	  "waiting for block I/O; 0 where the kernel does not account it")                         \
	C(max_rss_bytes, INTEGER, BYTES, "largest resident set")                                   \
	C(minor_faults, INTEGER, COUNT, "page faults without I/O")                                 \
	C(major_faults, INTEGER, COUNT, "page faults with I/O")                                    \
	C(voluntary_switches, INTEGER, COUNT, "context switches because it waited")                \
	C(involuntary_switches, INTEGER, COUNT, "context switches because it was preempted")       \
	C(read_bytes, INTEGER, BYTES, "fetched from storage")                                      \
	C(write_bytes, INTEGER, BYTES, "sent towards storage")                                     \
	C(rchar_bytes, INTEGER, BYTES, "returned by read-like calls, from wherever")               \
	C(wchar_bytes, INTEGER, BYTES, "taken by write-like calls")                                \
	C(lossy, INTEGER, BOOL,                                                                    \
	  "1: events of its life may be missing, so its numbers may be too low")

enum { COLUMNS(COLUMN_ENUM) COLUMN_COUNT };
static const struct column columns[] = { COLUMNS(COLUMN_ROW) };

static void put_identity(const struct process *process, struct value *row)
{
	const struct identity *identity = &process->identity;

	row[COLUMN_exe] = value_string(identity->exe);
	row[COLUMN_cmdline] = value_string(identity->cmdline);
	row[COLUMN_cwd] = value_string(identity->cwd);
	row[COLUMN_cgroup] = value_string(identity->cgroup);
	row[COLUMN_pid_ns] = value_known(identity->pid_ns, 0);
	if (!identity->known)
		return;
	row[COLUMN_uid] = value_int(identity->uid);
	row[COLUMN_gid] = value_int(identity->gid);
	row[COLUMN_euid] = value_int(identity->euid);
	row[COLUMN_egid] = value_int(identity->egid);
}

static void put_totals(const struct process *process, struct value *row)
{
	const struct totals *totals = &process->totals;
	u64 user, system;

	if (!process->exit_count)
		return;
	totals_split(totals, &user, &system);
	row[COLUMN_cpu_ns] = value_int((s64)totals->runtime_ns);
	row[COLUMN_utime_ns] = value_int((s64)user);
	row[COLUMN_stime_ns] = value_int((s64)system);
	row[COLUMN_cpu_delay_ns] = value_int((s64)totals->cpu_delay_ns);
	row[COLUMN_blkio_delay_ns] = value_int((s64)totals->blkio_delay_ns);
	row[COLUMN_max_rss_bytes] = value_int((s64)totals->max_rss_bytes);
	row[COLUMN_minor_faults] = value_int((s64)totals->minor_faults);
	row[COLUMN_major_faults] = value_int((s64)totals->major_faults);
	row[COLUMN_voluntary_switches] = value_int((s64)totals->voluntary_switches);
	row[COLUMN_involuntary_switches] = value_int((s64)totals->involuntary_switches);
	row[COLUMN_read_bytes] = value_int((s64)totals->read_bytes);
	row[COLUMN_write_bytes] = value_int((s64)totals->write_bytes);
	row[COLUMN_rchar_bytes] = value_int((s64)totals->rchar_bytes);
	row[COLUMN_wchar_bytes] = value_int((s64)totals->wchar_bytes);
}

static void process_gone(struct fold *fold, struct process *process, bool shown)
{
	struct value row[COLUMN_COUNT] = {};

	if (!shown)
		return;
	row[COLUMN_process_id] = value_int(process->id);
	row[COLUMN_pid] = value_int(process->pid);
	row[COLUMN_ns_pid] = value_known(process->ns_pid, 0);
	row[COLUMN_ppid] = value_known(process->ppid, 0);
	row[COLUMN_parent_process_id] = value_known(process->parent_id, 0);
	row[COLUMN_last_ppid] = value_known(process->last_ppid, 0);
	row[COLUMN_start_ns] = value_known(process->start_ns, MODEL_UNKNOWN);
	row[COLUMN_end_ns] = value_known(process->end_ns, MODEL_UNKNOWN);
	put_status(process->has_status, process->status, &row[COLUMN_exit_code],
		   &row[COLUMN_exit_signal]);
	row[COLUMN_comm] = value_string(process->comm);
	row[COLUMN_exec_count] = value_int(process->exec_count);
	row[COLUMN_thread_count] = value_int(process->thread_count);
	put_identity(process, row);
	put_totals(process, row);
	row[COLUMN_lossy] = value_int(
		walk_is_lossy(fold->walk, TRC_KIND_none, process->start_ns, process->end_ns));
	fold_row(fold, row);
}

const struct metric metric_process = {
	.table = { .name = "process",
		   .doc = "processes: who ran, whose child it was, how it ended, what it used",
		   .columns = columns,
		   .column_count = COLUMN_COUNT,
		   .sort = "process_id",
		   .brief = "pid,ppid,comm,start_ns,end_ns,exit_code,exit_signal,thread_count,cpu_"
			    "ns,utime_ns,"
			    "stime_ns,max_rss_bytes,cmdline" },
	.classes = 1ull << TRC_CLASS_TASK,
	.process_gone = process_gone,
};
