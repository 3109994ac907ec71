/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "analyze/summary_page.h"

#include "analyze/loss.h"
#include "analyze/sinks/cell.h"
#include "analyze/sinks/memory.h"
#include "common/cleanup.h"

#define NARROW 110

static const struct memory_choice choices[] = {
	{ "trace",
	  { "command", "exit_code", "exit_signal", "duration_ns", "host", "kernel", "arch",
	    "cpu_count", "start_wall_ns", "utc_offset_s", "event_count", "lost_count", "file_bytes",
	    "recorder_cpu_ns", "probe_ns", "damage_count" } },
	{ "time_use", { "activity", "time_ns", "share", "most_comm", "most_ns", "count" } },
	{ "time_spent",
	  { "activity", "time_ns", "share", "most_comm", "most_ns", "count", "most_object",
	    "most_object_ns", "reason" } },
	{ "critical_path_by_process",
	  { "start_ns", "comm", "duration_ns", "share", "run_ns", "ready_ns", "wait_ns",
	    "most_reason", "most_object", "most_ns", "most_object_ns" } },
	{ "wait_by_object",
	  { "reason", "object", "count", "total_ns", "p50_ns", "p99_ns", "max_ns", "max_ts_ns",
	    "max_tid", "max_comm", "max_waker_tid", "max_waker_comm" } },
	{ "syscall_by_name",
	  { "name", "count", "error_count", "total_ns", "p50_ns", "p99_ns", "max_ns", "max_ts_ns",
	    "max_tid", "max_comm", "max_path", "unfinished_count", "unfinished_ns" } },
	{ "process",
	  { "process_id", "pid", "comm", "cpu_ns", "utime_ns", "stime_ns", "cpu_delay_ns",
	    "cmdline", "thread_count", "exit_code", "exit_signal", "end_ns" } },
	{ "process_time", { "process_id", "run_user_ns", "run_system_ns" } },
	{ "syscall_by_process", { "process_id", "count", "total_ns" } },
	{ "failure",
	  { "count", "name", "errno_name", "errno", "directory", "first_comm", "first_tid" } },
	{},
};

void summary_metrics(const struct metric *ret_list[SUMMARY_TABLES])
{
	for (size_t i = 0; i < SUMMARY_TABLES; i++)
		ret_list[i] = metric_by_name(choices[i].table);
}

struct sink *summary_sink(void)
{
	return sink_memory_new(choices);
}

/* ---- pieces of lines ---- */

static void add_outcome(struct page *page, const struct value *trace)
{
	if (trace[TRACE_exit_signal].type == VALUE_INTEGER) {
		text_adds(&page->line, "   killed by ");
		walk_add_signal(page->walk, &page->line, (u32)trace[TRACE_exit_signal].integer);
	} else if (trace[TRACE_exit_code].type == VALUE_INTEGER) {
		text_addf(&page->line, "   exit %lld", (long long)trace[TRACE_exit_code].integer);
	} else if (page->walk->summary && *page->walk->summary->end_reason) {
		text_adds(&page->line, "   recording ended: ");
		text_add_printable(&page->line, page->walk->summary->end_reason,
				   strlen(page->walk->summary->end_reason));
	}
}

/* What the recorder was told to leave out is not in the file. */
static void put_recorded(struct page *page)
{
	static const struct {
		const char *option, *words;
	} filters[] = {
		{ "syscalls", "  only these calls were recorded, all others count as outside: " },
		{ "results", "  only calls with this result were recorded: " },
		{ "errno", "  only calls that failed so were recorded: " },
		{ "min-duration-ns", "  only calls that took at least so long were recorded: " },
		{ "path", "  only calls on this path and below were recorded: " },
		{ "comm", "  only calls of threads of these names were recorded: " },
		{ "sample", "  one call of so many was recorded, the others only counted (p50, "
			    "p99, max are of "
			    "the sample): " },
	};
	const struct trace_meta *meta = page->walk->meta;
	u64 ns;

	if (*trace_meta_option(meta, "events") && !trace_meta_has_group(meta, "syscall")) {
		text_adds(&page->line, "  no system calls were recorded: all time counts as "
				       "outside of them");
		page_put_words(page);
	}
	for (size_t i = 0; i < meta->option_count; i++) {
		const struct trace_option *option = &meta->options[i];

		for (size_t j = 0; j < ARRAY_SIZE(filters); j++) {
			if (strcmp(option->name, filters[j].option) != 0 || !*option->value ||
			    !strcmp(option->value, "all"))
				continue;
			text_adds(&page->line, filters[j].words);
			if (!strcmp(option->name, "min-duration-ns") &&
			    !parse_u64(option->value, &ns))
				text_add_ns(&page->line, ns);
			else
				text_add_printable(&page->line, option->value,
						   strlen(option->value));
			page_put_words(page);
		}
	}
}

static void put_selection(struct page *page)
{
	if (!page->walk->selection.active)
		return;
	text_adds(&page->line, "  only");
	page_add_selection(page, SELECTED_ALL);
	page_put_line(page);
}

/* `cat a b` makes one file; what it says of itself it says twice. */
static void put_sections(struct page *page)
{
	u32 count = page->walk->recording_count;

	if (count < 2)
		return;
	text_addf(&page->line,
		  "  %u recordings in one file: this headline is of the first, all else of all",
		  count);
	page_put_words(page);
}

