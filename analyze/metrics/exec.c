/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Table exec: a row per successful exec. */
#include "analyze/metrics/instance.h"

#define COLUMNS(C)                                                                                 \
	C(process_id, INTEGER, ID, "the process")                                                  \
	C(ts_ns, INTEGER, TS, "when it succeeded")                                                 \
	C(filename, TEXT, NONE, "the file as the caller named it")                                 \
	C(cmdline, TEXT, NONE, "the arguments, quoted for a shell; a trailing ... says cut")       \
	C(exe, TEXT, NONE, "absolute path of the program inside the process's root")               \
	C(cwd, TEXT, NONE, "current directory")                                                    \
	C(comm, TEXT, NONE, "name after the exec")                                                 \
	C(argc, INTEGER, COUNT, "arguments, argv[0] included")                                     \
	C(envc, INTEGER, COUNT, "environment strings")                                             \
	C(uid, INTEGER, NUMBER, "real user id in the initial namespace")                           \
	C(gid, INTEGER, NUMBER, "real group id")                                                   \
	C(euid, INTEGER, NUMBER, "effective user id")                                              \
	C(egid, INTEGER, NUMBER, "effective group id")                                             \
	C(from_tid, INTEGER, NUMBER,                                                               \
	  "thread that called, if it was not the leader; NULL: the leader")

enum { COLUMNS(COLUMN_ENUM) COLUMN_COUNT };
static const struct column columns[] = { COLUMNS(COLUMN_ROW) };

static struct value filename(const struct trc_exec *record)
{
	const struct trc_item *item = record_item(&record->head, 0);

	return item && item->state != TRC_ITEM_UNREADABLE
		       ? value_bytes((const char *)trc_item_data(item), item->len)
		       : value_null();
}

static void event(struct fold *fold, const struct walk_step *step)
{
	const struct trc_exec *record = (const struct trc_exec *)step->event.record;
	const struct identity *identity;
	struct value row[COLUMN_COUNT] = {};

	if (step->event.kind_id != TRC_KIND_exec || !step->thread)
		return;
	identity = &step->thread->process->identity;
	row[COLUMN_process_id] = value_int(step->thread->process->id);
	row[COLUMN_ts_ns] = value_int((s64)record->head.ts);
	row[COLUMN_filename] = filename(record);
	row[COLUMN_cmdline] = value_string(identity->cmdline);
	row[COLUMN_exe] = value_string(identity->exe);
	row[COLUMN_cwd] = value_string(identity->cwd);
	row[COLUMN_comm] = value_bytes(record->comm, strnlen(record->comm, sizeof(record->comm)));
	row[COLUMN_argc] = value_int(record->argc);
	row[COLUMN_envc] = value_int(record->envc);
	row[COLUMN_uid] = value_int(record->uid);
	row[COLUMN_gid] = value_int(record->gid);
	row[COLUMN_euid] = value_int(record->euid);
	row[COLUMN_egid] = value_int(record->egid);
	if (record->old_tid && record->old_tid != record->head.tid)
		row[COLUMN_from_tid] = value_int(record->old_tid);
	fold_row(fold, row);
}

const struct metric metric_exec = {
	.table = { .name = "exec",
		   .doc = "programs that processes started",
		   .columns = columns,
		   .column_count = COLUMN_COUNT,
		   .sort = "ts_ns",
		   .brief = "ts_ns,process_id,comm,exe,cmdline" },
	.classes = 1ull << TRC_CLASS_TASK,
	.event = event,
};
