/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Tables errno, signal, syscall_name: what numbers meant on the recording machine. */
#include "analyze/metrics/instance.h"

#define CONSTANT_COLUMNS(C)                                                                        \
	C(number, INTEGER, NUMBER, "its number on the recording machine")                          \
	C(name, TEXT, NONE, "its name there")

#define CALL_COLUMNS(C)                                                                            \
	C(abi, TEXT, NONE, "ABI of the recording machine")                                         \
	C(nr, INTEGER, NUMBER, "number of the call in it")                                         \
	C(name, TEXT, NONE, "its name")                                                            \
	C(arg_count, INTEGER, COUNT, "how many arguments it takes")                                \
	C(args, TEXT, NONE, "their names, separated by commas")                                    \
	C(classes, TEXT, NONE, "its classes, separated by commas: file,desc")

enum { CONSTANT_COLUMNS(COLUMN_ENUM) CONSTANT_COUNT };
static const struct column constant_columns[] = { CONSTANT_COLUMNS(COLUMN_ROW) };

#define CALL_ENUM(name, type, unit, doc) CALL_##name,
enum { CALL_COLUMNS(CALL_ENUM) CALL_COUNT };
static const struct column call_columns[] = { CALL_COLUMNS(COLUMN_ROW) };

static void put_constants(struct fold *fold, const struct trace_constant *constants, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		struct value row[CONSTANT_COUNT];

		row[COLUMN_number] = value_int(constants[i].value);
		row[COLUMN_name] = value_text(constants[i].name);
		fold_row(fold, row);
	}
}

static void errno_finish(struct fold *fold)
{
	put_constants(fold, fold->walk->meta->errnos, fold->walk->meta->errno_count);
}

static void signal_finish(struct fold *fold)
{
	put_constants(fold, fold->walk->meta->signals, fold->walk->meta->signal_count);
}

static void put_call(struct fold *fold, u8 abi, const struct syscall_desc *desc)
{
	struct value row[CALL_COUNT];
	size_t classes;

	text_clear(&fold->text);
	for (size_t i = 0; i < desc->arg_count; i++) {
		if (i)
			text_addc(&fold->text, ',');
		text_adds(&fold->text, desc->args[i].name ? desc->args[i].name : "");
	}
	classes = fold->text.len;
	add_classes(&fold->text, desc);
	row[CALL_abi] = value_text(syscall_abi_name(abi));
	row[CALL_nr] = value_int(desc->nr);
	row[CALL_name] = value_text(desc->name);
	row[CALL_arg_count] = value_int(desc->arg_count);
	row[CALL_args] = value_bytes(fold->text.data, classes);
	row[CALL_classes] = value_bytes(fold->text.data + classes, fold->text.len - classes);
	fold_row(fold, row);
}

static void call_finish(struct fold *fold)
{
	const struct trace_meta *meta = fold->walk->meta;

	for (size_t i = 0; i < meta->table_count; i++)
		for (size_t j = 0; j < meta->tables[i].count; j++)
			put_call(fold, meta->tables[i].abi, &meta->tables[i].calls[j]);
}

const struct metric metric_errno = {
	.table = { .name = "errno",
		   .doc = "names of errors on the recording machine",
		   .columns = constant_columns,
		   .column_count = CONSTANT_COUNT,
		   .sort = "number" },
	.finish = errno_finish,
};

const struct metric metric_signal = {
	.table = { .name = "signal",
		   .doc = "names of signals on the recording machine",
		   .columns = constant_columns,
		   .column_count = CONSTANT_COUNT,
		   .sort = "number" },
	.finish = signal_finish,
};

const struct metric metric_syscall_name = {
	.table = { .name = "syscall_name",
		   .doc = "system calls of the recording machine's ABIs: numbers, arguments, "
			  "classes",
		   .columns = call_columns,
		   .column_count = CALL_COUNT },
	.finish = call_finish,
};
