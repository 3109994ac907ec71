/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "record/summary.h"

#include <sys/resource.h>
#include <sys/wait.h>

#include "common/alloc.h"

static u64 timeval_ns(struct timeval tv)
{
	return tv.tv_sec * 1000000000ull + tv.tv_usec * 1000ull;
}

static void fill_costs(struct trace_summary *summary, const struct probes *probes,
		       const struct cost *cost)
{
	struct rusage usage;

	if (!getrusage(RUSAGE_SELF, &usage)) {
		summary->user_ns = timeval_ns(usage.ru_utime);
		summary->system_ns = timeval_ns(usage.ru_stime);
		summary->max_rss_bytes = usage.ru_maxrss * 1024ull;
	}
	summary->empty_probe_ns = cost->empty_probe_ns;
	summary->programs = xcalloc(COST_PROGRAMS_MAX, sizeof(*summary->programs));
	summary->program_count = cost_programs(cost, probes, summary->programs);
	for (size_t i = 0; i < summary->program_count; i++)
		summary->programs[i].name = xstrdup(summary->programs[i].name);
}

struct trace_summary *summary_new(const struct ending *ending, const struct consumer *consumer,
				  const struct probes *probes, const struct cost *cost,
				  const struct trace_writer *writer)
{
	struct trace_summary *summary = xcalloc(1, sizeof(*summary));
	u64 recorded[TRC_KIND_MAX], lost[TRC_KIND_MAX];
	struct consumer_other_losses other = consumer_other_losses(consumer);
	struct trace_writer_stats stats;

	trace_writer_stats(writer, &stats);
	summary->start_ns = ending->start_ns;
	summary->end_ns = ending->end_ns;
	summary->end_reason = xstrdup(ending->reason);
	summary->command_ended = ending->command_ended;
	if (ending->command_ended) {
		bool signaled = WIFSIGNALED(ending->command_status);

		summary->exit_code = signaled ? -1 : WEXITSTATUS(ending->command_status);
		summary->exit_signal = signaled ? WTERMSIG(ending->command_status) : 0;
	}
	summary->kinds = xcalloc(TRC_KIND_MAX, sizeof(*summary->kinds));
	consumer_counts(consumer, recorded, lost);
	for (u16 kind = 1; kind < TRC_KIND_MAX; kind++) {
		if (!recorded[kind] && !lost[kind])
			continue;
		summary->kinds[summary->kind_count++] =
			(struct trace_kind_count){ kind, recorded[kind], lost[kind] };
		summary->event_count += recorded[kind];
		summary->lost_count += lost[kind];
	}
	summary->lost_count += stats.lost_user + other.tasks + other.strings + other.missed;
	summary->file_bytes = stats.file_bytes;
	summary->ring_bytes = ending->ring_bytes;
	summary->ring_high_bytes = consumer_high_bytes(consumer);
	fill_costs(summary, probes, cost);
	return summary;
}

static void add_loss(struct text *out, const char **separator, u64 count, const char *what)
{
	if (!count)
		return;
	text_adds(out, *separator);
	text_add_count(out, count);
	text_adds(out, what);
	*separator = ", ";
}

static void add_losses(struct text *out, const struct trace_summary *summary,
		       const struct consumer *consumer)
{
	struct consumer_other_losses other = consumer_other_losses(consumer);
	const char *separator = "";
	u64 in_rings = 0;

	for (size_t i = 0; i < summary->kind_count; i++)
		in_rings += summary->kinds[i].lost;
	add_loss(out, &separator, in_rings, " LOST (a larger -b keeps more)");
	add_loss(out, &separator, other.tasks, " tasks NOT FOLLOWED (kernel memory)");
	add_loss(out, &separator, other.strings, " calls WITHOUT THEIR STRINGS (kernel memory)");
	add_loss(out, &separator, other.missed, " runs of a probe MISSED");
	add_loss(out, &separator,
		 summary->lost_count - in_rings - other.tasks - other.strings - other.missed,
		 " NOT WRITTEN");
}

void summary_line(const struct trace_summary *summary, const struct consumer *consumer, u64 call_ns,
		  u64 file_bytes, struct text *out)
{
	text_add_count(out, summary->event_count);
	text_adds(out, summary->event_count == 1 ? " event in " : " events in ");
	text_add_bytes(out, file_bytes);
	text_adds(out, ", ");
	if (summary->lost_count)
		add_losses(out, summary, consumer);
	else
		text_adds(out, "nothing lost");
	text_adds(out, "; recorder used ");
	text_add_ns(out, summary->user_ns + summary->system_ns);
	text_adds(out, " CPU");
	if (call_ns) {
		text_adds(out, ", each system call took about ");
		text_addu(out, call_ns);
		text_adds(out, " ns longer");
	}
}
