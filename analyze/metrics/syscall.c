/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Table syscall: a row per call. Never held in memory. */
#include "analyze/call_names.h"
#include "analyze/metrics/instance.h"

#define COLUMNS(C)                                                                                 \
	C(thread_id, INTEGER, ID, "the calling thread")                                            \
	C(ts_ns, INTEGER, TS, "entry; for state no_enter the exit, as the entry was not seen")     \
	C(duration_ns, INTEGER, NS, "from entry to exit; NULL unless complete")                    \
	C(name, TEXT, NONE, "name of the call; syscall_0x… if the trace does not know the number") \
	C(nr, INTEGER, NUMBER, "number of the call in its ABI")                                    \
	C(abi, TEXT, NONE, "ABI of the call: x86_64, i386, x32, arm64, arm, riscv64")              \
	C(ret, INTEGER, NUMBER, "return value as the kernel gave it; NULL for unfinished")         \
	C(errno, INTEGER, NUMBER,                                                                  \
	  "number of the error (table errno has its name); NULL: no error")                        \
	C(state, TEXT, NONE,                                                                       \
	  "complete; unfinished: never returned while it was watched; no_enter: entered before "   \
	  "it was watched")                                                                        \
	C(args, TEXT, NONE, "arguments as strace -y writes them; NULL for no_enter")               \
	C(path, TEXT, NONE, "first path that the call was given; NULL: none")                      \
	C(tid, INTEGER, NUMBER, "the calling thread's tid at that time")                           \
	C(errno_name, TEXT, NONE, "name of the error on the recording machine; NULL: no error")    \
	C(cpu, INTEGER, NUMBER, "CPU on which it ended")

enum { COLUMNS(COLUMN_ENUM) COLUMN_COUNT };
static const struct column columns[] = { COLUMNS(COLUMN_ROW) };

static const char *const states[] = {
	[TRC_SYSCALL_COMPLETE] = "complete",
	[TRC_SYSCALL_UNFINISHED] = "unfinished",
	[TRC_SYSCALL_NO_ENTER] = "no_enter",
};

static void call(struct fold *fold, const struct walk_step *step, const struct trc_syscall *record)
{
	u32 error = call_error(record);
	struct value row[COLUMN_COUNT] = {};
	const char *path;
	size_t len;

	row[COLUMN_thread_id] = value_int(step->thread->id);
	row[COLUMN_ts_ns] = value_int((s64)record->head.ts);
	if (record->state != TRC_SYSCALL_NO_ENTER)
		row[COLUMN_ts_ns] = value_int((s64)(record->head.ts - record->duration_ns));
	if (record->state == TRC_SYSCALL_COMPLETE)
		row[COLUMN_duration_ns] = value_int((s64)record->duration_ns);
	row[COLUMN_name] =
		value_text(call_names_get(fold->walk->calls,
					  call_names_id(fold->walk->calls, record->abi, record->nr))
				   ->name);
	row[COLUMN_nr] = value_int(record->nr);
	row[COLUMN_abi] = value_text(syscall_abi_name(record->abi));
	if (record->state != TRC_SYSCALL_UNFINISHED)
		row[COLUMN_ret] = value_int(record->ret);
	row[COLUMN_errno] = value_known(error, 0);
	if (record->state < ARRAY_SIZE(states))
		row[COLUMN_state] = value_text(states[record->state]);
	if (record->state != TRC_SYSCALL_NO_ENTER) {
		text_clear(&fold->text);
		decode_args(fold->walk->decoder, record, &fold->text);
		row[COLUMN_args] =
			value_bytes(fold->text.data ? fold->text.data : "", fold->text.len);
	}
	if (decode_path(fold->walk->decoder, record, &path, &len))
		row[COLUMN_path] = value_bytes(path, len);
	row[COLUMN_tid] = value_int(record->head.tid);
	if (error)
		row[COLUMN_errno_name] = value_text(decoder_errno_name(fold->walk->decoder, error));
	row[COLUMN_cpu] = value_int(record->head.cpu);
	fold_row(fold, row);
}

const struct metric metric_syscall = {
	.table = { .name = "syscall",
		   .doc = "system calls, one by one, in the order in which they ended",
		   .columns = columns,
		   .column_count = COLUMN_COUNT,
		   .brief = "ts_ns,tid,name,ret,errno_name,duration_ns,state,args",
		   .stream = true },
	.classes = WALK_FDS | (1ull << TRC_CLASS_TASK) | (1ull << TRC_CLASS_SYSCALL),
	.call = call,
};
