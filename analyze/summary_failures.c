/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What went wrong: processes that did not end with 0, calls that failed. */
#include "analyze/summary_page.h"

#include "analyze/sinks/cell.h"
#include "common/alloc.h"

#include <errno.h>
#include <stdlib.h>

#define ENDS_SHOWN     6
#define FAILURES_SHOWN 5

/* ---- processes ---- */

struct ends {			 /* of one name that ended alike */
	const struct value *row; /* of the last of them */
	u64 count;
};

static bool ended_badly(const struct value *row)
{
	return page_number(&row[PROCESS_signal]) || page_number(&row[PROCESS_code]);
}

static int compare_numbers(u64 a, u64 b)
{
	return a < b ? -1 : a > b;
}

static int compare_groups(const struct value *a, const struct value *b)
{
	size_t len = a[PROCESS_comm].len < b[PROCESS_comm].len ? a[PROCESS_comm].len
							       : b[PROCESS_comm].len;
	int order =
		compare_numbers(page_number(&a[PROCESS_signal]), page_number(&b[PROCESS_signal]));

	if (!order)
		order = compare_numbers(page_number(&a[PROCESS_code]),
					page_number(&b[PROCESS_code]));
	if (!order && len)
		order = memcmp(a[PROCESS_comm].text, b[PROCESS_comm].text, len);
	return order ? order : compare_numbers(a[PROCESS_comm].len, b[PROCESS_comm].len);
}

static int by_group(const void *x, const void *y)
{
	const struct value *a = *(const struct value *const *)x,
			   *b = *(const struct value *const *)y;
	int order = compare_groups(a, b);

	return order ? order
		     : compare_numbers(page_number(&a[PROCESS_end]), page_number(&b[PROCESS_end]));
}

static bool ended_in_window(const struct page *page, const struct value *row)
{
	return !page->walk->selection.active ||
	       selection_time(&page->walk->selection, page_number(&row[PROCESS_end]));
}

/* Those killed by a signal first; of both the last, which is nearest to how all ended. */
static int by_weight(const void *x, const void *y)
{
	const struct value *a = ((const struct ends *)x)->row, *b = ((const struct ends *)y)->row;
	int order = !page_number(&a[PROCESS_signal]) - !page_number(&b[PROCESS_signal]);

	return order ? order
		     : compare_numbers(page_number(&b[PROCESS_end]), page_number(&a[PROCESS_end]));
}

/* Sorted; *ret_groups (free it) has room for each. */
static size_t group_ends(struct page *page, struct ends **ret_groups)
{
	const struct rows *processes = page_rows(page, "process");
	const struct value **bad = xcalloc(processes->count + 1, sizeof(*bad));
	struct ends *groups;
	size_t count = 0, group_count = 0;

	for (size_t i = 0; i < processes->count; i++)
		if (ended_badly(processes->rows[i]) && ended_in_window(page, processes->rows[i]))
			bad[count++] = processes->rows[i];
	qsort(bad, count, sizeof(struct value *), by_group);
	groups = xcalloc(count + 1, sizeof(*groups));
	for (size_t i = 0; i < count; i++) {
		if (!i || compare_groups(bad[i - 1], bad[i]))
			group_count++;
		groups[group_count - 1].row = bad[i];
		groups[group_count - 1].count++;
	}
	qsort(groups, group_count, sizeof(*groups), by_weight);
	free(bad);
	*ret_groups = groups;
	return group_count;
}

static void add_ends(struct page *page, const struct ends *ends, bool first)
{
	const struct value *row = ends->row;

	text_adds(&page->line, first ? " " : ", ");
	cell_add_text(&page->line, &row[PROCESS_comm]);
	if (ends->count > 1) {
		text_adds(&page->line, " ×");
		text_add_count(&page->line, ends->count);
	} else {
		text_addf(&page->line, "[%lld]", (long long)row[PROCESS_pid].integer);
	}
	text_addc(&page->line, ' ');
	if (page_number(&row[PROCESS_signal]))
		walk_add_signal(page->walk, &page->line, (u32)row[PROCESS_signal].integer);
	else
		text_addf(&page->line, "exit %lld", (long long)row[PROCESS_code].integer);
}

