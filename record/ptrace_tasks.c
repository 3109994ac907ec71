/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Births, execs, names, ends: what bpf/task.bpf.c does, from the stops and from /proc. */
#include "record/ptrace_private.h"

#include <errno.h>
#include <elf.h>
#include <limits.h>
#include <linux/audit.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "common/alloc.h"
#include "common/cleanup.h"
#include "record/metadata.h"
#include "record/ptrace_proc.h"

#define STRINGS_MAX (1u << 20)

/* --- the table */

static struct tracee **bucket_of(struct tracer *tracer, u32 tid)
{
	return &tracer->tracees[tid % TRACEE_BUCKETS];
}

struct tracee *tracee_find(struct tracer *tracer, u32 tid)
{
	struct tracee *tracee = *bucket_of(tracer, tid);

	while (tracee && tracee->tid != tid)
		tracee = tracee->next;
	return tracee;
}

struct tracee *tracee_add(struct tracer *tracer, u32 tid)
{
	struct tracee *tracee = xcalloc(1, sizeof(*tracee));

	tracee->tid = tid;
	tracee->state.phase = PHASE_NEWBORN;
	tracee->next = *bucket_of(tracer, tid);
	*bucket_of(tracer, tid) = tracee;
	__atomic_add_fetch(&tracer->live, 1, __ATOMIC_RELAXED);
	return tracee;
}

static void take_out(struct tracer *tracer, struct tracee *tracee)
{
	struct tracee **slot = bucket_of(tracer, tracee->tid);

	while (*slot != tracee)
		slot = &(*slot)->next;
	*slot = tracee->next;
}

void tracee_remove(struct tracer *tracer, struct tracee *tracee)
{
	take_out(tracer, tracee);
	free(tracee->tail);
	free(tracee);
	__atomic_sub_fetch(&tracer->live, 1, __ATOMIC_RELEASE);
}

struct tracee *tracee_next(struct tracer *tracer, const struct tracee *tracee)
{
	size_t bucket = 0;

	if (tracee && tracee->next)
		return tracee->next;
	if (tracee)
		bucket = tracee->tid % TRACEE_BUCKETS + 1;
	while (bucket < TRACEE_BUCKETS && !tracer->tracees[bucket])
		bucket++;
	return bucket < TRACEE_BUCKETS ? tracer->tracees[bucket] : NULL;
}

/*
 * /proc tells the start in whole ticks, too coarse for a tid that is used again at once. The clock is read a little
 * later than the birth: in the tick, at most its end.
 */
static u64 exact_start_ns(u64 start_ns)
{
	const u64 tick_ns = 1000000000ull / sysconf(_SC_CLK_TCK);
	struct timespec ts;
	u64 now;

	clock_gettime(CLOCK_BOOTTIME, &ts);
	now = ts.tv_sec * 1000000000ull + ts.tv_nsec;
	return now < start_ns + tick_ns ? now : start_ns + tick_ns - 1;
}

int tracee_learn(struct tracee *tracee, bool new, struct proc_status *ret_status)
{
	*ret_status = (struct proc_status){ 0 };
	if (proc_read_status(0, tracee->tid, ret_status))
		return -ESRCH;
	tracee->tgid = ret_status->tgid;
	if (new)
		tracee->start_ns = exact_start_ns(ret_status->start_ns);
	proc_read_comm(tracee->tgid, tracee->tid, tracee->comm);
	return 0;
}

/* --- what happens to tasks */

void tracee_birth(struct tracer *tracer, struct tracee *creator, u32 creator_tid,
		  struct tracee *child, u64 now)
{
	struct trc_task_new event = { 0 };
	struct proc_status status;
	struct tracee *leader;

	if (!creator)
		creator = tracee_find(tracer, creator_tid);
	child->born = true;
	child->state.reason = REASON_INHERITED;
	child->state.added_ns = now;
	child->told_part = tracer->part - (tracer->parting || tracer->paused);
	tracee_learn(child, true, &status);
	leader = tracee_find(tracer, child->tgid);
	if (creator && creator->tgid == child->tgid)
		child->leader_start_ns = creator->leader_start_ns;
	else
		child->leader_start_ns = leader ? leader->start_ns : child->start_ns;
	if (creator && creator->state.phase == PHASE_HELD)
		return;
	if (creator)
		tracer_head(&event.head, creator, TRC_KIND_task_new, sizeof(event) / 8, now);
	else
		tracer_head(&event.head,
			    &(struct tracee){ .tid = creator_tid, .tgid = creator_tid },
			    TRC_KIND_task_new, sizeof(event) / 8, now);
	event.child_tid = child->tid;
	event.child_tgid = child->tgid;
	event.child_start_ns = child->start_ns;
	event.parent_start_ns = creator ? creator->start_ns : 0;
	event.ppid = status.ppid;
	event.ns_tid = status.ns_tid;
	event.ns_tgid = status.ns_tgid;
	event.pid_ns = proc_namespace(child->tid, "pid");
	memcpy(event.comm, child->comm, sizeof(event.comm));
	tracer_send(tracer, &event.head);
}

