/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Table probe: what each BPF program cost. */
#include "analyze/metrics/metric.h"

#define COLUMNS(C)                                                                                 \
	C(name, TEXT, NONE, "the BPF program")                                                     \
	C(run_count, INTEGER, COUNT,                                                               \
	  "how often it ran, for any process of the machine; scaled up from samples")              \
	C(run_ns, INTEGER, NS, "how long, in all; scaled up from samples")                         \
	C(mean_ns, INTEGER, NS, "how long a run took; NULL: it never ran while it was measured")

enum { COLUMNS(COLUMN_ENUM) COLUMN_COUNT };
static const struct column columns[] = { COLUMNS(COLUMN_ROW) };

static void finish(struct fold *fold)
{
	const struct trace_summary *summary = fold->walk->summary;

	for (size_t i = 0; summary && i < summary->program_count; i++) {
		const struct trace_program_cost *program = &summary->programs[i];
		struct value row[COLUMN_COUNT] = {};

		row[COLUMN_name] = value_text(program->name);
		row[COLUMN_run_count] = value_int((s64)program->run_count);
		row[COLUMN_run_ns] = value_int((s64)program->run_ns);
		if (program->run_count)
			row[COLUMN_mean_ns] =
				value_int((s64)(program->run_ns / program->run_count));
		fold_row(fold, row);
	}
}

const struct metric metric_probe = {
	.table = { .name = "probe",
		   .doc = "the BPF programs of the recording and what they cost the machine",
		   .columns = columns,
		   .column_count = COLUMN_COUNT,
		   .sort = "run_ns" },
	.finish = finish,
};