/* Of those that are shown each kind in the order of time: what failed first often made the next one fail. */
void page_put_bad_ends(struct page *page)
{
	struct ends *groups;
	size_t count = group_ends(page, &groups);
	size_t shown = count < ENDS_SHOWN ? count : ENDS_SHOWN, killed = 0;

	while (killed < shown && page_number(&groups[killed].row[PROCESS_signal]))
		killed++;
	if (count) {
		text_adds(&page->line, "  ");
		page_add_heading(page, "Ended badly:");
		for (size_t i = killed; i; i--)
			add_ends(page, &groups[i - 1], i == killed);
		for (size_t i = shown; i > killed; i--)
			add_ends(page, &groups[i - 1], i == shown && !killed);
		page_put_words(page);
		page_put_more(page, count, shown, "process");
	}
	free(groups);
}

/* ---- calls ---- */

enum { TELLING, ORDINARY, PROBING, RANKS };

/* How much an error tells of a program in trouble: some are the usual answer to a question. */
static unsigned rank_of(const struct value *row)
{
	const struct value *name = &row[FAILURE_name];

	switch (row[FAILURE_number].integer) {
	case ETIMEDOUT: /* of a lock it is the end of a wait */
		return name->len >= 5 && !memcmp(name->text, "futex", 5) ? PROBING : TELLING;
	case EMFILE:
	case ENFILE:
	case ENOSPC:
	case EDQUOT:
	case ENOMEM:
	case ENOBUFS:
	case EIO:
	case EROFS:
	case EFAULT:
	case EPIPE:
	case EACCES:
	case EPERM:
	case EDEADLK:
	case ESTALE:
	case ENOEXEC:
	case EADDRINUSE:
	case EADDRNOTAVAIL:
	case ENETUNREACH:
	case EHOSTUNREACH:
	case ECONNABORTED:
	case ECONNREFUSED:
	case ECONNRESET:
		return TELLING;
	case ENOENT:
	case EINTR:
	case ENXIO:
	case EBADF:
	case ECHILD:
	case EAGAIN:
	case EEXIST:
	case ESRCH:
	case EINVAL:
	case ENOTTY:
	case ESPIPE:
	case ENOSYS:
	case ENODATA:
	case ENOTSOCK:
	case ENOPROTOOPT:
	case EOPNOTSUPP:
	case EISCONN:
	case ENOTCONN:
	case EALREADY:
	case EINPROGRESS:
		return PROBING;
	}
	return ORDINARY;
}

static void put_failure(struct page *page, const struct value *row)
{
	page_add_count(page, &row[FAILURE_count], page->narrow ? 16 : 24);
	text_adds(&page->line, "  ");
	cell_add_text(&page->cell, &row[FAILURE_name]);
	text_addc(&page->cell, ' ');
	if (row[FAILURE_errno].type == VALUE_TEXT)
		cell_add_text(&page->cell, &row[FAILURE_errno]);
	else
		text_addf(&page->cell, "error %lld", (long long)row[FAILURE_number].integer);
	page_add_cell(page, page->narrow ? 26 : 32, false);
	text_adds(&page->line, "  ");
	cell_add_text(&page->cell, &row[FAILURE_comm]);
	text_addf(&page->cell, "[%lld]", (long long)row[FAILURE_tid].integer);
	page_add_cell(page, page->narrow ? 18 : 24, false);
	if (row[FAILURE_directory].type == VALUE_TEXT)
		page_add_clipped(page, &row[FAILURE_directory], page_places_left(page));
	page_put_line(page);
}

void page_put_failures(struct page *page)
{
	const struct rows *failures = page_rows(page, "failure");
	size_t shown = 0;

	if (!failures->count)
		return;
	page_sort(page, "failure", FAILURE_count);
	text_adds(&page->cell, page->narrow
				       ? "Failures   count  call and error              first by"
					 "          where"
				       : "Failures           count  call and error              "
					 "      first by                where; ENOENT and the like "
					 "last");
	page_put_heading(page);
	for (unsigned rank = 0; rank < RANKS; rank++)
		for (size_t i = 0; i < failures->count && shown < FAILURES_SHOWN; i++)
			if (rank_of(failures->rows[i]) == rank) {
				put_failure(page, failures->rows[i]);
				shown++;
			}
	page_put_more(page, failures->count, FAILURES_SHOWN, "failure");
}
