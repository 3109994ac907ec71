/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "analyze/summary_page.h"

#include "analyze/sinks/cell.h"
#include "analyze/sinks/memory.h"
#include "common/cleanup.h"

#define SHARE_SHOWN 0.0005
#define BAR_CELLS   16
#define USES_SHOWN  8
#define NARROW	    110

static const struct memory_choice choices[] = {
	{ "trace",
	  { "command", "exit_code", "exit_signal", "duration_ns", "host", "kernel", "arch",
	    "cpu_count", "start_wall_ns", "utc_offset_s", "event_count", "lost_count", "file_bytes",
	    "recorder_cpu_ns", "probe_ns", "damage_count" } },
	{ "time_use", { "activity", "time_ns", "share", "most_comm", "most_ns", "count" } },
	{ "syscall_by_name",
	  { "name", "count", "error_count", "total_ns", "p50_ns", "p99_ns", "max_ns", "max_ts_ns",
	    "max_tid", "max_comm", "max_path", "unfinished_count", "unfinished_ns" } },
	{ "process",
	  { "process_id", "pid", "comm", "cpu_ns", "utime_ns", "stime_ns", "cpu_delay_ns",
	    "cmdline", "thread_count" } },
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
		{ "min-duration-ns", "  only calls of at least so many ns were recorded: " },
		{ "path", "  only calls on this path and below were recorded: " },
		{ "comm", "  only calls of threads of these names were recorded: " },
		{ "sample", "  one call of so many was recorded, the others only counted (p50, "
			    "p99, max are of "
			    "the sample): " },
	};
	const struct trace_meta *meta = page->walk->meta;

	for (size_t i = 0; i < meta->option_count; i++) {
		const struct trace_option *option = &meta->options[i];

		for (size_t j = 0; j < ARRAY_SIZE(filters); j++) {
			if (strcmp(option->name, filters[j].option) != 0 || !*option->value ||
			    !strcmp(option->value, "all"))
				continue;
			text_adds(&page->line, filters[j].words);
			text_add_printable(&page->line, option->value, strlen(option->value));
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

static void put_header(struct page *page, const struct value *trace)
{
	text_add_printable(&page->line, page->walk->path, strlen(page->walk->path));
	text_adds(&page->line, "   ");
	if (trace[TRACE_command].type == VALUE_TEXT)
		page_add_clipped(page, &trace[TRACE_command], page->narrow ? 32 : 48);
	else
		text_adds(&page->line, "(attached)");
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
static bool probes_ran_for_us(const struct trace_summary *summary)
{
	u64 runs = 0, calls = 0;

	for (size_t i = 0; summary && i < summary->program_count; i++)
		runs += summary->programs[i].run_count;
	for (size_t i = 0; summary && i < summary->kind_count; i++)
		if (summary->kinds[i].kind == TRC_KIND_syscall)
			calls += summary->kinds[i].recorded + summary->kinds[i].lost;
	return runs / 3 <= calls;
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
	} else if (!lost) {
		text_adds(&page->line, ", nothing lost");
	}
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
			if (!probes_ran_for_us(summary))
				text_adds(&page->line, " (of all processes)");
		}
	}
	page_put_words(page);
	put_sections(page);
	put_recorded(page);
	put_selection(page);
}

static void add_bar(struct text *text, double share)
{
	static const char *const eighths[] = { "", "▏", "▎", "▍", "▌", "▋", "▊", "▉" };
	unsigned parts = (unsigned)(share * BAR_CELLS * 8 + 0.5);

	for (unsigned i = 0; i < parts / 8; i++)
		text_adds(text, "█");
	text_adds(text, eighths[parts % 8]);
}

static void put_time_row(struct page *page, const struct value *row)
{
	text_adds(&page->cell, "  ");
	cell_add_text(&page->cell, &row[USE_activity]);
	page_add_cell(page, 38, false);
	text_addf(&page->cell, "%5.1f %%", row[USE_share].real * 100);
	page_add_cell(page, 8, true);
	page_add_ns(page, &row[USE_time], 10);
	if (!page->narrow) {
		text_adds(&page->line, "  ");
		add_bar(&page->cell, row[USE_share].real);
		page_add_cell(page, BAR_CELLS, false);
	}
	if (row[USE_comm].type == VALUE_TEXT) {
		text_adds(&page->line, "  most: ");
		page_add_clipped(page, &row[USE_comm], 16);
		if (!page->narrow) {
			text_adds(&page->line, ", ");
			text_add_ns(&page->line, page_number(&row[USE_most]));
		}
	}
	page_put_line(page);
}

