/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "record/snapshot_all.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "common/alloc.h"
#include "common/cleanup.h"
#include "record/metadata.h"

DEFINE_CLEANUP(DIR *, closedir)

struct snapshot {
	struct trace_state *state;
	size_t capacity;
};

static struct trace_state_task *add_task(struct snapshot *snapshot)
{
	struct trace_state *state = snapshot->state;

	ARRAY_RESERVE(state->tasks, snapshot->capacity, state->task_count + 1);
	return &state->tasks[state->task_count];
}

static bool is_target(struct probes *probes, u32 pid)
{
	_cleanup_close_ int pidfd = (int)syscall(SYS_pidfd_open, pid, 0);

	return pidfd >= 0 && probes_is_target(probes, pidfd);
}

static char *read_comm(u32 pid, u32 tid)
{
	_cleanup_free_ char *path = xasprintf("/proc/%u/task/%u/comm", pid, tid);
	_cleanup_fclose_ FILE *file = fopen(path, "re");
	char comm[64];

	if (!file || !fgets(comm, sizeof(comm), file))
		return xstrdup("");
	comm[strcspn(comm, "\n")] = 0;
	return xstrdup(comm);
}

/* The threads beside the leader, which has all that they share. */
static void add_threads(struct snapshot *snapshot, size_t leader)
{
	u32 pid = snapshot->state->tasks[leader].tid;
	_cleanup_free_ char *path = xasprintf("/proc/%u/task", pid);
	_cleanup_(closedirp) DIR *dir = opendir(path);
	struct dirent *entry;

	while (dir && (entry = readdir(dir))) {
		u32 tid = (u32)strtoul(entry->d_name, NULL, 10);
		const struct trace_state_task *process;
		struct trace_state_task *task;

		if (!tid || tid == pid)
			continue;
		task = add_task(snapshot);
		process = &snapshot->state->tasks[leader];
		*task = (struct trace_state_task){ .tid = tid,
						   .tgid = pid,
						   .ppid = process->ppid,
						   .ns_tgid = process->ns_tgid,
						   .uid = process->uid,
						   .gid = process->gid,
						   .comm = read_comm(pid, tid),
						   .exe = xstrdup(""),
						   .cwd = xstrdup(""),
						   .cgroup = xstrdup("") };
		snapshot->state->task_count++;
	}
}

static int add_targets(struct snapshot *snapshot, struct probes *probes, u32 held_pid,
		       snapshot_pause pause, void *context)
{
	_cleanup_(closedirp) DIR *dir = opendir("/proc");
	struct dirent *entry;
	int err = 0;

	while (dir && !err && (entry = readdir(dir))) {
		u32 pid = (u32)strtoul(entry->d_name, NULL, 10);
		size_t leader = snapshot->state->task_count;

		if (!pid)
			continue;
		/* Also where there are many that are none of ours: to ask takes a while. */
		err = pause(context);
		if (err || !is_target(probes, pid) ||
		    snapshot_process(pid, pid == held_pid, add_task(snapshot)))
			continue;
		snapshot->state->task_count++;
		add_threads(snapshot, leader);
	}
	return err;
}

int snapshot_all(struct probes *probes, u32 held_pid, struct trace_writer *writer,
		 snapshot_pause pause, void *context)
{
	struct snapshot snapshot = { .state = xcalloc(1, sizeof(*snapshot.state)) };
	_cleanup_free_ u8 *data = NULL;
	size_t len;
	int err;

	snapshot.state->ts = monotonic_ns();
	err = add_targets(&snapshot, probes, held_pid, pause, context);
	if (!err && snapshot.state->task_count) {
		trace_state_encode(snapshot.state, &data, &len);
		err = trace_writer_put(writer, TRACE_STATE, snapshot.state->ts, data, len);
		if (err == -E2BIG)
			err = 0; /* a trace without a snapshot is better than none */
	}
	trace_state_free(snapshot.state);
	return err;
}
