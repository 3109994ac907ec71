/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Table loss: where events are missing. */
#include "analyze/loss.h"

#include "analyze/metrics/instance.h"

#define COLUMNS(C)                                                                                 \
	C(ring, INTEGER, NUMBER, "CPU whose ring was full; NULL: not of one ring")                 \
	C(class, TEXT, NONE,                                                                       \
	  "class of the missing events, as export --schema has it; NULL: any or unknown")          \
	C(kind, TEXT, NONE, "kind of the missing events; NULL: any or unknown")                    \
	C(start_ns, INTEGER, TS, "they are missing after this; NULL: unknown")                     \
	C(end_ns, INTEGER, TS, "and before this; NULL: unknown")                                   \
	C(count, INTEGER, COUNT, "how many; NULL: unknown")                                        \
	C(cause, TEXT, NONE, "why: ring full, file damaged, …")

enum { COLUMNS(COLUMN_ENUM) COLUMN_COUNT };
static const struct column columns[] = { COLUMNS(COLUMN_ROW) };

static void finish(struct fold *fold)
{
	loss_list_refresh(fold->walk->losses, fold->walk->reader);
	for (size_t i = 0; i < fold->walk->losses->count; i++) {
		const struct loss *loss = &fold->walk->losses->losses[i];
		const struct schema_kind *kind =
			schema_kind_by_id(&fold->walk->meta->schema, loss->kind);
		u32 class = kind ? kind->class : loss->class;
		struct value row[COLUMN_COUNT] = {};

		if (loss->first_ns > fold->walk->selection.to_ns ||
		    loss->last_ns < fold->walk->selection.from_ns)
			continue;
		row[COLUMN_ring] = value_known(loss->ring, TRACE_CPU_MIXED);
		row[COLUMN_class] =
			value_text(class <= UINT8_MAX ? schema_class_name((u8) class) : NULL);
		row[COLUMN_kind] = kind ? value_text(kind->name) : value_null();
		row[COLUMN_start_ns] = value_known(loss->first_ns, 0);
		row[COLUMN_end_ns] = value_known(loss->last_ns, UINT64_MAX);
		if (loss->has_count)
			row[COLUMN_count] = value_int((s64)loss->count);
		row[COLUMN_cause] = value_text(loss_cause_name(loss->cause));
		fold_row(fold, row);
	}
}

const struct metric metric_loss = {
	.table = { .name = "loss",
		   .doc = "events that are missing: lost while recording, or in damaged parts of "
			  "the file",
		   .columns = columns,
		   .column_count = COLUMN_COUNT,
		   .sort = "start_ns" },
	/* Damage inside a chunk shows only when it is read. */
	.classes = (1ull << TRC_CLASS_TASK) | (1ull << TRC_CLASS_SYSCALL),
	.finish = finish,
};
