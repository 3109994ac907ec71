/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Table trace: one row, what was recorded where and when. */
#include "analyze/loss.h"
#include "analyze/metrics/instance.h"

#define COLUMNS(C)                                                                                 \
	C(file, TEXT, NONE, "the file as it was named to analyze")                                 \
	C(uuid, TEXT, NONE, "identity of the recording")                                           \
	C(host, TEXT, NONE, "name of the recording machine")                                       \
	C(kernel, TEXT, NONE, "its kernel release")                                                \
	C(arch, TEXT, NONE, "its machine type, as uname -m says it")                               \
	C(cpu_count, INTEGER, COUNT, "its CPUs")                                                   \
	C(distribution, TEXT, NONE, "its distribution")                                            \
	C(machine_id, TEXT, NONE, "its identity")                                                  \
	C(boot_id, TEXT, NONE,                                                                     \
	  "identity of its boot: traces of the same boot have the same clocks")                    \
	C(producer, TEXT, NONE, "program that wrote the file")                                     \
	C(command, TEXT, NONE,                                                                     \
	  "the recorded command, quoted for a shell; NULL: attached to what ran")                  \
	C(command_pid, INTEGER, NUMBER, "its pid")                                                 \
	C(cwd, TEXT, NONE, "directory in which the recorder was started")                          \
	C(start_wall_ns, INTEGER, WALL, "start of the recording by the wall clock")                \
	C(utc_offset_s, INTEGER, NUMBER, "local time of the recording machine minus UTC, seconds") \
	C(start_mono_ns, INTEGER, TS,                                                              \
	  "start of the recording on the trace clock: ts_ns - start_mono_ns + start_wall_ns is "   \
	  "the wall clock")                                                                        \
	C(duration_ns, INTEGER, NS, "from the start to the last event drained")                    \
	C(exit_code, INTEGER, NUMBER,                                                              \
	  "exit code of the command; NULL: killed by a signal, not ended, no command")             \
	C(exit_signal, INTEGER, NUMBER, "signal that killed the command")                          \
	C(end_reason, TEXT, NONE, "why the recording ended; NULL: the recorder was cut off")       \
	C(event_count, INTEGER, COUNT, "events in the file, whatever was selected of them")        \
	C(lost_count, INTEGER, COUNT, "events that could not be recorded, likewise")               \
	C(damage_count, INTEGER, COUNT, "parts of the file that cannot be read")                   \
	C(repaired_count, INTEGER, COUNT,                                                          \
	  "stretches of time in which events are missing because the file was damaged, and "       \
	  "repaired: the rows of the table loss with that cause")                                  \
	C(file_bytes, INTEGER, BYTES, "size of the file")                                          \
	C(recorder_cpu_ns, INTEGER, NS, "CPU time of the recorder itself")                         \
	C(probe_ns, INTEGER, NS,                                                                   \
	  "time that the kernel spent in the recorder's probes, for all processes of the machine") \
	C(probe_runs, INTEGER, COUNT, "how often they ran")                                        \
	C(selection, TEXT, NONE,                                                                   \
	  "the options that chose what of the trace the other tables show; NULL: everything")

enum { COLUMNS(COLUMN_ENUM) COLUMN_COUNT };
static const struct column columns[] = { COLUMNS(COLUMN_ROW) };

/* NULL for an empty string: the file does not say. */
static struct value said(const char *text)
{
	return text && *text ? value_text(text) : value_null();
}

static struct string *command_line(const struct trace_meta *meta)
{
	struct text argv = {};
	struct string *line;

	for (size_t i = 0; i < meta->argc; i++)
		text_add(&argv, meta->argv[i], strlen(meta->argv[i]) + 1);
	line = string_new_cmdline(argv.data ? argv.data : "", argv.len, false);
	text_release(&argv);
	return line;
}

static void put_summary(const struct trace_summary *summary, struct value *row)
{
	u64 probe_ns = 0, probe_runs = 0;

	if (summary->command_ended && !summary->exit_signal)
		row[COLUMN_exit_code] = value_int(summary->exit_code);
	if (summary->command_ended && summary->exit_signal)
		row[COLUMN_exit_signal] = value_int(summary->exit_signal);
	row[COLUMN_end_reason] = said(summary->end_reason);
	row[COLUMN_recorder_cpu_ns] = value_int((s64)(summary->user_ns + summary->system_ns));
	for (size_t i = 0; i < summary->program_count; i++) {
		probe_ns += summary->programs[i].run_ns;
		probe_runs += summary->programs[i].run_count;
	}
	row[COLUMN_probe_ns] = value_known(probe_ns, 0);
	row[COLUMN_probe_runs] = value_known(probe_runs, 0);
}

static void finish(struct fold *fold)
{
	const struct walk *walk = fold->walk;
	const struct trace_meta *meta = walk->meta;
	struct string *command = command_line(meta);
	struct value row[COLUMN_COUNT] = {};
	size_t damage_count;
	char uuid[TRACE_UUID_TEXT];

	trace_uuid_text(meta, uuid);
	trace_reader_damages(walk->reader, &damage_count);
	row[COLUMN_file] = value_text(walk->path);
	row[COLUMN_uuid] = value_text(uuid);
	row[COLUMN_host] = said(meta->hostname);
	row[COLUMN_kernel] = said(meta->kernel_release);
	row[COLUMN_arch] = said(meta->machine);
	row[COLUMN_cpu_count] = value_known(meta->cpu_count, 0);
	row[COLUMN_distribution] = said(meta->distribution);
	row[COLUMN_machine_id] = said(meta->machine_id);
	row[COLUMN_boot_id] = said(meta->boot_id);
	row[COLUMN_producer] = said(meta->producer);
	if (meta->argc)
		row[COLUMN_command] = value_string(command);
	row[COLUMN_command_pid] = value_known(meta->command_pid, 0);
	row[COLUMN_cwd] = said(meta->cwd);
	row[COLUMN_start_wall_ns] = value_int(trace_reader_wall_ns(walk->reader, walk->start_ns));
	row[COLUMN_utc_offset_s] = value_int(meta->utc_offset_s);
	row[COLUMN_start_mono_ns] = value_int((s64)walk->start_ns);
	row[COLUMN_duration_ns] = value_int((s64)(walk->end_ns - walk->start_ns));
	row[COLUMN_event_count] = value_int((s64)walk->event_count);
	row[COLUMN_lost_count] = value_int((s64)walk->lost_count);
	row[COLUMN_damage_count] = value_int((s64)damage_count);
	row[COLUMN_repaired_count] = value_int((s64)walk->losses->repaired_count);
	row[COLUMN_file_bytes] = value_int((s64)trace_reader_file_bytes(walk->reader));
	row[COLUMN_selection] = value_text(walk->selection.words);
	if (walk->summary)
		put_summary(walk->summary, row);
	fold_row(fold, row);
	string_unref(command);
}

const struct metric metric_trace = {
	.table = { .name = "trace",
		   .doc = "the recording: what, where, when, how it ended, what it cost",
		   .columns = columns,
		   .column_count = COLUMN_COUNT,
		   .brief = "file,host,kernel,command,start_wall_ns,duration_ns,exit_code,event_"
			    "count,lost_count" },
	.finish = finish,
};
