/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "record/extras.h"

#include <stdlib.h>

#include "common/alloc.h"
#include "common/cleanup.h"
#include "common/log.h"

int extras_parse(struct extras *extras, const struct settings *settings,
		 const struct syscall_table *tables, size_t table_count)
{
	_cleanup_free_ char *error = NULL;
	int err =
		stack_choice_parse(&settings->stacks, tables, table_count, &extras->choice, &error);

	if (err) {
		log_error("%s", error);
		return err;
	}
	if (settings->counters)
		err = counters_parse(settings->counters, &extras->counters, &error);
	if (err)
		log_error("--counters %s: %s", settings->counters, error);
	return err;
}

int extras_prepare(struct extras *extras, const struct syscall_table *tables, size_t table_count,
		   struct syscall_spec *specs)
{
	_cleanup_free_ char *error = NULL;
	int err;

	if (!extras->choice.why)
		return 0;
	extras->stack_calls = xcalloc(SPEC_ABIS * SPEC_PER_ABI, sizeof(*extras->stack_calls));
	err = stack_choice_fill(&extras->choice, tables, table_count, specs, extras->stack_calls,
				&error);
	if (err)
		log_error("%s", error);
	return err;
}

void extras_open(struct extras *extras)
{
	if (extras->counters)
		counters_open(extras->counters);
	if (extras->choice.why)
		extras->stacks = stacks_new();
}

void extras_release(struct extras *extras)
{
	stacks_free(extras->stacks);
	stack_choice_release(&extras->choice);
	free(extras->stack_calls);
	counters_free(extras->counters);
}
