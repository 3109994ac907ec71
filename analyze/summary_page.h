/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Pieces of the summary's lines. A line is built in page->line; a cell of it in page->cell first. */
#pragma once

#include "analyze/sinks/memory.h"
#include "analyze/summary.h"

struct page {
	const struct walk *walk;
	struct sink *memory;
	const struct selection_options *selection;
	FILE *file;
	bool color;
	unsigned width;
	bool narrow; /* fewer columns, so that nothing wraps on 80 places */
	struct text line, cell;
};

/* The columns that the page needs, in the order of these enums. */
enum {
	TRACE_command,
	TRACE_exit_code,
	TRACE_exit_signal,
	TRACE_duration,
	TRACE_host,
	TRACE_kernel,
	TRACE_arch,
	TRACE_cpus,
	TRACE_wall,
	TRACE_zone,
	TRACE_events,
	TRACE_lost,
	TRACE_bytes,
	TRACE_recorder,
	TRACE_probe,
	TRACE_damages,
};
enum { /* of time_use and time_spent */
       USE_activity,
       USE_time,
       USE_share,
       USE_comm,
       USE_most,
       USE_count,
       USE_object,
       USE_object_time,
       USE_reason,
};
enum {
	PATH_start,
	PATH_comm,
	PATH_time,
	PATH_share,
	PATH_run,
	PATH_ready,
	PATH_wait,
	PATH_most_reason,
	PATH_most_object,
	PATH_most_time,
	PATH_most_object_time,
};
enum {
	WAIT_ROW_reason,
	WAIT_ROW_object,
	WAIT_ROW_count,
	WAIT_ROW_total,
	WAIT_ROW_p50,
	WAIT_ROW_p99,
	WAIT_ROW_max,
	WAIT_ROW_at,
	WAIT_ROW_tid,
	WAIT_ROW_comm,
	WAIT_ROW_waker,
	WAIT_ROW_waker_comm,
};
enum {
	CALL_name,
	CALL_count,
	CALL_errors,
	CALL_total,
	CALL_p50,
	CALL_p99,
	CALL_max,
	CALL_at,
	CALL_tid,
	CALL_comm,
	CALL_path,
	CALL_unfinished,
	CALL_unfinished_time
};
enum {
	PROCESS_id,
	PROCESS_pid,
	PROCESS_comm,
	PROCESS_cpu,
	PROCESS_user,
	PROCESS_system,
	PROCESS_delay,
	PROCESS_cmdline,
	PROCESS_threads,
	PROCESS_code,
	PROCESS_signal,
	PROCESS_end
};
enum { SPENT_id, SPENT_user, SPENT_system };
enum { OWNER_id, OWNER_count, OWNER_total };
enum {
	FAILURE_count,
	FAILURE_name,
	FAILURE_errno,
	FAILURE_number,
	FAILURE_directory,
	FAILURE_comm,
	FAILURE_tid
};

const struct rows *page_rows(struct page *page, const char *table);
/* The greatest first. */
void page_sort(struct page *page, const char *table, size_t column);

void page_put_line(struct page *page); /* without trailing spaces */
/* The same for words: broken between them where the page ends. */
void page_put_words(struct page *page);
/* What is in the cell, as a heading after an empty line. */
void page_put_heading(struct page *page);
void page_add_heading(struct page *page, const char *heading);
/* The cell, padded on the left (`right`-aligned) or on the right, and cleared. */
void page_add_cell(struct page *page, unsigned width, bool right);
void page_add_ns(struct page *page, const struct value *value, unsigned width);
void page_add_count(struct page *page, const struct value *value, unsigned width);
/* At most `width` places of it, cut with an ellipsis. */
void page_add_clipped(struct page *page, const struct value *value, unsigned width);
unsigned page_places_left(const struct page *page);

static inline u64 page_number(const struct value *value)
{
	return value->type == VALUE_INTEGER ? (u64)value->integer : 0;
}

/* To be typed in a shell. */
void page_add_word(struct page *page, const char *word);
/* See selection_add_words(). */
void page_add_selection(struct page *page, unsigned which);

/* Did the probes run for the calls that were recorded, and hardly for others? */
bool page_probes_ran_for_us(const struct trace_summary *summary);

bool page_tells_of_sched(const struct page *page);
/* With the header: processes that a signal killed or whose exit code is not 0. */
void page_put_bad_ends(struct page *page);
/* Its upper half: the time, the critical path, the waits. */
void page_put_time(struct page *page);
void page_put_path(struct page *page);
void page_put_waits(struct page *page);

/* The page's lower half: who, which calls, what failed, what to look at next. */
/* "… 35 more: analyze report TABLE", if more than `shown` are there. */
void page_put_more(struct page *page, size_t count, size_t shown, const char *table);
void page_put_processes(struct page *page);
void page_put_calls(struct page *page);
void page_put_failures(struct page *page);
void page_put_next(struct page *page);
