/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "record/counters.h"

#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/perf_event.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "common/alloc.h"
#include "common/cleanup.h"
#include "common/log.h"
#include "common/suggest.h"
#include "common/text.h"

struct counter_row {
	const char *name;
	u8 kind;
	u32 type;
	u64 config;
};

#define TASK(name, kind)                                                                           \
	{                                                                                          \
		name, TASK_COUNTER_##kind, 0, 0                                                    \
	}
#define CPU(name, event)                                                                           \
	{                                                                                          \
		name, TASK_COUNTER_PERF, PERF_TYPE_HARDWARE, PERF_COUNT_HW_##event                 \
	}
#define CACHE(name, cache, operation, result)                                                      \
	{                                                                                          \
		name, TASK_COUNTER_PERF, PERF_TYPE_HW_CACHE,                                       \
			PERF_COUNT_HW_CACHE_##cache | PERF_COUNT_HW_CACHE_OP_##operation << 8 |    \
				PERF_COUNT_HW_CACHE_RESULT_##result << 16                          \
	}
#define CACHES(name, cache)                                                                        \
	CACHE(name "-loads", cache, READ, ACCESS), CACHE(name "-load-misses", cache, READ, MISS),  \
		CACHE(name "-stores", cache, WRITE, ACCESS),                                       \
		CACHE(name "-store-misses", cache, WRITE, MISS)

/* perf's names. What the kernel counts for each task anyway needs no event: it is exact and costs nothing. */
static const struct counter_row rows[] = {
	TASK("cpu-clock", CLOCK),
	TASK("task-clock", CLOCK),
	TASK("context-switches", SWITCHES),
	TASK("cs", SWITCHES),
	TASK("cpu-migrations", MIGRATIONS),
	TASK("migrations", MIGRATIONS),
	TASK("page-faults", FAULTS),
	TASK("faults", FAULTS),
	TASK("minor-faults", MINOR_FAULTS),
	TASK("major-faults", MAJOR_FAULTS),
	CPU("cycles", CPU_CYCLES),
	CPU("cpu-cycles", CPU_CYCLES),
	CPU("instructions", INSTRUCTIONS),
	CPU("cache-references", CACHE_REFERENCES),
	CPU("cache-misses", CACHE_MISSES),
	CPU("branches", BRANCH_INSTRUCTIONS),
	CPU("branch-instructions", BRANCH_INSTRUCTIONS),
	CPU("branch-misses", BRANCH_MISSES),
	CPU("bus-cycles", BUS_CYCLES),
	CPU("stalled-cycles-frontend", STALLED_CYCLES_FRONTEND),
	CPU("stalled-cycles-backend", STALLED_CYCLES_BACKEND),
	CPU("ref-cycles", REF_CPU_CYCLES),
	CACHES("L1-dcache", L1D),
	CACHES("LLC", LL),
	CACHES("dTLB", DTLB),
	CACHES("node", NODE),
	CACHE("L1-icache-loads", L1I, READ, ACCESS),
	CACHE("L1-icache-load-misses", L1I, READ, MISS),
	CACHE("iTLB-loads", ITLB, READ, ACCESS),
	CACHE("iTLB-load-misses", ITLB, READ, MISS),
};

/* "r1a8", "4:0x1a8" */
static bool parse_raw(const char *word, struct counter *counter)
{
	char *end;

	counter->kind = TASK_COUNTER_PERF;
	if (word[0] == 'r' && word[1]) {
		counter->perf_type = PERF_TYPE_RAW;
		counter->perf_config = strtoull(word + 1, &end, 16);
		return !*end;
	}
	if (word[0] < '0' || word[0] > '9')
		return false;
	counter->perf_type = strtoul(word, &end, 10);
	if (*end != ':' || end[1] < '0' || end[1] > '9')
		return false;
	counter->perf_config = strtoull(end + 1, &end, 0);
	return !*end;
}

