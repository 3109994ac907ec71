/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "analyze/summary_page.h"

#include "analyze/sinks/cell.h"
#include "common/wide.h"

/* So many that all fits on a screen. */
#define CALLS_SHOWN	7
#define PROCESSES_SHOWN 5

#define WORST_PLACES 24 /* for more than who made the longest call */

static void add_path(struct page *page)
{
	text_addc(&page->line, ' ');
	page_add_word(page, page->walk->path);
}

void page_put_more(struct page *page, size_t count, size_t shown, const char *table)
{
	if (count <= shown)
		return;
	text_adds(&page->line, "  … ");
	text_add_count(&page->line, count - shown);
	text_addf(&page->line, " more: analyze report %s", table);
	page_add_selection(page, SELECTED_ALL);
	add_path(page);
	page_put_line(page);
}

/* `selected`: what of the selection holds for it as well. */
static void put_command(struct page *page, const char *command, unsigned selected, const char *what)
{
	text_addf(&page->line, "  analyze %s", command);
	page_add_selection(page, selected);
	add_path(page);
	text_clear(&page->cell);
	if (what && (!page->narrow || cell_width(&page->line) + 3 + strlen(what) <= page->width)) {
		text_adds(&page->line, "   ");
		text_adds(&page->line, what);
	}
	page_put_line(page);
}

#define LONG_NS 100000000 /* a tick of it does not matter */

/*
 * The kernel tells at the end of a process what it used in all its life, up to a tick less. The scheduler's events tell it
 * to the nanosecond, also of one that lives on, that began before it was watched, or of a window, but less if some are
 * missing; page faults are user time to them.
 */
static void take_spent(struct page *page, const struct rows *processes)
{
	const struct rows *spent = page_rows(page, "process_time");
	const bool is_whole = page->walk->meta->command_pid && !page->selection->time;
	size_t next = 0;

	if (!page_tells_of_sched(page))
		return;
	/* Both are in the order in which processes go. */
	for (size_t i = 0; i < processes->count && next < spent->count; i++) {
		const struct value *time = spent->rows[next];
		struct value *row = processes->rows[i];
		s64 cpu_ns;

		if (time[SPENT_id].integer != row[PROCESS_id].integer)
			continue;
		next++;
		cpu_ns = (s64)wide_add((u64)time[SPENT_user].integer,
				       (u64)time[SPENT_system].integer);
		if (is_whole && row[PROCESS_cpu].type == VALUE_INTEGER &&
		    (row[PROCESS_cpu].integer >= cpu_ns || row[PROCESS_cpu].integer >= LONG_NS))
			continue;
		row[PROCESS_user] = time[SPENT_user];
		row[PROCESS_system] = time[SPENT_system];
		row[PROCESS_cpu] = value_int(cpu_ns);
	}
}

void page_put_processes(struct page *page)
{
	const struct rows *processes = page_rows(page, "process"),
			  *owners = page_rows(page, "syscall_by_process");

	if (processes->count < 2)
		return;
	take_spent(page, processes);
	page_sort(page, "process", PROCESS_cpu);
	text_adds(&page->cell, "Busiest processes       pid      on CPU");
	text_adds(&page->cell, page->narrow ? "" : "        user      system");
	text_adds(&page->cell, "        calls    in calls  command");
	page_put_heading(page);
	for (size_t i = 0; i < processes->count && i < PROCESSES_SHOWN; i++) {
		const struct value *row = processes->rows[i], *owner = NULL;
		const struct value *command =
			row[PROCESS_cmdline].type ? &row[PROCESS_cmdline] : &row[PROCESS_comm];

		for (size_t j = 0; j < owners->count && !owner; j++)
			if (owners->rows[j][OWNER_id].integer == row[PROCESS_id].integer)
				owner = owners->rows[j];
		text_adds(&page->line, "  ");
		cell_add_text(&page->cell, &row[PROCESS_comm]);
		page_add_cell(page, 16, false);
		text_addi(&page->cell, row[PROCESS_pid].integer);
		page_add_cell(page, 9, true);
		page_add_ns(page, &row[PROCESS_cpu], 12);
		if (!page->narrow) {
			page_add_ns(page, &row[PROCESS_user], 12);
			page_add_ns(page, &row[PROCESS_system], 12);
		}
		page_add_count(page, owner ? &owner[OWNER_count] : &(struct value){}, 13);
		page_add_ns(page, owner ? &owner[OWNER_total] : &(struct value){}, 12);
		text_adds(&page->line, "  ");
		page_add_clipped(page, command, page_places_left(page));
		page_put_line(page);
	}
	page_put_more(page, processes->count, PROCESSES_SHOWN, "process");
}