/* What was recorded, as it was said on the command line. */
static void add_recorded(struct page *page, const struct value *trace)
{
	const char *targets = trace_meta_option(page->walk->meta, "targets");
	const struct value attached = value_text(targets);
	bool command = trace[TRACE_command].type == VALUE_TEXT;

	if (!command)
		text_adds(&page->line, *targets ? "attached: " : "(attached)");
	page_add_clipped(page, command ? &trace[TRACE_command] : &attached, page->narrow ? 32 : 48);
}

static void put_header(struct page *page, const struct value *trace)
{
	text_add_printable(&page->line, page->walk->path, strlen(page->walk->path));
	text_adds(&page->line, "   ");
	add_recorded(page, trace);
	add_outcome(page, trace);
	text_adds(&page->line, "   ");
	text_add_ns(&page->line, page_number(&trace[TRACE_duration]));
	page_put_words(page);

	text_adds(&page->line, "  on ");
	cell_add_text(&page->line, &trace[TRACE_host]);
	text_adds(&page->line, " (Linux ");
	cell_add_text(&page->line, &trace[TRACE_kernel]);
	text_addc(&page->line, ' ');
	cell_add_text(&page->line, &trace[TRACE_arch]);
	text_addf(&page->line, ", %llu CPUs)   ",
		  (unsigned long long)page_number(&trace[TRACE_cpus]));
	cell_add_wall(&page->line, trace[TRACE_wall].integer, trace[TRACE_zone].integer);
	page_put_words(page);
}

/*
 * Probes run for the calls of every process. Little more than two runs per recorded call: these were nearly
 * all.
 */
bool page_probes_ran_for_us(const struct trace_summary *summary)
{
	u64 runs = 0, calls = 0;

	for (size_t i = 0; summary && i < summary->program_count; i++)
		runs += summary->programs[i].run_count;
	for (size_t i = 0; summary && i < summary->kind_count; i++)
		if (summary->kinds[i].kind == TRC_KIND_syscall)
			calls += summary->kinds[i].recorded + summary->kinds[i].lost;
	return runs / 3 <= calls;
}

/* What was not to be recorded is not lost. */
static void add_pauses(struct page *page)
{
	const struct intervals *pauses = &page->walk->losses->pauses;

	if (!pauses->count)
		return;
	text_adds(&page->line, "; paused ");
	if (pauses->count == 1) {
		text_adds(&page->line, "once");
	} else {
		text_add_count(&page->line, pauses->count);
		text_adds(&page->line, " times");
	}
	text_adds(&page->line, " for ");
	text_add_ns(&page->line, walk_paused_ns(page->walk));
}

static void put_cost(struct page *page, const struct value *trace)
{
	const struct trace_summary *summary = page->walk->summary;
	u64 runs = 0, lost = page_number(&trace[TRACE_lost]);

	text_adds(&page->line, "  ");
	text_add_count(&page->line, page_number(&trace[TRACE_events]));
	text_adds(&page->line, " events in ");
	text_add_bytes(&page->line, page_number(&trace[TRACE_bytes]));
	if (lost) {
		text_adds(&page->line, ", ");
		text_add_count(&page->cell, lost);
		text_adds(&page->cell, " LOST");
		page_add_heading(page, page->cell.data);
		text_clear(&page->cell);
	}
	if (page_number(&trace[TRACE_damages]) || !trace_reader_ended_cleanly(page->walk->reader)) {
		text_adds(&page->line, ", ");
		page_add_heading(page, "PARTS OF THE FILE ARE MISSING");
	} else if (page->walk->losses->repaired_count) {
		text_adds(&page->line, ", ");
		page_add_heading(page, "REPAIRED, PARTS ARE MISSING");
	} else if (!lost) {
		text_adds(&page->line, ", nothing lost");
	}
	add_pauses(page);
	if (summary) {
		for (size_t i = 0; i < summary->program_count; i++)
			runs += summary->programs[i].run_count;
		text_adds(&page->line, " · recording cost ");
		text_add_ns(&page->line, page_number(&trace[TRACE_recorder]));
		text_adds(&page->line, " CPU");
		if (runs && trace[TRACE_probe].type == VALUE_INTEGER) {
			text_adds(&page->line, " and ");
			text_add_ns(&page->line, page_number(&trace[TRACE_probe]));
			text_adds(&page->line, " in probes");
			if (!page_probes_ran_for_us(summary))
				text_adds(&page->line, " (of all processes)");
		}
	}
	page_put_words(page);
	put_sections(page);
	put_recorded(page);
	put_selection(page);
}

void summary_print(const struct walk *walk, struct sink *memory, bool color, unsigned width,
		   const struct selection_options *selection, FILE *file)
{
	struct page page = { .walk = walk,
			     .memory = memory,
			     .selection = selection,
			     .file = file,
			     .color = color,
			     .width = width,
			     .narrow = width < NARROW };
	const struct rows *trace = page_rows(&page, "trace");
	bool nothing;

	if (!trace->count)
		return;
	put_header(&page, trace->rows[0]);
	put_cost(&page, trace->rows[0]);
	page_put_bad_ends(&page);
	nothing = walk->selection.active && !page_rows(&page, "process")->count &&
		  !page_rows(&page, "syscall_by_name")->count;
	if (nothing) {
		text_adds(&page.line, "  nothing matches: see analyze tree for what there is");
		page_put_line(&page);
	}
	page_put_time(&page);
	page_put_path(&page);
	page_put_waits(&page);
	page_put_processes(&page);
	page_put_calls(&page);
	page_put_failures(&page);
	if (strcmp(walk->path, "-") != 0 && !nothing)
		page_put_next(&page);
	text_release(&page.line);
	text_release(&page.cell);
}
