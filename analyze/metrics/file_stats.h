/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Sums over what calls did to files, pipes and sockets: the columns that their tables share.
 *
 * Times are of complete calls. A call that reads one descriptor and writes another (sendfile, splice) counts with
 * both, its time too. Requests of an io_uring count when they complete, without time.
 */
#pragma once

#include "analyze/metrics/instance.h"
#include "analyze/model/connects.h"
#include "analyze/model/uses.h"

#define FILE_ERRORS_MAX 6 /* different errors that are told apart */

struct file_stats { /* zero it first */
	u64 counts[FILE_OP_COUNT], ns[FILE_OP_COUNT];
	u64 path_count, path_ns; /* calls that were given the path and opened nothing */
	u64 read_bytes, write_bytes;
	u64 error_count;
	struct {
		u32 number, count;
	} errors[FILE_ERRORS_MAX];
	u64 first_ns, last_ns; /* end of the first and the last one */
};

/* To stand last in a COLUMNS() list. */
#define FILE_STATS_COLUMNS(C)                                                                      \
	C(read_count, INTEGER, COUNT, "reads: read, recv and their kin, entries of directories")   \
	C(read_bytes, INTEGER, BYTES, "bytes that they returned")                                  \
	C(read_ns, INTEGER, NS, "sum of their durations")                                          \
	C(write_count, INTEGER, COUNT, "writes: write, send and their kin")                        \
	C(write_bytes, INTEGER, BYTES, "bytes that they took")                                     \
	C(write_ns, INTEGER, NS, "sum of their durations")                                         \
	C(seek_count, INTEGER, COUNT, "calls that move the position")                              \
	C(sync_count, INTEGER, COUNT, "fsync and its kin")                                         \
	C(sync_ns, INTEGER, NS, "sum of their durations")                                          \
	C(map_count, INTEGER, COUNT, "mappings into memory")                                       \
	C(other_count, INTEGER, COUNT, "other calls, closes included")                             \
	C(error_count, INTEGER, COUNT, "calls that returned an error")                             \
	C(errors, TEXT, NONE, "their errors, \"ENOENT 3, EACCES 1\"; NULL: none")                  \
	C(total_ns, INTEGER, NS, "sum of the durations of all these calls")

#define FILE_STATS_COLUMN_COUNT 14

/* One use by the call of `record`; NULL: by a request of an io_uring. */
void file_stats_add(struct file_stats *stats, u8 op, u64 bytes, u64 ts,
		    const struct trc_syscall *record);
/* The same with this error instead of the call's; 0: none. */
void file_stats_add_as(struct file_stats *stats, u8 op, u64 bytes, u64 ts,
		       const struct trc_syscall *record, u32 error);
/* One of a connect that failed behind its call; 0: none. */
void file_stats_add_error(struct file_stats *stats, u32 number);
/* A call that was given the path. */
void file_stats_add_path(struct file_stats *stats, const struct trc_syscall *record);
/* Fills FILE_STATS_COLUMN_COUNT values; text is borrowed from fold->text. */
void file_stats_values(const struct file_stats *stats, struct fold *fold, struct value *values);

/* "ENOENT 3, EACCES 1", or NULL; borrowed likewise. */
struct value file_stats_errors(const struct file_stats *stats, struct fold *fold);

/* What calls did to the event's files, for the metrics' .call and .event alike. */
static inline size_t step_uses(struct fold *fold, const struct walk_step *step,
			       const struct file_use **ret_uses)
{
	return model_uses(fold->walk->model, step->thread, &step->event, ret_uses);
}

/*
 * The error to be counted with one of these uses by the call of `record`, which may be NULL; 0: none. Of a connect it is what
 * came of it, if that is told: where calls are selected the events are not.
 */
static inline u32 step_use_error(const struct fold *fold, const struct file_use *use,
				 const struct trc_syscall *record)
{
	if (!record)
		return 0;
	if (use->op != FILE_OP_connect || fold->walk->selection.calls)
		return call_failure(record);
	return connect_call_error(use->file ? use->file->object->socket : NULL, record);
}

#define FILE_CLASSES                                                                               \
	(WALK_FDS | (1ull << TRC_CLASS_TASK) | (1ull << TRC_CLASS_OBJECT) |                        \
	 (1ull << TRC_CLASS_SYSCALL) | (1ull << TRC_CLASS_IO))
