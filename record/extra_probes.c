/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "record/extra_probes.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <string.h>

#include "trc.skel.h"

static bool is_of(const char *name, const char *family)
{
	return !strncmp(name, family, strlen(family)) && name[strlen(family)] == '_';
}

bool extra_probes_need_calls(const struct extras *extras)
{
	return extras && extras->choice.why;
}

static void choose(const struct trc_bpf *skeleton, u32 stacks, bool counters)
{
	bool waits = stacks & (TRC_STACK_OFF_CPU | TRC_STACK_FUTEX);
	struct bpf_program *program;
	struct bpf_map *map;

	bpf_object__for_each_program(program, skeleton->obj)
	{
		const char *name = bpf_program__name(program);

		if ((is_of(name, "stack") && !waits) || (is_of(name, "counter") && !counters))
			bpf_program__set_autoload(program, false);
	}
	bpf_object__for_each_map(map, skeleton->obj)
	{
		const char *name = bpf_map__name(map);

		if ((is_of(name, "stack") && !stacks) || (is_of(name, "counter") && !counters))
			bpf_map__set_autocreate(map, false);
	}
}

int extra_probes_prepare(struct trc_bpf *skeleton, const struct extras *extras)
{
	const struct counters *counters = extras ? extras->counters : NULL;
	u32 stacks = extras ? extras->choice.why : 0;

	choose(skeleton, stacks, counters && counters->count);
	skeleton->rodata->stacks = stacks;
	if (!counters || !counters->count)
		return 0;
	skeleton->rodata->counter_count = counters->count;
	for (size_t i = 0; i < counters->count; i++) {
		skeleton->rodata->counter_kinds[i] = counters->rows[i].kind;
		skeleton->rodata->counter_perf |= counters->rows[i].kind == TASK_COUNTER_PERF;
	}
	return bpf_map__set_max_entries(skeleton->maps.counter_events,
					libbpf_num_possible_cpus() * COUNTERS_MAX);
}

static int fill_counters(const struct bpf_map *map, const struct counters *counters)
{
	int fd = bpf_map__fd(map);

	for (size_t i = 0; i < counters->count; i++)
		for (u32 cpu = 0; cpu < counters->rows[i].fd_count; cpu++) {
			u32 key = cpu * COUNTERS_MAX + i;

			if (counters->rows[i].fds[cpu] >= 0 &&
			    bpf_map_update_elem(fd, &key, &counters->rows[i].fds[cpu], BPF_ANY))
				return -errno;
		}
	return 0;
}

int extra_probes_fill(struct trc_bpf *skeleton, const struct extras *extras)
{
	int fd = bpf_map__fd(skeleton->maps.stack_calls);

	if (!extras)
		return 0;
	for (u32 i = 0; extras->stack_calls && i < SPEC_ABIS * SPEC_PER_ABI; i++)
		if (extras->stack_calls[i] &&
		    bpf_map_update_elem(fd, &i, &extras->stack_calls[i], BPF_ANY))
			return -errno;
	if (!extras->counters || !extras->counters->count)
		return 0;
	return fill_counters(skeleton->maps.counter_events, extras->counters);
}
