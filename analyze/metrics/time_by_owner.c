/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Tables process_time and cgroup_time: thread_time's sums over all threads of a process, of a cgroup. */
#include "analyze/metrics/text_map.h"
#include "analyze/metrics/time_sums.h"

#define CGROUPS_MAX 65536

#define PROCESS_COLUMNS(C)                                                                         \
	C(process_id, INTEGER, ID, "the process")                                                  \
	C(pid, INTEGER, NUMBER, "its pid")                                                         \
	C(comm, TEXT, NONE, "its last name")                                                       \
	STATE_COLUMNS(C)                                                                           \
	SWITCH_COLUMNS(C)                                                                          \
	C(complete, INTEGER, BOOL, "0: events of it may be missing")

#define CGROUP_COLUMNS(C)                                                                          \
	C(cgroup, TEXT, NONE,                                                                      \
	  "path of the cgroup in the unified hierarchy, as its processes had it last; NULL: "      \
	  "unknown")                                                                               \
	C(process_count, INTEGER, COUNT, "processes")                                              \
	STATE_COLUMNS(C)                                                                           \
	SWITCH_COLUMNS(C)                                                                          \
	C(complete, INTEGER, BOOL, "0: events of it may be missing")

enum { PROCESS_COLUMNS(COLUMN_ENUM) PROCESS_COLUMN_COUNT };
static const struct column process_columns[] = { PROCESS_COLUMNS(COLUMN_ROW) };

#define CGROUP_ENUM(name, type, unit, doc) CGROUP_##name,
enum { CGROUP_COLUMNS(CGROUP_ENUM) CGROUP_COLUMN_COUNT };
static const struct column cgroup_columns[] = { CGROUP_COLUMNS(COLUMN_ROW) };

static void span(struct fold *fold, struct thread *thread, const struct span *span, bool shown)
{
	void **slot = &thread->process->slots[fold->slot];

	if (!shown)
		return;
	if (!*slot)
		*slot = xcalloc(1, sizeof(struct time_sums));
	time_sums_add(*slot, thread, span);
}

static void process_gone(struct fold *fold, struct process *process, bool shown)
{
	struct time_sums *sums = process->slots[fold->slot];
	struct value row[PROCESS_COLUMN_COUNT] = {};

	if (!sums)
		return;
	row[COLUMN_process_id] = value_int(process->id);
	row[COLUMN_pid] = value_int(process->pid);
	row[COLUMN_comm] = value_string(process->comm);
	time_sums_states(sums, &row[COLUMN_total_ns]);
	time_sums_switches(sums, &row[COLUMN_run_count]);
	row[COLUMN_complete] = value_int(!sums->lossy);
	fold_row(fold, row);
	time_sums_release(sums);
	free(sums);
	process->slots[fold->slot] = NULL;
}

const struct metric metric_process_time = {
	.table = { .name = "process_time",
		   .doc = "where the time of each process's threads went",
		   .columns = process_columns,
		   .column_count = PROCESS_COLUMN_COUNT,
		   .sort = "total_ns",
		   .brief = "pid,comm,total_ns,run_user_ns,run_system_ns,preempted_ns,runnable_ns,"
			    "sleep_ns,block_ns,iowait_ns,voluntary_count,involuntary_count,"
			    "latency_p99_ns" },
	.classes = 1ull << TRC_CLASS_TASK,
	.span = span,
	.process_gone = process_gone,
};

/* ---- cgroups ---- */

struct cgroup {
	u64 process_count;
	struct time_sums sums;
};

struct state {
	struct text_map by_path; /* struct cgroup */
	struct cgroup unknown;
};

static void init(struct fold *fold)
{
	struct state *state = fold->state;

	state->by_path.value_size = sizeof(struct cgroup);
}

static void cgroup_process_gone(struct fold *fold, struct process *process, bool shown)
{
	struct time_sums *sums = process->slots[fold->slot];
	const struct string *path = process->identity.cgroup;
	struct state *state = fold->state;
	struct cgroup *cgroup = NULL;

	if (!sums)
		return;
	if (path)
		cgroup = text_map_get_few(&state->by_path, CGROUPS_MAX, path->data, path->len);
	if (!cgroup)
		cgroup = &state->unknown;
	cgroup->process_count++;
	time_sums_merge(&cgroup->sums, sums);
	time_sums_release(sums);
	free(sums);
	process->slots[fold->slot] = NULL;
}

static void put_cgroup(struct fold *fold, struct value path, const struct cgroup *cgroup)
{
	struct value row[CGROUP_COLUMN_COUNT] = {};

	if (!cgroup->process_count)
		return;
	row[CGROUP_cgroup] = path;
	row[CGROUP_process_count] = value_int((s64)cgroup->process_count);
	time_sums_states(&cgroup->sums, &row[CGROUP_total_ns]);
	time_sums_switches(&cgroup->sums, &row[CGROUP_run_count]);
	row[CGROUP_complete] = value_int(!cgroup->sums.lossy);
	fold_row(fold, row);
}

static void finish(struct fold *fold)
{
	const struct state *state = fold->state;

	for (size_t i = 0; i < state->by_path.count; i++) {
		const struct text_map_entry *entry = &state->by_path.entries[i];

		put_cgroup(fold, value_bytes(entry->key, entry->key_len), entry->value);
	}
	put_cgroup(fold, value_null(), &state->unknown);
}

static void release(struct fold *fold)
{
	struct state *state = fold->state;

	for (size_t i = 0; i < state->by_path.count; i++)
		time_sums_release(&((struct cgroup *)state->by_path.entries[i].value)->sums);
	time_sums_release(&state->unknown.sums);
	text_map_release(&state->by_path);
}

const struct metric metric_cgroup_time = {
	.table = { .name = "cgroup_time",
		   .doc = "where the time of each cgroup's threads went",
		   .columns = cgroup_columns,
		   .column_count = CGROUP_COLUMN_COUNT,
		   .sort = "total_ns",
		   .brief = "cgroup,process_count,total_ns,run_user_ns,run_system_ns,preempted_ns,"
			    "runnable_ns,sleep_ns,block_ns,iowait_ns,latency_p99_ns" },
	.classes = 1ull << TRC_CLASS_TASK,
	.state_size = sizeof(struct state),
	.init = init,
	.span = span,
	.process_gone = cgroup_process_gone,
	.finish = finish,
	.release = release,
};
