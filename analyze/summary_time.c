/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The summary's upper half: where the time went, the critical path, what was waited for. */
#include "analyze/summary_page.h"

#include "analyze/call_names.h"
#include "analyze/loss.h"
#include "analyze/model/span.h"
#include "analyze/sinks/cell.h"
#include "analyze/sinks/memory.h"
#include "common/wide.h"

#define USE_WIDTH     38
#define USE_WIDTH_MAX 44
#define SHARE_SHOWN   0.0005
#define BAR_CELLS     16
#define USES_SHOWN    8
#define WAITS_SHOWN   6
#define OBJECT_PLACES 12 /* for the name of one */
#define GROUPS_SHOWN  8
#define GROUP_SHARE   0.01

bool page_tells_of_sched(const struct page *page)
{
	const struct walk *walk = page->walk;
	u32 sections = trace_reader_section_count(walk->reader);

	for (u32 i = 0; walk->has_sched && i < sections; i++)
		if (walk->has_sched[i])
			return true;
	return false;
}

static void add_bar(struct text *text, double share)
{
	static const char *const eighths[] = { "", "▏", "▎", "▍", "▌", "▋", "▊", "▉" };
	unsigned parts = (unsigned)(share * BAR_CELLS * 8 + 0.5);

	for (unsigned i = 0; i < parts / 8; i++)
		text_adds(text, "█");
	text_adds(text, eighths[parts % 8]);
}

static void add_most_object(struct page *page, const struct value *row)
{
	unsigned left = page_places_left(page);

	if (left < OBJECT_PLACES + 16)
		return;
	text_adds(&page->line, ", for ");
	page_add_clipped(page, &row[USE_object], left - 16);
	text_adds(&page->line, ", ");
	text_add_ns(&page->line, page_number(&row[USE_object_time]));
}

static bool is_text(const struct value *value, const char *text)
{
	return value->type == VALUE_TEXT && value->len == strlen(text) &&
	       !memcmp(value->text, text, value->len);
}

/* Kernel threads wait for work all the time: beside that little would be seen of processes. NULL: nothing else is there. */
static const struct value *find_idle(const struct rows *rows, size_t reason_at)
{
	for (size_t i = 0; rows->count > 1 && i < rows->count; i++)
		if (is_text(&rows->rows[i][reason_at], wait_reason_name(WAIT_kernel_thread)))
			return rows->rows[i];
	return NULL;
}

/* The bytes of the widest of them that is to be shown, as page_add_cell() has them. */
static unsigned activity_width(const struct value *row, unsigned width)
{
	size_t len = row[USE_activity].len + 2;

	return len > width && len <= USE_WIDTH_MAX ? (unsigned)len : width;
}

static double share_of(const struct value *row, u64 total_ns)
{
	return (double)page_number(&row[USE_time]) / (double)total_ns;
}

static bool is_worth(const struct value *row, const struct value *idle, u64 total_ns)
{
	return row != idle && share_of(row, total_ns) >= SHARE_SHOWN;
}

/* `object`: of time_spent the column of it. */
static void put_time_row(struct page *page, const struct value *row, double share,
			 const struct value *object, unsigned width)
{
	unsigned left;

	text_adds(&page->cell, "  ");
	cell_add_text(&page->cell, &row[USE_activity]);
	page_add_cell(page, width, false);
	text_addf(&page->cell, "%5.1f %%", share * 100);
	page_add_cell(page, 8, true);
	page_add_ns(page, &row[USE_time], 10);
	if (!page->narrow) {
		text_adds(&page->line, "  ");
		add_bar(&page->cell, share);
		page_add_cell(page, BAR_CELLS, false);
	}
	if (row[USE_comm].type == VALUE_TEXT) {
		text_adds(&page->line, "  most: ");
		left = page_places_left(page);
		page_add_clipped(page, &row[USE_comm], left < 16 ? left : 16);
		if (!page->narrow) {
			text_adds(&page->line, ", ");
			text_add_ns(&page->line, page_number(&row[USE_most]));
			if (object && object->type == VALUE_TEXT)
				add_most_object(page, row);
		}
	}
	page_put_line(page);
}

