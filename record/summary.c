/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "record/summary.h"

#include <sys/resource.h>
#include <sys/wait.h>

#include "common/alloc.h"

static u64 timeval_ns(struct timeval tv)
{
	return tv.tv_sec * 1000000000ull + tv.tv_usec * 1000ull;
}

void mark_set(struct mark *mark, u64 now, const struct consumer *consumer,
	      const struct probes *probes, const struct cost *cost)
{
	struct rusage usage;

	mark->start_ns = now;
	mark->tally = *consumer_tally(consumer);
	mark->program_count = cost_programs(cost, probes, mark->programs);
	if (!getrusage(RUSAGE_SELF, &usage)) {
		mark->user_ns = timeval_ns(usage.ru_utime);
		mark->system_ns = timeval_ns(usage.ru_stime);
	}
}

/* Scaled from samples, a count may seem to have gone back. */
static u64 between(u64 from, u64 to)
{
	return to > from ? to - from : 0;
}

static void fill_costs(struct trace_summary *summary, const struct mark *from,
		       const struct mark *to)
{
	struct rusage usage;

	if (!getrusage(RUSAGE_SELF, &usage))
		summary->max_rss_bytes = usage.ru_maxrss * 1024ull;
	summary->user_ns = to->user_ns - from->user_ns;
	summary->system_ns = to->system_ns - from->system_ns;
	summary->programs = xcalloc(COST_PROGRAMS_MAX, sizeof(*summary->programs));
	summary->program_count = to->program_count;
	for (size_t i = 0; i < to->program_count; i++) {
		const struct trace_program_cost *before = &from->programs[i],
						*after = &to->programs[i];
		bool new = i >= from->program_count;

		summary->programs[i] = (struct trace_program_cost){
			.name = xstrdup(after->name),
			.run_count = between(new ? 0 : before->run_count, after->run_count),
			.run_ns = between(new ? 0 : before->run_ns, after->run_ns),
		};
	}
}

static u64 other_losses(const struct tally *from, const struct tally *to)
{
	return to->tasks - from->tasks + to->strings - from->strings + to->missed - from->missed;
}

struct trace_summary *summary_new(const struct mark *from, const struct mark *to,
				  const struct ending *ending,
				  const struct trace_writer_stats *stats)
{
	struct trace_summary *summary = xcalloc(1, sizeof(*summary));

	summary->start_ns = from->start_ns;
	summary->end_ns = to->start_ns;
	summary->end_reason = xstrdup(ending->reason);
	summary->command_ended = ending->command_ended;
	if (ending->command_ended) {
		bool signaled = WIFSIGNALED(ending->command_status);

		summary->exit_code = signaled ? -1 : WEXITSTATUS(ending->command_status);
		summary->exit_signal = signaled ? WTERMSIG(ending->command_status) : 0;
	}
	summary->kinds = xcalloc(TRC_KIND_MAX, sizeof(*summary->kinds));
	for (u16 kind = 1; kind < TRC_KIND_MAX; kind++) {
		u64 recorded = to->tally.recorded[kind] - from->tally.recorded[kind];
		u64 lost = to->tally.lost[kind] - from->tally.lost[kind];

		if (!recorded && !lost)
			continue;
		summary->kinds[summary->kind_count++] =
			(struct trace_kind_count){ kind, recorded, lost };
		summary->event_count += recorded;
		summary->lost_count += lost;
	}
	summary->lost_count += stats->lost_user + other_losses(&from->tally, &to->tally);
	summary->file_bytes = stats->file_bytes;
	fill_costs(summary, from, to);
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
		       const struct tally *from, const struct tally *to)
{
	const char *separator = "";
	u64 in_rings = 0;

	for (size_t i = 0; i < summary->kind_count; i++)
		in_rings += summary->kinds[i].lost;
	add_loss(out, &separator, in_rings, " LOST (a larger -b keeps more)");
	add_loss(out, &separator, to->tasks - from->tasks, " tasks NOT FOLLOWED (kernel memory)");
	add_loss(out, &separator, to->strings - from->strings,
		 " calls WITHOUT THEIR STRINGS (kernel memory)");
	add_loss(out, &separator, to->missed - from->missed, " runs of a probe MISSED");
	add_loss(out, &separator, summary->lost_count - in_rings - other_losses(from, to),
		 " NOT WRITTEN");
}

void summary_line(const struct trace_summary *summary, const struct mark *from,
		  const struct mark *to, u64 call_ns, struct text *out)
{
	text_add_count(out, summary->event_count);
	text_adds(out, summary->event_count == 1 ? " event in " : " events in ");
	text_add_bytes(out, summary->file_bytes);
	text_adds(out, ", ");
	if (summary->lost_count)
		add_losses(out, summary, &from->tally, &to->tally);
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