static bool parse_word(const char *word, struct counter *counter)
{
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		if (!strcmp(word, rows[i].name)) {
			*counter = (struct counter){ .kind = rows[i].kind,
						     .perf_type = rows[i].type,
						     .perf_config = rows[i].config };
			return true;
		}
	*counter = (struct counter){ 0 };
	return parse_raw(word, counter);
}

static char *unknown_word(const char *word)
{
	const char *names[ARRAY_SIZE(rows)], *nearest;
	_cleanup_(text_release) struct text known = { 0 };

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		names[i] = rows[i].name;
		text_addf(&known, "%s%s", i ? ", " : "", names[i]);
	}
	nearest = suggest(word, names, ARRAY_SIZE(names));
	if (nearest)
		return xasprintf("there is no counter \"%s\"; did you mean %s?", word, nearest);
	return xasprintf("there is no counter \"%s\"; there are %s, rHEX, TYPE:CONFIG", word,
			 known.data);
}

int counters_parse(const char *text, struct counters **ret_counters, char **ret_error)
{
	_cleanup_free_ char *copy = xstrdup(text);
	struct counters *counters = xcalloc(1, sizeof(*counters));
	char *rest = copy, *word;

	while ((word = strsep(&rest, ","))) {
		struct counter counter;

		if (!parse_word(word, &counter)) {
			*ret_error = unknown_word(word);
		} else if (counters->count == COUNTERS_MAX) {
			*ret_error = xasprintf("more than %d counters", COUNTERS_MAX);
		} else {
			counter.name = xstrdup(word);
			counters->rows[counters->count++] = counter;
			continue;
		}
		counters_free(counters);
		return -EINVAL;
	}
	*ret_counters = counters;
	return 0;
}

static void release(struct counter *counter)
{
	for (size_t i = 0; i < counter->fd_count; i++)
		closep(&counter->fds[i]);
	free(counter->fds);
	free(counter->name);
}

/* On each CPU that is there. */
static int open_one(struct counter *counter)
{
	struct perf_event_attr attr = {
		.size = sizeof(attr),
		.type = counter->perf_type,
		.config = counter->perf_config,
		.read_format = PERF_FORMAT_TOTAL_TIME_ENABLED | PERF_FORMAT_TOTAL_TIME_RUNNING,
	};
	bool any = false;

	counter->fd_count = libbpf_num_possible_cpus();
	counter->fds = xcalloc(counter->fd_count, sizeof(*counter->fds));
	for (size_t cpu = 0; cpu < counter->fd_count; cpu++) {
		int fd =
			syscall(SYS_perf_event_open, &attr, -1, (int)cpu, -1, PERF_FLAG_FD_CLOEXEC);

		if (fd < 0 && errno != ENODEV) {
			int err = -errno;

			counter->fd_count = cpu;
			return err;
		}
		/* Not online, or, of a machine with unlike CPUs, one that does not count it. */
		counter->fds[cpu] = fd;
		any |= fd >= 0;
	}
	return any ? 0 : -ENODEV;
}

void counters_open(struct counters *counters)
{
	size_t kept = 0;

	for (size_t i = 0; i < counters->count; i++) {
		struct counter *counter = &counters->rows[i];
		int err = counter->kind == TASK_COUNTER_PERF ? open_one(counter) : 0;

		if (!err) {
			counters->rows[kept++] = *counter;
			continue;
		}
		if (err == -EACCES || err == -EPERM)
			log_warning("counter %s is left out: not allowed; CAP_PERFMON or sysctl "
				    "kernel.perf_event_paranoid=-1 would",
				    counter->name);
		else
			log_warning("counter %s is left out: this machine does not count it (%s)",
				    counter->name, strerror(-err));
		release(counter);
	}
	counters->count = kept;
}

char *counters_names(const struct counters *counters)
{
	struct text names = { 0 };

	for (size_t i = 0; i < counters->count; i++)
		text_addf(&names, "%s%s", i ? "," : "", counters->rows[i].name);
	return names.data;
}

void counters_free(struct counters *counters)
{
	if (!counters)
		return;
	for (size_t i = 0; i < counters->count; i++)
		release(&counters->rows[i]);
	free(counters);
}
