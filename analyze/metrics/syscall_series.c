/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Tables syscall_histogram (durations by powers of two) and syscall_per_second (calls over time). */
#include "analyze/call_names.h"
#include "analyze/metrics/histogram.h"
#include "analyze/metrics/instance.h"

#define SECOND_NS 1000000000ull

#define HISTOGRAM_COLUMNS(C)                                                                       \
	C(name, TEXT, NONE, "name of the call")                                                    \
	C(from_ns, INTEGER, NS, "durations from here")                                             \
	C(to_ns, INTEGER, NS, "to below this; NULL: no limit")                                     \
	C(count, INTEGER, COUNT, "complete calls")

#define SECOND_COLUMNS(C)                                                                          \
	C(second, INTEGER, NUMBER, "seconds since the start of the recording; -1: before it")      \
	C(name, TEXT, NONE, "name of the call")                                                    \
	C(count, INTEGER, COUNT, "calls that ended in this second")                                \
	C(error_count, INTEGER, COUNT, "of them failed")                                           \
	C(total_ns, INTEGER, NS, "sum of the durations of the complete ones")

enum { HISTOGRAM_COLUMNS(COLUMN_ENUM) HISTOGRAM_COUNT };
static const struct column histogram_columns[] = { HISTOGRAM_COLUMNS(COLUMN_ROW) };

#define SECOND_ENUM(name, type, unit, doc) SECOND_##name,
enum { SECOND_COLUMNS(SECOND_ENUM) SECOND_COUNT };
static const struct column second_columns[] = { SECOND_COLUMNS(COLUMN_ROW) };

/* ---- by duration ---- */

struct histograms {
	size_t capacity;
	struct histogram *by_name;
};

static void histogram_call(struct fold *fold, const struct walk_step *step,
			   const struct trc_syscall *record)
{
	u32 name = call_names_id(fold->walk->calls, record->abi, record->nr);
	struct histograms *state = fold->state;

	if (record->state != TRC_SYSCALL_COMPLETE)
		return;
	ARRAY_RESERVE_ZERO(state->by_name, state->capacity, name + 1u);
	histogram_add(&state->by_name[name], record->duration_ns);
}

static void histogram_finish(struct fold *fold)
{
	struct histograms *state = fold->state;

	for (u32 i = 0; i < state->capacity; i++)
		for (unsigned power = 0; power < 64 && state->by_name[i].count; power++) {
			u64 count = histogram_octave_count(&state->by_name[i], power);
			struct value row[HISTOGRAM_COUNT];

			if (!count)
				continue;
			row[COLUMN_name] = value_text(call_names_get(fold->walk->calls, i)->name);
			row[COLUMN_from_ns] = value_int(power ? (s64)(1ull << power) : 0);
			row[COLUMN_to_ns] =
				power < 62 ? value_int((s64)(2ull << power)) : value_null();
			row[COLUMN_count] = value_int((s64)count);
			fold_row(fold, row);
		}
}

static void histogram_free(struct fold *fold)
{
	struct histograms *state = fold->state;

	for (size_t i = 0; i < state->capacity; i++)
		histogram_release(&state->by_name[i]);
	free(state->by_name);
}

const struct metric metric_syscall_histogram = {
	.table = { .name = "syscall_histogram",
		   .doc = "durations of complete system calls by powers of two",
		   .columns = histogram_columns,
		   .column_count = HISTOGRAM_COUNT },
	.classes = (1ull << TRC_CLASS_TASK) | (1ull << TRC_CLASS_SYSCALL),
	.state_size = sizeof(struct histograms),
	.call = histogram_call,
	.finish = histogram_finish,
	.release = histogram_free,
};

/* ---- over time ---- */

struct second {
	u64 count, error_count, total_ns;
};

struct series { /* only the current second is held */
	s64 second;
	u64 called[CALL_NAMES_MAX / 64]; /* bits of by_name: most seconds know few of all names */
	size_t capacity;
	struct second *by_name;
};

static void put_name(struct fold *fold, u32 name)
{
	struct series *state = fold->state;
	struct second *second = &state->by_name[name];
	struct value row[SECOND_COUNT];

	row[SECOND_second] = value_int(state->second);
	row[SECOND_name] = value_text(call_names_get(fold->walk->calls, name)->name);
	row[SECOND_count] = value_int((s64)second->count);
	row[SECOND_error_count] = value_int((s64)second->error_count);
	row[SECOND_total_ns] = value_int((s64)second->total_ns);
	fold_row(fold, row);
	*second = (struct second){};
}

static void put_second(struct fold *fold)
{
	struct series *state = fold->state;

	for (size_t i = 0; i < ARRAY_SIZE(state->called); i++)
		for (; state->called[i]; state->called[i] &= state->called[i] - 1)
			put_name(fold, (u32)(i * 64) + (u32)__builtin_ctzll(state->called[i]));
}

static void second_call(struct fold *fold, const struct walk_step *step,
			const struct trc_syscall *record)
{
	u32 name = call_names_id(fold->walk->calls, record->abi, record->nr);
	struct series *state = fold->state;
	s64 second = record->head.ts >= fold->walk->start_ns
			     ? (s64)((record->head.ts - fold->walk->start_ns) / SECOND_NS)
			     : -1;

	/* Damage can break the order: what is late is counted where the walk is. */
	if (second > state->second) {
		put_second(fold);
		state->second = second;
	}
	ARRAY_RESERVE_ZERO(state->by_name, state->capacity, name + 1u);
	state->called[name / 64] |= 1ull << name % 64;
	state->by_name[name].count++;
	state->by_name[name].error_count += call_error(record) != 0;
	if (record->state == TRC_SYSCALL_COMPLETE)
		state->by_name[name].total_ns += record->duration_ns;
}

static void second_init(struct fold *fold)
{
	struct series *state = fold->state;

	state->second = -1;
}

static void second_release(struct fold *fold)
{
	struct series *state = fold->state;

	free(state->by_name);
}

const struct metric metric_syscall_per_second = {
	.table = { .name = "syscall_per_second",
		   .doc = "system calls over time, per second and name",
		   .columns = second_columns,
		   .column_count = SECOND_COUNT },
	.classes = (1ull << TRC_CLASS_TASK) | (1ull << TRC_CLASS_SYSCALL),
	.state_size = sizeof(struct series),
	.init = second_init,
	.call = second_call,
	.finish = put_second,
	.release = second_release,
};