/* Calls are missing: what becomes of their time. */
static void put_losses(struct page *page)
{
	const struct loss_list *losses = page->walk->losses;

	if (losses->callless.count)
		text_adds(&page->line,
			  "  where calls may be missing the time outside of the others is "
			  "counted as not known, or as paused: analyze report loss");
	else if (losses->count)
		text_adds(&page->line, "  the time of lost calls is counted as outside");
	else
		return;
	page_put_words(page);
}

/* What the kernel counted for the threads that ended. */
static void put_cpu(struct page *page, const struct rows *processes, u64 probe_ns, u64 outside_ns)
{
	u64 user = 0, system = 0, delay = 0, ended = 0;

	for (size_t i = 0; i < processes->count; i++) {
		ended += processes->rows[i][PROCESS_cpu].type == VALUE_INTEGER;
		user = wide_add(user, page_number(&processes->rows[i][PROCESS_user]));
		system = wide_add(system, page_number(&processes->rows[i][PROCESS_system]));
		delay = wide_add(delay, page_number(&processes->rows[i][PROCESS_delay]));
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
	    page_probes_ran_for_us(page->walk->summary)) {
		text_adds(&page->line, "  of the time outside calls about ");
		text_add_ns(&page->line, probe_ns);
		text_adds(&page->line, " is that of the recorder's probes");
		page_put_words(page);
	}
	put_losses(page);
}