/* What the kernel counted for the threads that ended. */
static void put_cpu(struct page *page, const struct rows *processes, u64 probe_ns, u64 outside_ns)
{
	u64 user = 0, system = 0, delay = 0, ended = 0;

	for (size_t i = 0; i < processes->count; i++) {
		ended += processes->rows[i][PROCESS_cpu].type == VALUE_INTEGER;
		user += page_number(&processes->rows[i][PROCESS_user]);
		system += page_number(&processes->rows[i][PROCESS_system]);
		delay += page_number(&processes->rows[i][PROCESS_delay]);
	}
	if (!ended) {
		text_adds(&page->line,
			  "  time on a CPU is not known: no thread ended in the trace");
	} else {
		text_adds(&page->line, page->selection->time ? "  on a CPU in their whole lives: "
							     : "  of it on a CPU: ");
		text_add_ns(&page->line, user);
		text_adds(&page->line, " in user mode, ");
		text_add_ns(&page->line, system);
		text_adds(&page->line, " in the kernel");
		if (delay) {
			text_adds(&page->line, "; ready but waiting for a CPU: ");
			text_add_ns(&page->line, delay);
		}
	}
	page_put_words(page);
	if (probe_ns && probe_ns <= outside_ns && !page->walk->selection.active &&
	    probes_ran_for_us(page->walk->summary)) {
		text_adds(&page->line, "  of the time outside calls about ");
		text_add_ns(&page->line, probe_ns);
		text_adds(&page->line, " is that of the recorder's probes");
		page_put_words(page);
	}
	if (page->walk->lost_count) {
		text_adds(&page->line, "  the time of lost calls is counted as outside");
		page_put_words(page);
	}
}

static void put_time(struct page *page)
{
	const struct rows *use = page_rows(page, "time_use"),
			  *processes = page_rows(page, "process");
	u64 total = 0, threads = 0, outside = 0;
	size_t worth = 0;

	if (!use->count || page->selection->calls)
		return;
	page_sort(page, "time_use", USE_time);
	for (size_t i = 0; i < use->count; i++) {
		total += page_number(&use->rows[i][USE_time]);
		if (use->rows[i][USE_count].type == VALUE_NULL)
			outside = page_number(&use->rows[i][USE_time]);
		worth += use->rows[i][USE_share].real >= SHARE_SHOWN;
	}
	for (size_t i = 0; i < processes->count; i++)
		threads += page_number(&processes->rows[i][PROCESS_threads]);
	text_adds(&page->cell, "Where ");
	text_add_ns(&page->cell, total);
	text_adds(&page->cell, " of thread time went (");
	text_add_count(&page->cell, processes->count);
	text_adds(&page->cell, processes->count == 1 ? " process, " : " processes, ");
	text_add_count(&page->cell, threads);
	text_adds(&page->cell, threads == 1 ? " thread" : " threads");
	text_adds(&page->cell, page->narrow ? ")" : "; calls: waiting and working in them)");
	page_put_heading(page);
	for (size_t i = 0; i < worth && i < USES_SHOWN; i++)
		put_time_row(page, use->rows[i]);
	page_put_more(page, worth, USES_SHOWN, "time_use");
	put_cpu(page, processes, page_number(&page_rows(page, "trace")->rows[0][TRACE_probe]),
		outside);
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
	nothing = walk->selection.active && !page_rows(&page, "process")->count &&
		  !page_rows(&page, "syscall_by_name")->count;
	if (nothing) {
		text_adds(&page.line, "  nothing matches: see analyze tree for what there is");
		page_put_line(&page);
	}
	put_time(&page);
	page_put_processes(&page);
	page_put_calls(&page);
	page_put_failures(&page);
	if (strcmp(walk->path, "-") != 0 && !nothing)
		page_put_next(&page);
	text_release(&page.line);
	text_release(&page.cell);
}