void tracee_renamed(struct tracer *tracer, struct tracee *tracee, u64 now)
{
	struct trc_task_rename event = { 0 };

	proc_read_comm(tracee->tgid, tracee->tid, tracee->comm);
	tracer_head(&event.head, tracee, TRC_KIND_task_rename, sizeof(event) / 8, now);
	event.renamed_tid = tracee->tid;
	event.renamed_tgid = tracee->tgid;
	memcpy(event.comm, tracee->comm, sizeof(event.comm));
	tracer_send(tracer, &event.head);
}

/* As the kernel left them for the new program: argc, the pointers of argv, a NULL, those of the environment. */
static void count_strings(struct trc_exec *event, u64 stack, u32 word_bytes)
{
	u64 word = 0;

	if (tracee_read(&event->argc, sizeof(event->argc), stack)) {
		event->argc = 0;
		return;
	}
	stack += (u64)word_bytes * (event->argc + 2ull);
	while (event->envc < STRINGS_MAX && !tracee_read(&word, word_bytes, stack) && word) {
		event->envc++;
		stack += word_bytes;
	}
}

static void put_filename(struct trc_head *record, u32 tid, u32 word_bytes)
{
	char name[PATH_MAX];
	u64 address = proc_auxiliary(tid, AT_EXECFN, word_bytes);

	if (!address || tracee_read_string(name, sizeof(name), address) < 0)
		name[0] = 0;
	record_put_text(record, 0, name);
}

static void exec_send(struct tracer *tracer, struct tracee *tracee, u32 old_tid, u32 arch,
		      const struct proc_status *status, u64 stack_pointer, u64 now)
{
	_cleanup_free_ struct trc_exec *event = xcalloc(1, TRC_RECORD_MAX);
	_cleanup_free_ char *cgroup = NULL;
	const u32 word_bytes = arch & __AUDIT_ARCH_64BIT ? 8 : 4, tid = tracee->tid;
	tracer_head(&event->head, tracee, TRC_KIND_exec, sizeof(*event) / 8, now);
	event->old_tid = old_tid;
	event->ppid = status->ppid;
	event->start_ns = tracee->start_ns;
	FILL_IDENTITY(event, tid, status);
	cgroup = proc_cgroup(tid, &event->cgroup_id);
	memcpy(event->comm, tracee->comm, sizeof(event->comm));
	tracee_memory_begin(tid);
	count_strings(event, stack_pointer, word_bytes);
	put_filename(&event->head, tid, word_bytes);
	record_put_link(&event->head, 1, tid, "exe");
	record_put_link(&event->head, 2, tid, "cwd");
	record_put_arguments(&event->head, 3, tid);
	record_put_text(&event->head, 4, cgroup);
	tracer_send(tracer, &event->head);
}

/* An exec gives the thread the number of its leader, which it has killed. */
static void take_number(struct tracer *tracer, struct tracee *tracee, u32 tid, u64 now)
{
	struct tracee *leader = tracee_find(tracer, tid);

	/*
	 * Killed by the exec, and perhaps more than once: then it did not stop at its end, or was not there any more to
	 * be let go. Either way it reports nothing more.
	 */
	if (leader) {
		tracee_exit(tracer, leader, 0, false, now);
		tracee_remove(tracer, leader);
	}
	take_out(tracer, tracee);
	tracee->tid = tid;
	tracee->start_ns = tracee->leader_start_ns;
	tracee->next = *bucket_of(tracer, tid);
	*bucket_of(tracer, tid) = tracee;
}

struct tracee *tracee_heir(struct tracer *tracer, u32 tid, bool is_there, u64 now)
{
	struct tracee *tracee = tracee_next(tracer, NULL);

	while (tracee && (tracee->end_told || tracee->tgid != tid))
		tracee = tracee_next(tracer, tracee);
	if (!tracee)
		return NULL;
	take_number(tracer, tracee, tid, now);
	if (is_there)
		tracee_renamed(tracer, tracee, now);
	return tracee;
}