void page_put_time(struct page *page)
{
	const bool has_sched = page_tells_of_sched(page);
	const char *table = has_sched ? "time_spent" : "time_use";
	const struct rows *use = page_rows(page, table), *processes = page_rows(page, "process");
	const struct value *idle = has_sched ? find_idle(use, USE_reason) : NULL;
	u64 total = 0, threads = 0, outside = 0;
	unsigned width = USE_WIDTH;
	size_t worth = 0;

	if (!use->count || page->selection->calls)
		return;
	page_sort(page, table, USE_time);
	for (size_t i = 0; i < use->count; i++) {
		if (use->rows[i] != idle)
			total = wide_add(total, page_number(&use->rows[i][USE_time]));
		if (is_text(&use->rows[i][USE_activity], activity_name(ACTIVITY_OUTSIDE)))
			outside = page_number(&use->rows[i][USE_time]);
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
	text_adds(&page->cell,
		  page->narrow || has_sched ? ")" : "; calls: waiting and working in them)");
	page_put_heading(page);
	for (size_t i = 0; i < use->count; i++)
		if (is_worth(use->rows[i], idle, total) && worth++ < USES_SHOWN)
			width = activity_width(use->rows[i], width);
	for (size_t i = 0, shown = 0; i < use->count && shown < USES_SHOWN; i++) {
		const struct value *row = use->rows[i];

		if (!is_worth(row, idle, total))
			continue;
		put_time_row(page, row, share_of(row, total), has_sched ? &row[USE_object] : NULL,
			     width);
		shown++;
	}
	page_put_more(page, worth, USES_SHOWN, table);
	if (idle) {
		text_adds(&page->line, "  not counted: kernel threads waited for ");
		text_add_ns(&page->line, page_number(&idle[USE_time]));
		page_put_line(page);
	}
	if (!has_sched)
		put_cpu(page, processes,
			page_number(&page_rows(page, "trace")->rows[0][TRACE_probe]), outside);
}

/* ---- the critical path ---- */

struct group { /* of processes of one name */
	struct value comm;
	u64 count, ns, run_ns, ready_ns;
	double share;
	struct { /* by reason: what the rows waited for the longest */
		u64 ns, object_ns;
		const struct value *object; /* the most; NULL: not known */
	} waits[WAIT_REASON_COUNT];
};

static bool is_same(const struct value *a, const struct value *b)
{
	return a->type == b->type && a->len == b->len &&
	       (!a->len || !memcmp(a->text, b->text, a->len));
}

static void add_wait(struct group *group, const struct value *row)
{
	const struct value *object = &row[PATH_most_object];
	u64 object_ns = page_number(&row[PATH_most_object_time]);
	u8 i = 0;

	while (i < WAIT_REASON_COUNT && !is_text(&row[PATH_most_reason], wait_reason_name(i)))
		i++;
	if (i == WAIT_REASON_COUNT)
		return;
	group->waits[i].ns += page_number(&row[PATH_most_time]);
	if (object->type != VALUE_TEXT)
		return;
	if (group->waits[i].object && is_same(object, group->waits[i].object)) {
		group->waits[i].object_ns += object_ns;
	} else if (object_ns > group->waits[i].object_ns) {
		group->waits[i].object = object;
		group->waits[i].object_ns = object_ns;
	}
}

static size_t find_groups(const struct rows *rows, struct group *groups, size_t max)
{
	size_t count = 0;

	for (size_t i = 0; i < rows->count; i++) {
		const struct value *row = rows->rows[i], *comm = &row[PATH_comm];
		struct group *group = groups;

		while (group < groups + count &&
		       (group->comm.len != comm->len ||
			(comm->len && memcmp(group->comm.text, comm->text, comm->len) != 0)))
			group++;
		if (group == groups + count) {
			if (count == max)
				continue;
			groups[count++] = (struct group){ .comm = *comm };
		}
		group->count++;
		group->ns += page_number(&row[PATH_time]);
		group->share += row[PATH_share].real;
		group->run_ns += page_number(&row[PATH_run]);
		group->ready_ns += page_number(&row[PATH_ready]);
		add_wait(group, row);
	}
	return count;
}

static void add_part(struct page *page, const char **separator, u64 ns, u64 of_ns)
{
	text_adds(&page->line, *separator);
	*separator = ", ";
	text_addf(&page->line, "%.0f %% ", of_ns ? (double)ns * 100 / (double)of_ns : 0);
}

/* The name alone, if it was for nothing else. */
static void add_group_wait(struct page *page, const struct group *group, u8 reason)
{
	u64 ns = group->waits[reason].ns, object_ns = group->waits[reason].object_ns;
	bool alone = object_ns >= ns - ns / 100;

	if (!alone)
		text_adds(&page->line, wait_reason_name(reason));
	if (object_ns < ns - object_ns)
		return;
	text_adds(&page->line, alone ? "for " : ", mostly ");
	page_add_clipped(page, group->waits[reason].object, 40);
}

static void add_group(struct page *page, const struct group *group)
{
	const char *separator = " (";
	size_t most = 0;

	cell_add_text(&page->line, &group->comm);
	if (group->count > 1)
		text_addf(&page->line, " ×%llu", (unsigned long long)group->count);
	text_addc(&page->line, ' ');
	text_add_ns(&page->line, group->ns);
	if (group->run_ns * 20 > group->ns) {
		add_part(page, &separator, group->run_ns, group->ns);
		text_adds(&page->line, "on CPU");
	}
	if (group->ready_ns * 20 > group->ns) {
		add_part(page, &separator, group->ready_ns, group->ns);
		text_adds(&page->line, "ready");
	}
	for (size_t i = 1; i < WAIT_REASON_COUNT; i++)
		if (group->waits[i].ns > group->waits[most].ns)
			most = i;
	if (group->waits[most].ns * 20 > group->ns) {
		add_part(page, &separator, group->waits[most].ns, group->ns);
		add_group_wait(page, group, (u8)most);
	}
	if (*separator == ',')
		text_addc(&page->line, ')');
}

/* Of the command, if nothing else is said. */
static void put_path_heading(struct page *page, u64 ns)
{
	const struct selection *selection = &page->walk->selection;
	const struct rows *processes = page_rows(page, "process");

	text_adds(&page->cell, "Critical path");
	if (!page->selection->time) {
		text_adds(&page->cell, " of ");
		text_add_ns(&page->cell, ns);
	}
	/* In a window there may be one of several. */
	if (selection->by_thread && processes->count == 1 &&
	    (selection->pid_count == 1 || !page->selection->time)) {
		const struct value *row = processes->rows[0];

		text_adds(&page->cell, " until the end of ");
		if (selection->pid_count == 1 &&
		    selection->pids[0] != page_number(&row[PROCESS_pid]))
			text_addf(&page->cell, "thread %u of ", selection->pids[0]);
		cell_add_text(&page->cell, &row[PROCESS_comm]);
		text_addf(&page->cell, "[%lld]", (long long)row[PROCESS_pid].integer);
	} else if (selection->by_thread) {
		text_adds(&page->cell, " until the end of the last of them");
	}
	if (page->selection->time) {
		text_adds(&page->cell, ", ");
		text_add_ns(&page->cell, ns);
		text_adds(&page->cell, " of it in the window");
	}
	page_put_heading(page);
}

void page_put_path(struct page *page)
{
	const struct rows *rows = page_rows(page, "critical_path_by_process");
	struct group groups[64];
	const char *arrow = "";
	u64 total = 0, rest = 0;
	size_t count, shown = 0;

	if (!rows->count || page->selection->calls || !page_tells_of_sched(page))
		return;
	for (size_t i = 0; i < rows->count; i++)
		total += page_number(&rows->rows[i][PATH_time]);
	put_path_heading(page, total);
	count = find_groups(rows, groups, ARRAY_SIZE(groups));
	text_adds(&page->line, "  ");
	for (size_t i = 0; i < count; i++) {
		if (groups[i].share < GROUP_SHARE || shown == GROUPS_SHOWN)
			continue;
		text_adds(&page->line, arrow);
		arrow = " → ";
		add_group(page, &groups[i]);
		rest += groups[i].ns;
		shown++;
	}
	if (total - rest > total / 200) {
		text_adds(&page->line, shown ? " · others " : "others ");
		text_add_ns(&page->line, total - rest);
	}
	page_put_words(page);
}

/* ---- waits ---- */

static void put_longest(struct page *page, const struct value *row)
{
	text_adds(&page->line, "  ");
	cell_add_text(&page->cell, &row[WAIT_ROW_comm]);
	text_addf(&page->cell, "[%lld]", (long long)row[WAIT_ROW_tid].integer);
	if (!page->narrow) {
		text_addc(&page->cell, ' ');
		cell_add_moment(&page->cell,
				walk_relative_ns(page->walk, (u64)row[WAIT_ROW_at].integer));
	}
	if (row[WAIT_ROW_waker].type == VALUE_INTEGER) {
		text_adds(&page->cell, " by ");
		if (row[WAIT_ROW_waker_comm].type == VALUE_TEXT)
			cell_add_text(&page->cell, &row[WAIT_ROW_waker_comm]);
		text_addf(&page->cell, "[%lld]", (long long)row[WAIT_ROW_waker].integer);
	}
	cell_clip(&page->cell, page_places_left(page));
	page_add_cell(page, 0, false);
}

/* The name alone, if it says what it is. */
static void add_waited_for(struct page *page, const struct value *row)
{
	static const char *const plain[] = { "pipe", "socket", "futex", "child", "file" };
	const struct value *reason = &row[WAIT_ROW_reason], *object = &row[WAIT_ROW_object];
	bool named = object->type == VALUE_TEXT, is_plain = false;

	for (size_t i = 0; i < ARRAY_SIZE(plain); i++)
		is_plain |= reason->len == strlen(plain[i]) &&
			    !memcmp(reason->text, plain[i], reason->len);
	if (!named || !is_plain)
		cell_add_text(&page->cell, reason);
	if (named && !is_plain)
		text_adds(&page->cell, ": ");
	if (named)
		cell_add_text(&page->cell, object);
}

void page_put_waits(struct page *page)
{
	const struct rows *waits = page_rows(page, "wait_by_object");
	const struct value *idle = find_idle(waits, WAIT_ROW_reason);
	unsigned width = page->narrow ? 28 : 36;
	size_t shown = 0;

	if (!waits->count)
		return;
	page_sort(page, "wait_by_object", WAIT_ROW_total);
	text_adds(&page->cell, page->narrow
				       ? "Waits for                   count       total         max"
				       : "Waits for                           count       total"
					 "       p50       p99         max");
	text_adds(&page->cell,
		  page->narrow ? "  the longest: who, by" : "  the longest: who, when, ended by");
	page_put_heading(page);
	for (size_t i = 0; i < waits->count && shown < WAITS_SHOWN; i++) {
		const struct value *row = waits->rows[i];

		if (row == idle)
			continue;
		shown++;
		text_adds(&page->line, "  ");
		add_waited_for(page, row);
		cell_clip(&page->cell, width - 9);
		page_add_cell(page, width - 9, false);
		page_add_count(page, &row[WAIT_ROW_count], 12);
		page_add_ns(page, &row[WAIT_ROW_total], 12);
		if (!page->narrow) {
			page_add_ns(page, &row[WAIT_ROW_p50], 10);
			page_add_ns(page, &row[WAIT_ROW_p99], 10);
		}
		page_add_ns(page, &row[WAIT_ROW_max], 12);
		put_longest(page, row);
		page_put_line(page);
	}
	page_put_more(page, waits->count - (idle != NULL), WAITS_SHOWN, "wait_by_object");
}