static void put_worst(struct page *page, const struct value *row)
{
	if (row[CALL_at].type != VALUE_INTEGER)
		return;
	text_adds(&page->line, "  ");
	cell_add_text(&page->cell, &row[CALL_comm]);
	text_addf(&page->cell, "[%lld]", (long long)row[CALL_tid].integer);
	if (page_places_left(page) >= WORST_PLACES) {
		text_addc(&page->cell, ' ');
		cell_add_moment(&page->cell,
				walk_relative_ns(page->walk, (u64)row[CALL_at].integer));
		if (row[CALL_path].type == VALUE_TEXT) {
			text_addc(&page->cell, ' ');
			cell_add_text(&page->cell, &row[CALL_path]);
		}
	}
	cell_clip(&page->cell, page_places_left(page));
	page_add_cell(page, 0, false);
}

/* exit, exit_group: not worth a word */
static bool never_returns(const struct value *row)
{
	return row[CALL_name].len >= 4 && !memcmp(row[CALL_name].text, "exit", 4);
}

/* Calls without an end have no duration, but a blocked program is nothing else. */
static void put_unfinished(struct page *page, const struct rows *calls)
{
	const struct value *longest = NULL;
	u64 count = 0;

	for (size_t i = 0; i < calls->count; i++) {
		const struct value *row = calls->rows[i];

		if (never_returns(row))
			continue;
		count += page_number(&row[CALL_unfinished]);
		if (page_number(&row[CALL_unfinished]) &&
		    (!longest || page_number(&row[CALL_unfinished_time]) >
					 page_number(&longest[CALL_unfinished_time])))
			longest = row;
	}
	if (!longest)
		return;
	text_adds(&page->line, "  not in the times: ");
	text_add_count(&page->line, count);
	text_adds(&page->line, count == 1 ? " call without a return: "
					  : " calls without a return, most of the time in ");
	cell_add_text(&page->line, &longest[CALL_name]);
	text_adds(&page->line, ", ");
	text_add_ns(&page->line, page_number(&longest[CALL_unfinished_time]));
	page_put_line(page);
}

void page_put_calls(struct page *page)
{
	const struct rows *calls = page_rows(page, "syscall_by_name");
	const size_t shown = page->narrow ? CALLS_SHOWN - 1 : CALLS_SHOWN;

	if (!calls->count)
		return;
	page_sort(page, "syscall_by_name", CALL_total);
	text_adds(&page->cell, "Syscalls                calls     failed       total");
	text_adds(&page->cell, page->narrow ? "" : "       p50       p99");
	text_adds(&page->cell, "         max  the longest");
	text_adds(&page->cell, page->narrow ? "" : ": who, when, path");
	page_put_heading(page);
	for (size_t i = 0; i < calls->count && i < shown; i++) {
		const struct value *row = calls->rows[i];

		text_adds(&page->line, "  ");
		cell_add_text(&page->cell, &row[CALL_name]);
		page_add_cell(page, 16, false);
		page_add_count(page, &row[CALL_count], 11);
		page_add_count(page, &row[CALL_errors], 11);
		page_add_ns(page, &row[CALL_total], 12);
		if (!page->narrow) {
			page_add_ns(page, &row[CALL_p50], 10);
			page_add_ns(page, &row[CALL_p99], 10);
		}
		page_add_ns(page, &row[CALL_max], 12);
		put_worst(page, row);
		page_put_line(page);
	}
	page_put_more(page, calls->count, shown, "syscall_by_name");
	put_unfinished(page, calls);
}

/* Commands that go on from what stands out here, to be typed as they are. */
void page_put_next(struct page *page)
{
	const struct rows *calls = page_rows(page, "syscall_by_name"),
			  *processes = page_rows(page, "process");

	text_adds(&page->cell, "Next");
	page_put_heading(page);
	if (page->walk->lost_count)
		put_command(page, "report loss", SELECTED_ALL, NULL);
	if (processes->count > 1) {
		put_command(page, "tree", SELECTED_ALL, NULL);
		text_addf(&page->cell, "report --pid %lld",
			  (long long)processes->rows[0][PROCESS_pid].integer);
		put_command(page, page->cell.data, SELECTED_CALLS, "the busiest process");
	}
	if (page_rows(page, "wait_by_object")->count &&
	    page_rows(page, "critical_path_by_process")->count)
		put_command(page, "report critical_path", SELECTED_PIDS,
			    "what made it take so long");
	if (calls->count) {
		text_adds(&page->cell, "report syscall --sort duration --top 10 --syscall ");
		cell_add_text(&page->cell, &calls->rows[0][CALL_name]);
		put_command(page, page->cell.data, SELECTED_PIDS, "its longest calls");
	}
	put_command(page, "replay", SELECTED_ALL, "every call, as strace shows it");
}