struct tracee *tracee_exec(struct tracer *tracer, u32 tid, u32 old_tid, u32 arch, u64 stack_pointer,
			   u64 now)
{
	struct tracee *tracee = tracee_find(tracer, old_tid);
	struct proc_status status;

	if (!tracee)
		return NULL;
	if (old_tid != tid)
		take_number(tracer, tracee, tid, now);
	tracee_learn(tracee, false, &status);
	/* Without system calls nobody saw the held command enter its exec. */
	if (tracee->state.phase == PHASE_HELD)
		tracee->state.phase = PHASE_OUTSIDE;
	tracee->group_exit = false;
	tracee_renamed(tracer, tracee, now);
	exec_send(tracer, tracee, old_tid, arch, &status, stack_pointer, now);
	return tracee;
}

/* How many threads of its process are there beside it; and is one of them in an exec, which kills the others? */
static u32 others_of(struct tracer *tracer, const struct tracee *tracee, bool *ret_exec)
{
	const struct syscall_spec *spec;
	u32 count = 0;

	*ret_exec = false;
	for (struct tracee *t = tracee_next(tracer, NULL); t; t = tracee_next(tracer, t)) {
		if (t == tracee || t->end_told || t->tgid != tracee->tgid)
			continue;
		count++;
		if (t->state.phase != PHASE_INSIDE)
			continue;
		spec = call_spec(tracer, t);
		if (spec && spec->flags & SPEC_EXEC)
			*ret_exec = true;
	}
	return count;
}

void tracees_end_as_group(struct tracer *tracer, u32 tgid)
{
	for (struct tracee *t = tracee_next(tracer, NULL); t; t = tracee_next(tracer, t))
		if (t->tgid == tgid)
			t->group_exit = true;
}

/* What it is, if its end would come without: it was told of in a file that has ended since. */
static void beginning_send(struct tracer *tracer, const struct tracee *tracee, u64 now)
{
	u64 record[TRC_RECORD_MAX / 8];
	struct trc_head *head = (struct trc_head *)record;

	if (tracee->told_part == tracer->part)
		return;
	tracee_fill_found(tracee, record);
	head->ts = now;
	tracer_send(tracer, head);
}

void tracee_exit(struct tracer *tracer, struct tracee *tracee, u32 exit_code, bool accounts,
		 u64 now)
{
	struct trc_task_exit event = { 0 };
	struct proc_status status = { 0 };
	const struct trc_head *call;
	bool in_exec;

	if (tracee->end_told)
		return;
	if (tracee->state.phase == PHASE_HELD) {
		tracee->end_told = true;
		return;
	}
	beginning_send(tracer, tracee, now);
	if (call_unfinished(tracer, tracee, now, &call))
		tracer_send(tracer, call);
	event.live_threads = others_of(tracer, tracee, &in_exec);
	if (exit_code & 0x7f && !in_exec)
		tracees_end_as_group(tracer, tracee->tgid);
	tracer_head(&event.head, tracee, TRC_KIND_task_exit, sizeof(event) / 8, now);
	event.exit_code = exit_code;
	event.start_ns = tracee->start_ns;
	if (accounts && !proc_read_status(tracee->tgid, tracee->tid, &status)) {
		event.ppid = status.ppid;
		event.utime_ns = status.utime_ns;
		event.stime_ns = status.stime_ns;
		event.minor_faults = status.minor_faults;
		event.major_faults = status.major_faults;
		event.voluntary_switches = status.voluntary_switches;
		event.involuntary_switches = status.involuntary_switches;
		event.max_rss_bytes = status.max_rss_bytes;
		event.blkio_delay_ns = status.blkio_delay_ns;
		proc_read_schedstat(tracee->tgid, tracee->tid, &event.runtime_ns,
				    &event.cpu_delay_ns);
		proc_read_io(tracee->tgid, tracee->tid, &event);
	}
	event.signal_flags = (event.live_threads ? 0 : 1) | (tracee->group_exit ? 2 : 0);
	memcpy(event.comm, tracee->comm, sizeof(event.comm));
	tracer_send(tracer, &event.head);
	if (!event.live_threads && tracee->tgid == tracer->command_pid) {
		struct trc_target_removed removed = { .start_ns = tracee->leader_start_ns,
						      .reason = REASON_COMMAND,
						      .cause = 1 };

		tracer_head(&removed.head, tracee, TRC_KIND_target_removed, sizeof(removed) / 8,
			    now);
		removed.head.tid = tracee->tgid;
		tracer_send(tracer, &removed.head);
	}
	/* Not before: sending may wait, and a file that begins meanwhile is to know whose end comes. */
	tracee->end_told = true;
}
